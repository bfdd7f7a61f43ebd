"""The same Dice and IoU for whole cases in NumPy arrays, and the pinned way to average a table of them."""

import numpy as np

from keras_seg.metrics.base import selected_classes
from keras_seg.metrics.overlap import dice_score, iou_score


def harden(scores, *, multilabel=False, from_logits=False):
    """Makes the network's output for one case hard, as the metrics do.

    Args:
        scores: Probabilities or logits `[*spatial, classes]`.
        multilabel: Whether classes may overlap.
        from_logits: Whether `scores` are logits.

    Returns:
        A label map `[*spatial]` (with one class: 0 and 1), or with `multilabel=True` masks `[*spatial, classes]`.
    """
    scores = np.asarray(scores)
    if scores.ndim < 2:
        raise ValueError(f"`scores` must be `[*spatial, classes]`. Received: scores.shape={scores.shape}")
    threshold = 0.0 if from_logits else 0.5
    if multilabel:
        return scores > threshold
    if scores.shape[-1] == 1:
        return (scores[..., 0] > threshold).astype("uint8")
    labels = np.argmax(scores, axis=-1)
    return labels.astype("uint8" if scores.shape[-1] <= 256 else "int32")


def dice_per_class(truth, prediction, num_classes, *, multilabel=False, include_background=False, ignore_class=None):
    """Hard Dice of one case, `2 TP / (2 TP + FP + FN)` for each class; the rule of `keras_seg.metrics.Dice`.

    Args:
        truth: Label map `[*spatial]`; with `multilabel=True` masks `[*spatial, classes]`. Any type that holds integers.
        prediction: The same for the prediction (see `keras_seg.metrics.harden`).
        num_classes: Number of classes, background included. 1 means one mask: labels 0 and 1.
        multilabel: Whether classes may overlap; none is the background then.
        include_background: Whether class 0 is scored too.
        ignore_class: Label of the truth whose voxels are left out of everything. In masks it is the voxels of that
            channel, or, where it is no class (255, -1), those whose row is filled with the value.

    Returns:
        A float64 array `[classes]`. NaN where a class is not counted: absent from truth and prediction, the
        background, the ignored class. A class that is absent from the truth alone counts 0.

    Raises:
        ValueError: If the shapes differ, or a voxel that counts holds no label below `num_classes`.

    Two voxels of class 1, of which one is found, and class 2 nowhere: `2 / (2 + 0 + 1) = 0.667`.

    >>> dice_per_class([0, 1, 1, 0], [0, 1, 0, 0], num_classes=3).round(3)
    array([  nan, 0.667,   nan])
    """
    return _score(dice_score, truth, prediction, num_classes, multilabel, include_background, ignore_class)


def iou_per_class(truth, prediction, num_classes, *, multilabel=False, include_background=False, ignore_class=None):
    """Hard IoU of one case, `TP / (TP + FP + FN)` for each class; the rule of `keras_seg.metrics.IoU`.

    Arguments, errors and the array that is returned are those of `keras_seg.metrics.dice_per_class`.

    >>> iou_per_class([0, 1, 1, 0], [0, 1, 0, 0], num_classes=3)
    array([nan, 0.5, nan])
    """
    return _score(iou_score, truth, prediction, num_classes, multilabel, include_background, ignore_class)


def mean_dice(table):
    """Averages a table `[cases, classes]`: each class over the cases where it counts, then the classes.

    This is the one number of a run, and `val_dice`. It is not the mean of the cases' means where a class is missing
    from some cases. It serves a table of IoU or of distances as well.

    Args:
        table: Array `[cases, classes]`, NaN where a class is not counted in a case.

    Returns:
        A float, NaN if nothing is counted.

    Class means `(0.8 + 0.6) / 2 = 0.7` and `0.3`, and their mean 0.5:

    >>> round(mean_dice([[0.8, np.nan], [0.6, 0.3]]), 6)
    0.5
    """
    table = np.asarray(table, "float64")
    if table.ndim != 2:
        raise ValueError(
            "`table` must be `[cases, classes]`, a row of `dice_per_class` for each case. "
            f"Received: table.shape={table.shape}"
        )
    return float(_nan_mean(_nan_mean(table)))


def case_masks(truth, prediction, num_classes, *, multilabel=False, ignore_class=None):
    """Returns truth, prediction and the voxels that count (`None`: all) of one case, checked and as integers.

    Arguments and errors are those of `keras_seg.metrics.dice_per_class`.
    """
    truth, prediction = _integers("truth", truth), _integers("prediction", prediction)
    if truth.shape != prediction.shape or truth.ndim < 1 + multilabel:
        kind = f"masks `[*spatial, {num_classes}]`" if multilabel else "label maps `[*spatial]`"
        raise ValueError(
            f"`truth` and `prediction` must be {kind} of the same shape. "
            f"Received: truth.shape={truth.shape}, prediction.shape={prediction.shape}"
        )
    if multilabel and truth.shape[-1] != num_classes:
        raise ValueError(
            f"The last axis of masks must have `num_classes` entries. "
            f"Received: truth.shape={truth.shape}, num_classes={num_classes}"
        )
    if ignore_class is None:
        kept = None
    elif not multilabel:
        kept = truth != ignore_class
    elif num_classes > 1 and 0 <= ignore_class < num_classes:
        kept = truth[..., ignore_class] != 1
    else:
        kept = truth[..., 0] != ignore_class
    highest = 1 if multilabel else max(num_classes - 1, 1)
    for name, array in (("truth", truth), ("prediction", prediction)):
        _check_values(name, array if kept is None else array[kept], highest)
    return truth, prediction, kept


def _score(formula, truth, prediction, num_classes, multilabel, include_background, ignore_class):
    truth, prediction, kept = case_masks(
        truth, prediction, num_classes, multilabel=multilabel, ignore_class=ignore_class
    )
    if kept is None:
        kept = np.ones(truth.shape[:-1] if multilabel else truth.shape, bool)
    truth, prediction = truth[kept], prediction[kept]
    if multilabel:
        hits, predicted, true = (np.sum(x, axis=0, dtype="int64") for x in (truth & prediction, prediction, truth))
    else:
        hits, predicted, true = (
            np.bincount(x.ravel(), minlength=max(num_classes, 2))
            for x in (truth[truth == prediction], prediction, truth)
        )
        if num_classes == 1:
            hits, predicted, true = hits[1:], predicted[1:], true[1:]
    counted = (predicted + true > 0) & selected_classes(num_classes, multilabel, include_background, ignore_class)
    scores = np.full(num_classes, np.nan)
    tp, fp, fn = hits[counted], (predicted - hits)[counted], (true - hits)[counted]
    scores[counted] = formula(tp, fp, fn)
    return scores


def _integers(name, labels):
    """Labels as integers; floats are taken where they hold integers, as in files that a resampler wrote."""
    labels = np.asarray(labels)
    if labels.dtype.kind in "iu":
        return labels
    if labels.dtype.kind == "b":
        return labels.astype("uint8")
    if labels.dtype.kind != "f" or not np.array_equal(labels, np.rint(labels)):
        raise ValueError(
            f"`{name}` must hold labels, which are integers. For probabilities or logits call "
            f"`keras_seg.metrics.harden` first. Received: an array of type {labels.dtype}"
        )
    return labels.astype("int32")


def _check_values(name, labels, highest):
    if labels.size and (labels.min() < 0 or labels.max() > highest):
        raise ValueError(
            f"`{name}` must hold labels from 0 to {highest}, in all voxels that are not of `ignore_class`. "
            f"Received: values from {labels.min()} to {labels.max()}"
        )


def _nan_mean(table):
    """Mean along the first axis of what is not NaN; NaN where all is (`np.nanmean` warns there)."""
    counted = ~np.isnan(table)
    number = counted.sum(axis=0)
    return np.where(number > 0, np.where(counted, table, 0.0).sum(axis=0) / np.maximum(number, 1), np.nan)
