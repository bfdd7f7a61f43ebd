"""A ratio that weighs the inside of a structure less the larger it is, so that its outline decides."""

from keras import ops

from keras_seg.losses import safe
from keras_seg.losses.base import check_range
from keras_seg.losses.boundary.surface import check_spacing, sizes_of
from keras_seg.losses.maps import MapLoss, spatial_axes
from keras_seg.losses.registry import register


@register("boundary_dou")
class BoundaryDoULoss(MapLoss):
    """Boundary difference over union: `D / (D + (1 - a) I)` with `D = sum (p - g)^2` and `I = sum p g`.

    `a = min(1 - 2 C / S, max_alpha)`, where `S` voxels are inside the truth and `C` of them at its boundary: they touch
    the outside, or the edge of the volume, by a face. So of a large structure the inside counts little; of one that is
    all boundary (`a = -1`) it counts as in Dice. As in the authors' code, but for each sample by itself, in 3D too, and
    with `smooth` in the denominator alone: theirs gives 1 wherever the truth is empty, even to a prediction that is
    empty, too; here that is 0.

    Args:
        max_alpha: Largest `a`, below 1.
        smooth: Added to the denominator.
        spacing: Size of a voxel along each spatial axis. A boundary voxel then counts with the share of it that lies
            within the smallest size of the outside, such as 1/3 for a voxel 3 thick at the top of a structure. `None`:
            all the same.
        **options: See `SegmentationLoss`.

    Example: of four voxels inside, two are at the boundary, so `a = 0`; one is predicted at 0.5:
        `0.25 / (0.25 + 3.5) = 0.067`.

    >>> y_true, y_pred = [[[1.0], [1.0], [1.0], [1.0], [0.0]]], [[[1.0], [1.0], [1.0], [0.5], [0.0]]]
    >>> round(float(keras_seg.losses.BoundaryDoULoss()(y_true, y_pred)), 3)
    0.067

    Reference: [Sun et al., 2023](https://arxiv.org/abs/2308.00220)
    """

    def __init__(self, max_alpha=0.8, smooth=1e-5, spacing=None, **options):
        super().__init__(**options)
        self.max_alpha = check_range("max_alpha", max_alpha, low=-1, high=1)
        if max_alpha == 1:
            raise ValueError("`max_alpha` must be below 1, where every mistake would cost the same. Received: 1.")
        self.smooth = check_range("smooth", smooth, low=0)
        self.spacing = check_spacing(spacing)

    def values(self, inputs):
        p, g, weight = self.maps(inputs)
        axes, inside = spatial_axes(p), g > 0.5
        boundary = ops.cast(boundary_share(inside, sizes_of(self.spacing, p)), p.dtype)
        at_boundary, volume = (ops.sum(weight * ops.cast(x, p.dtype), axis=axes) for x in (boundary, inside))
        alpha = ops.minimum(1 - 2 * safe.divide(at_boundary, volume), self.max_alpha)
        difference = ops.sum(weight * ops.square(p - g), axis=axes)
        intersection = ops.sum(weight * p * g, axis=axes)
        return self.class_mean(safe.divide(difference, difference + (1 - alpha) * intersection + self.smooth))


def boundary_share(inside, sizes):
    """Share of each voxel of a mask that lies within the smallest voxel size of the outside.

    Args:
        inside: Boolean, `[batch, *spatial, classes]`. Beyond the edge is outside; an axis of one voxel has no edge.
        sizes: Size of a voxel along each spatial axis.

    Returns:
        `[batch, *spatial, classes]` float32; at equal sizes 1 where a voxel touches the outside by a face, else 0.
    """
    share = ops.zeros_like(inside, dtype="float32")
    for axis, size in zip(spatial_axes(inside), sizes, strict=True):
        before = (slice(None),) * axis
        edge = ops.zeros_like(inside[(*before, slice(0, 1))])
        below = ops.concatenate([edge, inside[(*before, slice(None, -1))]], axis=axis)
        above = ops.concatenate([inside[(*before, slice(1, None))], edge], axis=axis)
        touches = ops.logical_and(inside, ops.logical_not(ops.logical_and(below, above)))
        reach = ops.cast(ops.shape(inside)[axis] > 1, "float32") * (min(sizes) / size)
        share = ops.maximum(share, ops.cast(touches, "float32") * reach)
    return share
