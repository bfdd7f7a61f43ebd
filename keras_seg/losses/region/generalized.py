"""One Dice over all classes, in which a small class weighs as much as a large one."""

from keras import ops

from keras_seg.losses.base import check_range
from keras_seg.losses.region.base import RegionLoss
from keras_seg.losses.registry import register

WEIGHTS = ("square", "simple", "uniform")


def check_weight(weight):
    """Return `weight` if it names a rule to weigh classes by."""
    if weight not in WEIGHTS:
        raise ValueError(f"`weight` must be 'square', 'simple' or 'uniform'. Received: {weight!r}.")
    return weight


def generalized_dice(region, present, tp, fp, fn):
    """Return `2 sum_c v tp / sum_c v (2 tp + fp + fn)`, `[batch]`, with the `weight` rule of a region loss."""
    size = ops.where(present, tp + fn, ops.ones_like(tp))
    smallest = ops.min(ops.where(present, size, ops.full_like(size, float("inf"))), axis=-1, keepdims=True)
    # Relative to the smallest class: 1 / G^2 itself would vanish beside `smooth` in a large volume.
    share = ops.where(present, smallest / size, ops.ones_like(size))
    weights = {"square": share * share, "simple": share, "uniform": ops.ones_like(share)}[region.weight]
    if region.absent == "skip":
        weights = weights * ops.cast(present, weights.dtype)
    hits, all_ = region.class_mean(weights * 2 * tp), region.class_mean(weights * (2 * tp + fp + fn))
    return region.ratio(hits, all_)


@register("generalized_dice")
class GeneralizedDiceLoss(RegionLoss):
    """One Dice over all classes, in which a class weighs the inverse of its size.

    `1 - 2 sum_c v tp / sum_c v (2 tp + fp + fn)` with `v = 1 / G^2`, `G` the size of the class in the truth. The
    weights are scaled so that the largest is 1; a class that the sample does not contain gets the largest finite one.

    Args:
        weight: `"square"`: `1 / G^2` (the paper), `"simple"`: `1 / G`, `"uniform"`: 1.
        **options: See `RegionLoss`. `class_weights` multiply `v`.

    Example: a class of one voxel is missed, one of two voxels is hit. `v` is 1 and 1/4, so
    `1 - 2 (1/4 * 2) / (1/4 * 4 + 1 * 1) = 0.5`.

    >>> y_true = [[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]]
    >>> y_pred = [[[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]]]
    >>> round(float(keras_seg.losses.GeneralizedDiceLoss()(y_true, y_pred)), 3)
    0.5

    Reference: [Sudre et al., 2017](https://arxiv.org/abs/1707.03237)
    """

    space = {"weight": ["square", "simple", "uniform"]}

    def __init__(self, weight="square", **options):
        super().__init__(**options)
        self.weight = check_weight(weight)

    def combine(self, present, tp, fp, fn, tn):
        return 1 - generalized_dice(self, present, tp, fp, fn)


@register("penalty_generalized_dice")
class PenaltyGeneralizedDiceLoss(RegionLoss):
    """The generalised Dice loss, flattened where it is small by a penalty on what is wrong.

    `GD / (1 + k (1 - GD))` with the loss `GD` of `generalized_dice`: the same at 0 and 1, below it in between, so that
    the slope `1 + k` near 1 is `(1 + k)^2` times that near 0.

    Args:
        k: Strength of the penalty; 0 is `generalized_dice`.
        weight: How a class weighs, see `generalized_dice`.
        **options: See `RegionLoss`. `class_weights` multiply the weights of the classes.

    Example: a class of one voxel is missed, one of two voxels is hit: `GD = 0.5`, so `0.5 / (1 + 2.5 * 0.5) = 0.222`.

    >>> y_true = [[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]]
    >>> y_pred = [[[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]]]
    >>> round(float(keras_seg.losses.PenaltyGeneralizedDiceLoss()(y_true, y_pred)), 3)
    0.222

    Reference: [Yang et al., 2019](https://openreview.net/forum?id=H1lTh8unKN)
    """

    space = {"k": (0.0, 5.0), "weight": ["square", "simple", "uniform"]}
    adjustable = ("k",)

    def __init__(self, k=2.5, weight="square", **options):
        super().__init__(**options)
        self.k = check_range("k", k, low=0)
        self.weight = check_weight(weight)

    def combine(self, present, tp, fp, fn, tn):
        overlap = generalized_dice(self, present, tp, fp, fn)
        return (1 - overlap) / (1 + self.k * overlap)
