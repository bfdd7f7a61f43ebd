"""The compound losses against their peers."""

from oracle_peers import monai
from oracle_row import Row, on

ROWS = [
    *on("binary_2d classes_2d classes_3d", "dice_ce", monai("DiceCELoss"), gradient=True),
    Row(
        "dice_ce",
        "classes_2d",
        monai("DiceCELoss", lambda_dice=0.4, lambda_ce=1.5, include_background=False),
        {"dice_weight": 0.4, "cross_entropy_weight": 1.5, "include_background": False},
    ),
    # There the focal member knows sigmoids only.
    *on("binary_3d multilabel_2d", "dice_focal", monai("DiceFocalLoss", lambda_focal=0.5, alpha=0.25), gradient=True),
    Row(
        "dice_focal",
        "binary_2d",
        monai("DiceFocalLoss", lambda_dice=2.0, lambda_focal=3.0, alpha=0.25, squared_pred=True),
        {"dice_weight": 2.0, "focal_weight": 3.0, "squared": True},
    ),
]
