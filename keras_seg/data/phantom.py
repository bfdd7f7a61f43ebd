"""The embedded data set: phantoms that look like scans of a trunk, made in memory."""

import numpy as np

from keras_seg.data.anatomy import draw_body, draw_lesions, draw_organ, draw_vessels
from keras_seg.data.case import Case
from keras_seg.data.shapes import Grid, noise

KINDS = ("organ", "vessels", "lesions")

# Share of the foreground, roughly: an organ is large, lesions are small.
SHARES = {"organ": 6.0, "vessels": 2.5, "lesions": 1.5}

# Brightness of each kind; tissue around is 0.5. A kind that comes again has the opposite contrast.
CONTRASTS = {"organ": 0.19, "vessels": 0.5, "lesions": -0.26}

MOST_FOREGROUND = 0.25


def phantoms(num_cases, shape=(48, 48, 48), num_classes=3, foreground=0.05, empty=0.0, spacing=None, seed=0):
    """Make phantoms: noisy scans of a trunk with labelled structures in it, the same for the same arguments.

    Class 1 is a textured organ, class 2 a vessel with branches, class 3 some small lesions; further classes begin
    again with another place and contrast. Around them are air, skin, fat, muscle, a spine and organs without a label.
    The image has partial volume, a bias field, Rician noise and, as raw scans do, a brightness scale of its own.

    Case `k` is the same however many cases are asked for, except that `empty` chooses anew which cases are empty.

    Args:
        num_cases: Number of cases.
        shape: Number of voxels along each of two or three axes, each 16 or more. A 2D phantom is an axial slice with
            its front at the top; a 3D phantom runs left to right, back to front, foot to head.
        num_classes: Number of classes, the background included; 2 or more.
        foreground: Share of the voxels that are not background, in each case that is not empty: up to 0.25. It is met
            to the voxel.
        empty: Share of the cases that show no structure at all; `round(empty * num_cases)` of them.
        spacing: Size of a voxel along each axis, in millimetres. 1.0 by default.
        seed: Seed of the whole data set.

    Returns:
        List of `Case` with images `[*shape, 1]` and labels `[*shape]` of uint8.

    Raises:
        ValueError: If an argument is out of its range, or too few voxels are left for the classes.
    """
    shape = tuple(int(size) for size in shape)
    spacing = (1.0,) * len(shape) if spacing is None else tuple(float(size) for size in spacing)
    _check(num_cases, shape, num_classes, foreground, empty, spacing)
    # One draw per case decides who is empty: the lowest ones, so that every case has its own fixed place in the queue.
    queue = np.argsort([np.random.default_rng([seed, case, 1]).random() for case in range(num_cases)], kind="stable")
    emptied = set(queue[: int(np.floor(empty * num_cases + 0.5))].tolist())
    voxels = int(np.floor(foreground * np.prod(shape) + 0.5))
    cases = []
    for case in range(num_cases):
        wanted = 0 if case in emptied else voxels
        image, label = _make(np.random.default_rng([seed, case]), shape, spacing, num_classes, wanted)
        cases.append(Case(f"phantom_{case:04d}", image, label, spacing))
    return cases


def _check(num_cases, shape, num_classes, foreground, empty, spacing):
    """Check the arguments of `phantoms`."""
    if num_cases < 1:
        raise ValueError(f"`num_cases` must be 1 or more, but it is {num_cases}.")
    if len(shape) not in (2, 3) or min(shape) < 16:
        raise ValueError(f"`shape` must have two or three axes of 16 voxels or more, but it is {shape}.")
    if len(spacing) != len(shape) or not all(np.isfinite(size) and size > 0 for size in spacing):
        raise ValueError(f"`spacing` must be one positive number per axis of {shape}, but it is {spacing}.")
    if not 2 <= num_classes <= 256:
        raise ValueError(f"`num_classes` counts the background and must be 2 to 256, but it is {num_classes}.")
    if not 0 <= empty <= 1:
        raise ValueError(f"`empty` is a share of the cases and must be 0 to 1, but it is {empty}.")
    if not 0 < foreground <= MOST_FOREGROUND:
        raise ValueError(
            f"`foreground` must be above 0 and at most {MOST_FOREGROUND}, so that it fits into the body, but it is "
            f"{foreground}. For cases without foreground use `empty`."
        )
    if round(foreground * np.prod(shape)) < num_classes - 1:
        raise ValueError(
            f"`foreground={foreground}` of the shape {shape} is {foreground * np.prod(shape):.1f} voxels, too few for "
            f"{num_classes - 1} foreground classes. Raise `foreground` or `shape`, or lower `num_classes`."
        )


def _make(generator, shape, spacing, num_classes, voxels):
    """Image and label of one case."""
    # Drawn with the axes left to right, back to front; a 2D image has rows from front to back instead.
    flat = len(shape) == 2
    grid = Grid(shape[::-1], spacing[::-1]) if flat else Grid(shape, spacing)
    # Independent streams: an empty case keeps the body and the noise that it would have had.
    anatomy, structures, scanner = generator.spawn(3)
    body = draw_body(anatomy, grid)
    label = np.zeros(grid.shape, dtype="uint8")
    brightness = body.brightness
    if voxels:
        _draw_structures(structures, grid, body, label, num_classes, voxels)
        _shade_structures(structures, grid, brightness, label, num_classes)
    image = _scan(scanner, grid, brightness)
    if flat:
        image, label = (np.ascontiguousarray(array.T[::-1]) for array in (image, label))
    return image[..., None], label


def _kind(number):
    """Kind of structure of a class, and how often this kind came before."""
    return KINDS[(number - 1) % len(KINDS)], (number - 1) // len(KINDS)


def _draw_structures(generator, grid, body, label, num_classes, voxels):
    """Write the classes into `label`, `voxels` voxels in all; lesions lie over vessels, vessels over organs."""
    numbers = range(1, num_classes)
    weights = np.array([SHARES[_kind(number)[0]] for number in numbers]) * generator.lognormal(0, 0.2, num_classes - 1)
    counts = 1 + np.floor((voxels - len(numbers)) * weights / weights.sum()).astype(int)
    counts[0] += voxels - counts.sum()
    voxel = grid.voxel**grid.rank
    levels, centres = {}, []
    for number, count in zip(numbers, counts):
        kind, again = _kind(number)
        if kind == "organ":
            levels[number], centre = draw_organ(generator, grid, body.half, count * voxel, again)
            centres.append(centre)
        elif kind == "vessels":
            levels[number] = draw_vessels(generator, grid, body.half, count * voxel)
        else:
            levels[number] = draw_lesions(generator, grid, body, count * voxel, centres)
    for number in sorted(numbers, key=lambda number: -KINDS.index(_kind(number)[0])):
        # The voxels of the lowest level, as many as wanted: the size is exact, and the form keeps to room that is free.
        count = counts[number - 1]
        free = np.flatnonzero(body.room & (label == 0))
        if len(free) < count:  # a large foreground in a flat field of view
            free = np.flatnonzero(body.inside & (label == 0))
        label.flat[free[np.argpartition(levels[number].flat[free], count - 1)[:count]]] = number


def _shade_structures(generator, grid, brightness, label, num_classes):
    """Write the brightness of each structure, with its texture, into `brightness`."""
    texture = noise(generator, grid, max(2 * grid.voxel, grid.size / 40))
    for number in range(1, num_classes):
        kind, again = _kind(number)
        contrast = CONTRASTS[kind] * (-1) ** again * 0.9 ** min(again, 5) * generator.uniform(0.8, 1.2)
        inside = label == number
        brightness[inside] = 0.5 + contrast + 0.05 * texture[inside]


def _scan(generator, grid, brightness):
    """What a scanner makes of the brightness: partial volume, bias field, Rician noise and arbitrary units."""
    from scipy.ndimage import gaussian_filter

    blurred = gaussian_filter(brightness, generator.uniform(0.5, 0.7))
    blurred *= np.exp(0.16 * np.clip(noise(generator, grid, 0.7 * grid.size), -2, 2))
    level = generator.uniform(0.025, 0.045)
    real = blurred + level * generator.standard_normal(grid.shape, dtype="float32")
    other = level * generator.standard_normal(grid.shape, dtype="float32")
    units = np.exp(generator.uniform(np.log(100), np.log(2000)))
    return (np.hypot(real, other) * units).astype("float32")
