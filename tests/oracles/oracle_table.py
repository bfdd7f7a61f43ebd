"""One row per comparison: our loss and its options, the case, the peer, how its value becomes ours, how close it is."""

from dataclasses import dataclass, field

from oracle_cases import IGNORED
from oracle_peers import (
    Peer,
    keras,
    monai,
    monai_ssim,
    nnunet_top_k,
    reference,
    skimage_ssim,
    smp,
    torch_cross_entropy,
    torchvision_focal,
)

# From the peer's value to ours, and what that does to the gradient, given the number of classes.
TRANSFORMS = {
    "same": lambda values, gradient, classes: (values, gradient),
    "1 -": lambda values, gradient, classes: (1 - values, None if gradient is None else -gradient),
    "* classes": lambda values, gradient, classes: (
        values * classes,
        None if gradient is None else gradient * classes,
    ),
}


@dataclass(frozen=True)
class Row:
    """A comparison.

    `tolerance` is absolute and relative for values, and relative to the largest entry for gradients.
    """

    loss: str
    case: str
    peer: Peer
    options: dict = field(default_factory=dict)
    transform: str = "same"
    tolerance: float = 2e-6
    gradient: bool = False

    @property
    def name(self):
        """What the row is called in fixtures and test ids."""
        options = "".join(f",{key}={value}" for key, value in self.options.items())
        return f"{self.loss}{options}|{self.case}|{self.peer.library}".replace(" ", "")


NO_SMOOTHING = {"smooth_nr": 0.0, "smooth_dr": 0.0}
DOUBLED = {"smooth_nr": 2e-5, "smooth_dr": 2e-5}
GAUSSIAN = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
WEIGHTS = [0.5, 1.0, 2.0, 4.0]


def _on(cases, loss, peer, **others):
    return [Row(loss, case, peer, **others) for case in cases.split()]


PIXEL = [
    *_on(
        "binary_2d binary_3d classes_2d classes_3d multilabel_2d", "cross_entropy", torch_cross_entropy(), gradient=True
    ),
    *_on("binary_2d multilabel_2d", "cross_entropy", keras("BinaryCrossentropy"), tolerance=1e-5),
    *_on("classes_2d classes_3d", "cross_entropy", keras("CategoricalCrossentropy"), tolerance=1e-5),
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
    Row("cross_entropy", "exact_2d", reference("clipped_cross_entropy", epsilon=1e-5), {"epsilon": 1e-5}),
    *_on("binary_2d binary_3d multilabel_2d", "focal", monai("FocalLoss", alpha=0.25, gamma=2.0), gradient=True),
    *_on("binary_2d multilabel_2d", "focal", torchvision_focal(alpha=0.25, gamma=2.0)),
    Row("focal", "binary_2d", torchvision_focal(alpha=0.6, gamma=3.5), {"alpha": 0.6, "gamma": 3.5}, gradient=True),
    Row("focal", "binary_2d", monai("FocalLoss", gamma=0.5), {"alpha": None, "gamma": 0.5}, tolerance=1e-5),
    *_on("classes_2d classes_3d", "focal", reference("softmax_focal")),
    *_on("classes_2d classes_3d", "focal", monai("FocalLoss", gamma=2.0), transform="* classes", gradient=True),
    Row("focal", "classes_2d", keras("CategoricalFocalCrossentropy", alpha=1.0, gamma=2.0), tolerance=1e-5),
    Row("focal", "classes_2d", monai("FocalLoss", alpha=0.3), {"alpha": 0.3}, transform="* classes", gradient=True),
    Row("focal", "classes_2d", reference("softmax_focal", alpha=WEIGHTS), {"alpha": WEIGHTS}),
    *_on("binary_2d binary_3d classes_2d classes_3d", "topk_cross_entropy", nnunet_top_k(k=10), gradient=True),
    Row("topk_cross_entropy", "classes_2d", nnunet_top_k(k=25), {"k": 25.0}, gradient=True),
    *_on("binary_2d classes_3d", "topk_cross_entropy", reference("top_k", k=10.0)),
]

REGION = [
    *_on("binary_2d binary_3d classes_2d classes_3d multilabel_2d", "dice", monai("DiceLoss"), gradient=True),
    Row("dice", "exact_2d", monai("DiceLoss")),
    *_on("classes_2d multilabel_2d exact_2d", "dice", monai("DiceLoss", squared_pred=True), options={"squared": True}),
    *_on("classes_2d exact_2d", "dice", monai("DiceLoss", batch=True), options={"batch": True}),
    *_on(
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
    *_on("classes_2d multilabel_2d", "dice", monai("DiceLoss", skip_absent=True), options={"absent": "skip"}),
    Row(
        "dice",
        "ignored_2d",
        monai("DiceLoss", to_onehot_y=True, ignore_index=IGNORED),
        {"ignore_class": IGNORED},
        gradient=True,
    ),
    # There the smoothing is added to TP, here to 2 TP.
    *_on(
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
    *_on("binary_2d classes_3d multilabel_2d", "tversky", monai("TverskyLoss", alpha=0.3, beta=0.7), gradient=True),
    *_on("binary_3d classes_2d exact_2d", "tversky", monai("TverskyLoss", alpha=0.3, beta=0.7)),
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
    *_on("binary_2d classes_2d classes_3d multilabel_2d", "focal_tversky", reference("focal_tversky")),
    Row(
        "focal_tversky",
        "classes_3d",
        reference("focal_tversky", alpha=0.6, beta=0.4, gamma=2.0),
        {"alpha": 0.6, "beta": 0.4, "gamma": 2.0},
    ),
    # There the smoothing is added to 2 TP, here to TP.
    *_on("binary_2d classes_2d classes_3d", "jaccard", monai("DiceLoss", jaccard=True, **DOUBLED), gradient=True),
    Row("jaccard", "exact_2d", monai("DiceLoss", jaccard=True, **DOUBLED)),
    *_on(
        "binary_2d classes_3d multilabel_2d",
        "jaccard",
        smp("JaccardLoss", batch=True, smooth=1.0),
        options={"batch": True, "smooth": 1.0},
    ),
    # There the smoothing stands beside weights of 1 / G^2, here beside weights of at most 1: close at the defaults.
    *_on("classes_2d multilabel_2d shapes_2d", "generalized_dice", monai("GeneralizedDiceLoss"), tolerance=1e-4),
    *_on(
        "binary_3d classes_2d classes_3d multilabel_2d",
        "generalized_dice",
        monai("GeneralizedDiceLoss", w_type="square", **NO_SMOOTHING),
        options={"smooth": 0.0},
        gradient=True,
    ),
    *_on(
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
    *_on("binary_2d exact_2d", "mcc", monai("MCCLoss"), tolerance=3e-3),
    *_on("classes_3d", "mcc", monai("MCCLoss", **NO_SMOOTHING), options={"smooth": 0.0}, gradient=True),
    Row(
        "mcc",
        "classes_2d",
        monai("MCCLoss", include_background=False, batch=True, **NO_SMOOTHING),
        {"include_background": False, "batch": True, "smooth": 0.0},
        gradient=True,
    ),
    Row("mcc", "shapes_3d", smp("MCCLoss", eps=0.0), {"smooth": 0.0}),
]

OTHERS = [
    *_on(
        "classes_2d classes_3d",
        "lovasz",
        smp("LovaszLoss", per_image=True, dtype="float32"),
        tolerance=1e-5,
        gradient=True,
    ),
    *_on(
        "binary_2d binary_3d",
        "lovasz",
        smp("LovaszLoss", per_image=True, dtype="float32"),
        tolerance=1e-5,
        gradient=True,
    ),
    Row(
        "lovasz",
        "ignored_2d",
        smp("LovaszLoss", per_image=True, ignore_index=IGNORED, dtype="float32"),
        {"ignore_class": IGNORED},
        tolerance=1e-5,
    ),
    *_on("classes_2d classes_3d", "lovasz", reference("lovasz")),
    *_on("classes_2d classes_3d", "lovasz", reference("lovasz", classes="all"), options={"classes": "all"}),
    *_on("binary_2d binary_3d multilabel_2d", "lovasz", reference("lovasz")),
    *_on("shapes_2d classes_3d binary_2d", "boundary", monai("BoundaryLoss"), gradient=True, tolerance=5e-6),
    Row("boundary", "shapes_3d", monai("BoundaryLoss"), tolerance=5e-6),
    *_on("shapes_2d multilabel_2d", "boundary", reference("boundary"), tolerance=5e-6),
    Row(
        "boundary",
        "shapes_2d",
        reference("boundary", spacing=(0.7, 2.5), include_background=False),
        {"spacing": (0.7, 2.5), "include_background": False},
        tolerance=5e-6,
    ),
    Row(
        "boundary",
        "shapes_3d",
        reference("boundary", spacing=(3.0, 0.9, 1.1)),
        {"spacing": (3.0, 0.9, 1.1)},
        tolerance=5e-6,
    ),
    # There 1e-4 is added to the sum of precision and sensitivity; a smaller number switches that off.
    *_on("shapes_2d shapes_3d binary_3d", "cl_dice", monai("SoftclDiceLoss", per_class=True, iter_=10, smooth=1e-12)),
    Row(
        "cl_dice",
        "shapes_3d",
        monai("SoftclDiceLoss", per_class=True, iter_=3, smooth_nr=0.1, smooth_dr=0.1, smooth=1e-12),
        {"iterations": 3, "smooth": 0.1},
    ),
    *_on("shapes_2d shapes_3d multilabel_2d", "cl_dice", reference("cl_dice")),
    Row("cl_dice", "shapes_2d", reference("cl_dice", include_background=False), {"include_background": False}),
    *_on("shapes_2d shapes_3d", "ssim", skimage_ssim(**GAUSSIAN), transform="1 -", tolerance=1e-5),
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

COMPOUND = [
    *_on("binary_2d classes_2d classes_3d", "dice_ce", monai("DiceCELoss"), gradient=True),
    Row(
        "dice_ce",
        "classes_2d",
        monai("DiceCELoss", lambda_dice=0.4, lambda_ce=1.5, include_background=False),
        {"dice_weight": 0.4, "cross_entropy_weight": 1.5, "include_background": False},
    ),
    # There the focal member knows sigmoids only.
    *_on("binary_3d multilabel_2d", "dice_focal", monai("DiceFocalLoss", lambda_focal=0.5, alpha=0.25), gradient=True),
    Row(
        "dice_focal",
        "binary_2d",
        monai("DiceFocalLoss", lambda_dice=2.0, lambda_focal=3.0, alpha=0.25, squared_pred=True),
        {"dice_weight": 2.0, "focal_weight": 3.0, "squared": True},
    ),
]

ROWS = [*PIXEL, *REGION, *OTHERS, *COMPOUND]
