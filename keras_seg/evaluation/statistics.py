"""How sure a mean over cases is: a bootstrap interval of the pinned mean Dice."""

import warnings

import numpy as np

RESAMPLES = 9999

# Numbers that are drawn at once; more would only take memory.
DRAWN = 4_000_000


def interval(table, seed=0, level=0.95):
    """Confidence interval of `keras_seg.metrics.mean_dice`, by drawing the cases again with replacement.

    The classes of a case stay together: they are not independent. The interval is bias-corrected and accelerated
    (`scipy.stats.bootstrap`); where that is not defined, as when all but one of the draws agree, it is the percentile
    interval. It says how the mean would vary with other cases, and nothing about training again.

    Args:
        table: Array `[cases, classes]`, NaN where a class is not counted in a case.
        seed: Seed of the draws.
        level: Share of intervals that hold the true mean.

    Returns:
        Tuple of two floats, the lower and the upper end; NaN with fewer than two cases that count.

    >>> interval([[0.5], [0.5], [0.5]])
    (0.5, 0.5)

    Reference: [Efron, 1987](https://doi.org/10.1080/01621459.1987.10478410)
    """
    from scipy import stats

    table = np.asarray(table, "float64")
    table = table[~np.isnan(table).all(axis=1)]
    cases, classes = table.shape
    if cases < 2:
        return float("nan"), float("nan")
    if np.array_equal(table, np.broadcast_to(table[0], table.shape), equal_nan=True):
        mean = float(_mean(table, np.arange(cases)))
        return mean, mean
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said of intervals that are not defined; they are replaced below
        result = stats.bootstrap(
            (np.arange(cases),),
            lambda index, axis: _mean(table, np.moveaxis(index, axis, -1)),
            n_resamples=RESAMPLES,
            batch=max(1, DRAWN // (cases * classes)),
            vectorized=True,
            confidence_level=level,
            random_state=np.random.default_rng(seed),
        )
    low, high = result.confidence_interval
    if not np.isfinite([low, high]).all():
        outside = 50 * (1 - level)
        low, high = np.nanpercentile(result.bootstrap_distribution, [outside, 100 - outside])
    return float(low), float(high)


def _mean(table, index):
    """Mean over the cases `[..., cases]`, then over the classes, of what is counted."""
    return nan_mean(nan_mean(table[index], axis=-2), axis=-1)


def nan_mean(values, axis=None):
    """Mean of what is not NaN; NaN, and no warning, where all is."""
    values = np.asarray(values, "float64")
    counted = ~np.isnan(values)
    number = counted.sum(axis=axis)
    total = np.where(counted, values, 0.0).sum(axis=axis)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)
