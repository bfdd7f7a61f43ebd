"""Unified focal loss: a focal Tversky and a focal cross-entropy by the same two parameters."""

from keras import ops

from keras_seg.losses import safe
from keras_seg.losses.base import check_range
from keras_seg.losses.compound.base import WeightedSumLoss
from keras_seg.losses.pixel import PixelLoss
from keras_seg.losses.region import RegionLoss
from keras_seg.losses.registry import register


@register("unified_focal")
class UnifiedFocalLoss(WeightedSumLoss):
    """Focal Tversky and focal cross-entropy in one: enhance the rare foreground, play down the easy background.

    `weight FT + (1 - weight) F`. `FT` is the mean over classes of `(1 - mTI)^(1 - gamma)` with
    `mTI = tp / (tp + delta fn + (1 - delta) fp)`; `F` is the mean over voxels of `-d (1 - p)^gamma log p` at the true
    class, `d` being `delta` for foreground and `1 - delta` for background. The asymmetric form keeps what concerns the
    foreground: the exponent `1 - gamma` acts on foreground classes only, the factor `(1 - p)^gamma` on the background
    only. As in the authors' code (two exclusive classes there; more classes as in their formulas). With sigmoids every
    map is foreground to `FT`, and `F` takes what is true and what is false of it as foreground and background.

    Class 0 is the background to this loss even where `include_background=True`.

    Args:
        weight: Share of the Tversky part, 0 to 1.
        delta: Price of a false negative, 0 to 1; a false positive costs `1 - delta`.
        gamma: How much is enhanced and played down, 0 (included) to 1 (excluded).
        symmetric: Whether both parts act on all classes alike.
        **options: See `RegionLoss` and `SegmentationLoss`.

    Example: one hit and one miss at probability 0.5: `mTI = 1.5 / (1.5 + 0.6 * 0.5) = 0.833`, and
    `0.5 * 0.167^0.5 + 0.5 * 0.6 * 0.693 / 2 = 0.308`.

    >>> y_true, y_pred = [[[1.0], [1.0]]], [[[1.0], [0.5]]]
    >>> round(float(keras_seg.losses.UnifiedFocalLoss()(y_true, y_pred)), 3)
    0.308

    Reference: [Yeung et al., 2021](https://arxiv.org/abs/2102.04525)
    """

    space = {"weight": (0.1, 0.9), "delta": (0.3, 0.9), "gamma": (0.1, 0.9), "symmetric": [False, True]}
    adjustable = ("weight", "delta", "gamma", "parts")

    def __init__(self, weight=0.5, delta=0.6, gamma=0.5, symmetric=False, **options):
        super().__init__(**options)
        self.weight = check_range("weight", weight, low=0, high=1)
        self.delta = check_range("delta", delta, low=0, high=1)
        self.gamma = check_range("gamma", gamma, low=0, high=1)
        if gamma == 1:
            raise ValueError("`gamma` must be below 1: `(1 - mTI)^0` has no gradient. Received: gamma=1.")
        self.symmetric = bool(symmetric)
        tversky = EnhancedTversky(delta, gamma, self.symmetric, **self.region_options())
        shared = self.shared_options()
        background = SideFocal(1 - delta, 0.0, gamma, **shared)
        foreground = SideFocal(0.0, delta, gamma if self.symmetric else 0.0, **shared)
        self.parts = ((weight, tversky), (1 - weight, background), (1 - weight, foreground))


class EnhancedTversky(RegionLoss):
    """`(1 - mTI)^(1 - gamma)` per class; asymmetric: `1 - mTI` for the background."""

    adjustable = ("delta", "gamma")

    def __init__(self, delta, gamma, symmetric, **options):
        super().__init__(**options)
        self.delta = delta
        self.gamma = gamma
        self.symmetric = symmetric

    def loss(self, tp, fp, fn, tn):
        missed = ops.relu(1 - self.ratio(tp, tp + self.delta * fn + (1 - self.delta) * fp))
        enhanced = safe.power(missed, 1 - self.gamma)
        has_background = self.include_background and not self.multilabel and missed.shape[-1] > 1
        if self.symmetric or not has_background:
            return enhanced
        return ops.concatenate([missed[:, :1], enhanced[:, 1:]], axis=-1)


class SideFocal(PixelLoss):
    """Focal cross-entropy with one factor for the background and one for all foreground."""

    adjustable = ("background", "foreground", "gamma")

    def __init__(self, background, foreground, gamma, **options):
        super().__init__(**options)
        self.background = background
        self.foreground = foreground
        self.gamma = gamma

    def loss(self, log_p):
        return -safe.power(-ops.expm1(log_p), self.gamma) * log_p

    def class_factors(self, classes):
        sigmoid = classes == 1 or self.multilabel
        return (self.background, *[self.foreground] * (1 if sigmoid else classes - 1))
