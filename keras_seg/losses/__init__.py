"""The losses: `get`, `names`, the classes, and the wrappers around them."""

from keras_seg.losses.algebra import CompoundLoss
from keras_seg.losses.base import SegmentationLoss
from keras_seg.losses.lookup import get
from keras_seg.losses.pixel import CrossEntropyLoss, FocalLoss, PixelLoss, TopKCrossEntropyLoss
from keras_seg.losses.region import (
    DiceLoss,
    FocalTverskyLoss,
    GeneralizedDiceLoss,
    JaccardLoss,
    MCCLoss,
    RegionLoss,
    TverskyLoss,
)
from keras_seg.losses.registry import defaults, names, register, space
from keras_seg.losses.schedule import EpochSchedule, ScheduledWeight
