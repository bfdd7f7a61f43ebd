"""The pixel losses against their peers."""

import references_pixel
from oracle_cases import IGNORED
from oracle_peers import (
    keras,
    keras_labels,
    monai,
    monai_nacl,
    nnunet_top_k,
    reference,
    torch_cross_entropy,
    torchvision_focal,
)
from oracle_row import Row, on

WEIGHTS = [0.5, 1.0, 2.0, 4.0]
IGNORING = {"ignore_class": IGNORED}

ROWS = [
    *on(
        "binary_2d binary_3d classes_2d classes_3d multilabel_2d", "cross_entropy", torch_cross_entropy(), gradient=True
    ),
    *on("binary_2d multilabel_2d", "cross_entropy", keras("BinaryCrossentropy"), tolerance=1e-5),
    *on("classes_2d classes_3d", "cross_entropy", keras("CategoricalCrossentropy"), tolerance=1e-5),
    Row(
        "cross_entropy", "classes_2d", torch_cross_entropy(label_smoothing=0.1), {"label_smoothing": 0.1}, gradient=True
    ),
    Row(
        "cross_entropy",
        "binary_2d",
        keras("BinaryCrossentropy", label_smoothing=0.1),
        {"label_smoothing": 0.1},
        tolerance=1e-5,
    ),
    Row("cross_entropy", "classes_2d", torch_cross_entropy(weight=WEIGHTS), {"class_weights": WEIGHTS}, gradient=True),
    Row(
        "cross_entropy",
        "ignored_2d",
        torch_cross_entropy(ignore_index=IGNORED),
        {"ignore_class": IGNORED},
        gradient=True,
    ),
    Row(
        "cross_entropy", "exact_2d", reference(references_pixel.clipped_cross_entropy, epsilon=1e-5), {"epsilon": 1e-5}
    ),
    *on("binary_2d binary_3d multilabel_2d", "focal", monai("FocalLoss", alpha=0.25, gamma=2.0), gradient=True),
    *on("binary_2d multilabel_2d", "focal", torchvision_focal(alpha=0.25, gamma=2.0)),
    Row("focal", "binary_2d", torchvision_focal(alpha=0.6, gamma=3.5), {"alpha": 0.6, "gamma": 3.5}, gradient=True),
    Row("focal", "binary_2d", monai("FocalLoss", gamma=0.5), {"alpha": None, "gamma": 0.5}, tolerance=1e-5),
    *on("classes_2d classes_3d", "focal", reference(references_pixel.softmax_focal)),
    *on("classes_2d classes_3d", "focal", monai("FocalLoss", gamma=2.0), transform="* classes", gradient=True),
    Row("focal", "classes_2d", keras("CategoricalFocalCrossentropy", alpha=1.0, gamma=2.0), tolerance=1e-5),
    Row("focal", "classes_2d", monai("FocalLoss", alpha=0.3), {"alpha": 0.3}, transform="* classes", gradient=True),
    Row("focal", "classes_2d", reference(references_pixel.softmax_focal, alpha=WEIGHTS), {"alpha": WEIGHTS}),
    *on("binary_2d binary_3d classes_2d classes_3d", "topk_cross_entropy", nnunet_top_k(k=10), gradient=True),
    Row("topk_cross_entropy", "classes_2d", nnunet_top_k(k=25), {"k": 25.0}, gradient=True),
    *on("binary_2d classes_3d", "topk_cross_entropy", reference(references_pixel.top_k, k=10.0)),
    *on(
        "binary_2d binary_3d classes_2d classes_3d multilabel_2d",
        "balanced_cross_entropy",
        reference(references_pixel.balanced_cross_entropy),
    ),
    *on(
        "binary_2d binary_3d classes_2d classes_3d multilabel_2d",
        "ohem_cross_entropy",
        reference(references_pixel.ohem, threshold=0.7, min_kept=1 / 16),
        tolerance=1e-5,
    ),
    Row(
        "ohem_cross_entropy",
        "classes_3d",
        reference(references_pixel.ohem, threshold=0.05, min_kept=0.1),
        {"threshold": 0.05, "min_kept": 0.1},
    ),
    *on(
        "binary_2d binary_3d classes_2d classes_3d multilabel_2d",
        "poly_cross_entropy",
        reference(references_pixel.poly_cross_entropy),
    ),
    Row(
        "poly_cross_entropy",
        "classes_2d",
        reference(references_pixel.poly_cross_entropy, epsilon1=-1.0),
        {"epsilon1": -1.0},
    ),
    *on("binary_2d binary_3d multilabel_2d", "poly_focal", reference(references_pixel.poly_focal, alpha=0.25)),
    *on("classes_2d classes_3d", "poly_focal", reference(references_pixel.poly_focal)),
    Row(
        "poly_focal",
        "binary_2d",
        reference(references_pixel.poly_focal, alpha=None, gamma=3.5, epsilon1=2.0),
        {"alpha": None, "gamma": 3.5, "epsilon1": 2.0},
    ),
    *on(
        "classes_2d classes_3d",
        "generalized_cross_entropy",
        keras_labels("CategoricalGeneralizedCrossEntropy", q=0.7),
        tolerance=1e-5,
    ),
    Row(
        "generalized_cross_entropy",
        "classes_2d",
        keras_labels("CategoricalGeneralizedCrossEntropy", q=0.2),
        {"q": 0.2},
        tolerance=1e-5,
    ),
    *on(
        "binary_2d binary_3d multilabel_2d",
        "generalized_cross_entropy",
        reference(references_pixel.generalized_cross_entropy),
    ),
    *on(
        "binary_2d binary_3d classes_2d classes_3d multilabel_2d shapes_2d shapes_3d",
        "svls_cross_entropy",
        reference(references_pixel.svls),
    ),
    *on(
        "classes_2d binary_3d",
        "svls_cross_entropy",
        reference(references_pixel.svls, window=5, sigma=0.7),
        options={"window": 5, "sigma": 0.7},
    ),
    *on(
        "binary_2d binary_3d classes_2d classes_3d shapes_2d shapes_3d",
        "nacl",
        monai_nacl(alpha=0.1, kernel_size=3),
        gradient=True,
    ),
    *on("classes_2d binary_3d", "nacl", monai_nacl(alpha=0.5, kernel_size=5), options={"alpha": 0.5, "window": 5}),
    *on("multilabel_2d binary_3d", "nacl", reference(references_pixel.nacl)),
    Row("balanced_cross_entropy", "ignored_2d", reference(references_pixel.balanced_cross_entropy), IGNORING),
    Row("ohem_cross_entropy", "ignored_2d", reference(references_pixel.ohem), IGNORING, tolerance=1e-5),
    Row("svls_cross_entropy", "ignored_2d", reference(references_pixel.svls), IGNORING),
    Row("nacl", "ignored_2d", reference(references_pixel.nacl), IGNORING),
]
