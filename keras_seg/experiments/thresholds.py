"""Dice at every threshold, from histograms of the probabilities, so that no loss is credited for shifting one."""

import numpy as np

# Thresholds evenly spread over the logit: some losses give probabilities that crowd at 0 and 1. 0.5 is among them.
LOGITS = np.arange(-96, 97) / 8
THRESHOLDS = 1 / (1 + np.exp(-LOGITS))


def histogram(probability, truth):
    """Count the voxels of a class and the others by where their probability lies among the thresholds.

    Args:
        probability: Probability of the class, any shape.
        truth: Whether a voxel is of the class, same shape.

    Returns:
        Array `[2, len(THRESHOLDS) + 1]` of int64: voxels that are not of the class, and those that are.
    """
    bins = len(THRESHOLDS) + 1
    # A voxel in bin k reaches the first k thresholds.
    place = np.searchsorted(THRESHOLDS, np.asarray(probability).ravel(), side="right")
    truth = np.asarray(truth, bool).ravel()
    return np.stack([np.bincount(place[truth == kind], minlength=bins) for kind in (False, True)])


def dice_at_thresholds(histograms):
    """Return the Dice of `probability >= threshold` for every threshold.

    Args:
        histograms: Array `[..., 2, bins]`, from `histogram`.

    Returns:
        Array `[..., len(THRESHOLDS)]`, by the pinned rule: NaN where neither truth nor prediction has a voxel.
    """
    above = np.cumsum(histograms[..., ::-1], axis=-1)[..., ::-1][..., 1:]
    false, hits = above[..., 0, :], above[..., 1, :]
    sizes = hits + false + histograms[..., 1, :].sum(axis=-1, keepdims=True)
    return np.where(sizes > 0, 2 * hits / np.maximum(sizes, 1), np.nan)


def best_thresholds(histograms):
    """Return, for each class, the place of the threshold with the best mean Dice over cases.

    Args:
        histograms: Array `[cases, classes, 2, bins]` of validation cases.

    Returns:
        Array `[classes]` of places in `THRESHOLDS`; that of 0.5 where no case has the class, and the one nearest to it
        of equal ones.
    """
    table = dice_at_thresholds(histograms)
    counted = ~np.isnan(table)
    means = np.where(counted, table, 0).sum(axis=0) / np.maximum(counted.sum(axis=0), 1)
    distance = np.abs(LOGITS)
    best = np.isclose(means, means.max(axis=-1, keepdims=True), rtol=0, atol=1e-12)
    return np.argmin(np.where(best, distance, np.inf), axis=-1)
