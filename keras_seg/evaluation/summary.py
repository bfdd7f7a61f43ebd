"""A table of cases and classes in a few rows: one per class, and the mean over the classes."""

import dataclasses

import numpy as np

from keras_seg.evaluation.statistics import interval, nan_mean
from keras_seg.metrics import mean_dice


@dataclasses.dataclass(frozen=True)
class Summary:
    """What the cases say of one class, or of all of them.

    Attributes:
        name: Name of the class, or `"mean"`.
        cases: Number of cases in which the class is counted.
        dice: Mean Dice over those cases. For all classes: the mean over the classes, `keras_seg.metrics.mean_dice`.
        dice_low: Lower end of the 95 % bootstrap interval of that mean over cases.
        dice_high: Upper end.
        dice_median: Median over the cases. For all classes: of the cases' means.
        dice_worst: Lowest Dice of a case. For all classes: lowest mean of a case.
        worst_case: Name of that case.
        dice_per_case: Mean over the cases of the cases' means; of one class the same as `dice`.
        iou: Mean IoU.
        hd95: Mean HD95 in mm over the cases where it is finite.
        hd95_infinite: Number of cases where it is infinite: the class is in the truth or in the prediction alone.
        surface_dice: Mean surface Dice.
        volume_difference: Mean of predicted minus true volume, in ml (mm^2).
        volume_error: Mean of its absolute value.
        absent: Number of cases whose truth does not contain the class.
        false_positive_cases: In how many of those it is predicted nevertheless.
        false_positive_volume: Mean volume predicted in those cases, in ml (mm^2); NaN if there are none.
    """

    name: str
    cases: int
    dice: float
    dice_low: float
    dice_high: float
    dice_median: float
    dice_worst: float
    worst_case: str
    dice_per_case: float
    iou: float
    hd95: float
    hd95_infinite: int
    surface_dice: float
    volume_difference: float
    volume_error: float
    absent: int
    false_positive_cases: int
    false_positive_volume: float


def summarize(evaluation, seed=0):
    """Return a `Summary` for each class, and the one of their mean as the last.

    Args:
        evaluation: `Evaluation`.
        seed: Seed of the bootstrap.
    """
    classes = [_of_class(evaluation, place, seed) for place in range(len(evaluation.classes))]
    dice = evaluation.scores("dice")
    per_case = nan_mean(dice, axis=1)
    mean = {
        "name": "mean",
        "cases": int((~np.isnan(per_case)).sum()),
        "dice": mean_dice(dice),
        **_spread(evaluation.cases, per_case, interval(dice, seed)),
        "iou": mean_dice(evaluation.scores("iou")),
    }
    for field in ("hd95", "surface_dice", "volume_difference", "volume_error", "false_positive_volume"):
        mean[field] = float(nan_mean([getattr(row, field) for row in classes]))
    for field in ("hd95_infinite", "absent", "false_positive_cases"):
        mean[field] = sum(getattr(row, field) for row in classes)
    return [*classes, Summary(**mean)]


def _of_class(evaluation, place, seed):
    """Summarize the class at this place among the foreground classes."""
    column = {measure: evaluation.scores(measure)[:, place] for measure in evaluation.measures}
    dice, distance = column["dice"], column["hd95"]
    absent = column["volume_truth"] == 0
    false_positives = column["volume_prediction"][absent]
    return Summary(
        name=evaluation.names[place],
        cases=int((~np.isnan(dice)).sum()),
        dice=float(nan_mean(dice)),
        **_spread(evaluation.cases, dice, interval(dice[:, None], seed)),
        iou=float(nan_mean(column["iou"])),
        hd95=float(nan_mean(distance[np.isfinite(distance)])),
        hd95_infinite=int(np.isinf(distance).sum()),
        surface_dice=float(nan_mean(column["surface_dice"])),
        volume_difference=float(nan_mean(column["volume_difference"])),
        volume_error=float(nan_mean(np.abs(column["volume_difference"]))),
        absent=int(absent.sum()),
        false_positive_cases=int((false_positives > 0).sum()),
        false_positive_volume=float(nan_mean(false_positives)),
    )


def _spread(cases, values, ends):
    """Return interval, median, worst case and mean of one number per case, NaN where it is not counted."""
    counted = np.flatnonzero(~np.isnan(values))
    worst = counted[np.argmin(values[counted])] if counted.size else None
    return {
        "dice_low": ends[0],
        "dice_high": ends[1],
        "dice_median": float(np.median(values[counted])) if counted.size else float("nan"),
        "dice_worst": float("nan") if worst is None else float(values[worst]),
        "worst_case": "" if worst is None else cases[worst],
        "dice_per_case": float(nan_mean(values)),
    }
