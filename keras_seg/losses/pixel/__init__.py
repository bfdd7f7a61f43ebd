"""Pixel losses: one value per voxel, averaged over the voxels that count."""

from keras_seg.losses.pixel.base import PixelLoss, PixelMapLoss
from keras_seg.losses.pixel.entropy import BalancedCrossEntropyLoss, CrossEntropyLoss
from keras_seg.losses.pixel.focal import FocalLoss
from keras_seg.losses.pixel.hardest import OHEMCrossEntropyLoss, TopKCrossEntropyLoss, hardest
from keras_seg.losses.pixel.neighbours import NACLLoss, SVLSCrossEntropyLoss
from keras_seg.losses.pixel.poly import PolyCrossEntropyLoss, PolyFocalLoss
from keras_seg.losses.pixel.robust import GeneralizedCrossEntropyLoss

__all__ = [
    "BalancedCrossEntropyLoss",
    "CrossEntropyLoss",
    "FocalLoss",
    "GeneralizedCrossEntropyLoss",
    "NACLLoss",
    "OHEMCrossEntropyLoss",
    "PixelLoss",
    "PixelMapLoss",
    "PolyCrossEntropyLoss",
    "PolyFocalLoss",
    "SVLSCrossEntropyLoss",
    "TopKCrossEntropyLoss",
    "hardest",
]
