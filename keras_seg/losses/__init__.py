"""The losses: `get`, `names`, the classes, and the wrappers around them."""

from keras_seg.losses.algebra import CompoundLoss
from keras_seg.losses.base import SegmentationLoss
from keras_seg.losses.boundary import BoundaryLoss, signed_distance
from keras_seg.losses.compound import DiceBoundaryLoss, DiceCrossEntropyLoss, DiceFocalLoss
from keras_seg.losses.deep_supervision import DeepSupervisionLoss
from keras_seg.losses.distance import squared_distance
from keras_seg.losses.lookup import get
from keras_seg.losses.maps import MapLoss
from keras_seg.losses.pixel import CrossEntropyLoss, FocalLoss, PixelLoss, TopKCrossEntropyLoss
from keras_seg.losses.rank import LovaszLoss
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
from keras_seg.losses.structure import SSIMLoss
from keras_seg.losses.topology import CLDiceLoss, soft_skeleton

__all__ = [
    "BoundaryLoss",
    "CLDiceLoss",
    "CompoundLoss",
    "CrossEntropyLoss",
    "DeepSupervisionLoss",
    "DiceBoundaryLoss",
    "DiceCrossEntropyLoss",
    "DiceFocalLoss",
    "DiceLoss",
    "EpochSchedule",
    "FocalLoss",
    "FocalTverskyLoss",
    "GeneralizedDiceLoss",
    "JaccardLoss",
    "LovaszLoss",
    "MCCLoss",
    "MapLoss",
    "PixelLoss",
    "RegionLoss",
    "SSIMLoss",
    "ScheduledWeight",
    "SegmentationLoss",
    "TopKCrossEntropyLoss",
    "TverskyLoss",
    "defaults",
    "get",
    "names",
    "register",
    "signed_distance",
    "soft_skeleton",
    "space",
    "squared_distance",
]
