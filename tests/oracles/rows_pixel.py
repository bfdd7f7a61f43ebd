"""The pixel losses against their peers."""

import references_pixel
from oracle_cases import IGNORED
from oracle_peers import keras, monai, nnunet_top_k, reference, torch_cross_entropy, torchvision_focal
from oracle_row import Row, on

WEIGHTS = [0.5, 1.0, 2.0, 4.0]

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
]
