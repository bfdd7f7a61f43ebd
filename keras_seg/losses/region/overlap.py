"""Dice, Jaccard, and functions of Dice."""

from keras import ops

from keras_seg.losses import safe
from keras_seg.losses.base import check_range
from keras_seg.losses.region.base import RegionLoss
from keras_seg.losses.registry import register


def dice_index(region, tp, fp, fn):
    """`(2 tp + s) / (2 tp + fp + fn + s)` with the smoothing of a region loss."""
    return region.ratio(2 * tp, 2 * tp + fp + fn)


@register("dice")
class DiceLoss(RegionLoss):
    """One minus the soft Dice overlap: `1 - (2 tp + smooth) / (2 tp + fp + fn + smooth)`.

    Args:
        **options: See `RegionLoss`. `squared=True` is V-Net's form.

    Example: one hit, one miss, `1 - 2 / (2 + 1) = 0.333`.

    >>> y_true, y_pred = [[[1.0], [1.0], [0.0]]], [[[1.0], [0.0], [0.0]]]
    >>> round(float(keras_seg.losses.DiceLoss()(y_true, y_pred)), 3)
    0.333

    References:
        [Drozdzal et al., 2016](https://arxiv.org/abs/1608.04117);
        [Milletari et al., 2016](https://arxiv.org/abs/1606.04797) (squared)
    """

    def __init__(self, **options):
        super().__init__(**options)

    def loss(self, tp, fp, fn, tn):
        return 1 - dice_index(self, tp, fp, fn)


@register("jaccard")
class JaccardLoss(RegionLoss):
    """One minus the soft Jaccard index: `1 - (tp + smooth) / (tp + fp + fn + smooth)`.

    Args:
        **options: See `RegionLoss`.

    Example: one hit, one miss, `1 - 1 / 2`.

    >>> y_true, y_pred = [[[1.0], [1.0], [0.0]]], [[[1.0], [0.0], [0.0]]]
    >>> round(float(keras_seg.losses.JaccardLoss()(y_true, y_pred)), 3)
    0.5

    Reference: Rahman & Wang, Optimizing intersection-over-union in deep neural networks for image segmentation,
        ISVC 2016
    """

    def __init__(self, **options):
        super().__init__(**options)

    def loss(self, tp, fp, fn, tn):
        return 1 - self.ratio(tp, tp + fp + fn)


@register("log_dice")
class LogDiceLoss(RegionLoss):
    """Minus the logarithm of Dice, steepest where almost nothing overlaps.

    `-log((2 tp + smooth) / (2 tp + fp + fn + smooth))`. Unlike `1 - Dice` it is not bounded by 1: with the default
    `smooth` a class that is missed altogether costs `log(1 + 100,000 G)`, `G` its size.

    Args:
        **options: See `RegionLoss`.

    Example: one hit, one miss, `-log(2 / 3) = 0.405`.

    >>> y_true, y_pred = [[[1.0], [1.0], [0.0]]], [[[1.0], [0.0], [0.0]]]
    >>> round(float(keras_seg.losses.LogDiceLoss()(y_true, y_pred)), 3)
    0.405

    Reference: [Wong et al., 2018](https://arxiv.org/abs/1809.00076), whose Dice term it is, there to the power 0.3
    """

    def __init__(self, **options):
        super().__init__(**options)

    def loss(self, tp, fp, fn, tn):
        # A difference of logarithms: the quotient itself would fall below any bound that keeps a gradient finite.
        hits = 2 * tp
        return safe.log(hits + fp + fn + self.smooth) - safe.log(hits + self.smooth)


@register("log_cosh_dice")
class LogCoshDiceLoss(RegionLoss):
    """The Dice loss with its slope flattened near 0: `log cosh(1 - Dice)`, about half its square.

    As in the author's code, the logarithm is natural and `Dice` the soft overlap with `smooth`; there of one map, here
    averaged over classes.

    Args:
        **options: See `RegionLoss`.

    Example: one hit, one miss, `log cosh(1 / 3) = 0.055`.

    >>> y_true, y_pred = [[[1.0], [1.0], [0.0]]], [[[1.0], [0.0], [0.0]]]
    >>> round(float(keras_seg.losses.LogCoshDiceLoss()(y_true, y_pred)), 3)
    0.055

    Reference: [Jadon, 2020](https://arxiv.org/abs/2006.14822)
    """

    def __init__(self, **options):
        super().__init__(**options)

    def loss(self, tp, fp, fn, tn):
        # cosh(x) = 1 + 2 sinh(x / 2)^2, which keeps its digits where x is small.
        half = ops.sinh((1 - dice_index(self, tp, fp, fn)) / 2)
        return ops.log1p(2 * ops.square(half))


@register("focal_dice")
class FocalDiceLoss(RegionLoss):
    """Dice to a power below 1, which pulls harder at classes that overlap little.

    `1 - Dice^(1 / beta)`, averaged over classes, which is the paper's `1 - sum w Dice^(1 / beta)` with
    `class_weights` for `w`.

    Args:
        beta: The overlap is raised to `1 / beta`, at least 1; 1 is Dice.
        **options: See `RegionLoss`.

    Example: one hit, one miss, `1 - (2 / 3)^(1 / 2) = 0.184`.

    >>> y_true, y_pred = [[[1.0], [1.0], [0.0]]], [[[1.0], [0.0], [0.0]]]
    >>> round(float(keras_seg.losses.FocalDiceLoss(beta=2)(y_true, y_pred)), 3)
    0.184

    Reference: Wang & Chung, [Focal Dice loss and image dilation for brain tumor
        segmentation](https://doi.org/10.1007/978-3-030-00889-5_14), DLMIA 2018
    """

    space = {"beta": (1.0, 3.0)}
    adjustable = ("beta",)

    def __init__(self, beta=2.0, **options):
        super().__init__(**options)
        self.beta = check_range("beta", beta, low=1)

    def loss(self, tp, fp, fn, tn):
        return 1 - safe.power(dice_index(self, tp, fp, fn), 1 / self.beta)
