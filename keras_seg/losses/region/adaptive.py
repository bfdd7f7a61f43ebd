"""Overlap region by region of a grid, with prices that follow the mistakes made there."""

from keras import ops

from keras_seg.losses import safe
from keras_seg.losses.base import check_range, is_integer
from keras_seg.losses.region.base import RegionLoss
from keras_seg.losses.region.complement import errors
from keras_seg.losses.region.grid import region_sums
from keras_seg.losses.registry import register

# A sum over a region, in voxels, that is taken for 0: its square, by which gradients are divided, may be beyond the
# range of float32.
FEWEST = 1e-12


@register("adaptive_tversky")
class AdaptiveTverskyLoss(RegionLoss):
    """A Tversky loss per region of a grid, in which the more frequent kind of mistake costs more.

    In each region `1 - (tp + smooth) / (tp + alpha fp + beta fn + smooth)` with `alpha = lowest + gap fp / (fp + fn)`
    and `beta = lowest + gap fn / (fp + fn)`, then the mean over the regions that hold a voxel that counts. As in the
    public implementations the gradient flows through the prices. They pool with `AdaptiveAvgPool`, whose windows
    overlap where the sizes do not divide; here a voxel on a border is shared out, and counts once.

    It does not train a network by itself: most regions have nothing of a small object, and predicting nothing at all is
    right in all of these. Use it as `"cross_entropy + adaptive_tversky"`. For the same reason `smooth` is one voxel
    here: with the implementations' 1e-5 the first false alarm in such a region costs all of 1, the second nothing.

    Args:
        lowest: The least that a mistake costs, the paper's `A`.
        gap: What the share of its kind adds, the paper's `B`. `lowest=0.5, gap=0` is Dice per region.
        regions: Number of regions along each axis; an axis with fewer voxels has one region per voxel.
        smooth: Added to numerator and denominator of each region, in voxels.
        **options: See `RegionLoss`. Here `squared=True` squares the errors, `fp = sum w p^2 (1 - g)` and
            `fn = sum w (1 - p)^2 g`, which is V-Net's form as well and keeps prices between 0 and 1. `absent` is about
            classes that the whole sample does not contain.

    Example: two regions. In the first one hit, one miss, `beta = 0.7`, `1 - (1 + 1) / (1.7 + 1) = 0.259`; the second
    is right.

    >>> y_true, y_pred = [[[1.0], [1.0], [0.0], [1.0]]], [[[1.0], [0.0], [0.0], [1.0]]]
    >>> round(float(keras_seg.losses.AdaptiveTverskyLoss(regions=2)(y_true, y_pred)), 3)
    0.13

    Reference: [Chen et al., 2023](https://doi.org/10.1109/TPAMI.2023.3289667)
    """

    space = {"lowest": (0.1, 0.9), "gap": (0.0, 0.8), "regions": [4, 8, 16]}
    adjustable = ("lowest", "gap")
    alone = False
    # Its sums are over regions, which a flattened batch no longer has.
    streams = False

    def __init__(self, lowest=0.3, gap=0.4, regions=16, smooth=1.0, **options):
        super().__init__(smooth=smooth, **options)
        self.lowest = check_range("lowest", lowest, low=0, open_low=True)
        self.gap = check_range("gap", gap, low=0)
        if not is_integer(regions) or regions < 1:
            raise ValueError(f"`regions` must be a whole number >= 1, regions along each axis. Received: {regions!r}.")
        self.regions = int(regions)

    def maps(self, voxels):
        """Return hits, false alarms and misses, `[batch, ..., classes]`, and ones, `[batch, ..., 1]`."""
        p, g = voxels.probabilities, voxels.truth
        return p * g, *errors(p, g, self.squared), ops.ones_like(p[..., :1])

    def values(self, inputs):
        sums = self.pooled(inputs, *region_sums(self.maps, inputs, self.regions))
        tp, fp, fn = self.foreground(*sums[:3])
        counts = ops.cast(sums[3] > 0, tp.dtype)
        alpha, beta = (self.lowest + self.gap * share(kind, fp + fn) for kind in (fp, fn))
        losses = 1 - share(tp + self.smooth, tp + alpha * fp + beta * fn + self.smooth, empty=1.0)
        mean = safe.divide(ops.sum(losses * counts, axis=1), ops.sum(counts, axis=1))
        return self.present_mean(mean, ops.sum(tp + fn, axis=1) > 0)


def share(part, whole, empty=0.0):
    """Return `part / whole`, and `empty` where the whole is next to nothing."""
    return safe.divide(part, ops.where(whole > FEWEST, whole, ops.zeros_like(whole)), empty=empty)
