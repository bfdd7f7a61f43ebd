"""The compounds that papers have given a name; `+`, `*` and the text form build any other."""

from keras_seg.losses.compound.base import WeightedSumLoss
from keras_seg.losses.compound.combo import ComboLoss
from keras_seg.losses.compound.dice import DiceCLDiceLoss, DiceCrossEntropyLoss, DiceFocalLoss, DiceTopKLoss
from keras_seg.losses.compound.exponential import ExpLogLoss
from keras_seg.losses.compound.overlap import GeneralizedDiceFocalLoss, JaccardCrossEntropyLoss
from keras_seg.losses.compound.scheduled import DiceBoundaryLoss, DiceHausdorffLoss, GrowingWeightLoss
from keras_seg.losses.compound.unet3plus import UNet3PlusLoss
from keras_seg.losses.compound.unified_focal import UnifiedFocalLoss

__all__ = [
    "ComboLoss",
    "DiceBoundaryLoss",
    "DiceCLDiceLoss",
    "DiceCrossEntropyLoss",
    "DiceFocalLoss",
    "DiceHausdorffLoss",
    "DiceTopKLoss",
    "ExpLogLoss",
    "GeneralizedDiceFocalLoss",
    "GrowingWeightLoss",
    "JaccardCrossEntropyLoss",
    "UNet3PlusLoss",
    "UnifiedFocalLoss",
    "WeightedSumLoss",
]
