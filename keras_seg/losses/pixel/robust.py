"""Pixel losses for labels that may be wrong."""

from keras import ops

from keras_seg.losses.base import check_range
from keras_seg.losses.pixel.base import PixelLoss
from keras_seg.losses.registry import register


@register("generalized_cross_entropy")
class GeneralizedCrossEntropyLoss(PixelLoss):
    """Between cross-entropy and mean absolute error, for noisy labels: mean of `(1 - p_t^q) / q`.

    A voxel costs at most `1 / q`, and one that is hopelessly wrong hardly moves the network: its label may be the
    mistake. So may be whatever is rare: by itself it can leave small structures out for good. Train it with a loss that
    sees them, `"dice_ce + generalized_cross_entropy"`.

    Args:
        q: Near 0 it is cross-entropy, at 1 `1 - p_t`, which no share of wrong labels below one half misleads.
        **options: See `SegmentationLoss`.

    Example: the true class has probability 0.5: `(1 - 0.5^0.7) / 0.7 = 0.549`.

    >>> y_true, y_pred = [[1, 0]], [[[0.5, 0.5], [0.5, 0.5]]]
    >>> round(float(keras_seg.losses.GeneralizedCrossEntropyLoss()(y_true, y_pred)), 3)
    0.549

    Reference: [Zhang & Sabuncu, 2018](https://arxiv.org/abs/1805.07836)
    """

    space = {"q": (0.1, 1.0)}
    adjustable = ("q",)
    alone = False

    def __init__(self, q=0.7, **options):
        super().__init__(**options)
        self.q = check_range("q", q, low=0, high=1, open_low=True)

    def loss(self, log_p):
        # Not `expm1`: where `p` is almost 0, the gradient that JAX gives it rounds to 0.
        return (1 - ops.exp(self.q * log_p)) / self.q
