"""Active contours: the length of the outline and what it encloses wrongly."""

from keras import ops

from keras_seg.losses.base import check_range
from keras_seg.losses.maps import MapLoss, spatial_axes, spatial_mean
from keras_seg.losses.registry import register


def contour_length(p, weight, epsilon):
    """Mean length of the outlines of a map: `sqrt(dx^2 + dy^2 + dz^2 + epsilon)` where neighbours meet.

    The root is taken in every cell between `2^d` neighbours, each square averaged over the parallel edges of the cell.
    So a flat face counts once, a mirrored map has the same length, and it compiles to one pass. There is no difference
    to or from an ignored voxel.

    Args:
        p: `[batch, *spatial, classes]`.
        weight: Voxel weights, `[batch, *spatial, 1]`, 0 where a voxel is ignored; a cell has the mean of its voxels'.
        epsilon: Keeps the gradient finite where the map is flat.

    Returns:
        `[batch, classes]`.
    """
    counts = ops.cast(weight > 0, p.dtype)
    axes = [axis for axis in spatial_axes(p) if p.shape[axis] != 1]
    squares = epsilon
    for axis in axes:
        both = _first(counts, axis) * _last(counts, axis)
        square = ops.square(_last(p, axis) - _first(p, axis)) * both
        squares = squares + _means(square, [other for other in axes if other != axis])
    return spatial_mean(ops.sqrt(squares + ops.zeros_like(_means(p, axes))), _means(weight, axes))


def _means(x, axes):
    for axis in axes:
        x = (_first(x, axis) + _last(x, axis)) / 2
    return x


def _first(x, axis):
    return _cut(x, axis, 0)


def _last(x, axis):
    return _cut(x, axis, 1)


def _cut(x, axis, start):
    """Cut all but the last (or, from `start` 1, all but the first) slice out of `x`."""
    shape = list(ops.shape(x))
    shape[axis] = shape[axis] - 1
    return ops.slice(x, [start if a == axis else 0 for a in range(len(shape))], shape)


@register("active_contour")
class ActiveContourLoss(MapLoss):
    """Length of the predicted outline plus what lies on its wrong side, each as a mean over the image, 1D to 3D.

    `mean sqrt(dx^2 + dy^2 + dz^2 + 1e-8) + region_weight * (mean p (1 - g)^2 + mean (1 - p) g^2)`. As in the authors'
    code, the two constants of the paper's region term are the mask's own, 1 inside and 0 outside, and sums are means.
    Theirs takes the differences at a voxel to the next along each axis; ours takes them in the middle between voxels,
    so that all directions are alike and straight edges are as long.

    The length of the truth's own outline remains when the prediction is perfect. By itself it does not find small
    objects: leaving them out shortens the outline and costs little (the authors advise a network that is trained
    already). Use it beside a region loss, such as `dice_ce + active_contour`.

    Args:
        region_weight: Weight of the region term beside the length. Where the masks are small or ragged, 1 lets the
            length win; the paper varies it.
        epsilon: Keeps the gradient of the length finite where the map is flat.
        **options: See `SegmentationLoss`.

    Example: one step from 1 to 0.5 where the truth falls from 1 to 0. There is one place between voxels, with length
    0.5, and the region term is `0.5 / 2`.

    >>> y_true, y_pred = [[[1.0], [0.0]]], [[[1.0], [0.5]]]
    >>> round(float(keras_seg.losses.ActiveContourLoss()(y_true, y_pred)), 3)
    0.75

    Reference: [Chen et al., 2019](https://ieeexplore.ieee.org/document/8953484)
    """

    space = {"region_weight": (0.5, 20.0, "log")}
    adjustable = ("region_weight",)
    alone = False

    def __init__(self, region_weight=1.0, epsilon=1e-8, **options):
        super().__init__(**options)
        self.region_weight = check_range("region_weight", region_weight, low=0)
        self.epsilon = check_range("epsilon", epsilon, low=0, open_low=True)

    def values(self, inputs):
        p, g, weight = self.maps(inputs)
        region = spatial_mean(p * ops.square(1 - g) + (1 - p) * ops.square(g), weight)
        return self.class_mean(contour_length(p, weight, self.epsilon) + self.region_weight * region)
