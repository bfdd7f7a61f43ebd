"""HD95 and surface Dice of whole cases: distances between two surfaces, in mm."""

from typing import NamedTuple

import numpy as np

from keras_seg.metrics.base import selected_classes
from keras_seg.metrics.cases import case_masks
from keras_seg.metrics.surfels import corner_codes, surfel_areas


class SurfaceDistances(NamedTuple):
    """Distances from each piece of one surface to the other surface, and the sizes of the pieces.

    Attributes:
        from_truth: Distances in mm from the pieces of the truth's surface to the prediction's.
        truth_areas: Their areas in mm^2 (2D: lengths in mm).
        from_prediction: Distances in mm from the pieces of the prediction's surface to the truth's.
        prediction_areas: Their areas.
    """

    from_truth: np.ndarray
    truth_areas: np.ndarray
    from_prediction: np.ndarray
    prediction_areas: np.ndarray

    def percentile(self, percent):
        """Returns the higher of the two directions' percentiles in mm.

        A direction's percentile is the least distance within which at least `percent` of the surface's area lies.
        NaN if both surfaces are empty, infinite if one is.
        """
        if not self.truth_areas.size and not self.prediction_areas.size:
            return float("nan")
        if not self.truth_areas.size or not self.prediction_areas.size:
            return float("inf")
        directions = ((self.from_truth, self.truth_areas), (self.from_prediction, self.prediction_areas))
        return max(_weighted_percentile(distances, areas, percent) for distances, areas in directions)

    def dice(self, tolerance):
        """Returns the share of both surfaces within `tolerance` mm of the other; NaN if both are empty, 0 if one is."""
        area = self.truth_areas.sum() + self.prediction_areas.sum()
        if area == 0:
            return float("nan")
        tolerance = tolerance * (1 + 1e-9)  # three steps of 0.1 mm are within 0.3 mm, whatever their sum rounds to
        near = self.truth_areas[self.from_truth <= tolerance].sum()
        near += self.prediction_areas[self.from_prediction <= tolerance].sum()
        return float(near / area)


def hd95(truth, prediction, spacing, percentile=95):
    """95th percentile of the Hausdorff distance between two masks, in mm.

    The surface of a mask runs between voxels, as marching cubes draws it (2D: marching squares); outside the array is
    background. A piece of surface sits at each corner where voxels of the mask and of the background meet, and weighs
    its area (2D: its length). Its distance is that of its corner to the nearest such corner of the other mask. The
    percentile of a direction is the least distance within which at least 95 % of the surface's area lies; the higher of
    the two directions is the result. This is the definition of DeepMind's `surface-distance`.

    Args:
        truth: Mask `[*spatial]` of one class, 2 or 3 axes, boolean or 0 and 1.
        prediction: The same for the prediction.
        spacing: Size of a voxel along each axis, in mm.
        percentile: Percentile in per cent. 100 is the Hausdorff distance.

    Returns:
        A float in mm. NaN if both masks are empty (not counted, as in Dice), infinite if one is.

    Raises:
        ValueError: If a mask holds more than 0 and 1, or shapes and spacing do not agree.

    Two bars that lie one row apart, rows of 2 mm:

    >>> hd95(np.array([[1, 1, 1], [0, 0, 0]]), np.array([[0, 0, 0], [1, 1, 1]]), spacing=(2, 1))
    2.0

    Reference: [Nikolov et al., 2021](https://arxiv.org/abs/1809.04430)
    """
    if not 0 < percentile <= 100:
        raise ValueError(f"`percentile` must be above 0 and at most 100. Received: percentile={percentile}")
    return surface_distances(truth, prediction, spacing).percentile(percentile)


def surface_dice(truth, prediction, spacing, tolerance):
    """Surface Dice: the share of both surfaces that lies within a tolerance of the other one.

    Surface, areas and distances are those of `keras_seg.metrics.hd95`. A distance equal to the tolerance is within it.

    Args:
        truth: Mask `[*spatial]` of one class, 2 or 3 axes, boolean or 0 and 1.
        prediction: The same for the prediction.
        spacing: Size of a voxel along each axis, in mm.
        tolerance: Distance in mm that is no error.

    Returns:
        A float from 0 to 1. NaN if both masks are empty (not counted, as in Dice), 0 if one is.

    Raises:
        ValueError: If a mask holds more than 0 and 1, shapes and spacing do not agree, or the tolerance is negative.

    Two bars that lie one row apart. Of each contour the corners at the middle row are shared:

    >>> bars = np.array([[1, 1, 1], [0, 0, 0]]), np.array([[0, 0, 0], [1, 1, 1]])
    >>> surface_dice(*bars, spacing=(2, 1), tolerance=2), surface_dice(*bars, spacing=(2, 1), tolerance=1)
    (1.0, 0.5)

    Reference: [Nikolov et al., 2021](https://arxiv.org/abs/1809.04430)
    """
    _check_tolerance(tolerance)
    return surface_distances(truth, prediction, spacing).dice(tolerance)


def surface_per_class(
    truth,
    prediction,
    num_classes,
    spacing,
    tolerance,
    *,
    multilabel=False,
    include_background=False,
    ignore_class=None,
):
    """HD95 and surface Dice of one case for each class; the distances are computed once for both.

    Args:
        truth: Label map `[*spatial]`; with `multilabel=True` masks `[*spatial, classes]`.
        prediction: The same for the prediction.
        num_classes: Number of classes, background included. 1 means one mask: labels 0 and 1.
        spacing: Size of a voxel along each axis, in mm.
        tolerance: Distance in mm that is no error.
        multilabel: Whether classes may overlap; none is the background then.
        include_background: Whether class 0 is scored too.
        ignore_class: As in `keras_seg.metrics.dice_per_class`. Here an ignored voxel is background in truth and
            prediction.

    Returns:
        Two float64 arrays `[classes]`: HD95 in mm and surface Dice. NaN where a class is not counted: absent from truth
        and prediction, the background, the ignored class.

    Raises:
        ValueError: If shapes, labels, spacing or tolerance are wrong.
    """
    _check_tolerance(tolerance)
    truth, prediction, kept = case_masks(
        truth, prediction, num_classes, multilabel=multilabel, ignore_class=ignore_class
    )
    distances, overlaps = np.full(num_classes, np.nan), np.full(num_classes, np.nan)
    for index in np.flatnonzero(selected_classes(num_classes, multilabel, include_background, ignore_class)):
        label = 1 if num_classes == 1 else index
        pair = [x[..., index] == 1 if multilabel else x == label for x in (truth, prediction)]
        if kept is not None:
            pair = [mask & kept for mask in pair]
        surfaces = surface_distances(*pair, spacing)
        distances[index], overlaps[index] = surfaces.percentile(95), surfaces.dice(tolerance)
    return distances, overlaps


def surface_distances(truth, prediction, spacing):
    """Measures the distances between the surfaces of two masks, for more than one percentile or tolerance.

    Args:
        truth: Mask `[*spatial]` of one class, 2 or 3 axes, boolean or 0 and 1.
        prediction: The same for the prediction.
        spacing: Size of a voxel along each axis, in mm.

    Returns:
        A `SurfaceDistances`. Where the other mask is empty, distances are infinite.

    Raises:
        ValueError: If a mask holds more than 0 and 1, or shapes and spacing do not agree.
    """
    truth, prediction = _mask("truth", truth), _mask("prediction", prediction)
    spacing = np.asarray(spacing, "float64")
    if truth.shape != prediction.shape or truth.ndim not in (2, 3):
        raise ValueError(
            "`truth` and `prediction` must be masks `[*spatial]` of the same shape with 2 or 3 axes. "
            f"Received: truth.shape={truth.shape}, prediction.shape={prediction.shape}"
        )
    if spacing.shape != (truth.ndim,) or not np.all((spacing > 0) & np.isfinite(spacing)):
        raise ValueError(
            f"`spacing` must be {truth.ndim} positive sizes in mm, one for each axis of the masks. "
            f"Received: spacing={spacing.tolist()}"
        )
    areas = surfel_areas(spacing)
    (truth_points, truth_areas), (points, prediction_areas) = (_surfels(mask, areas) for mask in (truth, prediction))
    return SurfaceDistances(
        _nearest(truth_points, points, spacing), truth_areas, _nearest(points, truth_points, spacing), prediction_areas
    )


def _surfels(mask, areas):
    """Returns the corners `[surfels, axes]` that the surface passes, in voxels, and the areas there."""
    box = _bounding_box(mask)
    codes = corner_codes(mask[box])
    border = (codes != 0) & (codes != len(areas) - 1)
    return np.argwhere(border) + [window.start for window in box], areas[codes[border]]


def _bounding_box(mask):
    """Returns the slices that hold all of the mask; empty ones if it is empty."""
    box = []
    for axis in range(mask.ndim):
        occupied = np.flatnonzero(mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        box.append(slice(occupied[0], occupied[-1] + 1) if occupied.size else slice(0, 0))
    return tuple(box)


def _nearest(points, others, spacing):
    """Returns the distance in mm from each point to the nearest of the others."""
    if not len(points) or not len(others):
        return np.full(len(points), np.inf)
    from scipy.spatial import cKDTree

    tree = cKDTree(others * spacing, balanced_tree=False, compact_nodes=False)
    _, nearest = tree.query(points * spacing)
    # From whole steps, so that equal distances are equal numbers wherever they lie.
    return np.sqrt((((points - others[nearest]) * spacing) ** 2).sum(axis=1))


def _weighted_percentile(distances, areas, percent):
    order = np.argsort(distances, kind="stable")
    share = np.cumsum(areas[order])
    place = np.searchsorted(share, share[-1] * (percent / 100 - 1e-12))  # rounding of the sum decides nothing
    return float(distances[order][place])


def _mask(name, mask):
    mask = np.asarray(mask)
    if mask.dtype == bool:
        return mask
    if mask.dtype.kind not in "iuf" or not np.isin(mask, (0, 1)).all():
        raise ValueError(
            f"`{name}` must be a mask of one class: boolean, or 0 and 1. For a label map call "
            "`keras_seg.metrics.surface_per_class`, or compare it with the class (`labels == 2`). "
            f"Received: an array of type {mask.dtype} with other values"
        )
    return mask.astype(bool)


def _check_tolerance(tolerance):
    if not 0 <= tolerance < float("inf"):
        raise ValueError(f"`tolerance` must be a distance in mm, 0 or more. Received: tolerance={tolerance}")
