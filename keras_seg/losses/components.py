"""Connected components as tensor operations: compiled, batched, any size and rank, no matter how they wind."""

from keras import ops

from keras_seg.losses.base import is_integer


def label(mask, full=False):
    """Number the connected components of a mask: voxels have the same label if a path inside the mask joins them.

    Every voxel points to another one of its component, at first to a neighbour. Each round, the trees of pointers that
    touch are hung on one another and then flattened by following the pointers of pointers, which halves every path.
    So the number of rounds grows with the logarithm of a component's length: a handful for blobs and for a maze alike.

    Args:
        mask: Boolean, `[batch, *spatial]`, 1 to 3 spatial axes; sizes may be open.
        full: Whether voxels that share no more than an edge or a corner are connected, too (8 neighbours in an image,
            26 in a volume, instead of 4 and 6).

    Returns:
        `[batch, *spatial]` int32: 0 outside the mask; inside the number of the component's last voxel, counted from 1
        within the sample.

    References:
        [Zhang et al., 2020](https://doi.org/10.1137/1.9781611976137.5) (FastSV: hooking and shortcutting on vectors);
        [Hawick et al., 2010](https://doi.org/10.1016/j.parco.2010.07.002) (label equivalence on images)
    """
    shape = ops.shape(mask)
    inside = ops.reshape(mask, (-1,))
    # Pointer 0 is the outside's, which points to itself.
    itself = ops.arange(_size(shape) + 1, dtype="int32")
    voxel = ops.where(inside, itself[1:], 0)

    def spread(pointers):
        highest = _highest_near(ops.reshape(pointers, shape), full)
        return ops.where(inside, ops.reshape(highest, (-1,)), 0)

    def differ(pointers, wanted):
        return ops.any(ops.not_equal(pointers, wanted))

    def merge(pointers, wanted):
        # The root of every tree learns the highest root that any voxel of the tree touches.
        hung = ops.segment_max(wanted, pointers, num_segments=_size(shape) + 1)
        # A number that no voxel points to has no highest root.
        pointers = ops.take(_flattened(ops.maximum(hung, itself)), pointers)
        return pointers, spread(pointers)

    roots = ops.take(_flattened(ops.concatenate([itself[:1], spread(voxel)])), voxel)
    roots, _ = ops.while_loop(differ, merge, (roots, spread(roots)))
    roots = ops.reshape(roots, (shape[0], -1))
    first = ops.expand_dims(ops.arange(shape[0], dtype="int32"), 1) * _size(shape[1:])
    return ops.reshape(ops.where(roots > 0, roots - first, 0), shape)


def number(labels, max_instances):
    """Number components by size, the largest first.

    Args:
        labels: What `label` returns, `[batch, *spatial]`.
        max_instances: Highest number. If a sample has more components, its smallest ones share that number. Of two
            of the same size the one that ends first comes first.

    Returns:
        `[batch, *spatial]` int32, 0 to `max_instances`.
    """
    shape = ops.shape(labels)
    batch, width = shape[0], _size(shape[1:]) + 1 + max_instances
    first = ops.expand_dims(ops.arange(batch, dtype="int32"), 1) * width
    places = ops.reshape(ops.reshape(labels, (batch, -1)) + first, (-1,))
    sizes = ops.segment_sum(ops.ones_like(places, dtype="float32"), places, num_segments=batch * width)
    # Without the background, and so wide that there are enough of them even if all are empty.
    sizes = ops.reshape(sizes, (batch, width))[:, 1:]
    largest = ops.cast(ops.top_k(sizes, max_instances)[1], "int32") + 1 + first
    ranks = ops.broadcast_to(ops.arange(1, max_instances + 1, dtype="int32"), ops.shape(largest))
    numbers = ops.full((batch * width,), max_instances, dtype="int32")
    numbers = ops.scatter_update(numbers, ops.reshape(largest, (-1, 1)), ops.reshape(ranks, (-1,)))
    return ops.where(labels > 0, ops.reshape(ops.take(numbers, places), shape), 0)


def check_instances(max_instances):
    """Return a number of instances.

    Raises:
        ValueError: Unless it is an integer above 0.
    """
    if not is_integer(max_instances) or max_instances < 1:
        raise ValueError(f"`max_instances` must be an integer >= 1. Received: {max_instances!r}.")
    return int(max_instances)


def _flattened(pointers):
    """Follow pointers until each points to a root, which points to itself."""

    def follow(pointers, _):
        further = ops.take(pointers, pointers)
        return further, ops.any(ops.not_equal(further, pointers))

    return ops.while_loop(lambda _, moved: moved, follow, (pointers, ops.any(pointers >= 0)))[0]


def _highest_near(labels, full):
    """Maximum over a voxel and its neighbours; outside is 0."""
    inside = labels > 0
    for axis in range(1, len(labels.shape)):
        labels = _highest_of_three(labels, axis)
        if not full:
            # What passes through voxels of the mask alone may go on around the corner at once.
            labels = ops.where(inside, labels, 0)
    return labels


def _highest_of_three(labels, axis):
    shape, rank = ops.shape(labels), len(labels.shape)
    padded = ops.pad(labels, [(1, 1) if a == axis else (0, 0) for a in range(rank)])
    parts = [ops.slice(padded, [k if a == axis else 0 for a in range(rank)], shape) for k in range(3)]
    return ops.maximum(parts[1], ops.maximum(parts[0], parts[2]))


def _size(shape):
    size = 1
    for length in shape:
        size = size * length
    return size
