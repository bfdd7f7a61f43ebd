"""Boundary losses: integrals over distance maps of the truth, computed inside the graph."""

from keras import ops

from keras_seg.losses.distance import FAR, squared_distance
from keras_seg.losses.maps import MapLoss, each_map, spatial_axes, spatial_mean
from keras_seg.losses.registry import register


def signed_distance(truth, spacing=None):
    """Signed distance map of a mask: outside the distance to the mask, inside minus the distance to its surface.

    A voxel inside that touches the outside has 0 (at unit spacing, `-(d - 1)` with `d` the distance to the nearest
    voxel outside). Masks that are empty or full have no surface and give 0 everywhere.

    Args:
        truth: `[batch, *spatial, classes]`, a voxel is inside where it is above 0.5.
        spacing: Size of a voxel along each spatial axis; `None` means 1.

    Returns:
        `[batch, *spatial, classes]` float32, in the unit of `spacing`.
    """
    inside = ops.stop_gradient(truth) > 0.5

    def distance(mask):
        return ops.sqrt(each_map(lambda m: squared_distance(m, spacing), mask))

    smallest = 1.0 if spacing is None else float(min(spacing))
    outer, inner = distance(inside), distance(ops.logical_not(inside))
    signed = ops.where(inside, smallest - inner, outer)
    axes = spatial_axes(truth)
    has_surface = ops.logical_and(
        ops.any(inside, axis=axes, keepdims=True), ops.any(ops.logical_not(inside), axis=axes, keepdims=True)
    )
    return ops.where(has_surface, signed, ops.zeros_like(signed))


def check_spacing(spacing):
    """Return a spacing as a tuple of floats, or `None`.

    Raises:
        ValueError: Unless it is 1 to 3 numbers above 0.
    """
    if spacing is None:
        return None
    try:
        sizes = tuple(float(size) for size in spacing)
    except (TypeError, ValueError):
        sizes = ()
    if not 1 <= len(sizes) <= 3 or not all(0 < size < FAR for size in sizes):
        raise ValueError(
            f"`spacing` must hold one size > 0 per spatial axis, in the order of the array's axes. Received: "
            f"{spacing!r}."
        )
    return sizes


@register("boundary")
class BoundaryLoss(MapLoss):
    """Mean over the voxels of the truth's signed distance times the prediction.

    What is predicted far outside the truth costs much, deep inside it pays. The value can be negative, and alone it
    hardly trains (an empty prediction is nearly its minimum for a small object): use it beside a region loss, as the
    paper does, for example `dice_boundary`.

    Args:
        spacing: Size of a voxel along each spatial axis, such as `(1.0, 1.0, 3.0)` in mm; the value has that unit.
            `None` means 1.
        **options: See `SegmentationLoss`. The paper leaves the background out: `include_background=False`.

    Example: the signed distances to the middle voxel are 1, 0, 1; predicted is `(0.5, 1, 0)`: `(0.5 + 0 + 0) / 3`.

    >>> y_true, y_pred = [[[0.0], [1.0], [0.0]]], [[[0.5], [1.0], [0.0]]]
    >>> round(float(keras_seg.losses.BoundaryLoss()(y_true, y_pred)), 3)
    0.167

    Reference: [Kervadec et al., 2019](https://arxiv.org/abs/1812.07032)
    """

    alone = False

    def __init__(self, spacing=None, **options):
        super().__init__(**options)
        self.spacing = check_spacing(spacing)

    def values(self, inputs):
        p, g, weight = self.maps(inputs)
        if self.spacing is not None and len(self.spacing) != len(spatial_axes(p)):
            raise ValueError(
                f"`spacing` has {len(self.spacing)} sizes for {len(spatial_axes(p))} spatial axes. Received: "
                f"spacing={self.spacing}."
            )
        distance = ops.cast(signed_distance(g, self.spacing), p.dtype)
        return self.class_mean(spatial_mean(p * distance, weight))
