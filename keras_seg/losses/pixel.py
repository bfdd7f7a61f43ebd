"""Pixel losses: one value per voxel, averaged over the voxels that count."""

from keras import ops

from keras_seg.losses import safe
from keras_seg.losses.base import SegmentationLoss, check_range, positive_numbers
from keras_seg.losses.registry import register


class PixelLoss(SegmentationLoss):
    """Base of losses that are a mean over voxels of `f(log p_t)`, `p_t` the probability given to what is true.

    With a softmax, a voxel's value is `f` at its true class (for soft truth, its expectation); with a sigmoid per
    class, each class is an outcome of its own, true or false, and the classes are averaged.
    """

    streams = True
    label_smoothing = 0.0
    epsilon = 1e-7

    def loss(self, log_p):
        """Return the price of giving the truth the log-probability `log_p`; any shape."""
        raise NotImplementedError(f"{type(self).__name__} needs a formula: define `loss(self, log_p)`.")

    def class_factors(self, classes):
        """Return a factor per true class, with sigmoids `(false, true)`; `None` where all are 1."""
        return None

    def voxel_map(self, voxels):
        """Return a value per voxel, `[batch, ..., 1]` with a softmax, `[batch, ..., classes]` with sigmoids."""
        return (self._sigmoid_map if voxels.sigmoid else self._softmax_map)(voxels)

    def _softmax_map(self, voxels):
        dtype = voxels.prediction.dtype
        log_p, truth = voxels.log_probabilities(self.epsilon), voxels.truth
        factors = ops.ones((voxels.classes,), dtype=dtype)
        for given in (self.class_weights, self.class_factors(voxels.classes)):
            if given is not None:
                factors = factors * ops.convert_to_tensor(given, dtype=dtype)
        if voxels.has_labels and not self.label_smoothing:
            # One evaluation per voxel instead of one per class. A label beyond the classes has log p = 0 and factor 0.
            value = self.loss(ops.sum(truth * log_p, axis=-1, keepdims=True))
            return value * ops.sum(truth * factors, axis=-1, keepdims=True)
        if self.label_smoothing:
            truth = truth * (1 - self.label_smoothing) + self.label_smoothing / voxels.classes
        return ops.sum(truth * factors * self.loss(log_p), axis=-1, keepdims=True)

    def _sigmoid_map(self, voxels):
        dtype = voxels.prediction.dtype
        truth = voxels.truth
        if self.label_smoothing:
            truth = truth * (1 - self.label_smoothing) + self.label_smoothing / 2
        false, true = self.class_factors(voxels.classes) or (1.0, 1.0)
        if voxels.classes == 1 and self.class_weights is not None:
            false, true = false * self.class_weights[0], true * self.class_weights[1]
        false, true = (ops.convert_to_tensor(factor, dtype=dtype) for factor in (false, true))
        if_true = true * truth * self.loss(voxels.log_probabilities(self.epsilon))
        return if_true + false * (1 - truth) * self.loss(voxels.log_complements(self.epsilon))

    def statistics(self, voxels):
        """Return the summed values, `[batch, 1 or classes]`, and `N`, `[batch, 1]`."""
        return voxels.sum(self.voxel_map(voxels)), voxels.count

    def from_statistics(self, inputs, total, count):
        """Return one value per sample, `[batch]`."""
        return self.map_mean(safe.divide(total, count))

    def map_mean(self, means):
        """Average `[batch, 1 or classes]` means over voxels to `[batch]`."""
        return means[:, 0] if means.shape[-1] == 1 else self.class_mean(means)


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

    def __init__(self, label_smoothing=0.0, epsilon=1e-7, **options):
        super().__init__(**options)
        self.label_smoothing = check_range("label_smoothing", label_smoothing, low=0, high=1)
        self.epsilon = check_range("epsilon", epsilon, low=0, high=0.5, open_low=True)

    def loss(self, log_p):
        return -log_p


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

    def __init__(self, alpha="auto", gamma=2.0, **options):
        super().__init__(**options)
        self.gamma = check_range("gamma", gamma, low=0)
        if isinstance(alpha, (list, tuple)):
            alpha = positive_numbers("alpha", alpha)
        elif alpha not in (None, "auto"):
            check_range("alpha", alpha, low=0, high=1)
        self.alpha = alpha

    def loss(self, log_p):
        return -safe.power(-ops.expm1(log_p), self.gamma) * log_p

    def class_factors(self, classes):
        sigmoid = classes == 1 or self.multilabel
        alpha = (0.25 if sigmoid else None) if self.alpha == "auto" else self.alpha
        if alpha is None or isinstance(alpha, tuple):
            return alpha
        return (1 - alpha, alpha) if sigmoid else (1 - alpha, *[alpha] * (classes - 1))

    def check_classes(self, classes):
        super().check_classes(classes)
        if isinstance(self.alpha, tuple) and len(self.alpha) != max(classes, 2):
            raise ValueError(f"`alpha` must hold one number per class ({max(classes, 2)}). Received: {self.alpha}.")


@register("topk_cross_entropy")
class TopKCrossEntropyLoss(PixelLoss):
    """Cross-entropy of the hardest voxels alone: the mean of the `k` percent largest values of each sample.

    The `k` percent are of the voxels that count (`N`, the sum of their weights) and at least one. The threshold is
    found by bisection, so shapes are static and nothing is sorted; voxels that tie at the threshold share what is left.

    Args:
        k: Percentage of the voxels that is kept.
        **options: See `SegmentationLoss`.

    Example: 50 % of two voxels, `-log 0.25 = 1.386`.

    >>> y_true, y_pred = [[1, 0]], [[[0.5, 0.5], [0.25, 0.75]]]
    >>> round(float(keras_seg.losses.TopKCrossEntropyLoss(k=50)(y_true, y_pred)), 3)
    1.386

    Reference: [Wu et al., 2016](https://arxiv.org/abs/1605.06885)
    """

    space = {"k": (2.0, 50.0, "log")}
    streams = False

    def __init__(self, k=10.0, **options):
        super().__init__(**options)
        self.k = check_range("k", k, low=0, high=100, open_low=True)

    def loss(self, log_p):
        return -log_p

    def values(self, inputs):
        value, weight = inputs.voxel_map(self)
        kept = ops.maximum(ops.sum(weight, axis=1, keepdims=True) * (self.k / 100), 1)
        above, ties = hardest(value, weight, kept)
        mean = ops.sum((above + ties) * value, axis=1) / ops.squeeze(kept, 1)
        return self.map_mean(mean)


def hardest(values, weight, kept):
    """Share out `kept` voxels among the largest values.

    Args:
        values: `[batch, voxels, k]`, >= 0.
        weight: How often each voxel counts, `[batch, voxels, 1]`.
        kept: How many to keep, `[batch, 1, 1]`.

    Returns:
        How often each voxel is kept, above the threshold and at it: two `[batch, voxels, k]` without gradient.
    """
    values = ops.stop_gradient(values)
    high = ops.max(ops.where(weight > 0, values, ops.zeros_like(values)), axis=1, keepdims=True)
    low = ops.zeros_like(high) - 1

    def halve(_, bounds):
        low, high = bounds
        middle = (low + high) / 2
        enough = ops.sum(ops.where(values > middle, weight, ops.zeros_like(weight)), axis=1, keepdims=True) >= kept
        return ops.where(enough, middle, low), ops.where(enough, high, middle)

    # 45 halvings leave an interval no wider than float32 can resolve.
    low, high = ops.fori_loop(0, 45, halve, (low, high))
    above = ops.where(values > high, weight, ops.zeros_like(weight))
    at = ops.where(ops.logical_and(values > low, values <= high), weight, ops.zeros_like(weight))
    left = kept - ops.sum(above, axis=1, keepdims=True)
    share = ops.clip(safe.divide(left, ops.sum(at, axis=1, keepdims=True)), 0, 1)
    return above, at * share
