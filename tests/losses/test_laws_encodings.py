"""Laws about encodings: whatever way a batch is written down, it is the same batch."""

import keras
import numpy as np
import pytest
from keras import ops
from loss_cases import (
    CLASSES,
    REPRESENTATIVES,
    batch_of,
    differentiated,
    every_kind,
    every_loss,
    every_loss_and,
    every_loss_and_kind,
    make,
    one_hot,
    value,
    value_and_gradient,
)

READINGS = [("binary", False), ("binary", True), ("multiclass", False), ("multiclass", True)]


@every_loss_and("reading", READINGS, ordinary=READINGS[1:3])
def test_labels_are_one_hot(text, reading):
    kind, from_logits = reading
    batch = batch_of(kind)
    loss = make(text, from_logits=from_logits)
    prediction = batch.logits if from_logits else batch.probabilities
    expected, expected_gradient = value_and_gradient(loss, batch.truth, prediction)
    labels = batch.labels
    encodings = {"uint8": labels.astype("uint8"), "float unit axis": labels[..., None].astype("float32")}
    if text in REPRESENTATIVES:
        encodings |= {dtype: labels.astype(dtype) for dtype in ("int32", "int64", "float32", "float16", "int8")}
        encodings |= {f"one-hot {dtype}": batch.truth.astype(dtype) for dtype in ("uint8", "bool", "float64", "int32")}
        encodings["unit axis"] = labels[..., None]
        if kind == "binary":
            encodings["bool"] = labels.astype("bool")
    for name, y_true in encodings.items():
        np.testing.assert_allclose(value(loss, y_true, prediction), expected, rtol=1e-6, err_msg=name)
    gradient = value_and_gradient(loss, labels, prediction)[1]
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-4, atol=1e-7)


@every_loss_and_kind
def test_lists_are_arrays(text, kind):
    batch = batch_of(kind, (4, 3))
    loss = make(text, **batch.options)
    expected = value(loss, batch.truth, batch.probabilities)
    listed = value(loss, batch.truth.tolist(), batch.probabilities.tolist(), [1.0, 1.0, 1.0])
    np.testing.assert_allclose(listed, expected, rtol=1e-6)


@every_loss
@every_kind
def test_logits_are_their_probabilities(text, kind):
    batch = batch_of(kind)
    from_probabilities = make(text, **batch.options, from_logits=False)
    from_logits = make(text, **batch.options, from_logits=True)
    expected = value(from_probabilities, batch.truth, batch.probabilities)
    np.testing.assert_allclose(value(from_logits, batch.truth, batch.logits), expected, rtol=2e-5)


@every_loss_and_kind
def test_channels_first_is_channels_last(text, kind):
    batch = batch_of(kind)
    weight = np.random.default_rng(0).random(batch.truth.shape[:-1]).astype("float32")
    last = make(text, **batch.options, data_format="channels_last")
    first = make(text, **batch.options, data_format="channels_first")
    truth, probabilities = (np.moveaxis(x, -1, 1).copy() for x in (batch.truth, batch.probabilities))
    expected, gradient = value_and_gradient(last, batch.truth, batch.probabilities, weight)
    values, moved = value_and_gradient(first, truth, probabilities, weight)
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    np.testing.assert_allclose(np.moveaxis(moved, 1, -1), gradient, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(value(first, truth, probabilities, weight[:, None]), expected, rtol=1e-6)
    if kind == "multiclass":
        for labels in (batch.labels, batch.labels[:, None]):
            np.testing.assert_allclose(value(first, labels, probabilities, weight), expected, rtol=1e-6)


def test_the_data_format_is_that_of_keras_unless_given():
    batch = batch_of("multiclass")
    expected = value(make("dice"), batch.labels, batch.probabilities)
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        moved = value(make("dice"), batch.labels, np.moveaxis(batch.probabilities, -1, 1).copy())
    finally:
        keras.config.set_image_data_format(before)
    np.testing.assert_allclose(moved, expected, rtol=1e-6)


@every_kind
@every_loss_and("dtype", ["bfloat16", "float16"], ordinary=["float16"])
def test_half_precision_predictions_are_computed_in_float32(text, kind, dtype):
    """Nothing is lost but what rounding the prediction has lost already; the gradient comes back in its dtype."""
    batch = batch_of(kind)
    loss = make(text, **batch.options, from_logits=True)
    half = ops.cast(batch.logits, dtype)
    values, gradient = differentiated(loss, batch.truth, half)
    assert [keras.backend.standardize_dtype(x.dtype) for x in (values, gradient)] == ["float32", dtype]
    values, gradient, rounded = (ops.convert_to_numpy(ops.cast(x, "float32")) for x in (values, gradient, half))
    expected, expected_gradient = value_and_gradient(loss, batch.truth, rounded)
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    np.testing.assert_allclose(values, value(loss, batch.truth, batch.logits), rtol=3e-2, atol=1e-3)
    tolerance = {"bfloat16": 1e-2, "float16": 2e-3}[dtype]
    largest = np.abs(expected_gradient).max()
    np.testing.assert_allclose(gradient, expected_gradient, rtol=tolerance, atol=tolerance * largest)


@every_loss
def test_a_loss_of_half_precision_sums_in_float32(text):
    batch = batch_of("multiclass", (40, 50))
    expected = value(make(text), batch.labels, batch.probabilities)
    values = value(make(text, dtype="float16"), batch.labels, batch.probabilities)
    np.testing.assert_allclose(values, expected, rtol=1e-2)


@every_loss_and("ignore", [255, -1, CLASSES, 1], ordinary=[255])
def test_every_way_to_write_an_ignored_voxel(text, ignore):
    """Its label, a row with its 1 at that class, a row of zeros, a row filled with the value, or a weight of 0."""
    batch = batch_of("multiclass", classes=CLASSES)
    labels = batch.labels
    chosen = labels == 1 if ignore == 1 else np.random.default_rng(2).random(labels.shape) < 0.3
    weight = 1 - chosen.astype("float32")
    expected, expected_gradient = value_and_gradient(make(text), labels, batch.probabilities, weight)
    labels = np.where(chosen, ignore, labels)
    rows = one_hot(labels)
    encodings = {"labels": labels, "float labels": labels.astype("float32"), "unit axis": labels[..., None]}
    encodings |= {"rows": rows, "filled rows": np.where(chosen[..., None], np.float32(ignore), rows)}
    encodings |= {"rows of zeros": np.where(chosen[..., None], np.float32(0), rows)}
    if ignore == 255:
        encodings |= {"uint8": labels.astype("uint8"), "uint8 rows": encodings["filled rows"].astype("uint8")}
    loss = make(text, ignore_class=ignore)
    for name, y_true in encodings.items():
        np.testing.assert_allclose(value(loss, y_true, batch.probabilities), expected, rtol=1e-5, err_msg=name)
    gradient = value_and_gradient(loss, labels, batch.probabilities)[1]
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-4, atol=1e-7)


@every_loss
@pytest.mark.parametrize("kind", ["binary", "multilabel"])
def test_ignored_voxels_of_sigmoid_maps(text, kind):
    batch = batch_of(kind)
    chosen = np.random.default_rng(2).random(batch.truth.shape[:-1]) < 0.3
    weight = 1 - chosen.astype("float32")
    expected = value(make(text, **batch.options), batch.truth, batch.probabilities, weight)
    filled = np.where(chosen[..., None], np.float32(255), batch.truth)
    loss = make(text, **batch.options, ignore_class=255)
    encodings = [filled, filled.astype("uint8")]
    if kind == "binary":
        encodings += [filled[..., 0], filled[..., 0].astype("uint8")]
    for y_true in encodings:
        np.testing.assert_allclose(value(loss, y_true, batch.probabilities), expected, rtol=1e-5)


@every_loss
def test_an_ignored_class_and_voxel_weights_act_together(text):
    batch = batch_of("multiclass")
    rng = np.random.default_rng(4)
    weight = rng.random(batch.labels.shape).astype("float32")
    chosen = rng.random(batch.labels.shape) < 0.3
    expected = value(make(text), batch.labels, batch.probabilities, np.where(chosen, 0, weight).astype("float32"))
    labels = np.where(chosen, 255, batch.labels)
    np.testing.assert_allclose(
        value(make(text, ignore_class=255), labels, batch.probabilities, weight), expected, rtol=1e-5
    )


@every_loss
def test_an_ignored_class_and_sample_weights_act_together(text):
    batch = batch_of("multiclass")
    labels = np.where(np.random.default_rng(4).random(batch.labels.shape) < 0.3, 255, batch.labels)
    loss = make(text, ignore_class=255, reduction="sum")
    weight = np.array([2, 0, 1], "float32")
    seen = [0, 0, 2]
    expected = value(loss, labels[seen], batch.probabilities[seen])
    np.testing.assert_allclose(value(loss, labels, batch.probabilities, weight), expected, rtol=1e-5)
