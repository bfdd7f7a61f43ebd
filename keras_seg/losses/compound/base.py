"""Base of the weighted sums of losses that papers have given a name."""

from keras import ops

from keras_seg.losses.algebra import TreeLoss
from keras_seg.losses.base import SHARED
from keras_seg.losses.schedule import Ramp


class WeightedSumLoss(TreeLoss):
    """Base of weighted sums of which at least one member is a region loss.

    A final class sets `parts`, a tuple of `(weight, loss)`; a weight is a number or a `Ramp`. Members that need nothing
    but sums over voxels share one pass over them.

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
        self.parts = ()

    def shared_options(self):
        """Return the options that every member must have."""
        return {key: getattr(self, key) for key in SHARED}

    def region_options(self):
        """Return the options of a member that is a region loss."""
        own = {key: getattr(self, key) for key in ("smooth", "squared", "batch", "absent")}
        return {**self.shared_options(), **own}

    def terms(self):
        return tuple(loss for _, loss in self.parts)

    def tree_values(self, inputs):
        values = [_number(weight, inputs.dtype) * loss.values(inputs) for weight, loss in self.parts]
        return sum(values[1:], start=values[0])

    def ramps(self):
        """Return the weights that change with the epoch."""
        return tuple(weight for weight, _ in self.parts if isinstance(weight, Ramp))

    def schedules(self):
        return (*self.ramps(), *super().schedules())

    def before_call(self, y_pred):
        super().before_call(y_pred)
        for ramp in self.ramps():
            ramp.check(y_pred)


def _number(weight, dtype):
    return ops.cast(weight(), dtype) if isinstance(weight, Ramp) else weight
