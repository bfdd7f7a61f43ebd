"""Poly-1 losses: a logarithm is a series in `1 - p`, and its first term is given another weight."""

from keras import ops

from keras_seg.losses import safe
from keras_seg.losses.base import check_range
from keras_seg.losses.pixel.base import PixelLoss
from keras_seg.losses.pixel.focal import alpha_factors, check_alpha_fits, checked_alpha, focal_price
from keras_seg.losses.registry import register


@register("poly_cross_entropy")
class PolyCrossEntropyLoss(PixelLoss):
    """Cross-entropy whose gradient does not fade so soon: mean of `-log p_t + epsilon1 (1 - p_t)`.

    `-log p` is `(1 - p) + (1 - p)^2 / 2 + ...`; `epsilon1` is added to the first factor. The paper's best values differ
    with the task, from -1 (detection) to 2 (ImageNet). At -1 the term is gone; below, the loss would reward doubt, so
    that is refused. Followed: public transcriptions of the paper's code listing.

    Args:
        epsilon1: What is added to the factor of `1 - p_t`; 0 is cross-entropy.
        **options: See `SegmentationLoss`.

    Example: the true class has probability 0.5: `0.693 + 0.5 = 1.193`.

    >>> y_true, y_pred = [[1, 0]], [[[0.5, 0.5], [0.5, 0.5]]]
    >>> round(float(keras_seg.losses.PolyCrossEntropyLoss()(y_true, y_pred)), 3)
    1.193

    Reference: [Leng et al., 2022](https://arxiv.org/abs/2204.12511)
    """

    space = {"epsilon1": (-1.0, 6.0)}
    adjustable = ("epsilon1",)

    def __init__(self, epsilon1=1.0, **options):
        super().__init__(**options)
        self.epsilon1 = check_range("epsilon1", epsilon1, low=-1)

    def loss(self, log_p):
        return -log_p - self.epsilon1 * ops.expm1(log_p)


@register("poly_focal")
class PolyFocalLoss(PixelLoss):
    """Focal loss plus the next power: mean of `alpha_t (-(1 - p_t)^gamma log p_t + epsilon1 (1 - p_t)^(gamma + 1))`.

    As in public transcriptions of the paper's listing, `alpha_t` multiplies both terms. (Some implementations leave
    it out of the second: with `alpha=None` they agree.)

    Args:
        alpha: See `FocalLoss`.
        gamma: See `FocalLoss`.
        epsilon1: What is added to the factor of `(1 - p_t)^(gamma + 1)`; 0 is the focal loss.
        **options: See `SegmentationLoss`.

    Example: the true class has probability 0.5: `0.5^2 * 0.693 + 0.5^3 = 0.298`.

    >>> y_true, y_pred = [[1, 0]], [[[0.5, 0.5], [0.5, 0.5]]]
    >>> round(float(keras_seg.losses.PolyFocalLoss()(y_true, y_pred)), 3)
    0.298

    Reference: [Leng et al., 2022](https://arxiv.org/abs/2204.12511)
    """

    space = {"gamma": (0.5, 5.0), "epsilon1": (-1.0, 6.0)}
    adjustable = ("gamma", "epsilon1")

    def __init__(self, alpha="auto", gamma=2.0, epsilon1=1.0, **options):
        super().__init__(**options)
        self.gamma = check_range("gamma", gamma, low=0)
        self.epsilon1 = check_range("epsilon1", epsilon1, low=-1)
        self.alpha = checked_alpha(alpha)

    def loss(self, log_p):
        return focal_price(log_p, self.gamma) + self.epsilon1 * safe.power(-ops.expm1(log_p), self.gamma + 1)

    def class_factors(self, classes):
        return alpha_factors(self.alpha, classes, sigmoid=classes == 1 or self.multilabel)

    def check_classes(self, classes):
        super().check_classes(classes)
        check_alpha_fits(self.alpha, classes)
