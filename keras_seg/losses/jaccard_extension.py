"""How much each voxel's error weighs in the Lovász extension of the Jaccard loss, by order or by counts in buckets.

Errors are taken from the largest down. Of a class with `G` voxels of truth, `I` are still right and the union is `U`
at some point (`I = U = G` at the start); the loss so far is `1 - I / U`. A voxel weighs what it adds to that.
"""

from keras import ops

from keras_seg.losses import safe


def exact_factors(errors, truth, weight):
    """Return what each voxel adds to the Jaccard loss, from one sort per sample and class.

    Args:
        errors: `[batch, voxels, classes]`, >= 0.
        truth: `[batch, voxels, classes]`.
        weight: `[batch, voxels, 1]` with 0 where a voxel is ignored, or `None`.

    Returns:
        Factors `[batch, voxels, classes]`, without gradient. Without ties they are the gradient of the extension.
    """
    # Sorting runs along the last axis, on one row per sample and class.
    shape = ops.shape(errors)
    errors, truth = (_rows(ops.stop_gradient(x)) for x in (errors, truth))
    if weight is None:
        order = ops.argsort(-errors, axis=-1)
        taken = ops.take_along_axis(truth, order, axis=-1)
        false = 1 - taken
    else:
        weight = _rows(weight + ops.zeros(shape, weight.dtype))
        # Ignored voxels sort below every real error and add nothing.
        order = ops.argsort(ops.where(weight > 0, -errors, ops.ones_like(errors)), axis=-1)
        taken = ops.take_along_axis(truth * weight, order, axis=-1)
        false = ops.take_along_axis(weight, order, axis=-1) - taken
    total = ops.sum(taken, axis=-1, keepdims=True)
    union = total + ops.cumsum(false, axis=-1)
    jaccard = 1 - safe.divide(total - ops.cumsum(taken, axis=-1), union, empty=1.0)
    added = jaccard - ops.pad(jaccard[:, :-1], [(0, 0), (1, 0)])
    # The way back by a scatter, which costs a hundredth of a second sort.
    rows, voxels = ops.shape(order)
    place = ops.cast(order, "int32") + voxels * ops.expand_dims(ops.arange(rows, dtype="int32"), 1)
    factors = ops.segment_sum(ops.reshape(added, (-1,)), ops.reshape(place, (-1,)), num_segments=rows * voxels)
    return ops.stop_gradient(_columns(ops.reshape(factors, (rows, voxels)), shape))


def bucket_factors(errors, truth, weight, buckets, largest=1.0, logarithmic=False):
    """Return what each voxel adds to the Jaccard loss if the errors of a bucket come in no particular order.

    Taking the voxels of a bucket raises the loss from `1 - I0 / U0` to `1 - I1 / U1`, whatever their order. Its voxels
    share that: the `T` true ones have `(1 / U0 + 1 / U1) / 2` each, the false ones the rest,
    `(I0 + I1) / 2 / (U0 U1)` each, which is the mean over "all true ones first" and "all false ones first".

    Args:
        errors: `[batch, voxels, classes]`, >= 0.
        truth: `[batch, voxels, classes]`.
        weight: `[batch, voxels, 1]` with 0 where a voxel is ignored, or `None`.
        buckets: How many buckets a sample and class have.
        largest: The largest error, `[batch, 1, classes]` or a number.
        logarithmic: Whether the buckets are even in `log(1 + error)` instead of the error.

    Returns:
        Factors `[batch, voxels, classes]`, >= 0 and without gradient.
    """
    errors, truth = ops.stop_gradient(errors), ops.stop_gradient(truth)
    batch, voxels, classes = ops.shape(errors)
    place, end = (ops.log1p(errors), ops.log1p(largest)) if logarithmic else (errors, largest)
    # The largest errors are in bucket 0. A voxel beyond the scale (it is ignored, or `largest` is 0) has a bucket too.
    bucket = ops.cast((1 - safe.divide(place, end + ops.zeros_like(errors))) * buckets, "int32")
    bucket = ops.clip(bucket, 0, buckets - 1)
    row = ops.arange(batch * classes, dtype="int32")
    bucket = ops.reshape(bucket + buckets * ops.reshape(row, (batch, 1, classes)), (-1,))

    def count(values):
        counted = ops.segment_sum(ops.reshape(values, (-1,)), bucket, num_segments=batch * classes * buckets)
        return ops.reshape(counted, (batch * classes, buckets))

    true, false = (truth, 1 - truth) if weight is None else (truth * weight, (1 - truth) * weight)
    for_true, for_false = _shares(count(true), count(false))
    for_true, for_false = (ops.take(ops.reshape(x, (-1,)), bucket) for x in (for_true, for_false))
    for_true, for_false = (ops.reshape(x, (batch, voxels, classes)) for x in (for_true, for_false))
    return ops.stop_gradient(true * for_true + false * for_false)


def _shares(true, false):
    """Return what a true and what a false voxel of each bucket adds, from their numbers, `[rows, buckets]`."""
    total = ops.sum(true, axis=-1, keepdims=True)
    right, union = total - ops.cumsum(true, axis=-1), total + ops.cumsum(false, axis=-1)
    right = ops.maximum(right, 0)  # Sums of weights in different orders differ by rounding.
    right_before, union_before = (ops.concatenate([total, x[:, :-1]], axis=-1) for x in (right, union))
    for_true = (safe.divide(1.0, union_before) + safe.divide(1.0, union)) / 2
    for_false = safe.divide((right_before + right) / 2, union_before * union)
    # Where a class is not in the truth, the first voxels are the whole loss.
    first = ops.logical_and(union_before == 0, false > 0)
    return for_true, ops.where(first, safe.divide(1.0, false), for_false)


def _rows(x):
    """`[batch, voxels, classes]` to `[batch * classes, voxels]`."""
    x = ops.swapaxes(x, 1, 2)
    return ops.reshape(x, (-1, ops.shape(x)[-1]))


def _columns(x, shape):
    """`[batch * classes, voxels]` back to `[batch, voxels, classes]`."""
    batch, voxels, classes = shape
    return ops.swapaxes(ops.reshape(x, (batch, classes, voxels)), 1, 2)
