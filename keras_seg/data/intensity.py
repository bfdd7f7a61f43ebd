"""What a scanner or a stain changes: brightness, contrast, gamma, blur and noise, each in place."""

import numpy as np

# A Gaussian is cut off after this many standard deviations.
TRUNCATE = 3.0


def brighten(plane, factor):
    """Multiply the values of one channel by a factor.

    Args:
        plane: Array `[*spatial]`, float32; changed in place.
        factor: Above 1 is brighter. In a normalised image 0 is the mean, so this also stretches the values about it.
    """
    plane *= np.float32(factor)


def stretch(plane, factor):
    """Stretch the values of one channel about their mean, and clip them to the range that they had.

    Args:
        plane: Array `[*spatial]`, float32; changed in place.
        factor: Above 1 is more contrast.
    """
    low, high, mean = plane.min(), plane.max(), plane.mean()
    plane *= np.float32(factor)
    plane += np.float32(mean * (1 - factor))
    np.clip(plane, low, high, out=plane)


def bend(plane, gamma, inverted=False):
    """Raise the values of one channel to a power within their range, and give them back their mean and deviation.

    Args:
        plane: Array `[*spatial]`, float32; changed in place.
        gamma: The power. Above 1 spreads the bright values apart, below 1 the dark ones.
        inverted: Bend the negative image, which swaps the two.
    """
    low, high = plane.min(), plane.max()
    if not high > low:
        return
    mean, deviation = plane.mean(), plane.std()
    sign = -1.0 if inverted else 1.0
    plane -= high if inverted else low
    plane *= np.float32(sign / (high - low))
    # Rounding may leave -0 or a hair below it, of which a power is NaN.
    np.maximum(plane, 0, out=plane)
    np.power(plane, np.float32(gamma), out=plane)
    plane -= plane.mean()
    plane *= np.float32(sign * deviation / max(plane.std(), 1e-8))
    plane += mean


def blur(plane, sigma):
    """Blur one channel with a Gaussian.

    Args:
        plane: Array `[*spatial]`, float32; changed in place.
        sigma: Standard deviation along each axis, in voxels; 0 leaves the axis as it is.
    """
    from scipy.ndimage import gaussian_filter

    gaussian_filter(plane, sigma, output=plane, mode="nearest", truncate=TRUNCATE)


def add_noise(plane, deviation, generator):
    """Add Gaussian noise to one channel.

    Args:
        plane: Array `[*spatial]`, float32; changed in place.
        deviation: Standard deviation of the noise, in the image's own units.
        generator: `numpy.random.Generator`.
    """
    noise = generator.standard_normal(plane.shape, dtype="float32")
    noise *= np.float32(deviation)
    plane += noise
