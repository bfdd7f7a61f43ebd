"""Are two things that were trained several times and tested on the same cases really different?

Scores of one of them are an array `[seeds, cases]` or `[seeds, cases, classes]`: the same cases for every seed, the
same seeds and cases for everything that is compared. NaN is what does not count. Plain arrays in, numbers out.
"""

import dataclasses
import itertools

import numpy as np

from keras_seg.evaluation.statistics import nan_mean

LEVEL = 0.05
RESAMPLES = 4000
# Numbers that are drawn at once; more would only take memory.
DRAWN = 4_000_000


@dataclasses.dataclass(frozen=True)
class PairTest:
    """Two of several that were compared, on the same cases and seeds.

    Attributes:
        first: Name of the one with the higher mean.
        second: Name of the other.
        difference: Mean of first minus second, over seeds and cases.
        low: Lower end of its 95 % interval over cases and seeds.
        high: Upper end.
        cases: Number of cases that count.
        seeds: Number of seeds that both were trained with.
        p_wilcoxon: Wilcoxon's signed-rank test over the cases, each the mean of its seeds.
        p_trainings: Test of the same difference in which trainings vary as well as cases; NaN with one seed.
        holm_wilcoxon: The first, corrected by Holm for the number of pairs.
        holm: The larger of the two, corrected likewise: what decides.
    """

    first: str
    second: str
    difference: float
    low: float
    high: float
    cases: int
    seeds: int
    p_wilcoxon: float
    p_trainings: float
    holm_wilcoxon: float
    holm: float

    @property
    def distinguishable(self):
        """Whether cases and trainings both bear the difference, at 5 % for all pairs together."""
        return self.holm < LEVEL


def compare_pairs(scores, level=LEVEL, seed=0):
    """Test every pair of what was compared.

    Wilcoxon's test over cases says whether these *trainings* differ on cases like these. A network trained again with
    another seed scores differently too, and a few trainings that happen to be good would be taken for a better loss:
    where seeds matter as much as cases do, six names for the same loss then look different in most of the draws. So a
    second test lets trainings vary as well, and a difference has to pass both.

    Args:
        scores: `{name: array [seeds, cases]}`, one number per case. A seed that is missing is a row of NaN.
        level: Level of the tests, all pairs together, and of the intervals.
        seed: Seed of the bootstrap.

    Returns:
        List of `PairTest` for all pairs, in the order of their means, the best first.

    Raises:
        ValueError: If arrays differ in their shapes, or are not `[seeds, cases]`.
    """
    scores = {name: np.asarray(table, "float64") for name, table in scores.items()}
    shapes = {table.shape for table in scores.values()}
    if len(shapes) > 1 or any(len(shape) != 2 for shape in shapes):
        raise ValueError(f"Scores must be `[seeds, cases]`, the same for all. Received shapes: {sorted(shapes)}.")
    order = sorted(scores, key=lambda name: -_mean_or(scores[name], -1.0))
    pairs = []
    for first, second in itertools.combinations(order, 2):
        one, other = complete(scores[first], scores[second])
        if one.size and one.mean() < other.mean():  # by the cases that both have
            first, second, one, other = second, first, other, one
        pairs.append((first, second, one, other))
    wilcoxon = [wilcoxon_test(one, other) for *_, one, other in pairs]
    pooled = training_variance(scores.values())
    trainings = [trainings_test(one, other, pooled) for *_, one, other in pairs]
    corrected = holm(wilcoxon)
    both = holm([np.fmax(*p_values) for p_values in zip(wilcoxon, trainings)])
    tests = []
    for (first, second, one, other), *p_values in zip(pairs, wilcoxon, trainings, corrected, both):
        mean = float(one.mean() - other.mean()) if one.size else float("nan")
        low, high = difference_interval(one, other, level, seed)
        seeds = min(len(one), len(other))
        tests.append(PairTest(first, second, mean, low, high, one.shape[1], seeds, *map(float, p_values)))
    return tests


def complete(one, other):
    """Return the seeds of two arrays `[seeds, cases]` that were trained, and of these the cases that count everywhere.

    The two may have different seeds; the cases stay the same.
    """
    one, other = (table[~np.isnan(table).all(axis=1)] for table in (one, other))
    if not len(one) or not len(other):
        return one[:0, :0], other[:0, :0]
    counted = ~(np.isnan(one).any(axis=0) | np.isnan(other).any(axis=0))
    return one[:, counted], other[:, counted]


def wilcoxon_test(one, other):
    """Wilcoxon's signed-rank test, two-sided, over cases, each the mean of its seeds.

    Args:
        one: Array `[seeds, cases]` without NaN.
        other: The same, of the same cases.

    Returns:
        The p-value; 1 where nothing differs, or there is no case.

    Reference: [Wilcoxon, 1945](https://doi.org/10.2307/3001968)
    """
    from scipy import stats

    if not one.size or not other.size:
        return 1.0
    difference = np.round(one.mean(axis=0) - other.mean(axis=0), 12)
    if not difference.any():
        return 1.0
    # Cases without a difference keep their ranks (Pratt); none is thrown away.
    return float(stats.wilcoxon(difference, zero_method="pratt").pvalue)


def training_variance(tables):
    """Return how much the mean of a training varies from seed to seed, over everything that was compared.

    Args:
        tables: Arrays `[seeds, cases]`; NaN is what does not count.

    Returns:
        Tuple of the variance and its degrees of freedom; `(0.0, 0)` where nothing was trained twice.
    """
    means = [nan_mean(table, axis=1) for table in tables]
    means = [mean[~np.isnan(mean)] for mean in means]
    freedom = sum(max(len(mean) - 1, 0) for mean in means)
    squares = sum(((mean - mean.mean()) ** 2).sum() for mean in means if len(mean))
    return (float(squares / freedom), freedom) if freedom else (0.0, 0)


def trainings_test(one, other, pooled=(0.0, 0)):
    """Test a difference of means where another draw would bring other cases *and* other trainings.

    Its variance is that of the cases' differences and that of the trainings' means. The t-value has the degrees of
    freedom of Welch and Satterthwaite: about those of the cases where trainings agree, and those of the seeds where
    they do not. From three seeds that variance is hardly known. So it is taken twice, from the two alone and from all
    that was compared, and the larger p counts: two that happen to agree with themselves are not certain for that, and a
    loss that collapses now and then is not certain for the others.

    Args:
        one: Array `[seeds, cases]` without NaN.
        other: The same, of the same cases.
        pooled: What `training_variance` returned for all that was compared.

    Returns:
        The p-value, two-sided; NaN with fewer than two seeds on a side or two cases, 1 where nothing differs.

    Reference: [Satterthwaite, 1946](https://doi.org/10.2307/3002019)
    """
    from scipy import stats

    if min(*one.shape, *other.shape) < 2:
        return float("nan")
    mean = one.mean() - other.mean()
    of_cases = (np.var(one.mean(axis=0) - other.mean(axis=0), ddof=1) / one.shape[1], one.shape[1] - 1)
    own = [(np.var(side.mean(axis=1), ddof=1) / len(side), len(side) - 1) for side in (one, other)]
    shared = [(pooled[0] * (1 / len(one) + 1 / len(other)), pooled[1])] if pooled[1] else []
    p_values = []
    for parts in ([of_cases, *own], [of_cases, *shared]):
        variances, freedom = np.array(parts).T
        total = variances.sum()
        if total <= 1e-24:
            p_values.append(1.0 if abs(mean) < 1e-12 else 0.0)
            continue
        degrees = total**2 / (variances**2 / freedom).sum()
        p_values.append(2 * stats.t.sf(abs(mean) / np.sqrt(total), degrees))
    return float(max(p_values))


def holm(p_values):
    """Correct p-values for their number: the chance of a single false finding stays below the level.

    Args:
        p_values: List of numbers.

    Returns:
        List of the corrected ones, in the same order.

    >>> [round(p, 2) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]

    Reference: [Holm, 1979](https://www.jstor.org/stable/4615733)
    """
    p_values = np.asarray(p_values, "float64")
    corrected, highest = np.empty_like(p_values), 0.0
    for rank, place in enumerate(np.argsort(p_values)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = highest
    return corrected.tolist()


def interval(scores, level=LEVEL, seed=0):
    """Bootstrap interval of the mean score, by drawing cases and seeds again, both with replacement.

    The mean is the pinned one: each class over the cases where it counts, then the classes; then the seeds. With one
    seed it is an interval over cases alone, and with few it is somewhat too narrow, as every bootstrap.

    Args:
        scores: Array `[seeds, cases, classes]`; rows of missing seeds are NaN.
        level: One minus the share of intervals that hold the true mean.
        seed: Seed of the draws.

    Returns:
        Tuple of the lower and the upper end; NaN with fewer than two cases.
    """
    scores = np.asarray(scores, "float64")
    scores = scores[~np.isnan(scores).all(axis=(1, 2))]
    scores = scores[:, ~np.isnan(scores).all(axis=(0, 2))]
    seeds, cases, _ = scores.shape
    if not seeds or cases < 2:
        return float("nan"), float("nan")
    generator = np.random.default_rng(seed)
    at_once = max(1, DRAWN // scores.size)
    means = []
    for start in range(0, RESAMPLES, at_once):
        count = min(at_once, RESAMPLES - start)
        rows = generator.integers(seeds, size=(count, seeds, 1))
        columns = generator.integers(cases, size=(count, 1, cases))
        means.append(mean_score(scores[rows, columns]))
    return _ends(np.concatenate(means), level)


def difference_interval(one, other, level=LEVEL, seed=0):
    """Bootstrap interval of a difference of means: the same cases drawn for both, seeds drawn for each.

    Args:
        one: Array `[seeds, cases]` without NaN.
        other: The same, of the same cases.
        level: As in `interval`.
        seed: Seed of the draws.

    Returns:
        Tuple of the lower and the upper end; NaN with fewer than two cases.
    """
    if not one.size or one.shape[1] < 2:
        return float("nan"), float("nan")
    generator = np.random.default_rng(seed)
    # How often each case and each training is drawn; the mean is then a product.
    cases = generator.multinomial(one.shape[1], np.full(one.shape[1], 1 / one.shape[1]), RESAMPLES) / one.shape[1]
    seeds = [generator.multinomial(len(t), np.full(len(t), 1 / len(t)), RESAMPLES) / len(t) for t in (one, other)]
    means = [np.einsum("rs,sc,rc->r", drawn, table, cases) for drawn, table in zip(seeds, (one, other))]
    return _ends(means[0] - means[1], level)


def mean_score(scores):
    """Mean over the cases, then the classes, then the seeds of `[..., seeds, cases, classes]`, of what counts."""
    return nan_mean(nan_mean(nan_mean(scores, axis=-2), axis=-1), axis=-1)


def _ends(draws, level):
    low, high = np.nanquantile(draws, [level / 2, 1 - level / 2])
    return float(low), float(high)


def _mean_or(table, otherwise):
    return otherwise if np.isnan(table).all() else float(np.nanmean(table))
