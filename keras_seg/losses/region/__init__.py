"""Region losses: formulas of true and false positives and negatives, per sample and class."""

from keras_seg.losses.region.adaptive import AdaptiveTverskyLoss
from keras_seg.losses.region.base import RegionLoss
from keras_seg.losses.region.complement import SensitivitySpecificityLoss, TanimotoLoss
from keras_seg.losses.region.correlation import MCCLoss
from keras_seg.losses.region.generalized import GeneralizedDiceLoss, PenaltyGeneralizedDiceLoss
from keras_seg.losses.region.noise import NoiseRobustDiceLoss
from keras_seg.losses.region.overlap import DiceLoss, FocalDiceLoss, JaccardLoss, LogCoshDiceLoss, LogDiceLoss
from keras_seg.losses.region.soft_labels import SemimetricDiceLoss, SemimetricJaccardLoss
from keras_seg.losses.region.tversky import FBetaLoss, FocalTverskyLoss, TverskyLoss
from keras_seg.losses.region.wasserstein import GeneralizedWassersteinDiceLoss

__all__ = [
    "AdaptiveTverskyLoss",
    "DiceLoss",
    "FBetaLoss",
    "FocalDiceLoss",
    "FocalTverskyLoss",
    "GeneralizedDiceLoss",
    "GeneralizedWassersteinDiceLoss",
    "JaccardLoss",
    "LogCoshDiceLoss",
    "LogDiceLoss",
    "MCCLoss",
    "NoiseRobustDiceLoss",
    "PenaltyGeneralizedDiceLoss",
    "RegionLoss",
    "SemimetricDiceLoss",
    "SemimetricJaccardLoss",
    "SensitivitySpecificityLoss",
    "TanimotoLoss",
    "TverskyLoss",
]
