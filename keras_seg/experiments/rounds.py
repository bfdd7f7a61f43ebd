"""Are losses really different that were trained side by side, round by round?

All losses of a round share its seed and its cases, so they are compared within the round. What a round brings to all of
them alike, an easy fold or a lucky start, cancels.
"""

import itertools

import numpy as np

from keras_seg.experiments.statistics import LEVEL, PairTest, holm, wilcoxon_test


def compare_rounds(scores, *, separate, against=None, level=LEVEL):
    """Test losses that were trained in the same rounds: every pair, or each against one.

    Wilcoxon's test over cases takes a lucky training for a better loss. So a second test takes rounds as what would be
    drawn again, and a difference has to pass both. With one round there is only the first.

    Args:
        scores: `{name: [array [cases] of each round]}`, the same rounds and cases for every name. NaN is what does not
            count.
        separate: Whether each round has cases of its own, as folds have. Otherwise all rounds have the same cases, in
            the same order.
        against: Name that all others are compared with, and not with each other: fewer questions, for which Holm's
            correction costs less. `None`: every pair.
        level: One minus the share of intervals that hold the true difference.

    Returns:
        List of `PairTest`, in the order of their means, the better first. `seeds` is the number of
        rounds; `difference` gives each of them the same weight.

    Raises:
        ValueError: If names differ in their rounds or cases, or same cases are expected and rounds differ.
    """
    scores = {name: [np.asarray(one, "float64") for one in rounds] for name, rounds in scores.items()}
    _check(scores, separate)
    means = {name: [one.mean() for (one,) in _complete([rounds], separate)] for name, rounds in scores.items()}
    order = sorted(scores, key=lambda name: -np.mean(means[name]) if means[name] else np.inf)
    pooled = interaction_variance(_complete(list(scores.values()), separate))
    pairs = []
    for first, second in itertools.combinations(order, 2):
        if against is not None and against not in (first, second):
            continue
        differences = [one - other for one, other in _complete([scores[first], scores[second]], separate)]
        if differences and np.mean([one.mean() for one in differences]) < 0:  # by the cases that both have
            first, second, differences = second, first, [-one for one in differences]
        pairs.append((first, second, differences))
    wilcoxon = [_wilcoxon(differences, separate) for *_, differences in pairs]
    found = [rounds_test(differences, pooled, separate=separate, level=level) for *_, differences in pairs]
    trainings, margins = zip(*found) if found else ((), ())
    corrected = holm(wilcoxon), holm([np.fmax(*p_values) for p_values in zip(wilcoxon, trainings)])
    tests = []
    for (first, second, differences), margin, *p_values in zip(pairs, margins, wilcoxon, trainings, *corrected):
        mean = float(np.mean([one.mean() for one in differences])) if differences else float("nan")
        numbers = (_cases(differences, separate), len(differences), *map(float, p_values))
        tests.append(PairTest(first, second, mean, mean - margin, mean + margin, *numbers))
    return tests


def interaction_variance(tables):
    """Return how much the score of a training varies once its loss and its round are taken off.

    In a table of losses and rounds that is the mean square of their interaction. The difference of two losses over `K`
    rounds then has twice this variance, divided by `K`.

    Args:
        tables: List of arrays `[losses, cases]`, one of each round, without NaN.

    Returns:
        Tuple of the variance and its degrees of freedom; `(0.0, 0)` with fewer than two losses or rounds.
    """
    if len(tables) < 2 or len(tables[0]) < 2:
        return 0.0, 0
    means = np.array([table.mean(axis=1) for table in tables])
    rest = means - means.mean(axis=0) - means.mean(axis=1, keepdims=True) + means.mean()
    freedom = (means.shape[0] - 1) * (means.shape[1] - 1)
    return float((rest**2).sum() / freedom), freedom


def rounds_test(differences, pooled=(0.0, 0), *, separate=True, level=LEVEL):
    """Test the mean difference of two losses where another draw would bring other rounds.

    From three rounds the variance of a difference is hardly known. So it is taken twice, pooled over all losses and
    from the two alone, and the larger p counts. The second is there for a loss that collapses now and then: pooling
    would hide it among stable ones. A paired t-test of the two alone is safe whatever the others do, but finds next to
    nothing in three rounds. As the pooled test has to be passed as well, the second may be milder: its degrees of
    freedom are the geometric mean of its own and the pooled ones, in two rounds a quarter of the way there. Two losses
    alone in rounds of their own have the paired t-test of the rounds.

    Where rounds have the same cases, another draw would bring other cases as well: their variance is added, with the
    degrees of freedom of Satterthwaite for the pooled test. They trust a variance that is small by luck, so the two
    alone get fewer (see `_t_test`).

    The exponents below are chosen by simulation: three, four or six equal losses, one of them up to a hundred times
    less stable, in two to five rounds of 20 cases are told apart in about one of twenty draws at most.

    Args:
        differences: List of arrays `[cases]`, one of each round, without NaN; none is empty.
        pooled: What `interaction_variance` returned for all losses.
        separate: Whether each round has cases of its own.
        level: One minus the share of intervals that hold the true difference.

    Returns:
        Tuple of the p-value, two-sided, and half the width of the interval that goes with it. The p-value is NaN with
        one round; its interval is then over cases. Both are NaN with fewer than two cases.

    Reference: [Satterthwaite, 1946](https://doi.org/10.2307/3002019)
    """
    rounds = len(differences)
    if _cases(differences, separate) < 2:
        return float("nan"), float("nan")
    if rounds < 2:
        return float("nan"), _t_test(differences[0].mean(), [_of_cases(differences)], level)[1]
    means = np.array([one.mean() for one in differences])
    share, power = (1 / 2, 1) if rounds > 2 else (1 / 4, 1 / 3)
    freedom = (rounds - 1) ** (1 - share) * max(pooled[1], rounds - 1) ** share
    alone = (np.var(means, ddof=1) / rounds, freedom)
    shared = [] if separate else [_of_cases(differences)]
    found = [_t_test(means.mean(), [alone, *shared], level, power)]
    if pooled[1]:
        found.append(_t_test(means.mean(), [(2 * pooled[0] / rounds, pooled[1]), *shared], level))
    # The wider interval leaves out 0 where both p-values are below the level.
    return tuple(map(max, zip(*found)))


def _t_test(mean, parts, level, power=2):
    """Return p-value and margin of a mean whose variance is the sum of `(variance, degrees of freedom)`.

    The share of a part in the variance, to `power`, is its weight in `1 / degrees`: 2 is Satterthwaite's, less gives
    fewer degrees.
    """
    from scipy import stats

    variances, freedom = np.array(parts, "float64").T
    total = variances.sum()
    if total <= 1e-24:
        return (1.0 if abs(mean) < 1e-12 else 0.0), 0.0
    degrees = 1 / ((variances / total) ** power / freedom).sum()
    p_value = 2 * stats.t.sf(abs(mean) / np.sqrt(total), degrees)
    return float(p_value), float(stats.t.isf(level / 2, degrees) * np.sqrt(total))


def _cases(differences, separate):
    return sum(map(len, differences)) if separate else max(map(len, differences), default=0)


def _of_cases(differences):
    """Return the variance of a mean over the same cases in all rounds, and its degrees of freedom."""
    of_case = np.mean(differences, axis=0)
    return np.var(of_case, ddof=1) / len(of_case), len(of_case) - 1


def _wilcoxon(differences, separate):
    if not differences:
        return 1.0
    of_case = np.concatenate(differences) if separate else np.mean(differences, axis=0)
    return wilcoxon_test(of_case[None], np.zeros_like(of_case)[None])


def _complete(losses, separate):
    """Return what counts for all of some losses: a list of arrays `[losses, cases]`, without rounds that are empty."""
    tables = [np.array(tables) for tables in zip(*losses)]
    tables = [table for table in tables if not np.isnan(table).all(axis=1).any()]
    missing = [np.isnan(table).any(axis=0) for table in tables]
    if not separate and missing:
        missing = [np.any(missing, axis=0)] * len(tables)
    return [table[:, ~without] for table, without in zip(tables, missing) if not without.all()]


def _check(scores, separate):
    shapes = {name: [one.shape for one in rounds] for name, rounds in scores.items()}
    known = list(shapes.values())
    if any(one != known[0] for one in known) or any(len(shape) != 1 for one in known for shape in one):
        raise ValueError(
            "Scores must be a list of arrays `[cases]`, one of each round, with the same rounds and cases for every "
            f"name. Received shapes: {shapes}."
        )
    if not separate and any(len(set(one)) > 1 for one in known):
        raise ValueError(
            "With `separate=False` all rounds must have the same cases; set `separate=True` if each round has its own. "
            f"Received shapes: {shapes}."
        )
