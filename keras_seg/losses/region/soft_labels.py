"""Overlaps that are smallest where the prediction *equals* the truth, also where the truth is between 0 and 1.

The product `p g` counts `g^2` where the prediction is right, less than `g`: with soft labels Dice and Jaccard are
smallest at predictions of 0 and 1. What both have in common, `min(p, g) = (p + g - |p - g|) / 2`, counts `g`.
"""

from keras import ops

from keras_seg.losses.region.base import RegionLoss
from keras_seg.losses.region.overlap import dice_index
from keras_seg.losses.registry import register


def common_and_rest(region, voxels):
    """Return `tp = sum min(p, g)`, and what of `p` and of `g` is left, as the sums of `RegionLoss.statistics`."""
    if region.squared:
        return RegionLoss.statistics(region, voxels)
    p, g = voxels.probabilities, voxels.truth
    common, only_p, only_g = ops.minimum(p, g), ops.relu(p - g), ops.relu(g - p)
    return voxels.sum(common), voxels.sum(only_p), voxels.sum(only_g), voxels.count


@register("semimetric_dice")
class SemimetricDiceLoss(RegionLoss):
    """Dice for soft labels: 0 exactly where the prediction equals the truth.

    `1 - (2 tp + smooth) / (2 tp + fp + fn + smooth)` with `tp = (P + G - sum w |p - g|) / 2`, `fp = P - tp` and
    `fn = G - tp`. With labels of 0 and 1 it is `dice`. A soft truth comes from averaged raters, from label smoothing or
    from a teacher.

    Args:
        **options: See `RegionLoss`. `squared=True` takes the sums in the squared norm, which turns `tp` into
            `sum w p g`: it is `dice(squared=True)`, and is 0 at equality as well.

    Example: truth 0.6 and 0.2, predicted 0.8 and 0.2, `1 - 2 * 0.8 / (1 + 0.8) = 0.111`. `dice` would say 0.422, and
    0.5 to the prediction that equals the truth.

    >>> y_true, y_pred = [[[0.6], [0.2]]], [[[0.8], [0.2]]]
    >>> round(float(keras_seg.losses.SemimetricDiceLoss()(y_true, y_pred)), 3)
    0.111

    Reference: [Wang et al., 2023](https://arxiv.org/abs/2303.16296)
    """

    def __init__(self, **options):
        super().__init__(**options)

    def statistics(self, voxels):
        return common_and_rest(self, voxels)

    def loss(self, tp, fp, fn, tn):
        return 1 - dice_index(self, tp, fp, fn)


@register("semimetric_jaccard")
class SemimetricJaccardLoss(RegionLoss):
    """Jaccard for soft labels, a metric: 0 exactly where the prediction equals the truth.

    `1 - (tp + smooth) / (tp + fp + fn + smooth)` with the sums of `semimetric_dice`. With labels of 0 and 1 it is
    `jaccard`.

    Args:
        **options: See `RegionLoss`. `squared=True` takes the sums in the squared norm: it is `jaccard(squared=True)`.

    Example: truth 0.6 and 0.2, predicted 0.8 and 0.2, `1 - 0.8 / (0.8 + 0.2) = 0.2`.

    >>> y_true, y_pred = [[[0.6], [0.2]]], [[[0.8], [0.2]]]
    >>> round(float(keras_seg.losses.SemimetricJaccardLoss()(y_true, y_pred)), 3)
    0.2

    Reference: [Wang et al., 2023](https://arxiv.org/abs/2302.05666)
    """

    def __init__(self, **options):
        super().__init__(**options)

    def statistics(self, voxels):
        return common_and_rest(self, voxels)

    def loss(self, tp, fp, fn, tn):
        return 1 - self.ratio(tp, tp + fp + fn)
