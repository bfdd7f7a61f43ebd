"""Pixel losses of the hardest voxels alone, found without a sort."""

from keras import ops

from keras_seg.losses import safe
from keras_seg.losses.base import check_range
from keras_seg.losses.pixel.base import PixelLoss
from keras_seg.losses.registry import register


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
    adjustable = ("k",)
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


@register("ohem_cross_entropy")
class OHEMCrossEntropyLoss(PixelLoss):
    """Cross-entropy of the voxels that are still hard: mean over those with `p_t` below a threshold.

    Online hard example mining, in the form that segmentation has made of it: where fewer than a share `min_kept` of the
    voxels are that hard, the mean is over the `min_kept` hardest. Thus early on nearly all voxels teach, later a few.
    The share is of the voxels that count (`N`, the sum of their weights), per sample and at least one; with sigmoids,
    per map. Hardness is `p_t` alone: class weights act on the values of the voxels that are kept. Nothing is sorted.

    Args:
        threshold: Voxels whose true class has less probability are hard.
        min_kept: Share of the voxels that is kept at least.
        **options: See `SegmentationLoss`.

    Example: of probabilities 0.9 and 0.5 the second is hard: `-log 0.5 = 0.693`.

    >>> y_true, y_pred = [[1, 1]], [[[0.9], [0.5]]]
    >>> round(float(keras_seg.losses.OHEMCrossEntropyLoss()(y_true, y_pred)), 3)
    0.693

    Reference: [Shrivastava et al., 2016](https://arxiv.org/abs/1604.03540)
    """

    space = {"threshold": (0.5, 0.95), "min_kept": (0.01, 0.25, "log")}
    adjustable = ("threshold", "min_kept")
    streams = False

    def __init__(self, threshold=0.7, min_kept=1 / 16, **options):
        super().__init__(**options)
        self.threshold = check_range("threshold", threshold, low=0, high=1, open_low=True)
        self.min_kept = check_range("min_kept", min_kept, low=0, high=1, open_low=True)

    def loss(self, log_p):
        return -log_p

    def voxel_map(self, voxels, factors=None):
        """Return the values and, where class weights make a difference, `-log p_t` behind them."""
        value = super().voxel_map(voxels, factors)
        if self.class_weights is None:
            return value
        factors = ops.ones_like(self.factors(voxels))
        return ops.concatenate([value, super().voxel_map(voxels, factors)], axis=-1)

    def values(self, inputs):
        value, weight = inputs.voxel_map(self)
        hardness = value
        if self.class_weights is not None:
            value, hardness = ops.split(value, 2, axis=-1)
        kept = self.kept(hardness, weight)
        return self.map_mean(safe.divide(ops.sum(kept * value, axis=1), ops.sum(kept, axis=1)))

    def kept(self, hardness, weight):
        """Return how often each voxel is kept, `[batch, voxels, k]`, from `-log p_t`."""
        least = ops.maximum(ops.sum(weight, axis=1, keepdims=True) * self.min_kept, 1)
        easiest = -ops.log(ops.convert_to_tensor(self.threshold, dtype=hardness.dtype))
        hard = ops.where(hardness > easiest, weight, ops.zeros_like(weight))
        above, ties = hardest(hardness, weight, least)
        return ops.where(ops.sum(hard, axis=1, keepdims=True) >= least, hard, above + ties)


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
