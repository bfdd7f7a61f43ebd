"""Overlaps that price false positives and false negatives apart."""

from keras import ops

from keras_seg.losses import safe
from keras_seg.losses.base import check_range
from keras_seg.losses.region.base import RegionLoss
from keras_seg.losses.registry import register


def tversky_index(region, tp, fp, fn):
    """`(tp + s) / (tp + alpha fp + beta fn + s)` with the prices and the smoothing of a region loss."""
    return region.ratio(tp, tp + region.alpha * fp + region.beta * fn)


def check_prices(region):
    """Raise a `ValueError` unless `alpha` and `beta` are prices that the formula can bear."""
    for argument in ("alpha", "beta"):
        # With squared sums a price above 1 can turn the denominator negative.
        check_range(argument, getattr(region, argument), low=0, high=1 if region.squared else None)
    if region.alpha == region.beta == 0:
        raise ValueError("`alpha` and `beta` are both 0: no mistake would cost anything. Received: alpha=0, beta=0.")


@register("tversky")
class TverskyLoss(RegionLoss):
    """Overlap that prices false positives and false negatives apart.

    `1 - (tp + smooth) / (tp + alpha fp + beta fn + smooth)`. Mind the order: here, as in the paper, `alpha` weighs
    false *positives* and `beta` false *negatives*. Other libraries swap them.

    Args:
        alpha: Price of a false positive.
        beta: Price of a false negative. `alpha = beta = 0.5` is Dice, `alpha = beta = 1` is Jaccard.
        **options: See `RegionLoss`.

    Example: one hit, one miss, `1 - 1 / (1 + 0.8) = 0.444`.

    >>> y_true, y_pred = [[[1.0], [1.0], [0.0]]], [[[1.0], [0.0], [0.0]]]
    >>> round(float(keras_seg.losses.TverskyLoss(alpha=0.2, beta=0.8)(y_true, y_pred)), 3)
    0.444

    Reference: [Salehi et al., 2017](https://arxiv.org/abs/1706.05721)
    """

    space = {"alpha": (0.1, 0.9), "beta": (0.1, 0.9)}
    adjustable = ("alpha", "beta")

    def __init__(self, alpha=0.3, beta=0.7, **options):
        super().__init__(**options)
        self.alpha = alpha
        self.beta = beta
        check_prices(self)

    def loss(self, tp, fp, fn, tn):
        return 1 - tversky_index(self, tp, fp, fn)


@register("focal_tversky")
class FocalTverskyLoss(RegionLoss):
    """A Tversky loss to a power below 1, which keeps pulling at classes that are nearly right.

    `(1 - TI)^(1 / gamma)` with the Tversky index `TI`. The paper has `alpha` on false negatives; here, as in `tversky`,
    `alpha` weighs false positives and `beta` false negatives, and the defaults are the paper's under our names.

    Args:
        alpha: Price of a false positive.
        beta: Price of a false negative.
        gamma: The loss is raised to `1 / gamma`; 1 is Tversky.
        **options: See `RegionLoss`.

    Example: one hit, one miss, `(1 - 1 / (1 + 0.8))^(3/4) = 0.444^0.75 = 0.544`.

    >>> y_true, y_pred = [[[1.0], [1.0], [0.0]]], [[[1.0], [0.0], [0.0]]]
    >>> round(float(keras_seg.losses.FocalTverskyLoss(alpha=0.2, beta=0.8)(y_true, y_pred)), 3)
    0.544

    Reference: [Abraham & Khan, 2018](https://arxiv.org/abs/1810.07842)
    """

    space = {"alpha": (0.1, 0.9), "beta": (0.1, 0.9), "gamma": (1.0, 3.0)}
    adjustable = ("alpha", "beta", "gamma")

    def __init__(self, alpha=0.3, beta=0.7, gamma=4 / 3, **options):
        super().__init__(**options)
        self.alpha = alpha
        self.beta = beta
        self.gamma = check_range("gamma", gamma, low=0, open_low=True)
        check_prices(self)

    def loss(self, tp, fp, fn, tn):
        return safe.power(ops.relu(1 - tversky_index(self, tp, fp, fn)), 1 / self.gamma)


@register("f_beta")
class FBetaLoss(RegionLoss):
    """One minus the F-measure, in which a miss weighs `beta^2` times a false alarm.

    `1 - ((1 + beta^2) tp + smooth) / ((1 + beta^2) tp + beta^2 fn + fp + smooth)`: the Tversky loss on the line where
    its two prices sum to 1, `1 / (1 + beta^2)` for a false positive and `beta^2 / (1 + beta^2)` for a false negative.

    Args:
        beta: Above 1 favours recall, below 1 precision; 1 is Dice.
        **options: See `RegionLoss`.

    Example: one hit, one miss, `1 - 3.25 / (3.25 + 2.25) = 0.409`.

    >>> y_true, y_pred = [[[1.0], [1.0], [0.0]]], [[[1.0], [0.0], [0.0]]]
    >>> round(float(keras_seg.losses.FBetaLoss(beta=1.5)(y_true, y_pred)), 3)
    0.409

    Reference: [Hashemi et al., 2018](https://arxiv.org/abs/1803.11078)
    """

    space = {"beta": (0.5, 3.0)}
    adjustable = ("beta",)

    def __init__(self, beta=1.5, **options):
        super().__init__(**options)
        self.beta = check_range("beta", beta, low=0, open_low=True)

    def loss(self, tp, fp, fn, tn):
        square = self.beta**2
        return 1 - self.ratio((1 + square) * tp, (1 + square) * tp + square * fn + fp)
