"""Exponential logarithmic loss: powers of logarithms, for structures of very different size."""

from keras import ops

from keras_seg.losses import safe
from keras_seg.losses.base import check_range, positive_numbers
from keras_seg.losses.compound.base import WeightedSumLoss
from keras_seg.losses.pixel import PixelLoss
from keras_seg.losses.region import RegionLoss
from keras_seg.losses.registry import register


@register("exp_log")
class ExpLogLoss(WeightedSumLoss):
    """Powers of the logarithms of Dice and of probabilities, so that rare and difficult classes keep their pull.

    `dice_weight mean_c (-log D_c)^gamma + cross_entropy_weight mean_i w_l (-log p_l)^gamma` with the true class `l` of
    voxel `i` and `w_l = sqrt(sum_k f_k / f_l)`. The paper's frequencies `f` are those of the training set; left out,
    they are those of the sample, so that a class that it does not contain has no voxel to weigh. With sigmoids, what is
    true and what is false of a class are its two labels.

    Args:
        dice_weight: Weight of the Dice term.
        cross_entropy_weight: Weight of the cross-entropy term.
        gamma: Exponent of both; below 1 it keeps pulling at what is nearly right.
        frequencies: Size of each class in the training set, background included (one map: `(background, foreground)`),
            in any unit. `None`: in each sample.
        **options: See `RegionLoss` and `SegmentationLoss`.

    Example: `D = 3 / 3.5`, one of two voxels at 0.5, both of the same label, so
    `0.8 * 0.154^0.3 + 0.2 * 0.693^0.3 / 2 = 0.55`.

    >>> y_true, y_pred = [[[1.0], [1.0]]], [[[1.0], [0.5]]]
    >>> round(float(keras_seg.losses.ExpLogLoss()(y_true, y_pred)), 2)
    0.55

    Reference: [Wong et al., 2018](https://arxiv.org/abs/1809.00076)
    """

    space = {"dice_weight": (0.1, 10.0, "log"), "gamma": (0.2, 2.0)}
    adjustable = ("dice_weight", "gamma", "parts")

    def __init__(self, dice_weight=0.8, cross_entropy_weight=0.2, gamma=0.3, frequencies=None, **options):
        super().__init__(**options)
        self.dice_weight = check_range("dice_weight", dice_weight, low=0)
        self.cross_entropy_weight = check_range("cross_entropy_weight", cross_entropy_weight, low=0)
        self.gamma = check_range("gamma", gamma, low=0, open_low=True)
        self.frequencies = positive_numbers("frequencies", frequencies)
        if self.frequencies is not None and min(self.frequencies) == 0:
            raise ValueError(
                f"`frequencies` must be above 0: a class of size 0 has no weight. Received: {frequencies}."
            )
        cross_entropy = PowerOfLog(gamma, self.frequencies, **self.shared_options())
        self.parts = (
            (dice_weight, PowerOfLogDice(gamma, **self.region_options())),
            (cross_entropy_weight, cross_entropy),
        )

    def check_classes(self, classes):
        super().check_classes(classes)
        if self.frequencies is None:
            return
        if self.multilabel and classes > 1:
            raise ValueError(
                "`frequencies` are those of classes that exclude each other. Leave them out of `multilabel`."
            )
        if len(self.frequencies) != max(classes, 2):
            raise ValueError(
                f"`frequencies` must hold {max(classes, 2)} numbers for a prediction of {classes} class(es), the "
                f"background included. Received: {self.frequencies}."
            )


class PowerOfLogDice(RegionLoss):
    """`(-log D)^gamma`."""

    adjustable = ("gamma",)

    def __init__(self, gamma, **options):
        super().__init__(**options)
        self.gamma = gamma

    def loss(self, tp, fp, fn, tn):
        logarithm = safe.log(self.ratio(2 * tp, 2 * tp + fp + fn), smallest=safe.TINY)
        return safe.power(ops.relu(-logarithm), self.gamma)


class PowerOfLog(PixelLoss):
    """Mean of `w_l (-log p_l)^gamma`, `w_l` the root of how rare the true label is."""

    adjustable = ("gamma",)

    def __init__(self, gamma, frequencies, **options):
        super().__init__(**options)
        self.gamma = gamma
        self.frequencies = frequencies

    def loss(self, log_p):
        return safe.power(ops.relu(-log_p), self.gamma)

    def statistics(self, voxels):
        """Return the summed powers and the size of each label, `[batch, labels]`, and `N`."""
        log_p, truth = voxels.log_probabilities(self.epsilon), voxels.truth
        if voxels.sigmoid:
            values = [truth * self.loss(log_p), (1 - truth) * self.loss(voxels.log_complements(self.epsilon))]
            sizes = voxels.sum(truth)
            # Labels are ordered false, true.
            return (*(voxels.sum(value) for value in values[::-1]), voxels.count - sizes, sizes, voxels.count)
        return voxels.sum(truth * self.loss(log_p)), voxels.sum(truth), voxels.count

    def from_statistics(self, inputs, *sums):
        if inputs.sigmoid:
            false, true, false_size, true_size, count = sums
            given = self.class_weights if inputs.classes == 1 and self.class_weights else (1.0, 1.0)
            frequencies = self.frequencies or (None, None)
            false = given[0] * false * self.rarity(false_size, count, frequencies[0])
            true = given[1] * true * self.rarity(true_size, count, frequencies[1])
            return self.map_mean(safe.divide(false + true, count))
        total, sizes, count = sums
        frequencies = None if self.frequencies is None else ops.convert_to_tensor(self.frequencies, dtype=total.dtype)
        weighted = total * self.rarity(sizes, count, frequencies)
        if self.class_weights is not None:
            weighted = weighted * ops.convert_to_tensor(self.class_weights, dtype=total.dtype)
        return ops.sum(safe.divide(weighted, count), axis=-1)

    def rarity(self, sizes, count, frequencies):
        """Return `sqrt(sum f / f_l)`; 0 for a label that the sample does not contain."""
        if frequencies is not None:
            return safe.sqrt(sum(self.frequencies) / (frequencies + ops.zeros_like(sizes)))
        return safe.sqrt(safe.divide(count, sizes))
