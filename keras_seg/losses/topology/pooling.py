"""Minimum and maximum over neighbours, and their gradients, for maps `[n, *spatial]`.

Voxels that tie for a maximum share its gradient. Frameworks differ in what a tie gets (TensorFlow's volumes on a CPU:
each tying voxel the whole gradient), and in eroded maps nearly all voxels tie.
"""

import keras
from keras import ops

# Beyond every value of a map, and of its negative.
FAR = 1e6


def maximum_along(x, axis):
    """Maximum over 3 voxels along one axis."""
    if keras.backend.standardize_dtype(x.dtype) == "float64":
        # TensorFlow pools volumes in single precision only.
        low, here, high = _window(x, axis, outside=-FAR)
        return ops.maximum(here, ops.maximum(low, high))
    size = tuple(3 if a == axis else 1 for a in range(1, len(x.shape)))
    # Pooling is several times faster where the last spatial axis is contiguous, as it is with a single channel.
    return ops.squeeze(ops.max_pool(ops.expand_dims(x, -1), size, 1, "same", "channels_last"), -1)


def maximum_gradient(x, highest, upstream, axis):
    """Gradient of `sum(highest * upstream)` with respect to `x`, where `highest = maximum_along(x, axis)`."""
    ties = [ops.cast(ops.equal(part, highest), x.dtype) for part in _window(x, axis, outside=-2 * FAR)]
    share = _window(upstream / (ties[0] + ties[1] + ties[2]), axis, outside=0.0)
    wins = [ops.equal(part, x) for part in _window(highest, axis, outside=2 * FAR)]
    return sum(ops.where(win, part, ops.zeros_like(part)) for win, part in zip(wins, share, strict=True))


def erode(x):
    """Minimum over a cross of 3: the voxel and its face neighbours."""
    lowest = -maximum_along(-x, 1)
    for axis in range(2, len(x.shape)):
        lowest = ops.minimum(lowest, -maximum_along(-x, axis))
    return lowest


def erode_gradient(x, eroded, upstream):
    """Gradient of `sum(eroded * upstream)` with respect to `x`; of axes that tie the first one gets it."""
    left, total = upstream, ops.zeros_like(x)
    for axis in range(1, len(x.shape)):
        lowest = -maximum_along(-x, axis)
        mine = ops.equal(lowest, eroded)
        total = total + maximum_gradient(x, lowest, ops.where(mine, left, ops.zeros_like(left)), axis)
        left = ops.where(mine, ops.zeros_like(left), left)
    return total


def put(stack, k, x):
    """Return the stack with `x` at place `k` of its first axis."""
    return ops.slice_update(stack, [k] + [0] * len(x.shape), ops.expand_dims(x, 0))


def at(stack, k):
    """Return what is at place `k` of the stack's first axis."""
    shape = ops.shape(stack)
    return ops.squeeze(ops.slice(stack, [k] + [0] * (len(shape) - 1), (1, *shape[1:])), 0)


def _window(x, axis, outside):
    """Return the neighbour before, the voxel and the neighbour behind it along one axis."""
    shape = ops.shape(x)
    padded = ops.pad(x, [(1, 1) if a == axis else (0, 0) for a in range(len(shape))], constant_values=outside)
    return [ops.slice(padded, [k if a == axis else 0 for a in range(len(shape))], shape) for k in range(3)]
