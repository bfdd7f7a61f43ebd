"""Structure losses: likeness of windows, neighbourhoods and outlines instead of voxels."""

from keras_seg.losses.structure.active_contour import ActiveContourLoss
from keras_seg.losses.structure.mutual_information import RegionMutualInformationLoss
from keras_seg.losses.structure.ssim import MSSSIMLoss, SSIMLoss

__all__ = ["ActiveContourLoss", "MSSSIMLoss", "RegionMutualInformationLoss", "SSIMLoss"]
