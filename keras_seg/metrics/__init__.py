"""Hard Dice, IoU, HD95 and surface Dice: the yardstick, independent of every loss."""

from keras_seg.metrics.cases import dice_per_class, harden, iou_per_class, mean_dice
from keras_seg.metrics.overlap import Dice, IoU
from keras_seg.metrics.surface import hd95, surface_dice, surface_distances, surface_per_class

__all__ = [
    "Dice",
    "IoU",
    "dice_per_class",
    "harden",
    "hd95",
    "iou_per_class",
    "mean_dice",
    "surface_dice",
    "surface_distances",
    "surface_per_class",
]
