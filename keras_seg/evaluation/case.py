"""What is measured of one case: overlap, distances and volumes of each class."""

import numpy as np

from keras_seg.metrics import dice_per_class, iou_per_class, surface_per_class
from keras_seg.metrics.cases import case_masks

# In the order of the columns of a table.
MEASURES = (
    "dice",
    "iou",
    "hd95",
    "surface_dice",
    "volume_truth",
    "volume_prediction",
    "volume_difference",
    "false_positive_volume",
)

# Surface Dice: distance in mm that is no error.
TOLERANCE = 1.0


def evaluate_case(truth, prediction, num_classes, spacing, tolerance=TOLERANCE, *, ignore_class=None):
    """Measure the prediction for one case, class by class.

    Dice, IoU, HD95 and surface Dice are those of `keras_seg.metrics`, with the same rule for what is missing: a class
    that neither truth nor prediction contains is not counted (NaN); one that only the prediction, or only the truth,
    contains has a Dice of 0 and an infinite HD95.

    Args:
        truth: Label map `[*spatial]` with 2 or 3 axes.
        prediction: The same for the prediction.
        num_classes: Number of classes, background included. 1 means a single foreground class, as 2 does.
        spacing: Size of a voxel along each axis, in mm.
        tolerance: Distance in mm that is no error for the surface Dice.
        ignore_class: Label of the truth whose voxels are left out of everything, or `None`.

    Returns:
        A dict from class (the background and `ignore_class` left out) to a dict of floats: `dice`, `iou`, `hd95` (mm),
        `surface_dice`, `volume_truth`, `volume_prediction`, `volume_difference` (prediction minus truth) and
        `false_positive_volume` (predicted outside of the truth), volumes in ml, in images with two axes areas in mm^2.

    Raises:
        ValueError: If shapes or spacing do not agree, or a label is out of range.

    Two voxels of 1 mm x 3 mm, of which one is found:

    >>> measures = evaluate_case(np.array([[0, 1, 1]]), np.array([[0, 1, 0]]), num_classes=2, spacing=(1, 3))
    >>> {name: round(value, 3) for name, value in measures[1].items() if name in ("dice", "volume_difference")}
    {'dice': 0.667, 'volume_difference': -3.0}
    """
    num_classes = max(num_classes, 2)
    truth, prediction, kept = case_masks(truth, prediction, num_classes, ignore_class=ignore_class)
    options = {"ignore_class": ignore_class}
    distances, surfaces = surface_per_class(truth, prediction, num_classes, spacing, tolerance, **options)
    dice = dice_per_class(truth, prediction, num_classes, **options)
    iou = iou_per_class(truth, prediction, num_classes, **options)
    if kept is not None:
        truth, prediction = truth[kept], prediction[kept]
    unit = float(np.prod(spacing)) / (1000 if len(spacing) == 3 else 1)
    true, predicted, hits = (
        np.bincount(labels.ravel(), minlength=num_classes) * unit
        for labels in (truth, prediction, truth[truth == prediction])
    )
    return {
        index: {
            "dice": float(dice[index]),
            "iou": float(iou[index]),
            "hd95": float(distances[index]),
            "surface_dice": float(surfaces[index]),
            "volume_truth": float(true[index]),
            "volume_prediction": float(predicted[index]),
            "volume_difference": float(predicted[index] - true[index]),
            "false_positive_volume": float(predicted[index] - hits[index]),
        }
        for index in range(1, num_classes)
        if index != ignore_class
    }
