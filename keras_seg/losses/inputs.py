"""What a loss sees: one batch in one canonical form, whatever encoding it came in."""

import math
from functools import cached_property

import keras
from keras import ops

from keras_seg.losses.stream import stream, stream_map
from keras_seg.losses.voxels import Voxels


class Inputs:
    """One batch: prediction, truth, voxel weight and sample weight.

    Attributes:
        prediction: Logits or probabilities, `[batch, *spatial, classes]`, in the dtype they came in.
        truth: Integer labels `[batch, *spatial]`, or one value per class `[batch, *spatial, classes]`.
        weight: Voxel weights `[batch, *spatial]` with 0 where a voxel is ignored, or `None`.
        sample_weight: `[batch]` or `None`.
        view: Keyword arguments of `Voxels` that say how to read the prediction.
    """

    def __init__(self, prediction, truth, weight, sample_weight, view):
        self.prediction = prediction
        self.truth = truth
        self.weight = weight
        self.sample_weight = sample_weight
        self.view = view
        self.dtype = view["dtype"]
        self.sigmoid = view["sigmoid"]
        self.classes = prediction.shape[-1]
        self._sums = {}

    @cached_property
    def voxels(self):
        """The whole batch as `Voxels` in its own shape, for losses that look at neighbours."""
        return Voxels(self.prediction, self.truth, self.weight, **self.view)

    @cached_property
    def flat(self):
        """Prediction, truth and weight with the spatial axes made one, `[batch, voxels, ...]`."""
        batch = ops.shape(self.prediction)[0]
        sizes = self.prediction.shape[1:-1]
        count = -1 if None in sizes else math.prod(sizes)
        prediction = ops.reshape(self.prediction, (batch, count, self.classes))
        has_labels = len(self.truth.shape) < len(self.prediction.shape)
        truth = ops.reshape(self.truth, (batch, count) if has_labels else (batch, count, self.classes))
        weight = None if self.weight is None else ops.reshape(self.weight, (batch, count))
        return prediction, truth, weight

    def sums(self, loss):
        """Return `loss.statistics` summed over all voxels: a tuple of `[batch, k]`."""
        if id(loss) not in self._sums:
            self.gather([loss])
        return self._sums[id(loss)][1]

    def gather(self, losses):
        """Sum the statistics of several losses in one pass over the voxels."""
        widths = []

        def statistics(prediction, truth, weight):
            voxels = Voxels(prediction, truth, weight, **self.view)
            parts = [loss.statistics(voxels) for loss in losses]
            widths[:] = [[part.shape[-1] for part in parts_of_one] for parts_of_one in parts]
            return ops.concatenate([part for parts_of_one in parts for part in parts_of_one], axis=-1)

        total = stream(statistics, *self.flat)
        start = 0
        for loss, sizes in zip(losses, widths, strict=True):
            parts = []
            for size in sizes:
                parts.append(total[:, start : start + size])
                start += size
            # The loss is kept beside its sums, so that its id cannot be given to another object.
            self._sums[id(loss)] = (loss, tuple(parts))

    def voxel_map(self, loss):
        """Return `loss.voxel_map` of all voxels, `[batch, voxels, k]`, and their weights, `[batch, voxels, 1]`."""
        prediction, truth, weight = self.flat

        def function(prediction, truth, weight):
            return loss.voxel_map(Voxels(prediction, truth, weight, **self.view))

        values = stream_map(function, prediction, truth, weight)
        if weight is None:
            return values, ops.ones_like(values[..., :1])
        return values, ops.expand_dims(ops.cast(weight, values.dtype), -1)

    def batch_mean(self, values):
        """Average `[batch]` values over the batch (a sample of weight 2 counts twice) and repeat the mean."""
        if self.sample_weight is None:
            return ops.zeros_like(values) + ops.mean(values)
        total = ops.sum(self.sample_weight)
        mean = ops.sum(values * self.sample_weight) / ops.where(total > 0, total, ops.ones_like(total))
        return ops.zeros_like(values) + mean


def canonical(y_true, y_pred, sample_weight, loss):
    """Bring one batch into the form that formulas are written for.

    Args:
        y_true: Labels or per-class values, see `SegmentationLoss`.
        y_pred: Logits or probabilities.
        sample_weight: `None`, `[batch]`, `[batch, *spatial]` or `[batch, *spatial, 1]`.
        loss: The `SegmentationLoss` whose options say how to read them.

    Returns:
        `Inputs`.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    mask = getattr(y_pred, "_keras_mask", None)
    if not keras.backend.is_float_dtype(y_pred.dtype):
        y_pred = ops.cast(y_pred, loss.dtype)
    y_true = ops.convert_to_tensor(y_true)
    rank = len(y_pred.shape)
    if not 3 <= rank <= 5:
        raise ValueError(
            f"`y_pred` must be `[batch, *spatial, classes]` with 1 to 3 spatial axes. Received: y_pred.shape="
            f"{tuple(y_pred.shape)}. A network for segmentation ends in one map per class."
        )
    if loss.channels_first:
        y_pred = _to_last(y_pred)
        if len(y_true.shape) == rank:
            y_true = _to_last(y_true)
    if y_pred.shape[-1] is None:
        raise ValueError(f"The number of classes must be known. Received: y_pred.shape={tuple(y_pred.shape)}.")
    truth = _truth(y_true, y_pred)
    dtype = keras.backend.result_type(loss.dtype, "float32")
    weight, sample_weight = _weights(sample_weight, y_pred, dtype, loss.channels_first)
    for part in (_counted(truth, y_pred, loss), mask):
        if part is not None:
            part = ops.cast(part, dtype)
            weight = part if weight is None else weight * part
    sigmoid = bool(loss.multilabel) or y_pred.shape[-1] == 1
    loss.check_classes(y_pred.shape[-1])
    view = {"from_logits": bool(loss.from_logits), "sigmoid": sigmoid, "dtype": dtype}
    return Inputs(y_pred, ops.stop_gradient(truth), weight, sample_weight, view)


def _truth(y_true, y_pred):
    """Return labels `[batch, *spatial]` (integers) or one value per class `[batch, *spatial, classes]`."""
    rank, classes = len(y_pred.shape), y_pred.shape[-1]
    shape = tuple(y_true.shape)
    if len(shape) == rank and shape[-1] == classes:
        fits, truth = _agree(shape[:-1], y_pred.shape[:-1]), y_true
    elif len(shape) == rank and shape[-1] == 1:
        fits, truth = _agree(shape[:-1], y_pred.shape[:-1]), ops.squeeze(y_true, -1)
    else:
        fits, truth = len(shape) == rank - 1 and _agree(shape, y_pred.shape[:-1]), y_true
    if not fits:
        spatial = ", ".join(str(size) for size in y_pred.shape[:-1])
        raise ValueError(
            f"`y_true` does not fit `y_pred`. Expected integer labels of shape ({spatial}) or ({spatial}, 1), or "
            f"one value "
            f"per class, ({spatial}, {classes}). Received: y_true.shape={shape}, y_pred.shape={tuple(y_pred.shape)}. "
            f"Resize the masks to the network's output, or check `num_classes` and `data_format`."
        )
    if len(truth.shape) == rank:
        return truth
    if classes == 1:
        return ops.expand_dims(truth, -1)
    # Keras and tf.data often turn masks into floats on the way; a class index is an integer all the same.
    if keras.backend.is_float_dtype(truth.dtype):
        truth = ops.round(truth)
    return ops.cast(truth, "int32") if not keras.backend.is_int_dtype(truth.dtype) else truth


def _counted(truth, y_pred, loss):
    """Return where a voxel counts, `[batch, *spatial]`, or `None` where every voxel does."""
    ignore = loss.ignore_class
    if ignore is None:
        return None
    rank, classes = len(y_pred.shape), y_pred.shape[-1]
    if len(truth.shape) < rank:
        return ops.not_equal(ops.cast(truth, "int32"), ignore)
    values = ops.cast(truth, "float32")
    # Whatever the encoding, a row filled with the ignored value is an ignored voxel.
    counted = ops.any(ops.not_equal(values, ignore), axis=-1)
    if classes == 1:
        return counted
    if 0 <= ignore < classes:
        counted = values[..., ignore] < 0.5
    if not loss.multilabel:
        # One-hot of a label beyond the classes is a row of zeros.
        counted = ops.logical_and(counted, ops.any(values > 0, axis=-1))
    return counted


def _weights(sample_weight, y_pred, dtype, channels_first):
    """Split `sample_weight` into voxel weights `[batch, *spatial]` and sample weights `[batch]`, or `None`."""
    if sample_weight is None:
        return None, None
    weight = ops.cast(ops.convert_to_tensor(sample_weight), dtype)
    rank, shape = len(y_pred.shape), tuple(weight.shape)
    if len(shape) == 0:
        return None, weight * ops.ones_like(ops.cast(y_pred[(slice(None), *[0] * (rank - 1))], dtype))
    if len(shape) == 1:
        return None, weight
    if len(shape) == 2 and shape[1] == 1 and not (rank == 3 and y_pred.shape[1] == 1):
        return None, ops.squeeze(weight, 1)
    if len(shape) == rank:
        if channels_first:
            weight = _to_last(weight)
        if weight.shape[-1] == 1:
            weight = ops.squeeze(weight, -1)
    if len(weight.shape) != rank - 1 or not _agree(weight.shape, y_pred.shape[:-1]):
        raise ValueError(
            f"`sample_weight` must be one weight per sample, `[batch]`, or one per voxel, `[batch, *spatial]` or "
            f"`[batch, *spatial, 1]`. Received: sample_weight.shape={shape}, y_pred.shape={tuple(y_pred.shape)}. "
            f"For one weight per class use `class_weights`."
        )
    return weight, None


def _agree(shape, other):
    return len(shape) == len(other) and all(a is None or b is None or a == b for a, b in zip(shape, other, strict=True))


def _to_last(x):
    return ops.moveaxis(x, 1, -1)
