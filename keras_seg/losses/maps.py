"""Base of losses that look at a voxel's neighbours: boundaries, skeletons, windows."""

from keras import ops

from keras_seg.losses import safe
from keras_seg.losses.base import SegmentationLoss


class MapLoss(SegmentationLoss):
    """Base of losses on whole maps, `[batch, *spatial, classes]`.

    An ignored voxel is background in truth and prediction, so that no distance, skeleton or window sees what it holds;
    voxel weights act on the final map.
    """

    def maps(self, inputs):
        """Return probabilities and truth `[batch, *spatial, classes]`, background dropped if it has no share.

        Returns:
            Tuple of probabilities, truth, and weight `[batch, *spatial, 1]` (ones where none is given).
        """
        voxels = inputs.voxels
        p, g = self.foreground(voxels.probabilities, voxels.truth)
        if voxels.weight is None:
            return p, g, ops.ones_like(p[..., :1])
        counts = voxels.weight > 0
        return ops.where(counts, p, ops.zeros_like(p)), ops.where(counts, g, ops.zeros_like(g)), voxels.weight


def spatial_axes(x):
    """Return the spatial axes of `[batch, *spatial, classes]`."""
    return tuple(range(1, len(x.shape) - 1))


def spatial_mean(values, weight):
    """Average a map over its voxels by their weights, `[batch, *spatial, k]` to `[batch, k]`."""
    axes = spatial_axes(values)
    return safe.divide(ops.sum(values * weight, axis=axes), ops.sum(weight, axis=axes))


def each_map(function, x):
    """Apply a function of `[n, *spatial]` to every map of `[batch, *spatial, classes]`."""
    rank = len(x.shape)
    by_class = ops.moveaxis(x, -1, 1)
    shape = ops.shape(by_class)
    maps = function(ops.reshape(by_class, (-1, *shape[2:])))
    return ops.moveaxis(ops.reshape(maps, shape), 1, rank - 1)


def product_along(x, axis, matrix):
    """Multiply one spatial axis of `[batch, *spatial, k]` by a matrix `[size, new size]`.

    This is how windows are summed here: matrix products are fast under XLA on every device, while its convolutions are
    slow on a CPU, and sums of shifted arrays are fused into one another and computed many times over.
    """
    letters = "bijkc"[: len(x.shape) - 1] + "c"
    taken = letters[axis]
    return ops.einsum(f"{letters},{taken}m->{letters.replace(taken, 'm')}", x, matrix)
