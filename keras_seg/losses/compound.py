"""The compounds that papers have given a name; `+`, `*` and the text form build any other."""

from keras import ops

from keras_seg.losses.algebra import TreeLoss
from keras_seg.losses.base import SHARED, check_range
from keras_seg.losses.boundary import BoundaryLoss, check_spacing
from keras_seg.losses.pixel import CrossEntropyLoss, FocalLoss
from keras_seg.losses.region import DiceLoss
from keras_seg.losses.registry import register
from keras_seg.losses.schedule import Ramp


class DiceCompoundLoss(TreeLoss):
    """Base of weighted sums of Dice and another loss.

    Args:
        smooth: See `RegionLoss`.
        squared: See `RegionLoss`.
        batch: See `RegionLoss`.
        absent: See `RegionLoss`.
        **options: See `SegmentationLoss`.
    """

    def __init__(self, smooth=1e-5, squared=False, batch=False, absent="score", **options):
        super().__init__(**options)
        self.smooth = smooth
        self.squared = squared
        self.batch = batch
        self.absent = absent
        self.dice = DiceLoss(smooth=smooth, squared=squared, batch=batch, absent=absent, **self.shared_options())
        self.other = None

    def shared_options(self):
        """Return the options that every member must have."""
        return {key: getattr(self, key) for key in SHARED}

    def weights(self):
        """Return the weight of Dice and of the other loss."""
        raise NotImplementedError(f"{type(self).__name__} must say how much its members weigh.")

    def terms(self):
        return (self.dice, self.other)

    def tree_values(self, inputs):
        dice_weight, other_weight = self.weights()
        dice, other = self.dice.values(inputs), self.other.values(inputs)
        return dice_weight * dice + ops.cast(other_weight, other.dtype) * other


@register("dice_ce")
class DiceCrossEntropyLoss(DiceCompoundLoss):
    """Dice plus cross-entropy: nnU-Net's loss, the most robust choice when nothing is known.

    Args:
        dice_weight: Weight of the Dice loss.
        cross_entropy_weight: Weight of the cross-entropy.
        label_smoothing: See `CrossEntropyLoss`.
        **options: See `RegionLoss` and `SegmentationLoss`. nnU-Net itself takes `include_background=False, batch=True`.

    Example: one hit and one miss at probability 0.5: `(1 - 3 / 3.5) + 0.693 / 2 = 0.489`.

    >>> y_true, y_pred = [[[1.0], [1.0]]], [[[1.0], [0.5]]]
    >>> round(float(keras_seg.losses.DiceCrossEntropyLoss()(y_true, y_pred)), 3)
    0.489

    Reference: [Isensee et al., 2018](https://arxiv.org/abs/1809.10486)
    """

    space = {"cross_entropy_weight": (0.1, 10.0, "log")}

    def __init__(self, dice_weight=1.0, cross_entropy_weight=1.0, label_smoothing=0.0, **options):
        super().__init__(**options)
        self.dice_weight = check_range("dice_weight", dice_weight, low=0)
        self.cross_entropy_weight = check_range("cross_entropy_weight", cross_entropy_weight, low=0)
        self.label_smoothing = label_smoothing
        self.other = CrossEntropyLoss(label_smoothing=label_smoothing, **self.shared_options())

    def weights(self):
        return self.dice_weight, self.cross_entropy_weight


@register("dice_focal")
class DiceFocalLoss(DiceCompoundLoss):
    """Dice plus focal loss, for small structures beside large ones.

    Args:
        dice_weight: Weight of the Dice loss.
        focal_weight: Weight of the focal loss.
        alpha: See `FocalLoss`.
        gamma: See `FocalLoss`.
        **options: See `RegionLoss` and `SegmentationLoss`.

    Example: one hit and one miss at probability 0.5, `alpha` 0.25: `(1 - 3 / 3.5) + 0.5 * 0.25 * 0.173 / 2 = 0.154`.

    >>> y_true, y_pred = [[[1.0], [1.0]]], [[[1.0], [0.5]]]
    >>> round(float(keras_seg.losses.DiceFocalLoss()(y_true, y_pred)), 3)
    0.154

    Reference: [Zhu et al., 2018](https://arxiv.org/abs/1808.05238) (AnatomyNet)
    """

    space = {"focal_weight": (0.1, 10.0, "log"), "gamma": (0.5, 5.0)}

    def __init__(self, dice_weight=1.0, focal_weight=0.5, alpha="auto", gamma=2.0, **options):
        super().__init__(**options)
        self.dice_weight = check_range("dice_weight", dice_weight, low=0)
        self.focal_weight = check_range("focal_weight", focal_weight, low=0)
        self.other = FocalLoss(alpha=alpha, gamma=gamma, **self.shared_options())
        self.alpha = self.other.alpha
        self.gamma = gamma

    def weights(self):
        return self.dice_weight, self.focal_weight


@register("dice_boundary")
class DiceBoundaryLoss(DiceCompoundLoss):
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

    def __init__(self, start=0.01, step=0.01, stop=1.0, spacing=None, **options):
        super().__init__(**options)
        self.start = check_range("start", start, low=0)
        self.step = check_range("step", step)
        self.stop = check_range("stop", stop, low=0)
        self.spacing = check_spacing(spacing)
        self.ramp = Ramp(start, step, stop, name="boundary_weight")
        self.other = BoundaryLoss(spacing=spacing, **self.shared_options())

    def weights(self):
        return 1.0, self.ramp()

    def schedules(self):
        return (self.ramp,)

    def before_call(self, y_pred):
        self.ramp.check(y_pred)
