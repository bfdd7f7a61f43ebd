"""Active contours: the length of the outline and what it encloses wrongly."""

import itertools

from keras import ops

from keras_seg.losses.base import check_range
from keras_seg.losses.maps import MapLoss, spatial_axes, spatial_mean
from keras_seg.losses.registry import register


def contour_length(p, counts, epsilon):
    """Length of the outlines of a map, per voxel: `sqrt(dx^2 + dy^2 + dz^2 + epsilon)`.

    The differences at a voxel are those to the next or the previous voxel along each axis; the root is averaged over
    all choices, so that a mirrored map has the same length. Beyond the edge, and to or from an ignored voxel, there is
    no difference.

    Args:
        p: `[batch, *spatial, classes]`.
        counts: `[batch, *spatial, 1]`, 0 where a voxel is ignored, else 1.
        epsilon: Keeps the gradient finite where the map is flat.

    Returns:
        `[batch, *spatial, classes]`.
    """
    squares = []
    for axis in spatial_axes(p):
        if p.shape[axis] == 1:
            continue
        before, after = (_cut(p, axis, end) for end in ("last", "first"))
        both = _cut(counts, axis, "last") * _cut(counts, axis, "first")
        square = ops.square(after - before) * both
        none = ops.zeros_like(ops.take(p, [0], axis=axis))
        squares.append([ops.concatenate(parts, axis=axis) for parts in ([square, none], [none, square])])
    choices = list(itertools.product(*squares))
    return sum(ops.sqrt(sum(choice, epsilon + ops.zeros_like(p))) for choice in choices) / len(choices)


def _cut(x, axis, end):
    """Cut the first or the last slice off `x`."""
    shape = list(ops.shape(x))
    shape[axis] = shape[axis] - 1
    return ops.slice(x, [1 if a == axis and end == "first" else 0 for a in range(len(shape))], shape)


@register("active_contour")
class ActiveContourLoss(MapLoss):
    """Length of the predicted outline plus what lies on its wrong side, each averaged over the voxels, 1D to 3D.

    `mean sqrt(dx^2 + dy^2 + dz^2 + 1e-8) + region_weight * (mean p (1 - g)^2 + mean (1 - p) g^2)`. As in the authors'
    code, the two constants of the paper's region term are the mask's own, 1 inside and 0 outside, and sums are means.
    Theirs takes the difference to the next voxel; ours averages over next and previous, which gives straight edges the
    same length and treats all directions alike.

    The length of the truth's own outline remains when the prediction is perfect. By itself it does not find small
    objects: leaving them out shortens the outline and costs little (the authors advise a network that is trained
    already). Use it beside a region loss, such as `dice_ce + active_contour`.

    Args:
        region_weight: Weight of the region term beside the length. Where the masks are small or ragged, 1 lets the
            length win; the paper varies it.
        epsilon: Keeps the gradient of the length finite where the map is flat.
        **options: See `SegmentationLoss`.

    Example: one step from 1 to 0.5 where the truth falls to 0. Each of the two voxels sees the step on one of its two
    sides, so the length is `(0.5 / 2 + 0.5 / 2) / 2`; the region term is `0.5 / 2`.

    >>> y_true, y_pred = [[[1.0], [0.0]]], [[[1.0], [0.5]]]
    >>> round(float(keras_seg.losses.ActiveContourLoss()(y_true, y_pred)), 3)
    0.5

    Reference: [Chen et al., 2019](https://ieeexplore.ieee.org/document/8953484)
    """

    space = {"region_weight": (0.5, 20.0, "log")}
    alone = False

    def __init__(self, region_weight=1.0, epsilon=1e-8, **options):
        super().__init__(**options)
        self.region_weight = check_range("region_weight", region_weight, low=0)
        self.epsilon = check_range("epsilon", epsilon, low=0, open_low=True)

    def values(self, inputs):
        p, g, weight = self.maps(inputs)
        length = contour_length(p, ops.cast(weight > 0, p.dtype), self.epsilon)
        region = p * ops.square(1 - g) + (1 - p) * ops.square(g)
        return self.class_mean(spatial_mean(length + self.region_weight * region, weight))
