"""Structural similarity of windows, at one scale and at several."""

from keras import ops

from keras_seg.losses import safe
from keras_seg.losses.base import check_range, positive_numbers
from keras_seg.losses.maps import MapLoss, spatial_axes, spatial_mean
from keras_seg.losses.registry import register
from keras_seg.losses.structure.windows import centres, halve, window_mean


def similarity_maps(p, g, share, window, sigma, k1, k2):
    """Compare every window of two maps with values in `[0, 1]`.

    Args:
        p: `[batch, *spatial, classes]`.
        g: `[batch, *spatial, classes]`.
        share: `[batch, *spatial, 1]`, 0 where a voxel is ignored: windows are averages over the others.
        window: See `window_mean`.
        sigma: See `window_mean`.
        k1: Stabiliser of the luminance term.
        k2: Stabiliser of the contrast-structure term.

    Returns:
        Luminance and contrast-structure, each `[batch, *windows, classes]`; their product is the structural similarity.
    """
    # Five means in one pass.
    moments = ops.concatenate([p, g, p * p, g * g, p * g], axis=-1) * share
    moments = safe.divide(window_mean(moments, window, sigma), window_mean(share, window, sigma))
    mean_p, mean_g, square_p, square_g, product = ops.split(moments, 5, axis=-1)
    # Rounding may leave a variance of -1e-9; it must not reach the quotient.
    variance_p, variance_g = ops.relu(square_p - mean_p * mean_p), ops.relu(square_g - mean_g * mean_g)
    covariance = product - mean_p * mean_g
    c1, c2 = k1**2, k2**2
    luminance = (2 * mean_p * mean_g + c1) / (mean_p * mean_p + mean_g * mean_g + c1)
    return luminance, (2 * covariance + c2) / (variance_p + variance_g + c2)


def check_window(window):
    """Return a window size as an integer.

    Raises:
        ValueError: Unless it is odd and at least 1.
    """
    if int(check_range("window", window, low=1)) != window or window % 2 == 0:
        raise ValueError(f"`window` must be odd, so that a window has a centre. Received: {window!r}.")
    return int(window)


@register("ssim")
class SSIMLoss(MapLoss):
    """One minus the structural similarity of probability map and truth, over Gaussian windows, 1D to 3D.

    Windows that stick out of the image do not count. Along an axis shorter than the window, the largest odd window that
    fits is taken.

    By itself it does not find small objects: an empty prediction is nearly right in most windows. Use it beside a pixel
    and a region loss, such as `cross_entropy + ssim + jaccard`
    ([Qin et al., 2019](https://doi.org/10.1109/CVPR.2019.00766)) or `dice_ce + ssim`.

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
    adjustable = ("sigma",)
    alone = False

    def __init__(self, window=11, sigma=1.5, k1=0.01, k2=0.03, **options):
        super().__init__(**options)
        self.window = check_window(window)
        self.sigma = check_range("sigma", sigma, low=0, open_low=True)
        self.k1 = check_range("k1", k1, low=0, open_low=True)
        self.k2 = check_range("k2", k2, low=0, open_low=True)

    def values(self, inputs):
        p, g, weight = self.maps(inputs)
        counts = ops.cast(weight > 0, p.dtype)
        luminance, contrast = similarity_maps(p, g, counts, self.window, self.sigma, self.k1, self.k2)
        return self.class_mean(spatial_mean(1 - luminance * contrast, centres(weight, self.window)))


@register("ms_ssim")
class MSSSIMLoss(MapLoss):
    """One minus the structural similarity of probability map and truth at several scales, 1D to 3D.

    From one scale to the next, blocks of two voxels along each axis are averaged (ignored ones left out). What the
    scales contribute, `x_k`, is the mean of the contrast-structure map, and at the coarsest scale of the whole
    structural similarity: `1 - x_1^w_1 * ... * x_K^w_K`. As in the authors' code, means are taken before the powers; as
    in every implementation for training, a mean below 0 counts as 0 (`normalize="relu"`).

    The first scale is as in `SSIMLoss`. A further one is left out, and the weights of the others made to sum to 1
    again, if along an axis of more than one voxel the window is longer than what is left of it: with the default window
    of 11, five scales need 176 voxels.

    By itself it can get stuck: with `"relu"`, a class whose prediction does not correlate with the truth at some scale
    has no gradient. It is meant to stand beside a pixel and a region loss, as in U-Net 3+ (`unet3plus`).

    Args:
        window: Window size in voxels, odd, the same at every scale.
        sigma: Standard deviation of the Gaussian in voxels.
        k1: Stabiliser of the luminance term.
        k2: Stabiliser of the contrast-structure term.
        scale_weights: The exponents, from the finest scale to the coarsest.
        normalize: What keeps the base of a power from being negative: `"relu"` cuts the means at 0, `"simple"` takes
            `(1 + x) / 2` instead of `x`, which always has a gradient.
        **options: See `SegmentationLoss`.

    Example: both maps are constant, so contrast and structure agree and luminance is 0.8. In 22 voxels two scales fit
    with weights 0.0448 and 0.2856, of which the second has 0.864: `1 - 0.8^0.864 = 0.175`.

    >>> y_true, y_pred = np.ones((1, 22, 22, 1)), np.full((1, 22, 22, 1), 0.5)
    >>> round(float(keras_seg.losses.MSSSIMLoss()(y_true, y_pred)), 3)
    0.175

    References: [Wang et al., 2003](https://doi.org/10.1109/ACSSC.2003.1292216);
    [Huang et al., 2020](https://arxiv.org/abs/2004.08790)
    """

    space = {"window": [7, 11], "sigma": (0.8, 2.5), "normalize": ["relu", "simple"]}
    adjustable = ("sigma",)
    alone = False

    def __init__(
        self,
        window=11,
        sigma=1.5,
        k1=0.01,
        k2=0.03,
        scale_weights=(0.0448, 0.2856, 0.3001, 0.2363, 0.1333),
        normalize="relu",
        **options,
    ):
        super().__init__(**options)
        self.window = check_window(window)
        self.sigma = check_range("sigma", sigma, low=0, open_low=True)
        self.k1 = check_range("k1", k1, low=0, open_low=True)
        self.k2 = check_range("k2", k2, low=0, open_low=True)
        self.scale_weights = _exponents(scale_weights)
        if normalize not in ("relu", "simple"):
            raise ValueError(f"`normalize` must be 'relu' or 'simple'. Received: {normalize!r}.")
        self.normalize = normalize

    def values(self, inputs):
        p, g, weight = self.maps(inputs)
        share = ops.cast(weight > 0, p.dtype)
        fits = self.fitting_scales(p)
        exponents = [w * ops.cast(fit, p.dtype) for w, fit in zip(self.scale_weights, fits, strict=False)]
        value = 1.0
        for k, exponent in enumerate(exponents):
            if k:
                sums = halve(ops.concatenate([p * share, g * share, share, weight], axis=-1))
                classes = p.shape[-1]
                share, weight = sums[..., -2:-1], sums[..., -1:]
                p, g = safe.divide(sums[..., :classes], share), safe.divide(sums[..., classes:-2], share)
            luminance, contrast = similarity_maps(p, g, share, self.window, self.sigma, self.k1, self.k2)
            # The luminance belongs to the coarsest scale that fits.
            is_last = fits[k] if k + 1 == len(fits) else ops.logical_and(fits[k], ops.logical_not(fits[k + 1]))
            likeness = ops.where(is_last, luminance * contrast, contrast)
            mean = self.normalized(spatial_mean(likeness, centres(weight, self.window)))
            mean = ops.where(fits[k], mean, ops.ones_like(mean))
            value = value * _power(mean, exponent / sum(exponents))
        return self.class_mean(1 - value)

    def normalized(self, mean):
        """Return means of at least 0."""
        return ops.relu(mean) if self.normalize == "relu" else (1 + mean) / 2

    def fitting_scales(self, x):
        """Return for every scale whether it fits; scales that surely do not are left out."""
        fits = []
        for k in range(len(self.scale_weights)):
            sizes = [(x.shape[axis], ops.shape(x)[axis]) for axis in spatial_axes(x)]
            enough = [size // 2**k >= self.window for static, size in sizes if static is not None and static > 1]
            if k and not all(enough):
                break
            fit = ops.convert_to_tensor(True)
            for static, size in sizes:
                if k and static is None:
                    fit = ops.logical_and(fit, size // 2**k >= self.window)
            fits.append(fit)
        return fits


def _exponents(weights):
    weights = positive_numbers("scale_weights", weights)
    if weights is None or min(weights) == 0:
        raise ValueError(f"`scale_weights` must hold one number > 0 per scale. Received: {weights!r}.")
    return weights


def _power(base, exponent):
    """`base ** exponent` of a base >= 0 and an exponent that may be a tensor, with zero gradient at 0."""
    positive = base > safe.TINY
    raised = ops.exp(exponent * ops.log(ops.where(positive, base, ops.ones_like(base))))
    return ops.where(positive, raised, ops.zeros_like(raised))
