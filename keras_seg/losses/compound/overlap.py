"""Region losses other than Dice, and a pixel loss beside them."""

from keras_seg.losses.base import check_range
from keras_seg.losses.compound.base import WeightedSumLoss
from keras_seg.losses.pixel import CrossEntropyLoss, FocalLoss
from keras_seg.losses.region import GeneralizedDiceLoss, JaccardLoss
from keras_seg.losses.registry import register


@register("generalized_dice_focal")
class GeneralizedDiceFocalLoss(WeightedSumLoss):
    """Generalised Dice plus focal loss: classes of very different size, weighed by size and by difficulty.

    Args:
        generalized_dice_weight: Weight of the generalised Dice loss.
        focal_weight: Weight of the focal loss.
        weight: What a class weighs in the Dice, see `GeneralizedDiceLoss`.
        alpha: See `FocalLoss`.
        gamma: See `FocalLoss`.
        **options: See `RegionLoss` and `SegmentationLoss`.

    Example: one hit and one miss at probability 0.5, one class, `alpha` 0.25:
    `(1 - 3 / 3.5) + 0.25 * 0.173 / 2 = 0.165`.

    >>> y_true, y_pred = [[[1.0], [1.0]]], [[[1.0], [0.5]]]
    >>> round(float(keras_seg.losses.GeneralizedDiceFocalLoss()(y_true, y_pred)), 3)
    0.165

    References:
        [Sudre et al., 2017](https://arxiv.org/abs/1707.03237) (generalised Dice);
        [Lin et al., 2017](https://arxiv.org/abs/1708.02002) (focal). The sum is that of MONAI.
    """

    space = {
        "focal_weight": (0.1, 10.0, "log"),
        "weight": ["square", "simple", "uniform"],
        "gamma": (0.5, 5.0),
    }
    adjustable = ("focal_weight", "gamma", "parts")

    def __init__(
        self, generalized_dice_weight=1.0, focal_weight=1.0, weight="square", alpha="auto", gamma=2.0, **options
    ):
        super().__init__(**options)
        self.generalized_dice_weight = check_range("generalized_dice_weight", generalized_dice_weight, low=0)
        self.focal_weight = check_range("focal_weight", focal_weight, low=0)
        self.weight = weight
        focal = FocalLoss(alpha=alpha, gamma=gamma, **self.shared_options())
        self.alpha = focal.alpha
        self.gamma = gamma
        dice = GeneralizedDiceLoss(weight=weight, **self.region_options())
        self.parts = ((generalized_dice_weight, dice), (focal_weight, focal))


@register("jaccard_ce")
class JaccardCrossEntropyLoss(WeightedSumLoss):
    """Jaccard plus cross-entropy: for whoever is judged by intersection over union.

    The paper subtracts the logarithm of the Jaccard index; `1 - J` is its first-order form, and bounded.

    Args:
        jaccard_weight: Weight of the Jaccard loss.
        cross_entropy_weight: Weight of the cross-entropy.
        label_smoothing: See `CrossEntropyLoss`.
        **options: See `RegionLoss` and `SegmentationLoss`.

    Example: one hit and one miss at probability 0.5: `(1 - 1.5 / 2) + 0.693 / 2 = 0.597`.

    >>> y_true, y_pred = [[[1.0], [1.0]]], [[[1.0], [0.5]]]
    >>> round(float(keras_seg.losses.JaccardCrossEntropyLoss()(y_true, y_pred)), 3)
    0.597

    Reference: [Iglovikov et al., 2017](https://arxiv.org/abs/1706.06169)
    """

    space = {"cross_entropy_weight": (0.1, 10.0, "log")}
    adjustable = ("cross_entropy_weight", "label_smoothing", "parts")

    def __init__(self, jaccard_weight=1.0, cross_entropy_weight=1.0, label_smoothing=0.0, **options):
        super().__init__(**options)
        self.jaccard_weight = check_range("jaccard_weight", jaccard_weight, low=0)
        self.cross_entropy_weight = check_range("cross_entropy_weight", cross_entropy_weight, low=0)
        self.label_smoothing = label_smoothing
        cross_entropy = CrossEntropyLoss(label_smoothing=label_smoothing, **self.shared_options())
        self.parts = ((jaccard_weight, JaccardLoss(**self.region_options())), (cross_entropy_weight, cross_entropy))
