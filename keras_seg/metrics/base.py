"""What `Dice` and `IoU` share: hard masks in, sums over cases per class out."""

import keras
import numpy as np
from keras import ops

from keras_seg.metrics import masks


class OverlapMetric(keras.metrics.Metric):
    """Overlap of hard masks, averaged over the cases, then over the classes.

    Cases, classes, encodings, weights and arguments are told where users read them: in `keras_seg.metrics.Dice`.
    A final class gives the score of counts, and has the sums over cases `total` and the cases counted `weight`, each
    `[classes]`.

    Args:
        num_classes: Number of classes, background included, or `None`.
        from_logits: Whether predictions are logits. `None` means probabilities.
        multilabel: Whether classes may overlap. `None` means `False`.
        include_background: Whether class 0 is averaged too.
        ignore_class: Label of the voxels that are left out, or `None`.
        class_id: The one class that `result()` gives, or `None`.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for Keras's setting.
        name: Name in the logs.
        dtype: As in every Keras metric. Sums are float32 or wider.
    """

    def __init__(
        self,
        num_classes=None,
        *,
        from_logits=None,
        multilabel=None,
        include_background=False,
        ignore_class=None,
        class_id=None,
        data_format=None,
        name=None,
        dtype=None,
    ):
        super().__init__(name=name, dtype=dtype)
        self._direction = "up"
        self.num_classes = _check_integer("num_classes", num_classes, 1)
        self.from_logits = from_logits
        self.multilabel = multilabel
        self.include_background = include_background
        self.ignore_class = _check_integer("ignore_class", ignore_class)
        self.class_id = _check_integer("class_id", class_id, 0)
        self.data_format = _check_data_format(data_format)
        self.total = None
        self.weight = None
        if num_classes is not None:
            self._build(num_classes)

    def score(self, tp, fp, fn):
        """Returns the score of counts, each float `[batch, classes]`; any value where all three are 0."""
        raise NotImplementedError(f"`{type(self).__name__}` must define `score(tp, fp, fn)`.")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds the cases of a batch.

        Args:
            y_true: Truth, in any encoding.
            y_pred: Predictions `[batch, *spatial, classes]`.
            sample_weight: Weights `[batch]`, `[batch, *spatial]` or `[batch, *spatial, 1]`.

        Raises:
            ValueError: If shapes do not agree.
        """
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        axis = masks.class_axis(self.data_format)
        known = self.num_classes if self.total is None else self.total.shape[0]
        classes = masks.check_prediction(y_pred, axis, known)
        if self.total is None:
            self._build(classes)
        truth, kept = masks.truth_masks(y_true, y_pred, classes, axis, self.multilabel, self.ignore_class)
        prediction = masks.prediction_masks(y_pred, classes, axis, self.multilabel, self.from_logits)
        case_weight, weighted = masks.split_weight(sample_weight, y_pred, axis)
        if weighted is not None:
            kept = weighted if kept is None else ops.logical_and(kept, weighted)
        self._add(masks.count_overlap(truth, prediction, kept, classes), case_weight)

    def result(self):
        """Returns the mean over the classes, or that of `class_id`; NaN where nothing was counted."""
        if self.total is None:
            return ops.convert_to_tensor(np.nan, dtype=self._sum_dtype)
        if self.class_id is not None:
            return self._class_means()[self.class_id]
        counted = ops.logical_and(self.weight > 0, self._selected())
        classes = ops.sum(ops.cast(counted, self._sum_dtype))
        return ops.sum(ops.where(counted, self._class_means(), 0.0)) / classes  # 0 / 0 is the NaN that is wanted

    def per_class(self):
        """Returns the means `[classes]`, NaN where a class was not counted or is left out of the mean.

        Raises:
            ValueError: If the number of classes is not known yet.
        """
        if self.total is None:
            raise ValueError(
                f"`{self.name}` does not know the number of classes before its first prediction. "
                "Pass `num_classes`, or call `update_state` first."
            )
        return ops.where(self._selected(), self._class_means(), np.nan)

    def merge_state(self, metrics):
        """Adds the cases that other metric objects of the same options have seen.

        Raises:
            ValueError: If their classes differ from those of this metric.
        """
        for other in metrics:
            if other.total is None:
                continue
            if self.total is None:
                self._build(other.total.shape[0])
            if self.total.shape != other.total.shape:
                raise ValueError(
                    f"`{self.name}` counts {self.total.shape[0]} classes and cannot merge `{other.name}`, which counts "
                    f"{other.total.shape[0]}."
                )
            self.total.assign_add(other.total)
            self.weight.assign_add(other.weight)

    def get_config(self):
        """Returns every argument, so that `from_config` gives the same metric."""
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "from_logits": self.from_logits,
            "multilabel": self.multilabel,
            "include_background": self.include_background,
            "ignore_class": self.ignore_class,
            "class_id": self.class_id,
            "data_format": self.data_format,
        }

    @property
    def _sum_dtype(self):
        return "float64" if self.dtype == "float64" else "float32"

    def _build(self, num_classes):
        if self.class_id is not None and self.class_id >= num_classes:
            raise ValueError(
                f"`class_id` must be below the number of classes, {num_classes}. Received: class_id={self.class_id}"
            )
        self.total = self.add_variable((num_classes,), "zeros", dtype=self._sum_dtype, name="total")
        self.weight = self.add_variable((num_classes,), "zeros", dtype=self._sum_dtype, name="weight")

    def _add(self, counts, case_weight):
        tp, fp, fn = (ops.cast(number, self._sum_dtype) for number in counts)
        present = tp + fp + fn > 0
        score = ops.where(present, self.score(tp, ops.where(present, fp, 1.0), fn), 0.0)
        weight = ops.cast(present, self._sum_dtype)
        if case_weight is not None:
            weight = weight * ops.cast(case_weight, self._sum_dtype)[:, None]
        self.total.assign_add(ops.sum(score * weight, axis=0))
        self.weight.assign_add(ops.sum(weight, axis=0))

    def _class_means(self):
        total, weight = ops.convert_to_tensor(self.total), ops.convert_to_tensor(self.weight)
        return ops.where(weight > 0, total / ops.where(weight > 0, weight, 1.0), np.nan)

    def _selected(self):
        """The classes that are averaged, boolean `[classes]`."""
        num_classes = self.total.shape[0]
        selected = selected_classes(num_classes, self.multilabel, self.include_background, self.ignore_class)
        return ops.convert_to_tensor(selected)


def selected_classes(num_classes, multilabel, include_background, ignore_class):
    """Returns which classes are averaged, a boolean array `[classes]`: not the background, not the ignored class."""
    selected = np.ones(num_classes, bool)
    if num_classes > 1 and not multilabel:
        selected[0] = include_background
    if num_classes > 1 and ignore_class is not None and 0 <= ignore_class < num_classes:
        selected[ignore_class] = False
    return selected


def _check_integer(argument, value, minimum=None):
    """Returns `value` as an int, or `None`."""
    if value is None:
        return None
    is_integer = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not is_integer or (minimum is not None and value < minimum):
        bound = "" if minimum is None else f" of at least {minimum}"
        raise ValueError(f"`{argument}` must be `None` or an integer{bound}. Received: {argument}={value!r}")
    return int(value)


def _check_data_format(data_format):
    if data_format is None:
        return keras.config.image_data_format()
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(
            f"`data_format` must be `None`, 'channels_last' or 'channels_first'. Received: data_format={data_format!r}"
        )
    return data_format
