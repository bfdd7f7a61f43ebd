"""The structure losses against their peers."""

import references_structure
from oracle_peers import monai_ms_ssim, monai_ssim, reference, skimage_ssim
from oracle_row import Row, on

GAUSSIAN = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
THREE = [0.2, 0.3, 0.5]

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
    # Three scales: with five, MONAI wants 16 windows in the image.
    *(
        Row(
            "ms_ssim",
            case,
            monai_ms_ssim(kernel_size=window, kernel_sigma=sigma, weights=THREE),
            {"window": window, "sigma": sigma, "scale_weights": THREE},
            transform="1 -",
            # MONAI computes in float32.
            tolerance=5e-5,
            gradient=case == "shapes_2d",
        )
        for case, window, sigma in (("shapes_2d", 3, 0.8), ("shapes_3d", 3, 1.5))
    ),
    *on("shapes_2d shapes_3d classes_2d", "ms_ssim", reference(references_structure.ms_ssim), tolerance=1e-5),
    *on(
        "shapes_2d shapes_3d binary_2d binary_3d multilabel_2d",
        "ms_ssim",
        reference(references_structure.ms_ssim, window=3, normalize="simple"),
        options={"window": 3, "normalize": "simple"},
        tolerance=1e-5,
    ),
    *on(
        "shapes_2d shapes_3d binary_2d classes_3d multilabel_2d exact_2d",
        "region_mutual_information",
        reference(references_structure.region_mutual_information),
        tolerance=1e-5,
    ),
    *on(
        "shapes_2d shapes_3d",
        "region_mutual_information",
        reference(references_structure.region_mutual_information, balance=0.2, radius=2, pool=1),
        options={"balance": 0.2, "radius": 2, "pool": 1},
        tolerance=1e-5,
    ),
    *on(
        "shapes_2d shapes_3d binary_2d classes_3d multilabel_2d exact_2d",
        "active_contour",
        reference(references_structure.active_contour),
        tolerance=1e-5,
    ),
    Row(
        "active_contour",
        "classes_2d",
        reference(references_structure.active_contour, region_weight=5.0, epsilon=1e-4),
        {"region_weight": 5.0, "epsilon": 1e-4},
        tolerance=1e-5,
    ),
]
