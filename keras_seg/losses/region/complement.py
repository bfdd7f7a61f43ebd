"""Losses that look at a class and at its complement, everything else, in the same way."""

from keras import ops

from keras_seg.losses import safe
from keras_seg.losses.base import check_range
from keras_seg.losses.region.base import RegionLoss
from keras_seg.losses.registry import register


def errors(p, g, squared):
    """Return what is wrong where the truth is false, and what where it is true, per voxel: `|p - g|` or its square."""
    if squared:
        error = ops.square(p - g)
        return error * (1 - g), error * g
    return p * (1 - g), (1 - p) * g


@register("sensitivity_specificity")
class SensitivitySpecificityLoss(RegionLoss):
    """Mean squared error of the lesion and of the rest, each by its own size.

    `r sum w (g - p)^2 g / G + (1 - r) sum w (g - p)^2 (1 - g) / (N - G)`: squared sensitivity errors weighed against
    squared specificity errors. A class that a sample does not contain, or that fills it, has only one of the two.

    Args:
        r: Share of the sensitivity, between 0 and 1. The authors found 0.01 to 0.1 much alike, for small
            lesions. At `r = G / N` it is a plain squared error, so take more for objects that are larger: with 0.05 and
            an object of 4 % a sigmoid map stayed empty in a test, with 0.1 it did not.
        squared: Whether errors are squared, as in the paper. With `False` it is `1 - r sensitivity - (1 - r)
            specificity` of the soft counts.
        **options: See `RegionLoss`. `smooth` is added to the two denominators alone.

    Example: one of two voxels missed, one of two false alarms by half, `0.05 * 1 / 2 + 0.95 * 0.5^2 / 2 = 0.144`.

    >>> y_true, y_pred = [[[1.0], [1.0], [0.0], [0.0]]], [[[1.0], [0.0], [0.5], [0.0]]]
    >>> round(float(keras_seg.losses.SensitivitySpecificityLoss()(y_true, y_pred)), 3)
    0.144

    Reference: Brosch et al., [Deep convolutional encoder networks for multiple sclerosis lesion
        segmentation](https://doi.org/10.1007/978-3-319-24574-4_1), MICCAI 2015
    """

    space = {"r": (0.01, 0.5)}
    adjustable = ("r",)

    def __init__(self, r=0.05, squared=True, **options):
        super().__init__(squared=squared, **options)
        self.r = check_range("r", r, low=0, high=1)

    def statistics(self, voxels):
        """Return the errors in the rest and in the class, and the sizes of both, each `[batch, classes]`."""
        g = voxels.truth
        in_rest, in_class = errors(voxels.probabilities, g, self.squared)
        return voxels.sum(in_rest), voxels.sum(in_class), voxels.sum(1 - g), voxels.sum(g)

    def from_statistics(self, inputs, *sums):
        in_rest, in_class, rest, size = self.foreground(*self.pooled(inputs, *sums))
        sensitivity = safe.divide(in_class, size + self.smooth)
        specificity = safe.divide(in_rest, rest + self.smooth)
        return self.present_mean(self.r * sensitivity + (1 - self.r) * specificity, size > 0)


@register("tanimoto")
class TanimotoLoss(RegionLoss):
    """One minus the mean Tanimoto coefficient of a class and of its complement.

    `1 - (T(p, g) + T(1 - p, 1 - g)) / 2` with `T(p, g) = (sum w p g + smooth) / (sum w (p^2 + g^2 - p g) + smooth)`.
    Coefficient and complement are those of the authors' code; there the classes are pooled with weights `1 / G^2`, here
    every class has its own coefficient, as in the other losses, and the mean over classes is taken.

    Args:
        squared: Whether the denominator holds squares, as in the paper. `False` is the Jaccard index of a class and of
            its complement.
        **options: See `RegionLoss`.

    Example: one hit, one miss, one true negative: `1 - (1 / 2 + 1 / 2) / 2 = 0.5`.

    >>> y_true, y_pred = [[[1.0], [1.0], [0.0]]], [[[1.0], [0.0], [0.0]]]
    >>> round(float(keras_seg.losses.TanimotoLoss()(y_true, y_pred)), 3)
    0.5

    Reference: [Diakogiannis et al., 2020](https://arxiv.org/abs/1904.00592)
    """

    def __init__(self, squared=True, **options):
        super().__init__(squared=squared, **options)

    def statistics(self, voxels):
        """Return `sum p g`, `sum (1 - p)(1 - g)`, the errors and the size of the class, each `[batch, classes]`."""
        p, g = voxels.probabilities, voxels.truth
        # p^2 + g^2 - p g = p g + (p - g)^2, and the complement's error is the same.
        error = ops.square(p - g) if self.squared else p + g - 2 * p * g
        return voxels.sum(p * g), voxels.sum((1 - p) * (1 - g)), voxels.sum(error), voxels.sum(g)

    def from_statistics(self, inputs, *sums):
        tp, tn, error, size = self.foreground(*self.pooled(inputs, *sums))
        mean = (self.ratio(tp, tp + error) + self.ratio(tn, tn + error)) / 2
        return self.present_mean(1 - mean, size > 0)
