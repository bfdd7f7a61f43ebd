"""Base of the region losses: sums over the voxels of a class, per sample, and a formula of them."""

from keras import ops

from keras_seg.losses import safe
from keras_seg.losses.base import SegmentationLoss, check_range


class RegionLoss(SegmentationLoss):
    """Base of losses that see a mask only through four sums: `tp`, `fp`, `fn` and `tn`.

    With voxel weights `w`: `tp = sum w p g`, `fp = sum w p (1 - g)`, `fn = sum w (1 - p) g`, and
    `tn = sum w (1 - p) (1 - g)`. A loss of other sums defines `statistics` and `from_statistics` instead of `loss`.

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
        return self.present_mean(self.loss(*sums), present)

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
        tp, fp, fn, count = self.pooled(inputs, tp, fp, fn, count)
        tn = count - tp - fp - fn
        tp, fp, fn, tn = self.foreground(tp, fp, fn, tn)
        return self.combine(tp + fn > 0, tp, fp, fn, tn)

    def pooled(self, inputs, *sums):
        """Sum over the batch if `batch`, each sample as often as its weight says, and repeat that for every sample."""
        if not self.batch:
            return sums
        totals = []
        for values in sums:
            weight = inputs.sample_weight
            if weight is None:
                total = ops.sum(values, axis=0, keepdims=True)
            else:
                weight = ops.reshape(weight, (-1, *(1 for _ in values.shape[1:])))
                total = ops.sum(values * weight, axis=0, keepdims=True)
            totals.append(total + ops.zeros_like(values))
        return tuple(totals)

    def present_mean(self, values, present):
        """Average `[batch, classes]` values to `[batch]`, over the classes that are there if `absent="skip"`."""
        return self.class_mean(values, present if self.absent == "skip" else None)
