"""Whether probabilities are what they say: the expected calibration error around the structures."""

import numpy as np

BINS = 15
# The background far away is predicted with certainty by every network, and would hide everything else.
MARGIN = 8


def calibration_bins(probability, truth, counted=None):
    """Sort the voxels around the foreground of one case into bins of their probability.

    Args:
        probability: Probability of foreground `[*spatial]`.
        truth: Whether a voxel is foreground, same shape.
        counted: Voxels that count, same shape; `None` for all.

    Returns:
        Array `[BINS, 3]`: number of voxels, sum of their probabilities, number of foreground voxels. Counted is the
        bounding box of the foreground with `MARGIN` voxels around it; the whole image where there is none.
    """
    box = _box(truth)
    kept = np.ones(truth[box].shape, bool) if counted is None else counted[box]
    p, g = np.asarray(probability[box], "float64")[kept], truth[box][kept]
    place = np.minimum((p * BINS).astype(int), BINS - 1)
    sums = [np.bincount(place, weights=weights, minlength=BINS) for weights in (np.ones_like(p), p, g)]
    return np.stack(sums, axis=-1)


def calibration_error(bins):
    """Return the mean distance of probability and frequency over bins, weighted by their voxels.

    Args:
        bins: Array `[..., BINS, 3]` as `calibration_bins` returns; leading axes (cases) are pooled.

    Returns:
        A float from 0 to 1; NaN without a voxel.

    Half of the voxels that are given 0.8 are foreground:

    >>> bins = calibration_bins(np.array([0.8, 0.8]), np.array([True, False]))
    >>> round(calibration_error(bins), 3)
    0.3

    Reference: [Guo et al., 2017](https://arxiv.org/abs/1706.04599); in the bounding box as
    [Mehrtash et al., 2020](https://arxiv.org/abs/1911.13273)
    """
    number, probability, frequency = np.reshape(bins, (-1, BINS, 3)).sum(axis=0).T
    total = number.sum()
    return float(np.abs(probability - frequency).sum() / total) if total else float("nan")


def _box(truth):
    if not truth.any():
        return (slice(None),) * truth.ndim
    box = []
    for axis in range(truth.ndim):
        places = np.flatnonzero(truth.any(axis=tuple(other for other in range(truth.ndim) if other != axis)))
        box.append(slice(max(0, places[0] - MARGIN), places[-1] + 1 + MARGIN))
    return tuple(box)
