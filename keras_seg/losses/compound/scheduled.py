"""Dice and a loss of distances whose weight grows with the epoch."""

from keras_seg.losses.base import check_range
from keras_seg.losses.boundary import BoundaryLoss, HausdorffDTLoss, check_spacing
from keras_seg.losses.compound.base import WeightedSumLoss
from keras_seg.losses.region import DiceLoss
from keras_seg.losses.registry import register
from keras_seg.losses.schedule import Ramp


class GrowingWeightLoss(WeightedSumLoss):
    """Base of Dice plus another loss, the latter weighing `min(stop, start + step * epoch)`.

    Args:
        start: Weight of the other loss in epoch 0.
        step: Growth of that weight per epoch.
        stop: Largest weight.
        **options: See `RegionLoss` and `SegmentationLoss`.
    """

    weight_name = None

    def __init__(self, start=0.01, step=0.01, stop=1.0, **options):
        super().__init__(**options)
        self.start = check_range("start", start, low=0)
        self.step = check_range("step", step)
        self.stop = check_range("stop", stop, low=0)

    def dice_and(self, other):
        """Return the parts: Dice, and the other loss by its growing weight."""
        ramp = Ramp(self.start, self.step, self.stop, name=self.weight_name)
        return ((1.0, DiceLoss(**self.region_options())), (ramp, other))


@register("dice_boundary")
class DiceBoundaryLoss(GrowingWeightLoss):
    """Dice plus a boundary loss whose weight grows with the epoch: overlap first, then the outline.

    The weight in epoch `k` is `min(stop, start + step * k)`. Pass `callbacks=[keras_seg.losses.EpochSchedule()]` to
    `fit`; resuming with `initial_epoch` goes on with the right weight.

    Args:
        start: Weight of the boundary loss in epoch 0.
        step: Growth of that weight per epoch.
        stop: Largest weight.
        spacing: See `BoundaryLoss`.
        **options: See `RegionLoss` and `SegmentationLoss`. The paper leaves the background out:
            `include_background=False`.

    Example: in epoch 0 the boundary loss (0.167, see `BoundaryLoss`) weighs 0.01: `(1 - 2 / 2.5) + 0.01 * 0.167 =
        0.202`.

    >>> y_true, y_pred = [[[0.0], [1.0], [0.0]]], [[[0.5], [1.0], [0.0]]]
    >>> round(float(keras_seg.losses.DiceBoundaryLoss()(y_true, y_pred)), 3)
    0.202

    Reference: [Kervadec et al., 2019](https://arxiv.org/abs/1812.07032)
    """

    space = {"start": (0.01, 0.5, "log"), "step": (0.005, 0.05, "log")}
    adjustable = ("start", "step", "stop", "parts")
    weight_name = "boundary_weight"

    def __init__(self, start=0.01, step=0.01, stop=1.0, spacing=None, **options):
        super().__init__(start, step, stop, **options)
        self.spacing = check_spacing(spacing)
        self.parts = self.dice_and(BoundaryLoss(spacing=spacing, **self.shared_options()))


@register("dice_hausdorff")
class DiceHausdorffLoss(GrowingWeightLoss):
    """Dice plus a Hausdorff loss whose weight grows with the epoch: overlap first, then the largest errors.

    The weight in epoch `k` is `min(stop, start + step * k)`. Pass `callbacks=[keras_seg.losses.EpochSchedule()]` to
    `fit`; resuming with `initial_epoch` goes on with the right weight. The paper sums both losses as well, but weighs
    the Hausdorff loss by the ratio of the two means of the epoch before; a ramp needs no such memory and survives
    saving and resuming.

    Args:
        start: Weight of the Hausdorff loss in epoch 0.
        step: Growth of that weight per epoch.
        stop: Largest weight.
        alpha: See `HausdorffDTLoss`.
        log: See `HausdorffDTLoss`.
        spacing: See `HausdorffDTLoss`.
        **options: See `RegionLoss` and `SegmentationLoss`.

    Example: in epoch 0 the Hausdorff loss (1.125, see `HausdorffDTLoss`) weighs 0.01: `(1 - 2 / 2.5) + 0.01 * 1.125 =
        0.211`.

    >>> y_true, y_pred = [[[1.0], [0.0], [0.0], [0.0]]], [[[1.0], [0.0], [0.0], [0.5]]]
    >>> round(float(keras_seg.losses.DiceHausdorffLoss()(y_true, y_pred)), 3)
    0.211

    Reference: [Karimi & Salcudean, 2019](https://arxiv.org/abs/1904.10030)
    """

    space = {"start": (0.01, 0.5, "log"), "step": (0.005, 0.05, "log"), "alpha": (1.0, 3.0), "log": [False, True]}
    adjustable = ("start", "step", "stop", "alpha", "parts")
    weight_name = "hausdorff_weight"

    def __init__(self, start=0.01, step=0.01, stop=1.0, alpha=2.0, log=False, spacing=None, **options):
        super().__init__(start, step, stop, **options)
        self.alpha = alpha
        self.log = bool(log)
        self.spacing = check_spacing(spacing)
        other = HausdorffDTLoss(alpha=alpha, log=log, spacing=spacing, **self.shared_options())
        self.parts = self.dice_and(other)
