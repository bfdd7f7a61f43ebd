"""The soft skeleton: pooling that thins a mask to its middle, differentiable all the way."""

from keras import ops

from keras_seg.losses.maps import each_map
from keras_seg.losses.topology.pooling import at, erode, erode_gradient, maximum_along, maximum_gradient, put


def soft_skeleton(mask, iterations):
    """Skeleton of soft masks by iterated minimum and maximum pooling; differentiable.

    Args:
        mask: Values in `[0, 1]`, `[batch, *spatial, classes]`.
        iterations: Number of erosions; at least the radius of the widest tube in voxels.

    Returns:
        `[batch, *spatial, classes]`.
    """

    @ops.custom_gradient
    def skeleton_of(maps):
        # Differentiated step by step, the loop would be unrolled, which takes far longer to compile.
        def gradient(*args, upstream=None):
            return _gradient(maps, args[0] if upstream is None else upstream, iterations)

        return _skeleton(maps, iterations), gradient

    return each_map(skeleton_of, mask)


def tubed_skeleton(truth, iterations, radius):
    """Skeleton of a mask, dilated and cut to the mask; without gradient.

    Args:
        truth: `[batch, *spatial, classes]`, a voxel is inside where it is above 0.5.
        iterations: See `soft_skeleton`.
        radius: Number of dilations by a cross.

    Returns:
        `[batch, *spatial, classes]` of 0 and 1 in the dtype of `truth`.
    """

    def tube_of(mask):
        tube = ops.cast(_skeleton(mask, iterations) > 0.5, mask.dtype)
        for _ in range(radius):
            tube = -erode(-tube)
        return tube * mask

    return each_map(tube_of, ops.cast(ops.stop_gradient(truth) > 0.5, truth.dtype))


def _skeleton(mask, iterations):
    """Soft skeleton of `[n, *spatial]` maps."""

    def visit(_, state):
        mask, skeleton = state
        eroded = erode(mask)
        return eroded, _grown(skeleton, ops.relu(mask - _dilations(eroded)[-1]))

    return ops.fori_loop(0, iterations + 1, visit, (mask, ops.zeros_like(mask)))[1]


def _grown(skeleton, rest):
    """Add what this erosion has lost for good, up to 1."""
    return skeleton + ops.relu(rest - skeleton * rest)


def _dilations(x):
    """Maximum over a cube of 3, axis by axis: `x` and what each axis makes of it."""
    stages = [x]
    for axis in range(1, len(x.shape)):
        stages.append(maximum_along(stages[-1], axis))
    return stages


def _gradient(mask, upstream, iterations):
    """Gradient of `sum(_skeleton(mask) * upstream)`: the loop again, keeping every state, then backwards."""
    steps = iterations + 1
    shape = (steps + 1, *ops.shape(mask))
    stacks = (put(ops.zeros(shape, dtype=mask.dtype), 0, mask), ops.zeros(shape, dtype=mask.dtype))

    def keep(k, stacks):
        masks, skeletons = stacks
        mask = at(masks, k)
        eroded = erode(mask)
        rest = ops.relu(mask - _dilations(eroded)[-1])
        return put(masks, k + 1, eroded), put(skeletons, k + 1, _grown(at(skeletons, k), rest))

    masks, skeletons = ops.fori_loop(0, steps, keep, stacks)

    def visit(k, gradients):
        k = steps - 1 - k
        to_skeleton, to_eroded = gradients
        mask, eroded, skeleton = at(masks, k), at(masks, k + 1), at(skeletons, k)
        stages = _dilations(eroded)
        rest = ops.relu(mask - stages[-1])
        zero = ops.zeros_like(rest)
        to_growth = ops.where(rest - skeleton * rest > 0, to_skeleton, zero)
        to_mask = ops.where(rest > 0, to_growth * (1 - skeleton), zero)
        through = -to_mask
        for axis in range(len(stages) - 1, 0, -1):
            through = maximum_gradient(stages[axis - 1], stages[axis], through, axis)
        to_mask = to_mask + erode_gradient(mask, eroded, to_eroded + through)
        return to_skeleton - to_growth * rest, to_mask

    return ops.fori_loop(0, steps, visit, (upstream, ops.zeros_like(mask)))[1]
