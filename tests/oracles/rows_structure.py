"""The structure losses against their peers."""

from oracle_peers import monai_ssim, skimage_ssim
from oracle_row import Row, on

GAUSSIAN = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}

ROWS = [
    *on("shapes_2d shapes_3d", "ssim", skimage_ssim(**GAUSSIAN), transform="1 -", tolerance=1e-5),
    Row("ssim", "shapes_2d", monai_ssim(win_size=11, kernel_sigma=1.5), tolerance=1e-5, gradient=True),
    Row("ssim", "shapes_3d", monai_ssim(win_size=11, kernel_sigma=1.5), tolerance=1e-5),
    Row(
        "ssim",
        "multilabel_2d",
        monai_ssim(win_size=7, kernel_sigma=1.0, k1=0.05, k2=0.1),
        {"window": 7, "sigma": 1.0, "k1": 0.05, "k2": 0.1},
        tolerance=1e-5,
    ),
]
