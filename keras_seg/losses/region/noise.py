"""Overlaps for labels that are wrong in places."""

from keras import ops

from keras_seg.losses import safe
from keras_seg.losses.base import check_range
from keras_seg.losses.region.base import RegionLoss
from keras_seg.losses.registry import register


@register("noise_robust_dice")
class NoiseRobustDiceLoss(RegionLoss):
    """Between Dice and the mean absolute error, which forgives wrong labels.

    `sum w |p - g|^gamma / (P + G + smooth)` with the sizes `P` and `G` of both masks, as in the authors' library PyMIC.
    At `gamma = 1` it is an absolute error over those sizes. The published formula has `sum p^2 + sum g^2` there,
    which `squared=True` gives: then `gamma = 2` is `dice(squared=True)`. Below 2 the squares reward false alarms of a
    rare class once they are many (`p^1.5 / p^2` falls), so that a network may settle on foreground everywhere.

    Args:
        gamma: Exponent of the error, between 1 (forgives most) and 2.
        squared: Whether the denominator holds squares, see above.
        **options: See `RegionLoss`. `smooth` is added to the denominator alone.

    Example: one hit, a voxel of 1 predicted as 0.25: `0.75^1.5 / (1.25 + 2) = 0.2`.

    >>> y_true, y_pred = [[[1.0], [1.0], [0.0]]], [[[1.0], [0.25], [0.0]]]
    >>> round(float(keras_seg.losses.NoiseRobustDiceLoss()(y_true, y_pred)), 3)
    0.2

    Reference: [Wang et al., 2020](https://doi.org/10.1109/TMI.2020.3000314)
    """

    space = {"gamma": (1.0, 2.0)}
    adjustable = ("gamma",)

    def __init__(self, gamma=1.5, squared=False, **options):
        super().__init__(squared=squared, **options)
        self.gamma = check_range("gamma", gamma, low=1, high=2)

    def statistics(self, voxels):
        """Return the errors, the size of both masks and that of the truth, each `[batch, classes]`."""
        p, g = voxels.probabilities, voxels.truth
        error = safe.power(ops.abs(p - g), self.gamma)
        both = ops.square(p) + ops.square(g) if self.squared else p + g
        return voxels.sum(error), voxels.sum(both), voxels.sum(g)

    def from_statistics(self, inputs, *sums):
        error, both, size = self.foreground(*self.pooled(inputs, *sums))
        return self.present_mean(safe.divide(error, both + self.smooth), size > 0)
