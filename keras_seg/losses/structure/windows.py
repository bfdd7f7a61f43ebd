"""Averages over windows and blocks, as products with banded matrices."""

from keras import ops

from keras_seg.losses.maps import product_along, spatial_axes


def window_mean(x, window, sigma):
    """Gaussian mean over every window that fits, axis by axis.

    Args:
        x: `[batch, *spatial, k]`.
        window: Window size in voxels; along an axis that is shorter, the largest odd size that fits.
        sigma: Standard deviation of the Gaussian in voxels.

    Returns:
        `[batch, *spatial - window + 1, k]`. An open axis that turns out shorter than the window gives one partial sum,
        which means nothing.
    """
    return _along_axes(x, lambda size, static: _window_matrix(size, fitting(window, static), sigma, x.dtype))


def halve(x):
    """Sum of blocks of two voxels along every axis, `[batch, *spatial, k]` to `[batch, *spatial // 2, k]`.

    The last voxel of an odd axis is left out; an axis of one voxel stays.
    """

    def matrix(size, static):
        voxel, block = ops.arange(size, dtype="int32"), ops.arange(_at_least_one(size // 2), dtype="int32")
        return ops.cast(ops.equal(ops.expand_dims(voxel // 2, 1), ops.expand_dims(block, 0)), x.dtype)

    return _along_axes(x, matrix)


def fitting(window, size):
    """Return the largest odd window that fits into `size` voxels (an open size is taken to be large enough)."""
    return window if size is None or size >= window else size - 1 + size % 2


def centres(x, window):
    """Cut a map to the voxels that are the centre of a window that fits."""
    for axis in spatial_axes(x):
        margin = fitting(window, x.shape[axis]) // 2
        size = ops.shape(x)[axis]
        length = _at_least_one(size - 2 * margin)
        start = margin if isinstance(size, int) else ops.minimum(margin, size - 1)
        shape = [length if a == axis else s for a, s in enumerate(ops.shape(x))]
        x = ops.slice(x, [start if a == axis else 0 for a in range(len(shape))], shape)
    return x


def _along_axes(x, matrix_of):
    """Multiply every spatial axis by `matrix_of(size, size if it is known else None)`."""
    for axis in spatial_axes(x):
        x = product_along(x, axis, matrix_of(ops.shape(x)[axis], x.shape[axis]))
    return x


def _window_matrix(size, window, sigma, dtype):
    """Return the weight of each voxel in each window along one axis, `[size, size - window + 1]`."""
    voxel, start = ops.arange(size, dtype="int32"), ops.arange(_at_least_one(size - window + 1), dtype="int32")
    place = ops.expand_dims(voxel, 1) - ops.expand_dims(start, 0)

    def gaussian(place):
        return ops.exp(-ops.square(ops.cast(place, dtype) - (window - 1) / 2) / (2 * sigma**2))

    weight = gaussian(place) / ops.sum(gaussian(ops.arange(window, dtype="int32")))
    return ops.where(ops.logical_and(place >= 0, place < window), weight, ops.zeros_like(weight))


def _at_least_one(size):
    """`max(size, 1)` of a size that is known or a tensor."""
    return max(size, 1) if isinstance(size, int) else ops.maximum(size, 1)
