"""Level sets of anatomical shapes on a voxel grid: small inside, growing outwards, 1 on the nominal surface.

A shape of an exact volume is the voxels of the smallest level, so that its size and its form are set apart.
Coordinates are millimetres from the centre of the grid.
"""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Grid:
    """Voxel centres in millimetres.

    Args:
        shape: Number of voxels along each of two or three axes.
        spacing: Size of a voxel along each axis, in millimetres.
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...]

    @property
    def rank(self):
        """Number of axes."""
        return len(self.shape)

    @property
    def extent(self):
        """Size of the grid along each axis, in millimetres."""
        return np.multiply(self.shape, self.spacing)

    @property
    def voxel(self):
        """Edge of a cube (or square) of a voxel's volume, in millimetres."""
        return float(np.prod(self.spacing)) ** (1 / self.rank)

    @property
    def size(self):
        """Edge of a cube (or square) of the grid's volume, in millimetres."""
        return float(np.prod(self.extent)) ** (1 / self.rank)

    def axes(self):
        """Coordinates along each axis, shaped to broadcast against each other."""
        lines = [(np.arange(n) - (n - 1) / 2) * step for n, step in zip(self.shape, self.spacing)]
        return np.meshgrid(*[line.astype("float32") for line in lines], indexing="ij", sparse=True)

    def index(self, point):
        """Index of the voxel at a point in millimetres; of the nearest one for a point outside."""
        places = np.divide(point, self.spacing) + (np.array(self.shape) - 1) / 2
        return tuple(np.clip(np.round(places), 0, np.array(self.shape) - 1).astype(int).tolist())


def ball_radius(volume, rank):
    """Radius of the ball (disc) of a volume (area)."""
    return (volume * (3 / (4 * np.pi) if rank == 3 else 1 / np.pi)) ** (1 / rank)


def noise(generator, grid, size):
    """Smooth random field of mean 0 and variance 1.

    Args:
        generator: NumPy random generator.
        grid: `Grid`.
        size: Size of its features, in millimetres.

    Returns:
        Array `[*shape]`, float32.
    """
    places = []
    for line in grid.axes():
        place = line.reshape(-1) / size
        places.append(place - place[0] + 1 + generator.random())
    field = generator.standard_normal([int(place[-1]) + 3 for place in places], dtype="float32")
    for axis, place in enumerate(places):
        field = _interpolate(field, place, axis)
    return field


def _interpolate(field, places, axis):
    """Cubic B-spline between random knots along one axis, scaled so that the variance stays 1 everywhere."""
    # Four taps by hand: a matrix product would depend on the number of threads, in time and in the last digit.
    knot = places.astype(int)
    part = places - knot
    taps = np.stack(
        [(1 - part) ** 3, 4 - 6 * part**2 + 3 * part**3, 4 - 6 * (1 - part) ** 2 + 3 * (1 - part) ** 3, part**3]
    )
    taps = (taps / np.linalg.norm(taps, axis=0)).astype("float32")
    along = [-1 if position == axis else 1 for position in range(field.ndim)]
    return sum(tap.reshape(along) * field.take(knot + offset, axis) for offset, tap in zip((-1, 0, 1, 2), taps))


def trunk(generator, grid):
    """Level set of a body: an oval section whose outline and size vary along the last axis of a volume.

    Args:
        generator: NumPy random generator.
        grid: `Grid`; the body lies along the third axis, if there is one.

    Returns:
        Tuple of the level `[*shape]` and the half-axes of the section in millimetres.
    """
    across, front, *_ = grid.axes()
    half = grid.extent[:2] / 2 * generator.uniform((0.90, 0.76), (0.96, 0.86))
    wide, deep, power = (float(number) for number in (*half, generator.uniform(2.2, 2.7)))
    level = np.abs(across / wide) ** power + np.abs(front / deep) ** power
    level = level ** (1 / power)
    # A flatter back: the spine's side is nearer to a straight line than the belly's.
    level = np.maximum(level, -front / deep * 1.08)
    return level * (1 + 0.022 * noise(generator, grid, grid.size / 3)), half


def rotation(generator, rank):
    """Random rotation matrix (a random sign of an axis does not matter for an ellipsoid)."""
    return np.linalg.qr(generator.standard_normal((rank, rank)))[0]


def ellipsoid(generator, grid, centre, radius, elongation=1.5, irregular=0.2):
    """Level set of an ellipsoid with a bumpy surface, turned at random.

    Args:
        generator: NumPy random generator.
        grid: `Grid`.
        centre: Its centre, in millimetres.
        radius: Radius of the ball of the same volume, in millimetres.
        elongation: Largest ratio of two half-axes, about.
        irregular: Strength of the bumps; 0 for a smooth surface.

    Returns:
        Array `[*shape]`, float32.
    """
    stretch = elongation ** generator.uniform(-0.5, 0.5, grid.rank)
    stretch /= np.prod(stretch) ** (1 / grid.rank)
    basis = rotation(generator, grid.rank) / (radius * stretch)
    offsets = [axis - float(middle) for axis, middle in zip(grid.axes(), centre)]
    squares = 0
    for direction in basis.T.astype("float32"):
        squares = squares + sum(offset * weight for offset, weight in zip(offsets, direction)) ** 2
    level = np.sqrt(squares)
    if irregular:
        bumps = noise(generator, grid, max(0.8 * radius, 2 * grid.voxel))
        level = level * (1 + irregular * np.clip(bumps, -1.5, 1.5))  # no bump so deep that it tears specks off
    return level


def walk(generator, grid, start, direction, length, step, wander, bounds):
    """Points of a smooth random walk that stays within bounds.

    Args:
        generator: NumPy random generator.
        grid: `Grid`.
        start: First point, in millimetres.
        direction: First direction.
        length: Length of the walk, in millimetres.
        step: Distance of two points, in millimetres.
        wander: Curvature: change of direction in radians per millimetre, about.
        bounds: Half-axes of the ellipsoid to stay in, in millimetres; infinite for an open axis.

    Returns:
        Array `[points, rank]`.
    """
    points, turn = [np.asarray(start, dtype="float64")], np.zeros(grid.rank)
    heading = direction / np.linalg.norm(direction)
    # The curvature changes slowly, so that the walk bends instead of trembling.
    keep = np.exp(-step / (0.15 * grid.size))
    for _ in range(max(1, round(length / step))):
        turn = keep * turn + np.sqrt(1 - keep**2) * wander * generator.standard_normal(grid.rank)
        heading = heading + turn * step
        # Near the bounds it may slide along them, but not leave.
        away = np.linalg.norm(points[-1] / bounds)
        outwards = points[-1] / bounds**2
        outwards = outwards / max(np.linalg.norm(outwards), 1e-9)
        slide = np.clip((away - 0.6) / 0.3, 0, 1)
        heading = heading - slide * (max(heading @ outwards, 0) + 0.1) * outwards
        heading = heading / np.linalg.norm(heading)
        points.append(points[-1] + step * heading)
    return np.array(points)


def tube(grid, points, radii):
    """Level set of a tube around a path.

    Args:
        grid: `Grid`.
        points: Array `[points, rank]`, in millimetres.
        radii: Radius at each point, in millimetres.

    Returns:
        Array `[*shape]`, float32.
    """
    axes = grid.axes()
    level = np.full(grid.shape, np.inf, dtype="float32")
    for point, radius in zip(points.astype("float32"), np.asarray(radii, dtype="float32")):
        squares = sum(((axis - middle) / radius) ** 2 for axis, middle in zip(axes, point))
        np.minimum(level, squares, out=level)
    return np.sqrt(level)


def cells(grid, centres, sizes):
    """Partition of space into rounded cells, as of bowel loops: each voxel belongs to the nearest centre.

    Args:
        grid: `Grid`.
        centres: Array `[cells, rank]`, in millimetres.
        sizes: Relative size of each cell.

    Returns:
        Tuple of two arrays `[*shape]`: the number of the cell, and how far the voxel is from its walls (0 on a wall),
        as a share of the cell's size.
    """
    nearest, second = (np.full(grid.shape, np.inf, dtype="float32") for _ in range(2))
    owner = np.zeros(grid.shape, dtype="int32")
    axes = grid.axes()
    for number, (centre, size) in enumerate(zip(centres.astype("float32"), sizes.astype("float32"))):
        distance = np.sqrt(sum(((axis - middle) / size) ** 2 for axis, middle in zip(axes, centre)))
        owner[distance < nearest] = number
        np.minimum(second, np.maximum(distance, nearest), out=second)
        np.minimum(nearest, distance, out=nearest)
    return owner, second - nearest
