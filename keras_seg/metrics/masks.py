"""Truth and prediction as one hard mask per class, whatever encoding they come in; voxels are counted exactly."""

from keras import backend, ops


def class_axis(data_format):
    """Returns the axis of the classes in `[batch, *spatial, classes]` (`-1`) or `[batch, classes, *spatial]` (`1`)."""
    return 1 if data_format == "channels_first" else -1


def check_prediction(y_pred, axis, num_classes):
    """Returns the number of classes of `y_pred`.

    Raises:
        ValueError: If `y_pred` has no axis of classes of known size, not 1 to 3 spatial axes, or not `num_classes`
            classes (where `num_classes` is not `None`).
    """
    shape = tuple(y_pred.shape)
    if not 3 <= len(shape) <= 5:
        raise ValueError(
            "`y_pred` must be `[batch, *spatial, classes]` with 1 to 3 spatial axes (for `channels_first`: "
            f"`[batch, classes, *spatial]`). Received: y_pred.shape={shape}"
        )
    found = shape[axis]
    if found is None and num_classes is None:
        raise ValueError(
            f"The number of classes is read from axis {axis} of `y_pred`, whose size is open. "
            f"Pass `num_classes` to the metric. Received: y_pred.shape={shape}"
        )
    if found is not None and num_classes is not None and found != num_classes:
        raise ValueError(
            f"The metric counts {num_classes} classes, but axis {axis} of `y_pred` has {found}. Use one metric object "
            "per model output, the right `num_classes`, and the `data_format` of the model. "
            f"Received: y_pred.shape={shape}"
        )
    return num_classes if found is None else found


def channel(tensor, index, axis):
    """Returns the map `[batch, *spatial]` of one class."""
    return tensor[:, index] if axis == 1 else tensor[..., index]


def spatial_shape(y_pred, axis):
    """Returns the sizes of the spatial axes, `None` where open."""
    shape = tuple(y_pred.shape)
    return shape[2:] if axis == 1 else shape[1:-1]


def prediction_masks(y_pred, num_classes, axis, multilabel, from_logits):
    """Returns a function from class to the voxels `[batch, *spatial]` that are predicted to belong to it."""
    if num_classes == 1 or multilabel:
        if not _is_float(y_pred):  # hard masks, 0 and 1
            return lambda index: _is_member(channel(y_pred, index, axis))
        threshold = 0.0 if from_logits else 0.5
        return lambda index: channel(y_pred, index, axis) > threshold
    labels = winner(y_pred, num_classes, axis)
    return lambda index: labels == index


def truth_masks(y_true, y_pred, num_classes, axis, multilabel, ignore_class):
    """Returns a function from class to its voxels, and the voxels that count (`None`: all of them).

    Both are boolean `[batch, *spatial]`. `y_true` is labels `[batch, *spatial]` or with a unit axis where the classes
    stand in `y_pred`, or one-hot, soft or multi-label with the shape of `y_pred`.

    Raises:
        ValueError: If `y_true` has none of these shapes.
    """
    is_map = _is_label_map(y_true, y_pred, num_classes, axis)
    if num_classes == 1:
        values = y_true if is_map else channel(y_true, 0, axis)
        return _one_class(values, ignore_class)
    if not is_map and tuple(y_true.shape)[axis] == 1:
        y_true, is_map = channel(y_true, 0, axis), True
    if is_map:
        return _label_map(_integers(y_true), ignore_class)
    if multilabel:
        masks = lambda index: _is_member(channel(y_true, index, axis))  # noqa: E731
    else:
        labels = winner(y_true, num_classes, axis)
        masks = lambda index: labels == index  # noqa: E731
    if ignore_class is None:
        return masks, None
    if 0 <= ignore_class < num_classes:
        return masks, ops.logical_not(_is_member(channel(y_true, ignore_class, axis)))
    # A row filled with a value that is no class: its first entry tells, as no honest row holds 255 or -1 anywhere.
    kept = _differs(channel(y_true, 0, axis), ignore_class)
    if not multilabel:
        # The one-hot of a label beyond the classes is a row of zeros.
        kept = ops.logical_and(kept, ops.any(ops.cast(y_true, "bool"), axis=axis))
    return masks, kept


def winner(scores, num_classes, axis):
    """Returns the class of the highest score, the first of equals, as int32 `[batch, *spatial]`.

    A running maximum: `ops.argmax` takes eight times as long in a TensorFlow graph, and ranks -0.0 below 0.0.
    """
    if backend.standardize_dtype(scores.dtype) == "bool":
        scores = ops.cast(scores, "int32")
    best = channel(scores, 0, axis)
    labels = ops.zeros_like(best, dtype="int32")
    for index in range(1, num_classes):
        score = channel(scores, index, axis)
        labels = ops.where(score > best, index, labels)
        best = ops.maximum(score, best)
    return labels


def split_weight(sample_weight, y_pred, axis):
    """Returns the weight of each case `[batch]` and the voxels that count `[batch, *spatial]`; `None` where not given.

    Raises:
        ValueError: If `sample_weight` is none of a number, `[batch]`, `[batch, *spatial]`, the latter two with or
            without a unit axis.
    """
    if sample_weight is None:
        return None, None
    weight = ops.convert_to_tensor(sample_weight)
    shape, spatial = tuple(weight.shape), spatial_shape(y_pred, axis)
    is_column = len(shape) == 2 and shape[1] == 1 and spatial != (1,)
    if len(shape) < 2 or is_column:
        return ops.reshape(ops.cast(weight, "float32"), (-1,)), None
    if len(shape) == len(spatial) + 2 and shape[axis] == 1:
        weight = channel(weight, 0, axis)
    if not _fits(tuple(weight.shape)[1:], spatial):
        raise ValueError(
            "`sample_weight` must be `[batch]` (a weight for each case), or `[batch, *spatial]` or "
            "`[batch, *spatial, 1]` (voxels of weight 0 are ignored). "
            f"Received: sample_weight.shape={shape}, y_pred.shape={tuple(y_pred.shape)}"
        )
    return None, ops.cast(weight, "float32") > 0


def count_overlap(truth, prediction, kept, num_classes):
    """Returns true positives, false positives and false negatives, each an exact int32 `[batch, classes]`.

    Args:
        truth: Function from class to its mask `[batch, *spatial]`.
        prediction: The same for the prediction.
        kept: The voxels that count, or `None` for all.
        num_classes: Number of classes.
    """

    def count_class(index):
        in_truth, in_prediction = truth(index), prediction(index)
        if kept is not None:
            in_truth, in_prediction = ops.logical_and(in_truth, kept), ops.logical_and(in_prediction, kept)
        hits = count(ops.logical_and(in_truth, in_prediction))
        return ops.stack([hits, count(in_prediction) - hits, count(in_truth) - hits])

    if num_classes == 1:
        counts = count_class(0)[None]
    else:
        # One class after the other: a one-hot is never stored, and the compiled code does not grow with the classes.
        counts = ops.map(count_class, ops.arange(num_classes, dtype="int32"))
    counts = ops.transpose(counts, (1, 2, 0))
    return counts[0], counts[1], counts[2]


def count(mask):
    """Returns the number of true voxels of `[batch, *spatial]`, exact up to 2^31, as int32 `[batch]`."""
    if len(mask.shape) == 2:
        return ops.sum(ops.cast(mask, "int32"), axis=1)
    # float32 is exact within a row and summed on the device, where TensorFlow sends large int32 sums to the host.
    rows = ops.sum(ops.cast(mask, "float32"), axis=-1)
    return ops.sum(ops.cast(rows, "int32"), axis=tuple(range(1, len(rows.shape))))


def _is_label_map(y_true, y_pred, num_classes, axis):
    """Tells whether `y_true` is `[batch, *spatial]`; checks every size that is known."""
    shape, spatial = tuple(y_true.shape), spatial_shape(y_pred, axis)
    if len(shape) == len(spatial) + 1:
        known, channels = shape[1:], None
    elif len(shape) == len(spatial) + 2:
        known, channels = spatial_shape(y_true, axis), shape[axis]
    else:
        known, channels = (), None
    if not _fits(known, spatial) or channels not in (None, 1, num_classes):
        raise ValueError(
            "`y_true` must be labels `[batch, *spatial]` or `[batch, *spatial, 1]`, or one-hot, soft or multi-label "
            f"`[batch, *spatial, {num_classes}]`, with the spatial axes of `y_pred` (for `channels_first` the classes "
            f"stand at axis 1). Received: y_true.shape={shape}, y_pred.shape={tuple(y_pred.shape)}"
        )
    return len(shape) == len(spatial) + 1


def _fits(found, expected):
    """Tells whether two lists of sizes agree wherever both are known."""
    pairs_agree = all(a is None or b is None or a == b for a, b in zip(found, expected))
    return len(found) == len(expected) and pairs_agree


def _label_map(labels, ignore_class):
    kept = None if ignore_class is None else labels != ignore_class
    return (lambda index: labels == index), kept


def _one_class(values, ignore_class):
    mask = _is_member(values)
    kept = None if ignore_class is None else _differs(values, ignore_class)
    return (lambda index: mask), kept


def _is_member(values):
    """Label 1, or a probability above 0.5."""
    return values > 0.5 if _is_float(values) else _integers(values) == 1


def _differs(values, ignore_class):
    if _is_float(values):
        return values != float(ignore_class)
    return _integers(values) != ignore_class  # wide enough for -1, which uint8 is not


def _is_float(tensor):
    return "float" in backend.standardize_dtype(tensor.dtype)


def _integers(labels):
    """Labels of any type as int32; a float label that resampling left at 0.9999 is 1."""
    if _is_float(labels):
        labels = ops.round(labels)
    return ops.cast(labels, "int32")
