"""One look-up for all that moves a patch: crop, flip, rotation, scale and elastic deformation together."""

import dataclasses
import itertools

import numpy as np

# Voxels that are interpolated at a time: their coordinates and corner values stay in the processor's cache.
SLAB = 16_384

# Rounding errors of float32 coordinates stay below this many voxels.
MARGIN = 1e-2

# Up to here float32 counts voxels exactly.
EXACT = 2**24


@dataclasses.dataclass(frozen=True, eq=False)
class Warp:
    """Where each voxel of a patch comes from: `centre + matrix @ (offset + displacement)`, in voxels.

    `offset` is the voxel's own distance from the centre of the patch.

    Args:
        flip: Whether the patch is mirrored along each axis.
        matrix: Array `[rank, rank]`: rotation and scale, from an offset in the patch to an offset in the image. `None`
            where the patch is only cut out and mirrored, which copies voxels and interpolates nothing.
        control: Array `[rank, *points]`: the displacement at the control points of a cubic B-spline, or `None`.
        basis: For each axis the weights `[voxels, points]` of the control points, or `None`.
    """

    flip: tuple[bool, ...]
    matrix: np.ndarray | None = None
    control: np.ndarray | None = None
    basis: tuple[np.ndarray, ...] | None = None


def cut(image, label, start, shape, warp, mirror=False):
    """Cut a patch out of an image and its label, and warp it on the way; only the region it needs is read.

    The image is interpolated linearly, the label takes the nearest voxel of the same coordinates.

    Args:
        image: Array or memory map `[*spatial, channels]`.
        label: Array or memory map `[*spatial]` of integers.
        start: First voxel of the patch along each axis; negative where the patch begins outside the image.
        shape: Number of voxels of the patch along each axis.
        warp: A `Warp`.
        mirror: Whether a warp that looks outside the image finds its mirror image there instead of 0. What the patch
            itself has outside, since the image is smaller, is 0 in either case.

    Returns:
        The patch's image `[channels, *shape]`, float32, and its label `[*shape]`: arrays of their own.
    """
    start, shape = np.asarray(start), tuple(shape)
    size = np.asarray(label.shape)
    # What the image and the patch cover together; beyond it is the mirror image.
    canvas = (np.minimum(0, start), np.maximum(size, start + shape)) if mirror else None
    if warp.matrix is None:
        back = tuple(slice(None, None, -1 if turned else 1) for turned in warp.flip)
        pixels, classes = _read(image, label, start, start + shape, None)
        return np.array(pixels[(slice(None), *back)], "float32", order="C"), np.array(classes[back], order="C")
    centre = start + (np.asarray(shape) - 1) / 2
    matrix = np.where(warp.flip, -1.0, 1.0) * warp.matrix
    control = None if warp.control is None else np.tensordot(matrix, warp.control, 1)
    low, high = _bounds(centre, shape, matrix, control)
    pixels, classes = _read(image, label, low, high, canvas)
    return _look_up(pixels, classes, shape, matrix, centre - low, control, warp.basis)


def _bounds(centre, shape, matrix, control):
    """First voxel, and the one after the last, that the warped patch looks at along each axis."""
    reach = np.abs(matrix) @ ((np.asarray(shape) - 1) / 2) + MARGIN
    if control is not None:
        # A B-spline never leaves the hull of its control points.
        reach = reach + np.abs(control).reshape(len(control), -1).max(1)
    return np.floor(centre - reach).astype(int), np.floor(centre + reach).astype(int) + 2


def _read(image, label, low, high, canvas):
    """Read a region of both arrays as `[channels, *region]` and `[*region]`, which may reach outside them.

    Where it does not, what it returns are views.

    Args:
        image: Array or memory map `[*spatial, channels]`.
        label: Array or memory map `[*spatial]`.
        low: First voxel of the region along each axis.
        high: The voxel after the last.
        canvas: `(low, high)` of the part beyond which all is mirrored, or `None`: nothing is.
    """
    if canvas is not None and ((low < canvas[0]) | (high > canvas[1])).any():
        index = [_mirrored(*ends) for ends in zip(low, high, *canvas)]
        lowest, highest = np.array([(line.min(), line.max() + 1) for line in index]).T
        pixels, classes = _read(image, label, lowest, highest, None)
        for axis, line in enumerate(index):
            pixels, classes = pixels.take(line - lowest[axis], axis + 1), classes.take(line - lowest[axis], axis)
        return pixels, classes
    first, last = np.maximum(low, 0), np.minimum(high, label.shape)
    inside = tuple(slice(a, max(a, b)) for a, b in zip(first, last))
    pixels = np.moveaxis(np.asarray(image[inside]), -1, 0)
    classes = np.asarray(label[inside])
    if classes.shape == tuple(high - low):
        return pixels, classes
    place = tuple(slice(a, max(a, b)) for a, b in zip(first - low, last - low))
    padded = np.zeros((len(pixels), *(high - low)), "float32"), np.zeros(high - low, classes.dtype)
    padded[0][(slice(None), *place)] = pixels
    padded[1][place] = classes
    return padded


def _mirrored(low, high, first, end):
    """Voxels `low` to `high` of a line that runs from `first` to `end` and back, again and again."""
    period = max(1, 2 * (end - first - 1))
    steps = (np.arange(low, high) - first) % period
    return first + np.minimum(steps, period - steps) if end - first > 1 else np.full(high - low, first)


def _look_up(pixels, classes, shape, matrix, centre, control, basis):
    """Interpolate a region at the warped coordinates of a patch, slab by slab along its first axis.

    Args:
        pixels: Array `[channels, *region]`.
        classes: Array `[*region]` of integers.
        shape: Shape of the patch.
        matrix: From an offset in the patch to an offset in the region.
        centre: The patch's centre in the region.
        control: Displacement of the control points in the region, `[rank, *points]`, or `None`.
        basis: The weights of the control points along each axis, or `None`.
    """
    region = classes.shape
    strides = [int(np.prod(region[axis + 1 :])) for axis in range(len(region))]
    counter = np.float32 if classes.size < EXACT else np.float64
    planes, flat = np.ascontiguousarray(pixels, "float32").reshape(len(pixels), -1), classes.reshape(-1)
    image, label = np.empty((len(pixels), *shape), "float32"), np.empty(shape, classes.dtype)
    coarse = None if control is None else _along_other_axes(control, basis)
    rows = max(1, SLAB // int(np.prod(shape[1:])))
    for top in range(0, shape[0], rows):
        slab = slice(top, min(top + rows, shape[0]))
        base, nearest, fractions = 0, 0, []
        for axis, stride in enumerate(strides):
            where = _coordinates(axis, slab, shape, matrix, centre)
            if coarse is not None:
                where += np.einsum("ia,a...->i...", basis[0][slab], coarse[axis])
            whole = np.floor(where)
            nearest = nearest + np.rint(where).astype(counter, copy=False) * counter(stride)
            where -= whole
            base = base + whole.astype(counter, copy=False) * counter(stride)
            fractions.append(where)
        base, nearest = base.astype(np.intp), nearest.astype(np.intp)
        label[slab] = flat.take(nearest)
        for plane, out in zip(planes, image):
            out[slab] = _interpolate(plane, base, fractions, strides)
    return image, label


def _coordinates(axis, slab, shape, matrix, centre):
    """Coordinates along one axis of the region of the voxels of a slab of the patch, `[*slab]` float32."""
    total = np.float32(centre[axis])
    for other, size in enumerate(shape):
        line = (np.arange(size) - (size - 1) / 2) * matrix[axis, other]
        line = (line[slab] if other == 0 else line).astype("float32")
        total = total + line.reshape([-1 if each == other else 1 for each in range(len(shape))])
    return total


def _along_other_axes(control, basis):
    """Spread the control points `[rank, *points]` along all axes but the first: `[rank, points, *shape[1:]]`."""
    spread = control.astype("float32")
    for axis, weights in enumerate(basis):
        if axis:
            spread = np.moveaxis(np.einsum("ia,a...->i...", weights, np.moveaxis(spread, axis + 1, 0)), 0, axis + 1)
    return np.ascontiguousarray(spread)


def _interpolate(plane, base, fractions, strides):
    """Interpolate linearly between the corners of each voxel's cell; `base` is the index of the first corner."""
    corners = [sum(corner) for corner in itertools.product(*[(0, stride) for stride in strides])]
    values = [plane[corner:].take(base) for corner in corners]
    for fraction in reversed(fractions):
        for low, high in zip(values[::2], values[1::2]):
            high -= low
            high *= fraction
            low += high
        values = values[::2]
    return values[0]
