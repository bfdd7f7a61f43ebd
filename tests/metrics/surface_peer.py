"""Random pairs of masks, and what DeepMind's `surface-distance` says of a pair."""

import warnings

import numpy as np
from scipy import ndimage

PERCENTILES = (50, 95, 100)
TOLERANCES = (0.0, 0.7, 1.0, 2.5)
SHAPES = ((14, 12, 16), (9, 20, 11), (16, 16, 10), (24, 20), (15, 31))
SPACINGS = ((1.0, 1.0, 1.0), (0.7, 1.3, 2.5), (5.0, 0.8, 0.8), (1.0, 1.0), (0.6, 1.7))


def masks(shape, rng):
    """Pairs that a segmentation could show, from noise to smooth blobs, full ones, one voxel and empty ones."""
    for smooth in (0.0, 0.7, 1.5, 2.5):
        field = ndimage.gaussian_filter(rng.standard_normal(shape), smooth)
        other = field + 0.4 * field.std() * ndimage.gaussian_filter(rng.standard_normal(shape), smooth / 2)
        yield field > np.quantile(field, 0.7), other > np.quantile(other, 0.75)
    voxel = np.zeros(shape, bool)
    voxel[tuple(size // 2 for size in shape)] = True
    full, empty = np.ones(shape, bool), np.zeros(shape, bool)
    yield from ((voxel, full), (full, full), (voxel, empty), (empty, voxel), (empty, empty))


def peer_scores(truth, prediction, spacing):
    """Returns the peer's robust Hausdorff distances and surface Dice at every percentile and tolerance."""
    import surface_distance as peer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # namespaces that SciPy has deprecated; 0 / 0 on empty masks
        distances = peer.compute_surface_distances(truth, prediction, spacing)
        hausdorff = [peer.compute_robust_hausdorff(distances, percent) for percent in PERCENTILES]
        dice = [peer.compute_surface_dice_at_tolerance(distances, tolerance) for tolerance in TOLERANCES]
    return hausdorff, dice
