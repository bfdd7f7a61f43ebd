"""The exact Euclidean distance transform as tensor operations: compiled, batched, with voxel spacing, any size."""

from keras import ops

# Squared distance where there is nothing to measure to: beyond any volume, and still exact enough to be added to.
FAR = 1e12
# Lines up to this long are taken whole, longer ones in chunks that need to look no farther than their distances reach.
WHOLE = 128
CHUNK = 16
# So many parabolas at a time (on either side): what is lowest so far is then read and written once for all of them.
AT_ONCE = 8


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
        by brute force as far as the distances reach, since branches do not vectorise)
    """
    spacing = _sizes(mask, spacing)

    distance = _walk(ops.where(mask, 0.0, FAR**0.5), spacing[-1])
    for axis in range(len(spacing) - 1, 0, -1):
        distance = _lower_envelope(distance, axis, spacing[axis - 1])
    return distance


def squared_distance_across(mask, spacing=None):
    """Squared Euclidean distance of every voxel to the nearest voxel on the other side of a mask's surface, exact.

    It is `squared_distance(mask)` outside and `squared_distance(not mask)` inside, at about the cost of one of them: to
    a voxel, a voxel of the other side on its line is a parabola that stands on 0, whatever that one's own distance is.

    Args:
        mask: See `squared_distance`.
        spacing: See `squared_distance`.

    Returns:
        `[batch, *spatial]` float32; `FAR` or more where the mask of a sample is empty or full.
    """
    spacing = _sizes(mask, spacing)

    changes, none = ops.not_equal(mask[..., 1:], mask[..., :-1]), ops.zeros_like(mask[..., :1])
    at_surface = ops.logical_or(ops.concatenate([none, changes], -1), ops.concatenate([changes, none], -1))
    distance = _walk(ops.where(at_surface, spacing[-1], FAR**0.5), spacing[-1])
    for axis in range(len(spacing) - 1, 0, -1):
        # The sign carries the side through the minimum over parabolas.
        distance = _lower_envelope(ops.where(mask, distance, -distance), axis, spacing[axis - 1], two_sided=True)
    return distance


def _sizes(mask, spacing):
    return tuple(float(size) for size in spacing) if spacing is not None else (1.0,) * (len(mask.shape) - 1)


def _walk(distance, step):
    """Square of the shortest way along the last axis, one walk up and one down, each on from what it starts with."""
    # In a layout where whole planes take each step.
    rank = len(distance.shape) - 1
    distance = ops.swapaxes(distance, 1, rank)
    length = ops.shape(distance)[1]

    def walk(distance, places):
        def visit(k, state):
            distance, last = state
            here = ops.minimum(last + step, _planes(distance, places(k), 1))
            return ops.slice_update(distance, _start(distance, places(k), 1), here), here

        far = ops.full_like(_planes(distance, 0, 1), FAR**0.5)
        return ops.fori_loop(0, length, visit, (distance, far))[0]

    distance = walk(distance, lambda k: k)
    distance = walk(distance, lambda k: length - 1 - k)
    return ops.swapaxes(ops.square(ops.minimum(distance, FAR**0.5)), 1, rank)


def _lower_envelope(height, axis, step, two_sided=False):
    """`min_k height[k] + (step (i - k))^2` along one axis.

    Args:
        height: `[batch, *spatial]`; `two_sided`: positive on one side of a surface, negative on the other.
        axis: The axis.
        step: Distance of two neighbours along it.
        two_sided: Whether a voxel of the other side has height 0.

    Returns:
        `[batch, *spatial]`, >= 0.
    """
    length = ops.shape(height)[axis]
    size = _chunk_size(length)
    magnitude = ops.abs(height) if two_sided else height
    floor = ops.min(magnitude, axis=axis, keepdims=True)
    if two_sided:
        mixed = ops.logical_and(ops.any(height > 0, axis, keepdims=True), ops.any(height < 0, axis, keepdims=True))
        floor = ops.where(mixed, 0.0, floor)

    def chunk(number, result):
        start = ops.minimum(number * size, length - size)
        own = _planes(height, start, axis, size)
        place = ops.reshape(ops.arange(size) + start, [-1 if a == axis else 1 for a in range(len(height.shape))])

        def under(lowest, k):
            k = ops.clip(k, 0, length - 1)
            there = _planes(height, k, axis)
            if two_sided:
                there = ops.maximum(there * ops.sign(own), 0.0)
            return ops.minimum(lowest, there + ops.square(ops.cast(place - k, "float32") * step))

        def inside(block, lowest):
            for k in range(AT_ONCE):
                lowest = under(lowest, ops.minimum(start + block * AT_ONCE + k, start + size - 1))
            return lowest

        def reaches(distance, lowest):
            # No parabola at this distance or beyond can pass under a point that is no higher above its line's floor.
            highest = ops.max(lowest - floor)
            closest = ops.square(ops.cast(distance, "float32") * step)
            return ops.logical_and(distance <= length - size, closest < highest)

        def outside(distance, lowest):
            for k in range(AT_ONCE):
                lowest = under(lowest, start - distance - k)
                lowest = under(lowest, start + size - 1 + distance + k)
            return distance + AT_ONCE, lowest

        lowest = ops.fori_loop(0, -(-size // AT_ONCE), inside, ops.abs(own) if two_sided else own)
        if size is not length:
            lowest = ops.while_loop(reaches, outside, (ops.convert_to_tensor(1, "int32"), lowest))[1]
        return ops.slice_update(result, _start(result, start, axis), lowest)

    if size is length:
        return chunk(0, magnitude)
    return ops.fori_loop(0, -(-length // size), chunk, magnitude)


def _chunk_size(length):
    """How many planes are taken at a time; `length` itself where that is known to be all of them."""
    if isinstance(length, int):
        return length if length <= WHOLE else CHUNK
    return ops.where(length <= WHOLE, length, CHUNK)


def _planes(x, k, axis, count=1):
    shape = ops.shape(x)
    return ops.slice(x, _start(x, k, axis), [count if a == axis else size for a, size in enumerate(shape)])


def _start(x, k, axis):
    return [k if a == axis else 0 for a in range(len(x.shape))]
