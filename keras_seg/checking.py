"""`check`: one batch through a compiled model, and a sentence for everything that does not fit."""

import dataclasses

import keras
import numpy as np

from keras_seg.losses import DeepSupervisionLoss, SegmentationLoss
from keras_seg.reading import read_outputs


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something that does not fit.

    Attributes:
        severity: `"error"` (training would fail or learn nonsense) or `"warning"`.
        about: What it is about: `"model"`, `"loss"`, `"image"`, `"mask"` or `"shape"`.
        message: What was found, what was expected and how to fix it.
    """

    severity: str
    about: str
    message: str

    def __str__(self):
        return f"{self.severity} ({self.about}): {self.message}"


def check(model, data, batch_size=2):
    """Look for mismatches between a compiled model and its data; nothing is trained.

    A compiled step cannot look at values: masks of 0 and 255, logits taken for probabilities or a class beyond the last
    map train without a word, and badly. This runs one batch eagerly and names each.

    Args:
        model: A compiled `keras.Model`.
        data: What `fit` takes: `(x, y)` or `(x, y, sample_weight)` arrays, a `keras.utils.PyDataset`, a
            `tf.data.Dataset`, a torch `DataLoader` or any iterable of batches.
        batch_size: How many samples to look at, if `data` are arrays.

    Returns:
        A list of `Finding`, errors first; an empty list if all fits.

    Raises:
        ValueError: If the model is not compiled, or no batch can be taken from `data`.
    """
    if not getattr(model, "compiled", False):
        raise ValueError("The model is not compiled: call `keras_seg.compile(model, loss=...)` first.")
    x, y = _first_batch(data, batch_size)
    findings = [*_check_loss(model), *_check_image(x)]
    try:
        prediction = model(x, training=False)
    except Exception as error:
        first_line = str(error).strip().splitlines()[0]
        findings.append(Finding("error", "shape", f"The model does not take images of shape {_shape(x)}: {first_line}"))
        return _sorted(findings)
    if isinstance(prediction, (list, tuple)):
        prediction = prediction[0]
        y = y[0] if isinstance(y, (list, tuple)) else y
    prediction = keras.ops.convert_to_numpy(prediction).astype("float32")
    loss = _main_loss(model)
    fits = _check_shapes(y, prediction)
    findings += fits or _check_mask(np.asarray(y), prediction.shape[-1], loss)
    if loss is not None:
        findings += _check_activation(model, prediction, loss)
        if not any(finding.severity == "error" for finding in findings):
            findings += _check_value(loss, y, prediction)
    return _sorted(findings)


def _first_batch(data, batch_size):
    if isinstance(data, keras.utils.PyDataset):
        batch = data[0]
    elif isinstance(data, (tuple, list)) and len(data) in (2, 3) and all(hasattr(part, "shape") for part in data[:2]):
        batch = [part[:batch_size] for part in data[:2]]
    else:
        try:
            batch = next(iter(data))
        except (TypeError, StopIteration) as error:
            raise ValueError(
                f"No batch could be taken from `data`. Expected (x, y) arrays, a PyDataset, a tf.data.Dataset or an "
                f"iterable of batches. Received: {type(data).__name__}."
            ) from error
    if not isinstance(batch, (tuple, list)) or len(batch) < 2:
        raise ValueError("A batch must be `(x, y)` or `(x, y, sample_weight)`: images and masks.")
    return batch[0], batch[1]


def _main_loss(model):
    """Return this library's loss of the main head, or `None`."""
    loss = model.loss[0] if isinstance(model.loss, (list, tuple)) else model.loss
    if isinstance(loss, DeepSupervisionLoss):
        loss = loss.loss
    return loss if isinstance(loss, SegmentationLoss) else None


def _check_loss(model):
    loss = model.loss[0] if isinstance(model.loss, (list, tuple)) else model.loss
    if _main_loss(model) is None:
        name = loss if isinstance(loss, str) else getattr(loss, "name", type(loss).__name__)
        yield Finding(
            "warning",
            "loss",
            f"The model was compiled with Keras's own '{name}', which pools all classes and samples, ignores no "
            f"voxels and "
            f"takes no class weights. For the loss of this library: `keras_seg.compile(model, loss='{name}')`; a text "
            f"given to `model.compile` always means Keras's loss.",
        )


def _check_image(x):
    x = np.asarray(x)
    if not np.isfinite(x).all():
        yield Finding("error", "image", "Images hold NaN or infinity. Repair or leave out those cases.")
    elif np.abs(x).max() > 100:
        yield Finding(
            "warning",
            "image",
            f"Image values run from {x.min():.4g} to {x.max():.4g}. Networks train badly on such a scale: normalise "
            f"each "
            f"image, for example with `keras_seg.data.zscore`.",
        )


def _check_shapes(y, prediction):
    shape, wanted = _shape(y), prediction.shape
    if shape in (wanted, wanted[:-1], (*wanted[:-1], 1)):
        return []
    expected = f"labels {wanted[:-1]} or one value per class {wanted}"
    if len(shape) == len(wanted) and shape[:-1] == wanted[:-1]:
        message = (
            f"The masks have {shape[-1]} channels, the model gives {wanted[-1]} classes; set `num_classes={shape[-1]}`."
        )
    elif shape[: len(wanted) - 1] != wanted[:-1]:
        message = f"Masks of shape {shape} do not lie on predictions of shape {wanted}: expected {expected}."
    else:
        message = f"Masks have shape {shape}; expected {expected}."
    return [Finding("error", "shape", message)]


def _check_mask(y, classes, loss):
    ignore = None if loss is None else loss.ignore_class
    # A background may have a value of its own that says which classes the mask annotates.
    y = np.where(np.isin(y, list(getattr(loss, "labeled", ()))), 0, y)
    values = np.unique(y)
    if ignore is not None:
        values = values[values != ignore]
    if len(values) == 0:
        return [Finding("warning", "mask", "Every voxel of this batch is ignored.")]
    if not np.isfinite(values.astype("float64")).all():
        return [Finding("error", "mask", "Masks hold NaN or infinity.")]
    one_hot = y.ndim > 2 and y.shape[-1] == classes
    limit = 1 if one_hot or classes == 1 else classes - 1
    if values.max() > limit or values.min() < 0:
        shown = ", ".join(f"{value:g}" for value in values[:6]) + (", ..." if len(values) > 6 else "")
        fix = "divide by 255" if set(values.tolist()) <= {0, 255} else "map them to 0, 1, ..., or set `num_classes`"
        hint = f", or `ignore_class={int(values.max())}` if that marks unknown voxels" if values.max() > limit else ""
        expected = "values from 0 to 1" if limit == 1 else f"labels from 0 to {limit}"
        return [Finding("error", "mask", f"Masks hold {shown}; expected {expected}: {fix}{hint}.")]
    if not one_hot and classes > 1 and (values != np.round(values)).any():
        return [Finding("error", "mask", "Labels are not whole numbers: resize masks by nearest neighbour.")]
    if len(values) == 1:
        return [Finding("warning", "mask", f"All voxels of this batch have the label {values[0]:g}.")]
    return []


def _check_activation(model, prediction, loss):
    output = read_outputs(model)[0]
    low, high = float(prediction.min()), float(prediction.max())
    if not loss.from_logits and (low < 0 or high > 1):
        yield Finding(
            "error",
            "loss",
            f"The loss takes probabilities, but the model gives values from {low:.3g} to {high:.3g}: those are "
            f"logits. Use "
            f"`keras_seg.compile`, which sets `from_logits`, or end the model in a softmax or sigmoid.",
        )
    elif loss.from_logits and (output.from_logits is False or _sums_to_one(prediction)):
        yield Finding(
            "error",
            "loss",
            "The loss takes logits, but the model gives probabilities. Use `keras_seg.compile`, which sets "
            "`from_logits`, or "
            "leave `from_logits` out of the loss.",
        )
    if output.multilabel is not None and bool(loss.multilabel) != output.multilabel:
        yield Finding(
            "error",
            "loss",
            f"The model's last activation says multilabel={output.multilabel}, the loss "
            f"multilabel={loss.multilabel}. Use "
            f"`keras_seg.compile`, which sets it, or change one of the two.",
        )


def _sums_to_one(prediction):
    within = prediction.min() >= 0 and prediction.max() <= 1
    return within and prediction.shape[-1] > 1 and np.abs(prediction.sum(-1) - 1).max() < 1e-3


def _check_value(loss, y, prediction):
    value = float(np.mean(keras.ops.convert_to_numpy(loss(y, prediction))))
    if not np.isfinite(value):
        yield Finding("error", "loss", f"The loss of this batch is {value}.")


def _shape(x):
    return tuple(int(size) for size in np.shape(x))


def _sorted(findings):
    return sorted(findings, key=lambda finding: finding.severity != "error")
