"""The compound losses against their peers."""

import references_compound
from oracle_cases import IGNORED
from oracle_peers import monai, nnunet_top_k, reference, torch_cross_entropy, weighted
from oracle_row import Row, on

# There the smoothing is added to 2 TP, here to TP.
DOUBLED = {"smooth_nr": 2e-5, "smooth_dr": 2e-5}
NO_SMOOTHING = {"smooth_nr": 0.0, "smooth_dr": 0.0}
EVERY_KIND = "binary_2d binary_3d classes_2d classes_3d multilabel_2d"

DICE = monai("DiceLoss")
CL_DICE = monai("SoftclDiceLoss", per_class=True, iter_=3, smooth=1e-12)

DICE_SUMS = [
    *on("binary_2d classes_2d classes_3d", "dice_ce", monai("DiceCELoss"), gradient=True),
    Row(
        "dice_ce",
        "classes_2d",
        monai("DiceCELoss", lambda_dice=0.4, lambda_ce=1.5, include_background=False),
        {"dice_weight": 0.4, "cross_entropy_weight": 1.5, "include_background": False},
    ),
    Row(
        "dice_ce",
        "ignored_2d",
        weighted(
            (1.0, monai("DiceLoss", to_onehot_y=True, ignore_index=IGNORED)),
            (1.0, torch_cross_entropy(ignore_index=IGNORED)),
        ),
        {"ignore_class": IGNORED},
        gradient=True,
    ),
    # There the focal member knows sigmoids only.
    *on("binary_3d multilabel_2d", "dice_focal", monai("DiceFocalLoss", lambda_focal=0.5, alpha=0.25), gradient=True),
    Row(
        "dice_focal",
        "binary_2d",
        monai("DiceFocalLoss", lambda_dice=2.0, lambda_focal=3.0, alpha=0.25, squared_pred=True),
        {"dice_weight": 2.0, "focal_weight": 3.0, "squared": True},
    ),
    *on(
        "binary_2d binary_3d classes_2d classes_3d",
        "dice_topk",
        weighted((1.0, DICE), (1.0, nnunet_top_k(k=10))),
        gradient=True,
    ),
    Row(
        "dice_topk",
        "classes_2d",
        weighted((0.3, DICE), (2.0, nnunet_top_k(k=25))),
        {"dice_weight": 0.3, "topk_weight": 2.0, "k": 25.0},
        gradient=True,
    ),
    *on(
        "shapes_2d shapes_3d binary_3d",
        "dice_cldice",
        weighted((0.5, DICE), (0.5, CL_DICE)),
        options={"iterations": 3},
        tolerance=1e-5,
    ),
    Row(
        "dice_cldice",
        "shapes_2d",
        weighted((0.75, DICE), (0.25, CL_DICE)),
        {"alpha": 0.25, "iterations": 3},
        tolerance=1e-5,
    ),
    *on(
        "shapes_2d shapes_3d multilabel_2d",
        "dice_boundary",
        weighted((1.0, DICE), (0.01, monai("BoundaryLoss"))),
        gradient=True,
        tolerance=5e-6,
    ),
    *on(
        "shapes_2d shapes_3d multilabel_2d",
        "dice_hausdorff",
        weighted((1.0, DICE), (0.01, monai("HausdorffDTLoss", per_class=True, include_background=True))),
        gradient=True,
        tolerance=5e-6,
    ),
    Row(
        "dice_hausdorff",
        "shapes_2d",
        weighted((1.0, DICE), (0.5, monai("LogHausdorffDTLoss", per_class=True, include_background=True, alpha=1.5))),
        {"start": 0.5, "log": True, "alpha": 1.5},
        gradient=True,
        tolerance=5e-6,
    ),
]

OTHER_SUMS = [
    *on(
        "binary_3d multilabel_2d",
        "generalized_dice_focal",
        weighted((1.0, monai("GeneralizedDiceLoss", **NO_SMOOTHING)), (1.0, monai("FocalLoss", alpha=0.25))),
        options={"smooth": 0.0},
        gradient=True,
    ),
    Row(
        "generalized_dice_focal",
        "binary_3d",
        monai("GeneralizedDiceFocalLoss", w_type="simple", gamma=3.0, lambda_gdl=0.5, lambda_focal=2.0),
        {"generalized_dice_weight": 0.5, "focal_weight": 2.0, "weight": "simple", "alpha": None, "gamma": 3.0},
        tolerance=1e-4,
    ),
    *on(
        EVERY_KIND,
        "jaccard_ce",
        weighted((1.0, monai("DiceLoss", jaccard=True, **DOUBLED)), (1.0, torch_cross_entropy())),
        gradient=True,
    ),
]

PAPERS = [
    *on(EVERY_KIND, "combo", reference(references_compound.combo)),
    Row(
        "combo",
        "classes_2d",
        reference(references_compound.combo, alpha=0.3, beta=0.8, smooth=1.0),
        {"alpha": 0.3, "beta": 0.8, "smooth": 1.0},
    ),
    # A power below 1 of what is nearly 0 magnifies what float32 rounds off: from probabilities, log p of 1 - 6e-8.
    *on(EVERY_KIND, "exp_log", reference(references_compound.exp_log), tolerance=1e-5),
    Row(
        "exp_log",
        "classes_2d",
        reference(references_compound.exp_log, gamma=1.5, frequencies=(50.0, 20.0, 9.0, 1.0)),
        {"gamma": 1.5, "frequencies": (50.0, 20.0, 9.0, 1.0)},
        tolerance=1e-5,
    ),
    *on(EVERY_KIND, "unified_focal", reference(references_compound.unified_focal), tolerance=1e-5),
    *on(
        EVERY_KIND,
        "unified_focal",
        reference(references_compound.unified_focal, symmetric=True),
        options={"symmetric": True},
        tolerance=1e-5,
    ),
    Row(
        "unified_focal",
        "classes_3d",
        reference(references_compound.unified_focal, weight=0.3, delta=0.8, gamma=0.2),
        {"weight": 0.3, "delta": 0.8, "gamma": 0.2},
        tolerance=1e-5,
    ),
]

# The Gaussian means of float32 maps are good to five digits.
HYBRID = [
    *on("shapes_2d shapes_3d", "unet3plus", reference(references_compound.unet3plus), tolerance=1e-5),
    *on(
        "shapes_2d shapes_3d",
        "unet3plus",
        reference(references_compound.unet3plus, focal_weight=3.0, ms_ssim_weight=2.0, jaccard_weight=0.5, window=5),
        options={"focal_weight": 3.0, "ms_ssim_weight": 2.0, "jaccard_weight": 0.5, "window": 5},
        tolerance=1e-5,
    ),
]

ROWS = [*DICE_SUMS, *OTHER_SUMS, *PAPERS, *HYBRID]
