"""The hybrid loss of UNet 3+: pixel, patch and map."""

from keras_seg.losses.base import check_range
from keras_seg.losses.compound.base import WeightedSumLoss
from keras_seg.losses.pixel import FocalLoss
from keras_seg.losses.region import JaccardLoss
from keras_seg.losses.registry import register
from keras_seg.losses.structure import MSSSIMLoss


@register("unet3plus")
class UNet3PlusLoss(WeightedSumLoss):
    """Focal loss, multi-scale structural similarity and Jaccard: voxels, patches and the map as a whole.

    Args:
        focal_weight: Weight of the focal loss.
        ms_ssim_weight: Weight of the structural similarity.
        jaccard_weight: Weight of the Jaccard loss.
        alpha: See `FocalLoss`.
        gamma: See `FocalLoss`.
        window: See `MSSSIMLoss`.
        **options: See `RegionLoss` and `SegmentationLoss`.

    Example: truth 1 and prediction 0.5 everywhere. Focal `0.25 * 0.173 = 0.043`, Jaccard 0.5, and one scale fits, of
    which only luminance differs (0.2, see `SSIMLoss`): their sum.

    >>> y_true, y_pred = np.ones((1, 11, 11, 1)), np.full((1, 11, 11, 1), 0.5)
    >>> round(float(keras_seg.losses.UNet3PlusLoss()(y_true, y_pred)), 3)
    0.743

    Reference: [Huang et al., 2020](https://arxiv.org/abs/2004.08790)
    """

    space = {"focal_weight": (0.1, 10.0, "log"), "ms_ssim_weight": (0.1, 10.0, "log"), "gamma": (0.5, 5.0)}
    adjustable = ("focal_weight", "ms_ssim_weight", "gamma", "parts")

    def __init__(
        self, focal_weight=1.0, ms_ssim_weight=1.0, jaccard_weight=1.0, alpha="auto", gamma=2.0, window=11, **options
    ):
        super().__init__(**options)
        self.focal_weight = check_range("focal_weight", focal_weight, low=0)
        self.ms_ssim_weight = check_range("ms_ssim_weight", ms_ssim_weight, low=0)
        self.jaccard_weight = check_range("jaccard_weight", jaccard_weight, low=0)
        focal = FocalLoss(alpha=alpha, gamma=gamma, **self.shared_options())
        self.alpha = focal.alpha
        self.gamma = gamma
        self.window = window
        structure = MSSSIMLoss(window=window, **self.shared_options())
        jaccard = JaccardLoss(**self.region_options())
        self.parts = ((focal_weight, focal), (ms_ssim_weight, structure), (jaccard_weight, jaccard))
