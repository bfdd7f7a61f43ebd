"""From one voxel grid to another: linear or nearest along each axis, about the common centre of the two grids."""

import numpy as np

# A class must beat the background by more than rounding does, so that a tie falls to the background everywhere.
TIE = 1e-6


class AxisMap:
    """Where the voxels of a new grid lie on an old one, along one axis.

    Both grids have the same centre; outside of the old grid its last voxel goes on. Between voxels the old grid is
    linear. A finer voxel takes its value at its centre. A coarser one takes the mean over its extent, so that small
    things are not skipped (from twice the size on; below, over less of it, down to the centre at the same size).

    Args:
        have: Number of voxels of the old grid.
        want: Number of voxels of the new grid.
        step: Size of a new voxel in old voxels.
        nearest: Take the nearest voxel instead of a mean.
    """

    def __init__(self, have, want, step, nearest=False):
        self.have = have
        self.want = want
        self.step = step
        self.nearest = nearest

    @property
    def positions(self):
        """Centres of the new voxels in old voxels, `[want]`."""
        return (np.arange(self.want) - (self.want - 1) / 2) * self.step + (self.have - 1) / 2

    @property
    def indices(self):
        """Nearest old voxel of each new one, `[want]`."""
        return np.clip(np.floor(self.positions + 0.5), 0, self.have - 1).astype(int)

    @property
    def weights(self):
        """Share of each old voxel in each new one: a sparse array `[want, have]`, float32, whose rows sum to 1."""
        from scipy import sparse

        width = np.clip(2 * (self.step - 1), 0, self.step)
        taps = np.floor(self.positions - width / 2)[:, None] + np.arange(int(np.ceil(width)) + 2)
        distance = self.positions[:, None] - taps
        if width > 0:
            weights = (_triangle_up_to(distance + width / 2) - _triangle_up_to(distance - width / 2)) / width
        else:
            weights = np.maximum(0, 1 - np.abs(distance))
        rows, columns = np.nonzero(weights)
        places = (rows, np.clip(taps[rows, columns], 0, self.have - 1).astype(int))
        # Weights that fall on the same voxel, at the ends, are added up.
        shares = sparse.coo_array((weights[rows, columns], places), shape=(self.want, self.have)).tocsr()
        return shares.astype("float32")


def resample(array, maps):
    """Resample real numbers.

    Args:
        array: Array `[*spatial]`.
        maps: For each axis an `AxisMap`, or `None` where the axis stays as it is.

    Returns:
        Array of the new shape, float32.
    """
    array = np.asarray(array, dtype="float32")
    for axis in _cheapest_first(maps):
        if maps[axis].nearest:
            array = np.take(array, maps[axis].indices, axis=axis)
        else:
            array = _weigh(array, maps[axis].weights, axis)
    return np.ascontiguousarray(array)


def resample_label(label, maps):
    """Resample classes: each new voxel gets the class that has the largest share of it.

    It is the argmax of the linearly resampled one-hot maps, but only one map is in memory, and only where its class is.

    Args:
        label: Array `[*spatial]` of integers from 0 on.
        maps: For each axis an `AxisMap`, or `None` where the axis stays as it is.

    Returns:
        Array of the new shape, of the same dtype.
    """
    weights = [None if entry is None or entry.nearest else entry.weights for entry in maps]
    if any(entry is not None for entry in weights):
        label = _largest_share(label, weights)
    for axis, entry in enumerate(maps):
        if entry is not None and entry.nearest:
            label = np.take(label, entry.indices, axis=axis)
    return np.ascontiguousarray(label)


def _largest_share(label, weights):
    """The class that has the largest share of each new voxel, by a sparse array or `None` for each axis."""
    from scipy import ndimage

    shape = [size if entry is None else entry.shape[0] for size, entry in zip(label.shape, weights)]
    result = np.zeros(shape, dtype=label.dtype)
    best = np.zeros(shape, dtype="float32")  # share of the best class so far, the background left out
    rest = np.ones(shape, dtype="float32")  # share of the background
    # One class at a time, within the box that holds it.
    for number, box in enumerate(ndimage.find_objects(label), start=1):
        if box is None:
            continue
        share = (label[box] == number).astype("float32")
        target = list(box)
        for axis in _cheapest_first(weights):
            columns = weights[axis][:, box[axis]]
            rows = np.flatnonzero(np.diff(columns.indptr))
            target[axis] = slice(rows[0], rows[-1] + 1) if rows.size else slice(0, 0)
            share = _weigh(share, columns[target[axis]], axis)
        target = tuple(target)
        rest[target] -= share
        won = share > best[target] + TIE
        best[target][won] = share[won]
        result[target][won] = number
    result[best <= rest + TIE] = 0
    return result


def _triangle_up_to(x):
    """Area of the triangle of linear interpolation, from -1 to 1, that lies left of `x`."""
    left, right = np.clip(x, -1, 0), np.clip(x, 0, 1)
    return (left + 1) ** 2 / 2 + right - right**2 / 2


def _cheapest_first(maps):
    """The axes that change, those first that leave the fewest voxels for the next."""

    def growth(axis):
        entry = maps[axis]
        want, have = entry.shape if hasattr(entry, "shape") else (entry.want, entry.have)
        return want / have

    return sorted((axis for axis, entry in enumerate(maps) if entry is not None), key=growth)


def _weigh(array, weights, axis):
    """Multiply one axis with a sparse array `[want, have]`."""
    front = np.moveaxis(array, axis, 0)
    result = weights @ front.reshape(front.shape[0], -1)
    return np.moveaxis(result.reshape(-1, *front.shape[1:]), 0, axis)
