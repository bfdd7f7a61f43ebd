"""The region losses against their peers."""

import references_region
from oracle_cases import IGNORED
from oracle_peers import monai, monai_wasserstein, reference, smp
from oracle_row import Row, on

NO_SMOOTHING = {"smooth_nr": 0.0, "smooth_dr": 0.0}
DOUBLED = {"smooth_nr": 2e-5, "smooth_dr": 2e-5}
WEIGHTS = [0.5, 1.0, 2.0, 4.0]
# Kinds of a tumour are nearer to each other than to what is healthy.
TUMOURS = [[0.0, 1.0, 1.0, 1.0], [1.0, 0.0, 0.4, 0.7], [1.0, 0.4, 0.0, 0.3], [1.0, 0.7, 0.3, 0.0]]
ONE_WAY = [[0.0, 2.0, 5.0], [1.0, 0.0, 0.5], [3.0, 4.0, 0.0]]
EVERY_KIND = "binary_2d binary_3d classes_2d classes_3d multilabel_2d exact_2d"

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
    # There the smoothing is added to TP, here to 2 TP; and there a class that is not in the sample counts 0.
    *on(
        "binary_3d classes_3d",
        "log_dice",
        smp("DiceLoss", log_loss=True, smooth=5e-6),
        gradient=True,
    ),
    *on(
        "binary_2d classes_2d multilabel_2d",
        "log_dice",
        smp("DiceLoss", batch=True, log_loss=True, smooth=0.5),
        options={"batch": True, "smooth": 1.0},
        gradient=True,
    ),
    *on(EVERY_KIND, "log_dice", reference(references_region.log_dice)),
    *on(EVERY_KIND, "log_cosh_dice", reference(references_region.log_cosh_dice)),
    *on(EVERY_KIND, "focal_dice", reference(references_region.focal_dice)),
    Row("focal_dice", "classes_2d", reference(references_region.focal_dice, beta=1.3), {"beta": 1.3}),
    *on(EVERY_KIND, "f_beta", reference(references_region.f_beta)),
    # On the line where both prices sum to 1 it is Tversky, 1 / (1 + 4) and 4 / (1 + 4).
    *on(
        "classes_2d multilabel_2d",
        "f_beta",
        monai("TverskyLoss", alpha=0.2, beta=0.8),
        options={"beta": 2.0, "smooth": 5e-5},
        gradient=True,
    ),
    *on(EVERY_KIND, "sensitivity_specificity", reference(references_region.sensitivity_specificity)),
    Row(
        "sensitivity_specificity",
        "classes_3d",
        reference(references_region.sensitivity_specificity, r=0.4, smooth=1.0),
        {"r": 0.4, "smooth": 1.0},
    ),
    *on(
        "classes_3d shapes_2d shapes_3d",
        "penalty_generalized_dice",
        reference(references_region.penalty_generalized_dice),
        options={"smooth": 0.0},
    ),
    Row(
        "penalty_generalized_dice",
        "classes_3d",
        reference(references_region.penalty_generalized_dice, k=0.7),
        {"k": 0.7, "smooth": 0.0},
    ),
    *on(EVERY_KIND, "noise_robust_dice", reference(references_region.noise_robust_dice)),
    Row(
        "noise_robust_dice",
        "classes_2d",
        reference(references_region.noise_robust_dice, gamma=1.2, power=2, smooth=0.3),
        {"gamma": 1.2, "squared": True, "smooth": 0.3},
    ),
    *on(
        "classes_2d multilabel_2d",
        "noise_robust_dice",
        monai("DiceLoss", squared_pred=True, **NO_SMOOTHING),
        options={"gamma": 2.0, "squared": True, "smooth": 0.0},
        gradient=True,
    ),
    *on(EVERY_KIND, "tanimoto", reference(references_region.tanimoto)),
    Row("tanimoto", "classes_3d", reference(references_region.tanimoto, smooth=2.0), {"smooth": 2.0}),
    # There the smoothing is added to TP, here to 2 TP.
    *on(EVERY_KIND, "semimetric_dice", reference(references_region.jdt, alpha=0.5, beta=0.5, smooth=5e-6)),
    *on(EVERY_KIND, "semimetric_jaccard", reference(references_region.jdt, alpha=1.0, beta=1.0, smooth=1e-5)),
    *on(
        "classes_2d",
        "generalized_wasserstein_dice",
        monai_wasserstein(TUMOURS),
        options={"distances": TUMOURS},
        gradient=True,
    ),
    *on(
        "binary_2d binary_3d multilabel_2d shapes_3d",
        "generalized_wasserstein_dice",
        monai_wasserstein([[0.0, 1.0], [1.0, 0.0]]),
        gradient=True,
    ),
    *on(EVERY_KIND, "generalized_wasserstein_dice", reference(references_region.generalized_wasserstein_dice)),
    *on(
        "classes_3d shapes_2d",
        "generalized_wasserstein_dice",
        reference(references_region.generalized_wasserstein_dice, distances=ONE_WAY),
        options={"distances": ONE_WAY},
    ),
    Row(
        "generalized_wasserstein_dice",
        "classes_2d",
        reference(references_region.generalized_wasserstein_dice, distances=TUMOURS, squared=True),
        {"distances": TUMOURS, "squared": True},
    ),
    *on(EVERY_KIND, "adaptive_tversky", reference(references_region.adaptive_tversky)),
    *on(
        "classes_2d multilabel_2d exact_2d",
        "adaptive_tversky",
        reference(references_region.adaptive_tversky, smooth=1e-5),
        options={"smooth": 1e-5},
    ),
    *on(
        "shapes_2d shapes_3d classes_3d",
        "adaptive_tversky",
        reference(references_region.adaptive_tversky, lowest=0.2, gap=0.6, regions=3, smooth=0.5),
        options={"lowest": 0.2, "gap": 0.6, "regions": 3, "smooth": 0.5},
    ),
]
