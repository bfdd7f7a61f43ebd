"""Combo loss: one class against the rest, false positives and negatives priced apart, minus Dice."""

from keras import ops

from keras_seg.losses.base import check_range
from keras_seg.losses.compound.base import WeightedSumLoss
from keras_seg.losses.pixel import PixelLoss
from keras_seg.losses.pixel.base import truth_factor
from keras_seg.losses.pixel.entropy import log_others
from keras_seg.losses.region import RegionLoss
from keras_seg.losses.registry import register


@register("combo")
class ComboLoss(WeightedSumLoss):
    """Weighted cross-entropy of each class against the rest, minus Dice: `alpha CE - (1 - alpha) Dice`.

    `CE` is the mean over voxels of `-(beta g log p + (1 - beta) (1 - g) log(1 - p))`, also with a softmax, averaged
    over the classes like Dice. This is the paper's formula; the authors' code multiplies the second term by `beta` once
    more. The value may be negative.

    Args:
        alpha: Share of the cross-entropy, 0 to 1.
        beta: Price of a false negative, 0 to 1; a false positive costs `1 - beta`. Above 0.5 it favours sensitivity.
        **options: See `RegionLoss` and `SegmentationLoss`.

    Example: one hit and one miss at probability 0.5: `0.5 * 0.5 * 0.693 / 2 - 0.5 * 3 / 3.5 = -0.342`.

    >>> y_true, y_pred = [[[1.0], [1.0]]], [[[1.0], [0.5]]]
    >>> round(float(keras_seg.losses.ComboLoss()(y_true, y_pred)), 3)
    -0.342

    Reference: [Taghanaki et al., 2018](https://arxiv.org/abs/1805.02798)
    """

    space = {"alpha": (0.1, 0.9), "beta": (0.1, 0.9)}
    adjustable = ("alpha", "beta", "parts")

    def __init__(self, alpha=0.5, beta=0.5, **options):
        super().__init__(**options)
        self.alpha = check_range("alpha", alpha, low=0, high=1)
        self.beta = check_range("beta", beta, low=0, high=1)
        against_rest = AgainstTheRest(beta, **self.shared_options())
        self.parts = ((alpha, against_rest), (1 - alpha, MinusDice(**self.region_options())))


class MinusDice(RegionLoss):
    """The Dice overlap with a minus, as the paper has it."""

    def loss(self, tp, fp, fn, tn):
        return -self.ratio(2 * tp, 2 * tp + fp + fn)


class AgainstTheRest(PixelLoss):
    """Binary cross-entropy of every class, a softmax's too, with a price of its own for each kind of error.

    Args:
        beta: Price of a false negative; a false positive costs `1 - beta`.
        **options: See `SegmentationLoss`.
    """

    adjustable = ("beta",)

    def __init__(self, beta, **options):
        super().__init__(**options)
        self.beta = beta

    def loss(self, log_p):
        return -log_p

    def voxel_map(self, voxels):
        truth, factors = voxels.truth, self.factors(voxels)
        if_true = self.beta * truth * self.loss(voxels.log_probabilities(self.epsilon))
        if_false = (1 - self.beta) * (1 - truth) * self.loss(log_others(voxels, self.epsilon))
        if voxels.sigmoid:
            return factors[1] * if_true + factors[0] * if_false
        mean = ops.mean(if_true + if_false, axis=-1, keepdims=True)
        return truth_factor(truth, factors, voxels.sigmoid) * mean
