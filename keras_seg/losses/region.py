"""Region losses: formulas of true and false positives and negatives, per sample and class."""

from keras import ops

from keras_seg.losses import safe
from keras_seg.losses.base import SegmentationLoss, check_range
from keras_seg.losses.registry import register


class RegionLoss(SegmentationLoss):
    """Base of losses that see a mask only through four sums: `tp`, `fp`, `fn` and `tn`.

    With voxel weights `w`: `tp = sum w p g`, `fp = sum w p (1 - g)`, `fn = sum w (1 - p) g`, and
    `tn = sum w (1 - p) (1 - g)`.

    Args:
        smooth: Added to numerator and denominator, in voxels.
        squared: Use `sum p^2` and `sum g^2` where the formula has `sum p` and `sum g` (V-Net).
        batch: Sum over the batch before the formula, as if the samples were one image. Every sample gets that value.
        absent: What a class counts in a sample that does not contain it. `"score"`: what the formula says, so that
            false positives are punished. `"skip"`: nothing, the mean is over the classes that are there.
        **options: See `SegmentationLoss`.
    """

    streams = True

    def __init__(self, smooth=1e-5, squared=False, batch=False, absent="score", **options):
        super().__init__(**options)
        self.smooth = check_range("smooth", smooth, low=0)
        self.squared = squared
        self.batch = batch
        if absent not in ("score", "skip"):
            raise ValueError(f"`absent` must be 'score' or 'skip'. Received: {absent!r}.")
        self.absent = absent

    def loss(self, tp, fp, fn, tn):
        """Return the loss per sample and class, `[batch, classes]`, from sums of that shape."""
        raise NotImplementedError(f"{type(self).__name__} needs a formula: define `loss(self, tp, fp, fn, tn)`.")

    def combine(self, present, *sums):
        """Return one value per sample, `[batch]`, from `[batch, classes]` sums."""
        return self.class_mean(self.loss(*sums), present if self.absent == "skip" else None)

    def ratio(self, numerator, denominator):
        """`(numerator + smooth) / (denominator + smooth)`; nothing out of nothing is 1."""
        return safe.divide(numerator + self.smooth, denominator + self.smooth, empty=1.0)

    def statistics(self, voxels):
        """Return `tp`, `fp`, `fn` `[batch, classes]` and `N` `[batch, 1]` of some voxels."""
        p, g = voxels.probabilities, voxels.truth
        if self.squared:
            return voxels.sum(p * g), voxels.sum(p * (p - g)), voxels.sum(g * (g - p)), voxels.count
        return voxels.sum(p * g), voxels.sum(p * (1 - g)), voxels.sum((1 - p) * g), voxels.count

    def from_statistics(self, inputs, tp, fp, fn, count):
        """Return one value per sample, `[batch]`."""
        if self.batch:
            weight = inputs.sample_weight
            weight = 1 if weight is None else ops.expand_dims(weight, -1)
            repeat = ops.zeros_like(count)
            tp, fp, fn, count = (ops.sum(x * weight, axis=0, keepdims=True) + repeat for x in (tp, fp, fn, count))
        tn = count - tp - fp - fn
        tp, fp, fn, tn = self.foreground(tp, fp, fn, tn)
        return self.combine(tp + fn > 0, tp, fp, fn, tn)


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
        return 1 - self.ratio(2 * tp, 2 * tp + fp + fn)


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


def tversky_index(region, tp, fp, fn):
    """`(tp + s) / (tp + alpha fp + beta fn + s)` with the prices and the smoothing of a region loss."""
    return region.ratio(tp, tp + region.alpha * fp + region.beta * fn)


def check_prices(region):
    """Raise a `ValueError` unless `alpha` and `beta` are prices that the formula can bear."""
    for argument in ("alpha", "beta"):
        # With squared sums a price above 1 can turn the denominator negative.
        check_range(argument, getattr(region, argument), low=0, high=1 if region.squared else None)
    if region.alpha == region.beta == 0:
        raise ValueError("`alpha` and `beta` are both 0: no mistake would cost anything. Received: alpha=0, beta=0.")


@register("tversky")
class TverskyLoss(RegionLoss):
    """Overlap that prices false positives and false negatives apart.

    `1 - (tp + smooth) / (tp + alpha fp + beta fn + smooth)`. Mind the order: here, as in the paper, `alpha` weighs
    false *positives* and `beta` false *negatives*. Other libraries swap them.

    Args:
        alpha: Price of a false positive.
        beta: Price of a false negative. `alpha = beta = 0.5` is Dice, `alpha = beta = 1` is Jaccard.
        **options: See `RegionLoss`.

    Example: one hit, one miss, `1 - 1 / (1 + 0.8) = 0.444`.

    >>> y_true, y_pred = [[[1.0], [1.0], [0.0]]], [[[1.0], [0.0], [0.0]]]
    >>> round(float(keras_seg.losses.TverskyLoss(alpha=0.2, beta=0.8)(y_true, y_pred)), 3)
    0.444

    Reference: [Salehi et al., 2017](https://arxiv.org/abs/1706.05721)
    """

    space = {"alpha": (0.1, 0.9), "beta": (0.1, 0.9)}

    def __init__(self, alpha=0.3, beta=0.7, **options):
        super().__init__(**options)
        self.alpha = alpha
        self.beta = beta
        check_prices(self)

    def loss(self, tp, fp, fn, tn):
        return 1 - tversky_index(self, tp, fp, fn)


@register("focal_tversky")
class FocalTverskyLoss(RegionLoss):
    """A Tversky loss to a power below 1, which keeps pulling at classes that are nearly right.

    `(1 - TI)^(1 / gamma)` with the Tversky index `TI`. The paper has `alpha` on false negatives; here, as in `tversky`,
    `alpha` weighs false positives and `beta` false negatives, and the defaults are the paper's under our names.

    Args:
        alpha: Price of a false positive.
        beta: Price of a false negative.
        gamma: The loss is raised to `1 / gamma`; 1 is Tversky.
        **options: See `RegionLoss`.

    Example: one hit, one miss, `(1 - 1 / (1 + 0.8))^(3/4) = 0.444^0.75 = 0.544`.

    >>> y_true, y_pred = [[[1.0], [1.0], [0.0]]], [[[1.0], [0.0], [0.0]]]
    >>> round(float(keras_seg.losses.FocalTverskyLoss(alpha=0.2, beta=0.8)(y_true, y_pred)), 3)
    0.544

    Reference: [Abraham & Khan, 2018](https://arxiv.org/abs/1810.07842)
    """

    space = {"alpha": (0.1, 0.9), "beta": (0.1, 0.9), "gamma": (1.0, 3.0)}

    def __init__(self, alpha=0.3, beta=0.7, gamma=4 / 3, **options):
        super().__init__(**options)
        self.alpha = alpha
        self.beta = beta
        self.gamma = check_range("gamma", gamma, low=0, open_low=True)
        check_prices(self)

    def loss(self, tp, fp, fn, tn):
        return safe.power(ops.relu(1 - tversky_index(self, tp, fp, fn)), 1 / self.gamma)


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
        if weight not in ("square", "simple", "uniform"):
            raise ValueError(f"`weight` must be 'square', 'simple' or 'uniform'. Received: {weight!r}.")
        self.weight = weight

    def combine(self, present, tp, fp, fn, tn):
        size = ops.where(present, tp + fn, ops.ones_like(tp))
        smallest = ops.min(ops.where(present, size, ops.full_like(size, float("inf"))), axis=-1, keepdims=True)
        # Relative to the smallest class: 1 / G^2 itself would vanish beside `smooth` in a large volume.
        share = ops.where(present, smallest / size, ops.ones_like(size))
        weights = {"square": share * share, "simple": share, "uniform": ops.ones_like(share)}[self.weight]
        if self.absent == "skip":
            weights = weights * ops.cast(present, weights.dtype)
        hits, all_ = self.class_mean(weights * 2 * tp), self.class_mean(weights * (2 * tp + fp + fn))
        return 1 - self.ratio(hits, all_)


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
