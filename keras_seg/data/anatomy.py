"""What the embedded scans show: a trunk with its tissues, and the structures to segment."""

from typing import NamedTuple

import numpy as np

from keras_seg.data.shapes import ball_radius, cells, ellipsoid, noise, trunk, tube, walk

# Brightness of tissues as in a T1-weighted scan; fat is the brightest.
AIR, GAS, BONE, DISC, MUSCLE, VISCERA, MARROW, SKIN, FAT = 0.0, 0.03, 0.14, 0.34, 0.36, 0.5, 0.64, 0.5, 0.9


class Body(NamedTuple):
    """A trunk without structures.

    Args:
        brightness: Array `[*shape]`.
        room: Mask `[*shape]` of the soft tissue, where structures belong.
        inside: Mask `[*shape]` of the whole trunk.
        half: Half-axes of the room across and from back to front, in millimetres.
    """

    brightness: np.ndarray
    room: np.ndarray
    inside: np.ndarray
    half: np.ndarray


def draw_body(generator, grid):
    """Draw a trunk: skin, fat, muscle, spine, and viscera with fat between them, gas, and organs without a label.

    The axes are left to right, back to front and, in 3D, foot to head.
    """
    level, half = trunk(generator, grid)
    texture = noise(generator, grid, max(2 * grid.voxel, grid.size / 60))
    uneven = np.clip(noise(generator, grid, grid.size / 5), -2, 2)
    rough = noise(generator, grid, max(3 * grid.voxel, grid.size / 28))
    inside_fat = 1 - generator.uniform(0.07, 0.12) * (1 + 0.35 * uneven) + 0.008 * rough
    inside_muscle = inside_fat - generator.uniform(0.05, 0.08) * (1 - 0.3 * uneven) + 0.012 * rough

    brightness = _draw_viscera(generator, grid, half, rough) + 0.025 * texture
    muscle = level > inside_muscle
    muscle |= _flanks_of_spine(generator, grid, half) + 0.12 * rough < 1
    # Streaks of fat in the muscle.
    brightness[muscle] = (MUSCLE + 0.03 * texture + 0.1 * np.maximum(rough - 0.9, 0))[muscle]
    spine = _draw_spine(generator, grid, brightness, half, 0.05 * rough, texture)
    fat = level > inside_fat
    brightness[fat] = (FAT + 0.03 * texture - 0.12 * np.maximum(rough - 1.2, 0))[fat]
    brightness[level > 0.985] = SKIN
    brightness[level > 1] = AIR
    return Body(brightness, ~muscle & ~spine & ~fat, level <= 1, half * float(inside_muscle.mean()))


def _draw_viscera(generator, grid, half, rough):
    """Soft tissue: loops of bowel with fat between them, some gas, and neighbouring organs without a label."""
    brightness = VISCERA + 0.03 * noise(generator, grid, grid.size / 12)
    islands = noise(generator, grid, grid.size / 9)
    count = int(generator.integers(22, 34)) * (1 if grid.rank == 2 else 3)
    centres = np.array([_place(generator, grid, half, 0.9) for _ in range(count)])
    owner, depth = cells(grid, centres, generator.uniform(0.8, 1.25, count) * grid.size / 8)
    tones = generator.normal(0, 0.045, count).astype("float32")
    brightness += tones[owner]
    # Fat fills the gaps between loops, more of it in some places.
    fat = 1 / (1 + np.exp(np.clip((depth - 0.1 - 0.22 * islands + 0.05 * rough) / 0.04, -20, 20)))
    brightness += fat * (0.9 * FAT - brightness)
    gas = np.isin(owner, np.flatnonzero((centres[:, 1] > 0) & (generator.random(count) < 0.12)))
    brightness[gas & (depth > 0.55 + 0.1 * rough)] = GAS
    for _ in range(generator.integers(3, 6)):
        centre = _place(generator, grid, half, 0.8)
        organ = ellipsoid(generator, grid, centre, grid.size * generator.uniform(0.06, 0.14), elongation=2.2)
        organ = organ + 0.05 * rough
        brightness[organ < 1.06] = 0.5 * (VISCERA + FAT)
        tone = VISCERA + generator.uniform(-0.13, 0.13)
        brightness[organ < 1] = (tone + 0.02 * rough)[organ < 1]
    return brightness


def _flanks_of_spine(generator, grid, half):
    """Level set of the muscles on both sides of the spine."""
    across, front, *_ = grid.axes()
    wide, deep = (float(number) for number in half)
    level = np.inf
    for offset, depth, radius in ((0.3, -0.78, 0.17), (0.27, -0.42, 0.11)):
        radius = radius * min(wide, 1.15 * deep) * generator.uniform(0.85, 1.15)
        for side in (-1, 1):
            place = offset * wide * side * generator.uniform(0.95, 1.05)
            level = np.minimum(level, np.hypot((across - place) / (1.1 * radius), (front - depth * deep) / radius))
    return level


def _draw_spine(generator, grid, brightness, half, bumps, texture):
    """Draw vertebrae, discs and the spinal canal into `brightness`; returns where they are and what lies behind."""
    across, front, *up = grid.axes()
    radius = float(min(half[1], half[0] / 1.1)) * generator.uniform(0.17, 0.21)
    middle = -float(half[1]) * generator.uniform(0.52, 0.58)
    back = front - middle + 1.45 * radius  # zero in the middle of the canal
    column = np.hypot(across / 1.25, front - middle) / radius + bumps
    canal = np.hypot(across, back) / (0.5 * radius) + bumps
    # Processes: one to the back and one to each side, thin and slanting.
    process = np.hypot(across / 0.22, (back + 1.1 * radius) / 0.9) / radius + bumps
    slant = back + 0.2 * radius + 0.35 * np.abs(across)
    process = np.minimum(
        process, np.hypot(np.maximum(np.abs(across) - 1.3 * radius, 0), slant) / (0.2 * radius) + bumps
    )
    bone = (column < 1.1) | (canal < 1.5) | (process < 1.1)
    brightness[bone] = BONE
    marrow = (column < 0.92) | (process < 0.55)
    brightness[marrow] = (MARROW + 0.04 * texture)[marrow]
    if up:
        phase = (up[0] / (1.9 * radius) + generator.random()) % 1
        brightness[(column < 0.95) & (phase < 0.22)] = DISC
    brightness[canal < 1] = 0.6 * MUSCLE
    brightness[canal < 0.55] = VISCERA
    return bone | ((front < middle - 0.5 * radius) & (np.abs(across) < 0.5 * float(half[0])))


def _place(generator, grid, half, reach):
    """Random point inside the room, up to a share `reach` of its half-axes, anywhere along the third axis."""
    direction = generator.standard_normal(2)
    point = direction / np.linalg.norm(direction) * np.sqrt(generator.random()) * reach * half
    return np.array([*point, *(generator.uniform(-0.45, 0.45, grid.rank - 2) * grid.extent[2:])])


def draw_organ(generator, grid, half, volume, turn):
    """Level set of one large organ; `turn` chooses its usual side. Returns the level and the centre."""
    angle = 0.15 * np.pi + 1.24 * np.pi * turn + generator.normal(0, 0.2)
    centre = 0.55 * half * (np.cos(angle), np.sin(angle)) * generator.uniform(0.85, 1.1)
    centre = np.array([*centre, *(generator.normal(0, 0.08, grid.rank - 2) * grid.extent[2:])])
    return ellipsoid(generator, grid, centre, ball_radius(volume, grid.rank), 1.9, 0.25), centre


def draw_vessels(generator, grid, half, volume):
    """Level set of a vessel with branches, as long as the volume allows at a radius that voxels can show."""
    longest = 2.6 * grid.size
    radius = max(1.15 * grid.voxel, grid.size / (40 if grid.rank == 3 else 64))

    def length_of(radius):
        return volume / (np.pi * radius**2 if grid.rank == 3 else 2 * radius)

    if length_of(radius) > longest:
        radius = np.sqrt(volume / (np.pi * longest)) if grid.rank == 3 else volume / (2 * longest)
    length = min(length_of(radius), longest)
    stem = min(0.62 * length if length > 12 * radius else length, 0.9 * grid.size)
    # Points are relative to the middle of the space in front of the spine.
    middle = np.array([0, 0.22 * half[1], 0])[: grid.rank]
    bounds = np.array([*(half * (0.88, 0.64)), *(0.55 * grid.extent[2:])])
    start, direction = _vessel_start(generator, grid, bounds, stem)
    along = np.where(np.arange(grid.rank) == 2, np.inf, bounds)  # the main vessel runs the length of the body
    points = walk(generator, grid, start, direction, stem, 0.7 * radius, 2.2 / grid.size, along)
    level = tube(grid, points + middle, radius * np.linspace(1.15, 0.75, len(points)))
    rest = length - stem
    while rest > 2 * radius:
        branch = min(rest, grid.size * generator.uniform(0.35, 0.6))
        origin = points[generator.integers(len(points) // 5, len(points))]
        direction = generator.standard_normal(grid.rank) - origin / bounds
        twig = walk(generator, grid, origin, direction, branch, 0.7 * radius, 3 / grid.size, bounds)
        np.minimum(level, tube(grid, twig + middle, radius * np.linspace(0.9, 0.5, len(twig))), out=level)
        rest -= branch
    return level


def _vessel_start(generator, grid, bounds, stem):
    """Where the main vessel begins and where it heads: along the body in 3D, across it in 2D."""
    if grid.rank == 3:
        slack = max(0.0, grid.extent[2] - stem)
        foot = slack * generator.random() - grid.extent[2] / 2
        start = [*(bounds[:2] * generator.uniform(-0.5, 0.5, 2)), foot]
        return np.array(start), np.array([0, 0, 1]) + 0.35 * generator.standard_normal(3)
    start = _place(generator, grid, bounds, 0.9)
    return start, generator.normal(0, 0.3, 2) * bounds - start


def draw_lesions(generator, grid, body, volume, centres):
    """Level set of some small lesions, half of them in or near the organs at `centres`."""
    smallest = (12 if grid.rank == 3 else 6) * grid.voxel**grid.rank
    usual = max(smallest, ball_radius(1, grid.rank) ** -grid.rank * (0.05 * grid.size) ** grid.rank)
    count = int(np.clip(round(volume / usual), 1, 9))
    shares = generator.lognormal(0, 0.45, count)
    level = np.inf
    for share in shares / shares.sum():
        for _ in range(20):  # until it lies in free tissue
            centre = _place(generator, grid, body.half, 0.8)
            if generator.random() < 0.5 and len(centres):
                organ = centres[generator.integers(len(centres))]
                centre = organ + generator.normal(0, 0.09, grid.rank) * grid.size
            if body.room[grid.index(centre)]:
                break
        radius = ball_radius(share * volume, grid.rank)
        irregular = 0.22 if radius > 2 * grid.voxel else 0
        level = np.minimum(level, ellipsoid(generator, grid, centre, radius, 1.5, irregular))
    return level
