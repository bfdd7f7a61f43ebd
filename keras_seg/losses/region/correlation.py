"""Correlation of the two masks: the background that is right counts as much as the foreground."""

from keras import ops

from keras_seg.losses import safe
from keras_seg.losses.region.base import RegionLoss
from keras_seg.losses.registry import register


@register("mcc")
class MCCLoss(RegionLoss):
    """One minus Matthews' correlation coefficient, the only one of the family that sees true negatives.

    `1 - (tp tn - fp fn) / sqrt((tp + fp) (tp + fn) (tn + fp) (tn + fn))` on shares of `N`, so that large volumes do not
    overflow; `smooth` voxels are added to each margin.

    Args:
        **options: See `RegionLoss`.

    Example: one hit, one miss, two true negatives: `1 - 2 / sqrt(1 * 2 * 2 * 3) = 0.423`.

    >>> y_true, y_pred = [[[1.0], [1.0], [0.0], [0.0]]], [[[1.0], [0.0], [0.0], [0.0]]]
    >>> round(float(keras_seg.losses.MCCLoss()(y_true, y_pred)), 3)
    0.423

    Reference: [Abhishek & Hamarneh, 2021](https://arxiv.org/abs/2010.13454)
    """

    def __init__(self, **options):
        super().__init__(**options)

    def loss(self, tp, fp, fn, tn):
        count = tp + fp + fn + tn
        tp, fp, fn, tn = (safe.divide(x, count) for x in (tp, fp, fn, tn))
        smooth = safe.divide(ops.full_like(count, self.smooth), count)
        margins = [safe.sqrt(ops.relu(x) + smooth) for x in (tp + fp, tp + fn, tn + fp, tn + fn)]
        spread = margins[0] * margins[1] * margins[2] * margins[3]
        return 1 - safe.divide(tp * tn - fp * fn + smooth, spread, empty=1.0)
