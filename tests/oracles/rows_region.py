"""The region losses against their peers."""

import references_region
from oracle_cases import IGNORED
from oracle_peers import monai, reference, smp
from oracle_row import Row, on

NO_SMOOTHING = {"smooth_nr": 0.0, "smooth_dr": 0.0}
DOUBLED = {"smooth_nr": 2e-5, "smooth_dr": 2e-5}
WEIGHTS = [0.5, 1.0, 2.0, 4.0]

ROWS = [
    *on("binary_2d binary_3d classes_2d classes_3d multilabel_2d", "dice", monai("DiceLoss"), gradient=True),
    Row("dice", "exact_2d", monai("DiceLoss")),
    *on("classes_2d multilabel_2d exact_2d", "dice", monai("DiceLoss", squared_pred=True), options={"squared": True}),
    *on("classes_2d exact_2d", "dice", monai("DiceLoss", batch=True), options={"batch": True}),
    *on(
        "classes_2d classes_3d multilabel_2d",
        "dice",
        monai("DiceLoss", include_background=False),
        options={"include_background": False},
    ),
    Row(
        "dice",
        "classes_2d",
        monai("DiceLoss", include_background=False, squared_pred=True, batch=True, smooth_nr=1.0, smooth_dr=1.0),
        {"include_background": False, "squared": True, "batch": True, "smooth": 1.0},
        gradient=True,
    ),
    *on("classes_2d multilabel_2d", "dice", monai("DiceLoss", skip_absent=True), options={"absent": "skip"}),
    Row(
        "dice",
        "ignored_2d",
        monai("DiceLoss", to_onehot_y=True, ignore_index=IGNORED),
        {"ignore_class": IGNORED},
        gradient=True,
    ),
    # There the smoothing is added to TP, here to 2 TP.
    *on(
        "binary_2d classes_3d multilabel_2d",
        "dice",
        smp("DiceLoss", batch=True, smooth=0.5, eps=0.0),
        options={"batch": True, "smooth": 1.0},
    ),
    Row(
        "dice",
        "classes_2d",
        smp("DiceLoss", batch=True, smooth=0.0, class_weights=WEIGHTS),
        {"batch": True, "smooth": 0.0, "class_weights": WEIGHTS},
        gradient=True,
    ),
    *on("binary_2d classes_3d multilabel_2d", "tversky", monai("TverskyLoss", alpha=0.3, beta=0.7), gradient=True),
    *on("binary_3d classes_2d exact_2d", "tversky", monai("TverskyLoss", alpha=0.3, beta=0.7)),
    Row(
        "tversky",
        "classes_2d",
        monai("TverskyLoss", alpha=0.9, beta=0.2, include_background=False, batch=True),
        {"alpha": 0.9, "beta": 0.2, "include_background": False, "batch": True},
        gradient=True,
    ),
    Row(
        "tversky",
        "ignored_2d",
        monai("TverskyLoss", alpha=0.3, beta=0.7, to_onehot_y=True, ignore_index=IGNORED),
        {"ignore_class": IGNORED},
    ),
    *on("binary_2d classes_2d classes_3d multilabel_2d", "focal_tversky", reference(references_region.focal_tversky)),
    Row(
        "focal_tversky",
        "classes_3d",
        reference(references_region.focal_tversky, alpha=0.6, beta=0.4, gamma=2.0),
        {"alpha": 0.6, "beta": 0.4, "gamma": 2.0},
    ),
    # There the smoothing is added to 2 TP, here to TP.
    *on("binary_2d classes_2d classes_3d", "jaccard", monai("DiceLoss", jaccard=True, **DOUBLED), gradient=True),
    Row("jaccard", "exact_2d", monai("DiceLoss", jaccard=True, **DOUBLED)),
    *on(
        "binary_2d classes_3d multilabel_2d",
        "jaccard",
        smp("JaccardLoss", batch=True, smooth=1.0),
        options={"batch": True, "smooth": 1.0},
    ),
    # There the smoothing stands beside weights of 1 / G^2, here beside weights of at most 1: close at the defaults.
    *on("classes_2d multilabel_2d shapes_2d", "generalized_dice", monai("GeneralizedDiceLoss"), tolerance=1e-4),
    *on(
        "binary_3d classes_2d classes_3d multilabel_2d",
        "generalized_dice",
        monai("GeneralizedDiceLoss", w_type="square", **NO_SMOOTHING),
        options={"smooth": 0.0},
        gradient=True,
    ),
    *on(
        "classes_2d classes_3d",
        "generalized_dice",
        monai("GeneralizedDiceLoss", w_type="simple", include_background=False, **NO_SMOOTHING),
        options={"weight": "simple", "include_background": False, "smooth": 0.0},
    ),
    Row(
        "generalized_dice",
        "classes_2d",
        monai("GeneralizedDiceLoss", w_type="uniform", batch=True, **NO_SMOOTHING),
        {"weight": "uniform", "batch": True, "smooth": 0.0},
    ),
    # There the smoothing is of a product of four counts, here of each margin: close at the defaults, equal without.
    *on("binary_2d exact_2d", "mcc", monai("MCCLoss"), tolerance=3e-3),
    *on("classes_3d", "mcc", monai("MCCLoss", **NO_SMOOTHING), options={"smooth": 0.0}, gradient=True),
    Row(
        "mcc",
        "classes_2d",
        monai("MCCLoss", include_background=False, batch=True, **NO_SMOOTHING),
        {"include_background": False, "batch": True, "smooth": 0.0},
        gradient=True,
    ),
    Row("mcc", "shapes_3d", smp("MCCLoss", eps=0.0), {"smooth": 0.0}),
]
