"""Structure losses: likeness of windows instead of voxels."""

import numpy as np
from keras import ops

from keras_seg.losses import safe
from keras_seg.losses.base import check_range
from keras_seg.losses.maps import MapLoss, spatial_axes, spatial_mean
from keras_seg.losses.registry import register


def window_mean(x, window, sigma):
    """Gaussian mean over every window that fits, axis by axis.

    Args:
        x: `[batch, *spatial, k]`.
        window: Window size in voxels; along an axis that is shorter, the largest odd size that fits.
        sigma: Standard deviation of the Gaussian in voxels.

    Returns:
        `[batch, *spatial - window + 1, k]`.
    """
    # A product with a banded matrix per axis: matrix products are fast under XLA on every device, while its
    # convolutions are slow on a CPU, and sums of shifted arrays are fused into one another and computed many times
    # over.
    letters = "bijkc"[: len(x.shape) - 1] + "c"
    for axis in spatial_axes(x):
        matrix = _window_matrix(ops.shape(x)[axis], fitting(window, x.shape[axis]), sigma, x.dtype)
        taken = letters[axis]
        x = ops.einsum(f"{letters},{taken}m->{letters.replace(taken, 'm')}", x, matrix)
    return x


def _window_matrix(size, window, sigma, dtype):
    """Return the weight of each voxel in each window along one axis, `[size, size - window + 1]`."""
    voxel, start = ops.arange(size, dtype="int32"), ops.arange(size - window + 1, dtype="int32")
    place = ops.expand_dims(voxel, 1) - ops.expand_dims(start, 0)
    taps = np.exp(-((np.arange(window) - (window - 1) / 2) ** 2) / (2 * sigma**2))
    distance = ops.cast(place, dtype) - (window - 1) / 2
    weight = ops.exp(-ops.square(distance) / (2 * sigma**2)) / float(taps.sum())
    return ops.where(ops.logical_and(place >= 0, place < window), weight, ops.zeros_like(weight))


def fitting(window, size):
    """Return the largest odd window that fits into `size` voxels (an open size is taken to be large enough)."""
    return window if size is None or size >= window else size - 1 + size % 2


def centres(x, window):
    """Cut a map to the voxels that are the centre of a window that fits."""
    for axis in spatial_axes(x):
        margin = fitting(window, x.shape[axis]) // 2
        x = _shifted(x, axis, margin, ops.shape(x)[axis] - 2 * margin)
    return x


def _shifted(x, axis, start, size):
    shape = list(ops.shape(x))
    shape[axis] = size
    return ops.slice(x, [start if a == axis else 0 for a in range(len(shape))], shape)


def ssim_map(p, g, counts, window, sigma, k1, k2):
    """Structural similarity of every window of two maps with values in `[0, 1]`.

    Args:
        p: `[batch, *spatial, classes]`.
        g: `[batch, *spatial, classes]`.
        counts: `[batch, *spatial, 1]`, 0 where a voxel is ignored: windows are averages over the others.
        window: See `window_mean`.
        sigma: See `window_mean`.
        k1: Stabiliser of the luminance term.
        k2: Stabiliser of the contrast-structure term.

    Returns:
        `[batch, *windows, classes]`.
    """
    share = window_mean(counts, window, sigma)

    # Five means in one pass.
    moments = ops.concatenate([p, g, p * p, g * g, p * g], axis=-1) * counts
    moments = safe.divide(window_mean(moments, window, sigma), share)
    mean_p, mean_g, square_p, square_g, product = ops.split(moments, 5, axis=-1)
    # Rounding may leave a variance of -1e-9; it must not reach the quotient.
    variance_p, variance_g = ops.relu(square_p - mean_p * mean_p), ops.relu(square_g - mean_g * mean_g)
    covariance = product - mean_p * mean_g
    c1, c2 = k1**2, k2**2
    luminance = (2 * mean_p * mean_g + c1) / (mean_p * mean_p + mean_g * mean_g + c1)
    return luminance * (2 * covariance + c2) / (variance_p + variance_g + c2)


@register("ssim")
class SSIMLoss(MapLoss):
    """One minus the structural similarity of probability map and truth, over Gaussian windows, 1D to 3D.

    Windows that stick out of the image do not count. Along an axis shorter than the window, the largest odd window that
    fits is taken.

    Args:
        window: Window size in voxels, odd.
        sigma: Standard deviation of the Gaussian in voxels.
        k1: Stabiliser of the luminance term.
        k2: Stabiliser of the contrast-structure term.
        **options: See `SegmentationLoss`.

    Example: both maps are constant, so only luminance differs:
    `1 - (2 * 0.5 * 1 + 0.0001) / (0.25 + 1 + 0.0001) = 0.2`.

    >>> y_true, y_pred = np.ones((1, 11, 11, 1)), np.full((1, 11, 11, 1), 0.5)
    >>> round(float(keras_seg.losses.SSIMLoss()(y_true, y_pred)), 3)
    0.2

    Reference: [Wang et al., 2004](https://doi.org/10.1109/TIP.2003.819861)
    """

    space = {"window": [7, 11], "sigma": (0.8, 2.5)}

    def __init__(self, window=11, sigma=1.5, k1=0.01, k2=0.03, **options):
        super().__init__(**options)
        self.window = int(check_range("window", window, low=1))
        if self.window % 2 == 0:
            raise ValueError(f"`window` must be odd, so that a window has a centre. Received: {window!r}.")
        self.sigma = check_range("sigma", sigma, low=0, open_low=True)
        self.k1 = check_range("k1", k1, low=0, open_low=True)
        self.k2 = check_range("k2", k2, low=0, open_low=True)

    def values(self, inputs):
        p, g, weight = self.maps(inputs)
        counts = ops.cast(weight > 0, p.dtype)
        likeness = ssim_map(p, g, counts, self.window, self.sigma, self.k1, self.k2)
        return self.class_mean(spatial_mean(1 - likeness, centres(weight, self.window)))
