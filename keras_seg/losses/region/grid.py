"""Sums over the regions of a grid laid over an image or a volume."""

import math

from keras import ops

from keras_seg.losses.stream import stream_map
from keras_seg.losses.voxels import Voxels


def region_sums(maps, inputs, regions):
    """Sum maps over equal boxes, `regions` along each axis, fewer where an axis has fewer voxels.

    The boxes are of equal size whatever the number of voxels: a voxel on the border of two belongs to each in
    proportion, so that none is dropped, none counts twice, and a mirrored image has mirrored regions.

    Args:
        maps: A function of `Voxels` that returns a tuple of maps `[batch, ..., k]`; voxel weights are applied here.
        inputs: The batch, as `Inputs`.
        regions: The number of regions along each axis.

    Returns:
        A tuple of `[batch, all regions, k]`, one per map.
    """
    widths = []

    def sums_of_planes(voxels):
        """Return the sums over each plane's regions, `[batch, planes, regions of a plane * k]`."""
        parts = []
        for values in maps(voxels):
            values = values if voxels.weight is None else values * voxels.weight
            parts.append(axis_sums(values, regions))
        widths[:] = [part.shape[-1] for part in parts]
        sums = ops.concatenate(parts, axis=-1)
        for _ in voxels.prediction.shape[3:-1]:
            sums = axis_sums(with_last_two_as_one(sums), regions)
        return with_last_two_as_one(sums)

    tensors = [inputs.prediction, inputs.truth, inputs.weight]
    if len(inputs.prediction.shape) == 3:
        # A line is an image of one row.
        tensors = [None if x is None else ops.expand_dims(x, 1) for x in tensors]
    planes = by_plane(sums_of_planes, tensors, inputs.view)
    total = axis_sums(planes, regions)
    total = ops.reshape(total, (ops.shape(total)[0], -1, sum(widths)))
    starts = [sum(widths[:k]) for k in range(len(widths))]
    return tuple(total[..., start : start + width] for start, width in zip(starts, widths, strict=True))


def by_plane(function, tensors, view):
    """Apply a function of `Voxels` to slabs of planes along the first axis; nothing is stored for the gradient."""
    prediction = tensors[0]
    if None in prediction.shape[1:]:
        return function(Voxels(*tensors, **view))
    batch, planes = ops.shape(prediction)[0], prediction.shape[1]
    folded = [None if x is None else ops.reshape(x, (batch, planes, math.prod(x.shape[2:]))) for x in tensors]
    shapes = [None if x is None else x.shape[2:] for x in tensors]

    def on_slab(*slab):
        unfolded = [
            None if x is None else ops.reshape(x, (*ops.shape(x)[:2], *shape))
            for x, shape in zip(slab, shapes, strict=True)
        ]
        return function(Voxels(*unfolded, **view))

    return stream_map(on_slab, *folded)


def axis_sums(x, regions):
    """Sum the last axis but one over its regions, `[..., voxels, k]` to `[..., regions, k]`."""
    size = x.shape[-2]
    if size is not None and size % min(regions, size) == 0:
        regions = min(regions, size)
        return ops.sum(ops.reshape(x, (*ops.shape(x)[:-2], regions, size // regions, x.shape[-1])), axis=-2)
    return ops.matmul(memberships(ops.shape(x)[-2], regions, x.dtype), x)


def memberships(size, regions, dtype):
    """Return how much of each voxel lies in each region, `[regions, voxels]`, all zeros where there are fewer.

    Voxel `v` covers `[v, v + 1]`, region `i` of `r` covers `[i n / r, (i + 1) n / r]`; what both cover is exact in
    whole numbers once multiplied by `r`.
    """
    count = ops.minimum(ops.cast(size, "int32"), regions)
    regions = min(regions, size) if isinstance(size, int) else regions
    voxel = ops.expand_dims(ops.arange(size, dtype="int32"), 0) * count
    region = ops.expand_dims(ops.arange(regions, dtype="int32"), 1) * ops.cast(size, "int32")
    shared = ops.minimum(voxel + count, region + ops.cast(size, "int32")) - ops.maximum(voxel, region)
    return ops.cast(ops.maximum(shared, 0), dtype) / ops.cast(count, dtype)


def with_last_two_as_one(x):
    """Return `[..., a, b]` as `[..., a * b]`."""
    return ops.reshape(x, (*ops.shape(x)[:-2], x.shape[-2] * x.shape[-1]))
