"""The exact Euclidean distance transform as tensor operations: compiled, batched, with voxel spacing, any size."""

from keras import ops

# Squared distance where there is nothing to measure to: beyond any volume, and still exact enough to be added to.
FAR = 1e12


def squared_distance(mask, spacing=None):
    """Squared Euclidean distance of every voxel to the nearest voxel of a mask, exact.

    Along the first axis that is taken, a binary mask needs only the nearest set voxel on either side: one walk up and
    one down each line. Each further axis takes, for every voxel, the minimum over the parabolas that stand on its line.

    Args:
        mask: Boolean, `[batch, *spatial]`, 1 to 3 spatial axes; sizes may be open.
        spacing: Size of a voxel along each spatial axis, in the unit that the distance shall have. `None` means 1.

    Returns:
        `[batch, *spatial]` float32; `FAR` or more where the mask of a sample is empty.

    Reference: [Felzenszwalb & Huttenlocher, 2012](https://doi.org/10.4086/toc.2012.v008a019) (the lower envelope, here
        by brute force over a line, since branches do not vectorise)
    """
    rank = len(mask.shape) - 1
    spacing = (1.0,) * rank if spacing is None else spacing
    # The walk goes along the last axis, in a layout where whole planes take each step; the minimum over parabolas is
    # slowest on a contiguous axis, which is thereby spared.
    distance = ops.swapaxes(_nearest_on_line(ops.swapaxes(mask, 1, rank), float(spacing[-1])), 1, rank)
    for axis in range(rank - 1, 0, -1):
        distance = _lower_envelope(distance, axis, float(spacing[axis - 1]))
    return distance


def _nearest_on_line(mask, step):
    """Squared distance to the nearest set voxel on the same line of axis 1."""
    length = ops.shape(mask)[1]
    distance = ops.where(mask, 0.0, FAR**0.5)

    def walk(distance, places):
        def visit(k, state):
            distance, last = state
            here = ops.minimum(last + step, _plane(distance, places(k), 1))
            return ops.slice_update(distance, _start(distance, places(k), 1), here), here

        far = ops.full_like(_plane(distance, 0, 1), FAR**0.5)
        return ops.fori_loop(0, length, visit, (distance, far))[0]

    distance = walk(distance, lambda k: k)
    distance = walk(distance, lambda k: length - 1 - k)
    return ops.square(ops.minimum(distance, FAR**0.5))


def _lower_envelope(distance, axis, step):
    """`min_k distance[k] + (step (i - k))^2` along one axis."""
    length = ops.shape(distance)[axis]
    place = ops.cast(ops.arange(length), "float32") * step
    place = ops.reshape(place, [-1 if a == axis else 1 for a in range(len(distance.shape))])

    def visit(k, lowest):
        offset = place - ops.cast(k, "float32") * step
        return ops.minimum(lowest, _plane(distance, k, axis) + ops.square(offset))

    return ops.fori_loop(0, length, visit, distance)


def _plane(x, k, axis):
    shape = ops.shape(x)
    return ops.slice(x, _start(x, k, axis), [1 if a == axis else size for a, size in enumerate(shape)])


def _start(x, k, axis):
    return [k if a == axis else 0 for a in range(len(x.shape))]
