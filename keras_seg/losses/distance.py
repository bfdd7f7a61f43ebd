"""The exact Euclidean distance transform as tensor operations: compiled, batched, with voxel spacing, any size."""

from keras import ops

# Squared distance where there is nothing to measure to: beyond any volume, and still exact enough to be added to.
FAR = 1e12
# Lines up to this long are taken whole, longer ones in chunks that need to look no farther than their distances reach.
WHOLE = 128
CHUNK = 16
# So many parabolas at a time (on either side): what is lowest so far is then read and written once for all of them.
AT_ONCE = 4


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

    def on_line(mask, step):
        return ops.minimum(_walk(mask, 0.0, step), _walk(mask, 0.0, step, down=True))

    distance = _along_last_axis(on_line, mask, spacing[-1])
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

    def on_line(mask, step):
        changes = ops.not_equal(mask[:, 1:], mask[:, :-1])
        none = ops.zeros_like(mask[:, :1])
        up, down = ops.concatenate([none, changes], axis=1), ops.concatenate([changes, none], axis=1)
        return ops.minimum(_walk(up, step, step), _walk(down, step, step, down=True))

    distance = _along_last_axis(on_line, mask, spacing[-1])
    for axis in range(len(spacing) - 1, 0, -1):
        # The sign carries the side through the minimum over parabolas.
        distance = _lower_envelope(ops.where(mask, distance, -distance), axis, spacing[axis - 1], two_sided=True)
    return distance


def _sizes(mask, spacing):
    return tuple(float(size) for size in spacing) if spacing is not None else (1.0,) * (len(mask.shape) - 1)


def _along_last_axis(function, mask, step):
    """Square what `function` finds along the last axis, in a layout where whole planes take each step of its walk."""
    rank = len(mask.shape) - 1
    distance = ops.swapaxes(function(ops.swapaxes(mask, 1, rank), step), 1, rank)
    return ops.square(ops.minimum(distance, FAR**0.5))


def _walk(marks, start, step, down=False):
    """Length of the way along axis 1 since the last mark, `start` at the mark itself."""
    length = ops.shape(marks)[1]

    def visit(k, state):
        way, last = state
        place = length - 1 - k if down else k
        here = ops.where(_planes(marks, place, 1), start, last + step)
        return ops.slice_update(way, _start(way, place, 1), here), here

    way = ops.full_like(marks, FAR**0.5, dtype="float32")
    return ops.fori_loop(0, length, visit, (way, _planes(way, 0, 1)))[0]


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
