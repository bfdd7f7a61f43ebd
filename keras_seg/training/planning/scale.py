"""How fine, how deep, how large: spacing, strides, filters, patch and batch from the size of the images and a limit."""

import dataclasses
import math

import numpy as np

from keras_seg.training.recipes.consistency import factor_of

# Batch sizes to choose from.
BATCH_SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
# The lowest level keeps this many voxels along an axis.
LOWEST = 4
# An axis whose voxels are this much longer than those of the finest one waits until the others have caught up.
COARSE = 2.0


@dataclasses.dataclass(frozen=True)
class Machine:
    """What the network's size depends on, a GPU or cores.

    Attributes:
        gpu: Whether there is a GPU.
        memory: Bytes that a training step may hold.
        flops: Operations that a training step may take.
    """

    gpu: bool
    memory: float
    flops: float


def choose_strides(shape, spacing, steps, exact=False):
    """Choose how the resolution goes down, as nnU-Net does.

    An axis is halved while `LOWEST` voxels remain, and not before its voxels are shorter than `COARSE` times the
    shortest: thick slices wait until a voxel is about as long in each direction.

    Args:
        shape: Size of the patch in voxels.
        spacing: Size of a voxel in mm.
        steps: How often at most.
        exact: Whether to go down that often, with fewer voxels left than `LOWEST`.

    Returns:
        Tuple of tuples of 1 and 2, one per step and axis; at least one step.
    """
    shape, spacing = np.array(shape, float), np.array(spacing, float)
    strides = []
    while len(strides) < steps:
        large = shape >= 2 * LOWEST
        if not large.any() and not exact:
            break
        if not large.any():
            large = shape >= min(2, shape.max())
        halved = large & (spacing < COARSE * spacing[large].min())
        strides.append(tuple(2 if axis else 1 for axis in halved))
        shape, spacing = np.where(halved, shape / 2, shape), np.where(halved, spacing * 2, spacing)
    return tuple(strides) or ((2,) * len(shape),)


def simplify(strides):
    """Write `(2, 2, 2)` as `2`."""
    return tuple(step[0] if isinstance(step, tuple) and len(set(step)) == 1 else step for step in strides)


def choose_filters(base, levels, rank):
    """Return the width of each level: twice as wide as the one above, at most 320 in 3D and 512 in 2D, as nnU-Net."""
    most = 320 if rank == 3 else 512
    return tuple(min(base * 2**level, most) for level in range(levels))


def whole_patch(shape, factor):
    """Return the smallest patch that covers a shape and that the network can halve."""
    return tuple(-(-int(size) // by) * by for size, by in zip(shape, factor, strict=True))


def cut_patch(shape, spacing, factor, share):
    """Return a patch of about this share of an image's voxels, as long in each direction in mm as it can be.

    Args:
        shape: Size of the image in voxels.
        spacing: Size of a voxel in mm.
        factor: What sizes must be multiples of.
        share: Share of the voxels, up to 1.
    """
    lengths = np.array(shape, float) * spacing
    low, high = 0.0, lengths.max()
    for _ in range(40):
        # The edge of a cube in mm; along a shorter image it ends with the image.
        edge = (low + high) / 2
        low, high = (edge, high) if np.prod(np.minimum(lengths, edge) / lengths) < share else (low, edge)
    sizes = np.minimum(lengths, high) / spacing
    covered = sizes >= np.array(shape) - 0.5
    multiples = np.where(covered, np.ceil(sizes / factor - 1e-6), np.maximum(1, np.floor(sizes / factor)))
    return tuple(int(count * by) for count, by in zip(multiples, factor, strict=True))


def coarser_spacing(spacing, shape, smallest, budget, cases):
    """Choose a coarser spacing where a short training would otherwise see too little of the images.

    Args:
        spacing: Median spacing in mm.
        shape: Median shape at that spacing.
        smallest: Voxels of the smallest class in a case, typically, at that spacing.
        budget: Voxels that the training can go through.
        cases: Number of training cases.

    Returns:
        The spacing, the given one where there is no need or a structure would be lost.
    """
    passes = budget / (cases * math.prod(shape))
    # Short of this many passes over the images, resolution costs more than it gives.
    wanted = 8.0
    chosen = np.array(spacing, float)
    for target in (1.25, 1.5, 2.0):
        if passes * np.prod(chosen / spacing) >= wanted:
            break
        trial = np.maximum(spacing, min(spacing) * target)
        # A ball of about five voxels' radius is left of the smallest class.
        if smallest / np.prod(trial / spacing) < 500:
            break
        chosen = trial
    return tuple(float(round(size, 4)) for size in chosen)


def settle(shape, spacing, machine, cost, *, steps, exact, batches, strides=None, patch=None, batch=None):
    """Choose patch, strides and batch size: the largest patch that leaves room for the smallest batch, then the batch.

    Args:
        shape: Median shape of the images.
        spacing: Size of a voxel in mm.
        machine: `Machine`.
        cost: Function of strides and patch that returns a `Workload`.
        steps: How often the resolution goes down at most.
        exact: Whether it has to go down that often.
        batches: Smallest and largest batch size.
        strides: Given strides, or `None`.
        patch: Given patch, or `None`.
        batch: Given batch size, or `None`.

    Returns:
        `(patch, strides, batch_size, limit)`: `limit` says what keeps the patch or the batch from being larger,
        `"the memory"`, `"the time"` or `"the data"`.
    """
    rank = len(shape)
    least, most = (batch, batch) if batch else batches
    given = strides and tuple(step if isinstance(step, tuple) else (step,) * rank for step in strides)

    def down(size):
        return given or choose_strides(size, spacing, steps, exact)

    def limit(work, batch_size):
        if work.memory(batch_size) > machine.memory:
            return "the memory"
        return "the time" if work.step_flops(batch_size) > machine.flops else None

    if patch:
        chosen = patch, down(patch)
        limited = limit(cost(chosen[1], patch), least)
    else:
        chosen, limited = _largest(shape, spacing, down, lambda strides, size: limit(cost(strides, size), least))
    work = cost(*reversed(chosen))
    sizes = [size for size in BATCH_SIZES if least <= size <= most and not limit(work, size)]
    size = max([least, *sizes])
    larger = next((other for other in BATCH_SIZES if other > size), size + 1)
    return *chosen, size, limited or limit(work, larger) or "the data"


def _largest(shape, spacing, down, limit):
    """Return `(patch, strides)` for the largest patch without a limit, and the limit of the next larger one."""
    rank, share, limited, tried = len(shape), 1.0, None, None
    while True:
        rough = shape if share == 1.0 else cut_patch(shape, spacing, (1,) * rank, share)
        strides = down(rough)
        factor = factor_of(strides, rank)
        patch = whole_patch(shape, factor) if share == 1.0 else cut_patch(shape, spacing, factor, share)
        if (patch, strides) != tried:
            tried = patch, strides
            reason = limit(strides, patch)
            smallest = all(size <= max(by, LOWEST) for size, by in zip(patch, factor, strict=True))
            if reason is None or smallest:
                return tried, limited or reason
            limited = reason
        share *= 0.93
