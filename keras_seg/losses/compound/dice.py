"""Dice and another loss, by weights that stay."""

from keras_seg.losses.base import check_range
from keras_seg.losses.compound.base import WeightedSumLoss
from keras_seg.losses.pixel import CrossEntropyLoss, FocalLoss, TopKCrossEntropyLoss
from keras_seg.losses.region import DiceLoss
from keras_seg.losses.registry import register
from keras_seg.losses.topology import CLDiceLoss


@register("dice_ce")
class DiceCrossEntropyLoss(WeightedSumLoss):
    """Dice plus cross-entropy: nnU-Net's loss, the most robust choice when nothing is known.

    Args:
        dice_weight: Weight of the Dice loss.
        cross_entropy_weight: Weight of the cross-entropy.
        label_smoothing: See `CrossEntropyLoss`.
        **options: See `RegionLoss` and `SegmentationLoss`. nnU-Net itself takes `include_background=False, batch=True`.

    Example: one hit and one miss at probability 0.5: `(1 - 3 / 3.5) + 0.693 / 2 = 0.489`.

    >>> y_true, y_pred = [[[1.0], [1.0]]], [[[1.0], [0.5]]]
    >>> round(float(keras_seg.losses.DiceCrossEntropyLoss()(y_true, y_pred)), 3)
    0.489

    Reference: [Isensee et al., 2018](https://arxiv.org/abs/1809.10486)
    """

    space = {"cross_entropy_weight": (0.1, 10.0, "log")}
    adjustable = ("cross_entropy_weight", "label_smoothing", "parts")

    def __init__(self, dice_weight=1.0, cross_entropy_weight=1.0, label_smoothing=0.0, **options):
        super().__init__(**options)
        self.dice_weight = check_range("dice_weight", dice_weight, low=0)
        self.cross_entropy_weight = check_range("cross_entropy_weight", cross_entropy_weight, low=0)
        self.label_smoothing = label_smoothing
        cross_entropy = CrossEntropyLoss(label_smoothing=label_smoothing, **self.shared_options())
        self.parts = ((dice_weight, DiceLoss(**self.region_options())), (cross_entropy_weight, cross_entropy))


@register("dice_focal")
class DiceFocalLoss(WeightedSumLoss):
    """Dice plus focal loss, for small structures beside large ones.

    Args:
        dice_weight: Weight of the Dice loss.
        focal_weight: Weight of the focal loss.
        alpha: See `FocalLoss`.
        gamma: See `FocalLoss`.
        **options: See `RegionLoss` and `SegmentationLoss`.

    Example: one hit and one miss at probability 0.5, `alpha` 0.25: `(1 - 3 / 3.5) + 0.5 * 0.25 * 0.173 / 2 = 0.154`.

    >>> y_true, y_pred = [[[1.0], [1.0]]], [[[1.0], [0.5]]]
    >>> round(float(keras_seg.losses.DiceFocalLoss()(y_true, y_pred)), 3)
    0.154

    Reference: [Zhu et al., 2018](https://arxiv.org/abs/1808.05238) (AnatomyNet)
    """

    space = {"focal_weight": (0.1, 10.0, "log"), "gamma": (0.5, 5.0)}
    adjustable = ("focal_weight", "gamma", "parts")

    def __init__(self, dice_weight=1.0, focal_weight=0.5, alpha="auto", gamma=2.0, **options):
        super().__init__(**options)
        self.dice_weight = check_range("dice_weight", dice_weight, low=0)
        self.focal_weight = check_range("focal_weight", focal_weight, low=0)
        focal = FocalLoss(alpha=alpha, gamma=gamma, **self.shared_options())
        self.alpha = focal.alpha
        self.gamma = gamma
        self.parts = ((dice_weight, DiceLoss(**self.region_options())), (focal_weight, focal))


@register("dice_topk")
class DiceTopKLoss(WeightedSumLoss):
    """Dice plus the cross-entropy of the hardest voxels alone: small structures in much easy background.

    Args:
        dice_weight: Weight of the Dice loss.
        topk_weight: Weight of the cross-entropy.
        k: Percentage of the voxels that the cross-entropy keeps, see `TopKCrossEntropyLoss`.
        **options: See `RegionLoss` and `SegmentationLoss`.

    Example: one hit and one miss at probability 0.5; the harder half is the miss: `(1 - 3 / 3.5) + 0.693 = 0.836`.

    >>> y_true, y_pred = [[[1.0], [1.0]]], [[[1.0], [0.5]]]
    >>> round(float(keras_seg.losses.DiceTopKLoss(k=50)(y_true, y_pred)), 3)
    0.836

    Reference: [Ma et al., 2021](https://doi.org/10.1016/j.media.2021.102035)
    """

    space = {"topk_weight": (0.1, 10.0, "log"), "k": (2.0, 50.0, "log")}
    adjustable = ("topk_weight", "k", "parts")

    def __init__(self, dice_weight=1.0, topk_weight=1.0, k=10.0, **options):
        super().__init__(**options)
        self.dice_weight = check_range("dice_weight", dice_weight, low=0)
        self.topk_weight = check_range("topk_weight", topk_weight, low=0)
        self.k = k
        hardest = TopKCrossEntropyLoss(k=k, **self.shared_options())
        self.parts = ((dice_weight, DiceLoss(**self.region_options())), (topk_weight, hardest))


@register("dice_cldice")
class DiceCLDiceLoss(WeightedSumLoss):
    """Dice for the width of tubes and Dice of centre lines for their connection: `(1 - alpha) dice + alpha cl_dice`.

    Args:
        alpha: Share of the centre lines, 0 to 1.
        iterations: See `CLDiceLoss`.
        cl_dice_smooth: The `smooth` of `CLDiceLoss`; `smooth` is that of Dice.
        **options: See `RegionLoss` and `SegmentationLoss`.

    Example: a line of three voxels, of which one is predicted. Dice costs `1 - 2 / 4`, the centre lines 1/3 (see
    `CLDiceLoss`): `(0.5 + 0.333) / 2`.

    >>> y_true, y_pred = np.zeros((1, 5, 5, 1)), np.zeros((1, 5, 5, 1))
    >>> y_true[0, 2, 1:4], y_pred[0, 2, 2] = 1, 1
    >>> round(float(keras_seg.losses.DiceCLDiceLoss()(y_true, y_pred)), 3)
    0.417

    Reference: [Shit et al., 2021](https://arxiv.org/abs/2003.07311)
    """

    space = {"alpha": (0.1, 0.9), "iterations": [3, 5, 10]}
    adjustable = ("alpha", "parts")

    def __init__(self, alpha=0.5, iterations=10, cl_dice_smooth=1.0, **options):
        super().__init__(**options)
        self.alpha = check_range("alpha", alpha, low=0, high=1)
        self.iterations = iterations
        self.cl_dice_smooth = check_range("cl_dice_smooth", cl_dice_smooth, low=0, open_low=True)
        lines = CLDiceLoss(iterations=iterations, smooth=cl_dice_smooth, **self.shared_options())
        self.parts = ((1 - alpha, DiceLoss(**self.region_options())), (alpha, lines))
