"""Cross-entropy, and its form in which what is rare weighs as much as what is common."""

import math

from keras import ops

from keras_seg.losses import safe
from keras_seg.losses.base import check_range
from keras_seg.losses.pixel.base import PixelLoss, truth_factor
from keras_seg.losses.registry import register


@register("cross_entropy")
class CrossEntropyLoss(PixelLoss):
    """Mean of `-log p` of the true class; binary per class for one class or `multilabel`.

    Args:
        label_smoothing: Share of the truth that is spread evenly over the classes.
        epsilon: Given probabilities are clipped to `[epsilon, 1 - epsilon]`; logits are not.
        **options: See `SegmentationLoss`.

    Example: the true class has probability 0.5, then 0.25: `(0.693 + 1.386) / 2`.

    >>> y_true, y_pred = [[1, 0]], [[[0.5, 0.5], [0.25, 0.75]]]
    >>> round(float(keras_seg.losses.CrossEntropyLoss()(y_true, y_pred)), 3)
    1.04
    """

    space = {"label_smoothing": (0.0, 0.2)}
    adjustable = ("label_smoothing",)

    def __init__(self, label_smoothing=0.0, epsilon=1e-7, **options):
        super().__init__(**options)
        self.label_smoothing = check_range("label_smoothing", label_smoothing, low=0, high=1)
        self.epsilon = check_range("epsilon", epsilon, low=0, high=0.5, open_low=True)

    def loss(self, log_p):
        return -log_p


@register("balanced_cross_entropy")
class BalancedCrossEntropyLoss(PixelLoss):
    """Cross-entropy in which a class weighs as much as all the rest: `-b g log p - (1 - b)(1 - g) log(1 - p)`.

    `b` is the share of the sample's voxels, of all that count, that are not of the class. Each class stands against the
    rest, with a softmax too, and the classes are averaged. The paper sums over the pixels; ours is the mean.

    A class that a sample does not contain has `b = 1`, so what is predicted of it costs nothing there, as in the paper;
    nor does a sample that it fills. With a softmax the other classes still object; where whole samples hold no
    foreground and there is one map, add a loss that sees them: `"balanced_cross_entropy + dice"`.

    Args:
        **options: See `SegmentationLoss`.

    Example: one voxel of four is foreground, so `b = 0.75`; all have probability 0.5:
    `(0.75 * 0.693 + 3 * 0.25 * 0.693) / 4 = 0.26`.

    >>> y_true, y_pred = [[0, 0, 0, 1]], [[[0.5], [0.5], [0.5], [0.5]]]
    >>> round(float(keras_seg.losses.BalancedCrossEntropyLoss()(y_true, y_pred)), 3)
    0.26

    Reference: [Xie & Tu, 2015](https://arxiv.org/abs/1504.06375)
    """

    def __init__(self, **options):
        super().__init__(**options)

    def loss(self, log_p):
        return -log_p

    def statistics(self, voxels):
        """Return the price of what is true and of what is false, and `G`, `[batch, classes]`, and `N`, `[batch, 1]`."""
        truth, factors = voxels.truth, self.factors(voxels)
        true, false = self.loss(voxels.log_probabilities(self.epsilon)), self.loss(log_others(voxels, self.epsilon))
        if voxels.sigmoid:
            true, false = factors[1] * true, factors[0] * false
        else:
            factor = truth_factor(truth, factors, voxels.sigmoid)
            true, false = factor * true, factor * false
        return voxels.sum(truth * true), voxels.sum((1 - truth) * false), voxels.sum(truth), voxels.count

    def from_statistics(self, inputs, true, false, positives, count):
        share = safe.divide(positives, count)
        means = safe.divide((1 - share) * true + share * false, count)
        return self.map_mean(means) if inputs.sigmoid else ops.mean(means, axis=-1)


def log_others(voxels, epsilon=1e-7):
    """Return `log(1 - p)`, `[batch, ..., classes]`: of a sigmoid, or of all other classes of a softmax together.

    From logits it is exact where `p` rounds to 1: a class with more than one half gets the sum over the others.
    """
    if voxels.sigmoid or not voxels.from_logits:
        return voxels.log_complements(epsilon)
    log_p = voxels.log_probabilities(epsilon)
    is_most = log_p > -math.log(2)
    # Below every logarithm of a probability, and still a number.
    rest = ops.logsumexp(ops.where(is_most, ops.full_like(log_p, -1e30), log_p), axis=-1, keepdims=True)
    p = ops.where(is_most, ops.zeros_like(log_p), ops.exp(log_p))
    return ops.where(is_most, rest, ops.log1p(-p))
