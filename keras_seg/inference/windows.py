"""Where windows lie along an axis, and how much each counts where they overlap."""

import math

import numpy as np

BLENDS = ("gaussian", "constant")

# Standard deviation of the Gaussian as a share of the window: at the border a window counts 0.0003 of what it counts
# in its middle.
SIGMA = 1 / 8


def window_starts(size, window, overlap):
    """Return where windows begin along one axis, evenly spread from one end to the other.

    Args:
        size: Number of voxels of the image.
        window: Number of voxels of a window. If the image is smaller, one window is centred on it and begins before
            it, at a negative place; the surplus voxel of an odd difference is at the far end.
        overlap: Share of a window that its neighbour covers too, at least.

    Returns:
        List of integers.

    Two windows of 4 would leave a voxel of 9 uncovered:

    >>> window_starts(9, 4, overlap=0)
    [0, 3, 5]
    """
    if size <= window:
        return [-((window - size) // 2)]
    step = max(1, int(window * (1 - overlap)))
    count = math.ceil((size - window) / step) + 1
    # Python's `round` goes to the even neighbour, which would make gaps of different sizes from equal ones.
    return [math.floor(index * (size - window) / (count - 1) + 0.5) for index in range(count)]


def window_shares(starts, window, blend):
    """Return how much each window counts at each of its voxels along one axis; at every voxel they sum to 1.

    A weight in space is the product of those along the axes, and so is the sum of all weights at a voxel. The shares
    can therefore be divided by that sum along each axis beforehand: blending needs no second volume for the weights,
    and where a single window lies it counts exactly 1.

    Args:
        starts: What `window_starts` returns.
        window: Number of voxels of a window.
        blend: `"gaussian"` or `"constant"`.

    Returns:
        Array `[windows, window]`, float32.
    """
    offsets = np.arange(window) - (window - 1) / 2
    weight = np.ones(window) if blend == "constant" else np.exp(-0.5 * (offsets / (SIGMA * window)) ** 2)
    total = np.zeros(starts[-1] - starts[0] + window)
    places = [slice(start - starts[0], start - starts[0] + window) for start in starts]
    for place in places:
        total[place] += weight
    return np.stack([weight / total[place] for place in places]).astype("float32")
