"""Focal loss: what is right already counts little."""

from keras import ops

from keras_seg.losses import safe
from keras_seg.losses.base import check_range, positive_numbers
from keras_seg.losses.pixel.base import PixelLoss
from keras_seg.losses.registry import register


@register("focal")
class FocalLoss(PixelLoss):
    """Cross-entropy in which a voxel that is right already counts little: mean of `-alpha_t (1 - p_t)^gamma log p_t`.

    The original takes the sum over the voxels; ours is the mean, so the sum is `N` times this.

    Args:
        alpha: Factor of what is true. A number: `alpha` for foreground and `1 - alpha` for background (with sigmoids:
            for true and false). A list with a softmax: one factor per class. `None`: no factor. `"auto"`: 0.25 with
            sigmoids, as in the paper, none with a softmax.
        gamma: How much the easy voxels are played down; 0 is cross-entropy.
        **options: See `SegmentationLoss`.

    Example: the true class has probability 0.5: `0.5^2 * 0.693 = 0.173`.

    >>> y_true, y_pred = [[1, 0]], [[[0.5, 0.5], [0.5, 0.5]]]
    >>> round(float(keras_seg.losses.FocalLoss()(y_true, y_pred)), 3)
    0.173

    Reference: [Lin et al., 2017](https://arxiv.org/abs/1708.02002)
    """

    space = {"gamma": (0.5, 5.0)}
    adjustable = ("gamma",)

    def __init__(self, alpha="auto", gamma=2.0, **options):
        super().__init__(**options)
        self.gamma = check_range("gamma", gamma, low=0)
        self.alpha = checked_alpha(alpha)

    def loss(self, log_p):
        return focal_price(log_p, self.gamma)

    def class_factors(self, classes):
        return alpha_factors(self.alpha, classes, sigmoid=classes == 1 or self.multilabel)

    def check_classes(self, classes):
        super().check_classes(classes)
        check_alpha_fits(self.alpha, classes)


def focal_price(log_p, gamma):
    """Return `-(1 - p)^gamma log p`."""
    return -safe.power(-ops.expm1(log_p), gamma) * log_p


def checked_alpha(alpha):
    """Return a focal loss's `alpha` in the form that is kept: `None`, `"auto"`, a number or a tuple."""
    if isinstance(alpha, (list, tuple)):
        return positive_numbers("alpha", alpha)
    return alpha if alpha in (None, "auto") else check_range("alpha", alpha, low=0, high=1)


def check_alpha_fits(alpha, classes):
    """Raise a `ValueError` if a list of factors is not one per class."""
    if isinstance(alpha, tuple) and len(alpha) != max(classes, 2):
        raise ValueError(f"`alpha` must hold one number per class ({max(classes, 2)}). Received: {alpha}.")


def alpha_factors(alpha, classes, sigmoid):
    """Return the factor of each true class, with sigmoids `(false, true)`; `None` where all are 1."""
    alpha = (0.25 if sigmoid else None) if alpha == "auto" else alpha
    if alpha is None or isinstance(alpha, tuple):
        return alpha
    return (1 - alpha, alpha) if sigmoid else (1 - alpha, *[alpha] * (classes - 1))
