"""Every encoding of the truth, every type, weights and ignored voxels: one value."""

import math

import keras
import numpy as np
import pytest

from keras_seg.metrics import Dice

CLASSES = 3
RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, CLASSES, (4, 5, 6))
ONE_HOT = np.eye(CLASSES, dtype="float32")[LABELS]
SCORES = (RNG.random((4, 5, 6, CLASSES)) + 0.3 * ONE_HOT).astype("float32")
HALF = LABELS > 0  # truth of one class
HALF_SCORES = SCORES[..., 1:2] + SCORES[..., 2:3] * 0.1 - 0.1
IGNORED = RNG.random(LABELS.shape) < 0.3


def dice(truth, prediction, weight=None, **options):
    metric = Dice(**options)
    metric.update_state(truth, prediction, sample_weight=weight)
    return float(metric.result())


def channels_first(array):
    return np.moveaxis(array, -1, 1)


def as_type(array, dtype):
    """NumPy has no bfloat16, and JAX no float64 of its own."""
    return keras.ops.cast(array, dtype) if dtype == "bfloat16" else array.astype(dtype)


def kept_only(truth, prediction):
    """Dice of the voxels that are not ignored, case by case, each a row of its own length."""
    metric = Dice(num_classes=prediction.shape[-1])
    for t, p, ignored in zip(truth, prediction, IGNORED):
        metric.update_state(t[~ignored][None], p[~ignored][None])
    return float(metric.result())


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int32", "int64", "float16", "float32", "float64"])
@pytest.mark.parametrize("unit_axis", [False, True])
def test_labels_of_any_type(dtype, unit_axis):
    truth = LABELS.astype(dtype)
    assert dice(truth[..., None] if unit_axis else truth, SCORES) == dice(LABELS, SCORES)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float32", "float64"])
def test_one_hot_equals_labels(dtype):
    assert dice(ONE_HOT.astype(dtype), SCORES) == dice(LABELS, SCORES)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float32"])
@pytest.mark.parametrize("unit_axis", [False, True])
def test_one_class(dtype, unit_axis):
    truth = HALF.astype(dtype)
    two_classes = np.concatenate([np.full_like(HALF_SCORES, 0.5), HALF_SCORES], axis=-1)
    expected = dice(HALF.astype(int), two_classes)
    assert dice(truth[..., None] if unit_axis else truth, HALF_SCORES) == pytest.approx(expected, abs=1e-6)


def test_soft_truth_is_made_hard_like_the_prediction():
    soft = 0.6 * ONE_HOT + 0.4 / CLASSES
    assert dice(soft, SCORES) == dice(LABELS, SCORES)
    assert dice(0.2 + 0.6 * HALF, HALF_SCORES) == dice(HALF, HALF_SCORES)
    assert dice(soft, SCORES, multilabel=True) == dice(ONE_HOT, SCORES, multilabel=True)


def test_labels_that_a_resampler_blurred():
    assert dice(LABELS - 1e-4, SCORES) == dice(LABELS, SCORES)


def test_multilabel_takes_labels_too():
    assert dice(LABELS, SCORES, multilabel=True) == dice(ONE_HOT, SCORES, multilabel=True)
    assert dice(LABELS[..., None], SCORES, multilabel=True) == dice(ONE_HOT, SCORES, multilabel=True)


def test_multilabel_equals_its_classes_one_by_one():
    overlapping = RNG.random(SCORES.shape) < 0.4
    alone = [dice(overlapping[..., index], SCORES[..., index : index + 1]) for index in range(CLASSES)]
    assert dice(overlapping, SCORES, multilabel=True) == pytest.approx(np.mean(alone), abs=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_predictions_of_any_precision(dtype):
    """A margin wider than the rounding: the winner stays."""
    sure = ONE_HOT[..., [1, 0, 2]] * 0.5 + SCORES.round(1)
    expected = dice(LABELS, sure)
    assert dice(LABELS, as_type(sure, dtype)) == expected
    assert dice(HALF, as_type(HALF_SCORES, dtype)) == pytest.approx(dice(HALF, HALF_SCORES), abs=0.05)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32"])
def test_hard_predictions(dtype):
    hard = np.eye(CLASSES)[SCORES.argmax(-1)]
    assert dice(LABELS, hard.astype(dtype)) == dice(LABELS, SCORES)
    assert dice(HALF, (HALF_SCORES > 0.5).astype(dtype)) == dice(HALF, HALF_SCORES)


@pytest.mark.parametrize("truth", [LABELS, LABELS[:, None], channels_first(ONE_HOT)])
def test_channels_first(truth):
    found = dice(truth, channels_first(SCORES), data_format="channels_first")
    assert found == dice(LABELS, SCORES)
    options = {"multilabel": True, "data_format": "channels_first"}
    assert dice(truth, channels_first(SCORES), **options) == dice(ONE_HOT, SCORES, multilabel=True)


def test_channels_first_weights_and_ignored_voxels():
    options = {"data_format": "channels_first", "ignore_class": 255}
    expected = kept_only(LABELS, SCORES)
    assert dice(LABELS[:, None], channels_first(SCORES), ~IGNORED[:, None], **options) == pytest.approx(expected)
    filled = channels_first(np.where(IGNORED[..., None], 255, ONE_HOT))
    assert dice(filled, channels_first(SCORES), **options) == pytest.approx(expected)


def test_data_format_defaults_to_kerass_setting():
    before = keras.config.image_data_format()
    try:
        keras.config.set_image_data_format("channels_first")
        assert Dice().get_config()["data_format"] == "channels_first"
    finally:
        keras.config.set_image_data_format(before)


@pytest.mark.parametrize("value", [255, -1])
@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_ignored_voxels_change_nothing(value, dtype):
    expected = kept_only(LABELS, SCORES)
    truth = np.where(IGNORED, value, LABELS).astype(dtype)
    filled = np.where(IGNORED[..., None], value, ONE_HOT).astype(dtype)
    anything = np.where(IGNORED[..., None], RNG.random(SCORES.shape), SCORES)
    for prediction in (SCORES, anything):
        assert dice(truth, prediction, ignore_class=value) == pytest.approx(expected, abs=1e-6)
        assert dice(filled, prediction, ignore_class=value) == pytest.approx(expected, abs=1e-6)

    one_class = np.where(IGNORED, value, HALF).astype(dtype)
    expected = kept_only(HALF, HALF_SCORES)
    assert dice(one_class, HALF_SCORES, ignore_class=value) == pytest.approx(expected, abs=1e-6)
    assert dice(one_class[..., None], HALF_SCORES, ignore_class=value) == pytest.approx(expected, abs=1e-6)


def test_rows_of_zeros_are_ignored_where_a_label_is():
    expected = kept_only(LABELS, SCORES)
    zeros = np.where(IGNORED[..., None], 0, ONE_HOT)
    for truth in (zeros, zeros.astype("uint8"), zeros.astype(bool)):
        assert dice(truth, SCORES, ignore_class=255) == pytest.approx(expected, abs=1e-6)
    assert dice(zeros, SCORES, multilabel=True, ignore_class=255) == dice(zeros, SCORES, multilabel=True)


def test_uint8_labels_and_a_negative_ignored_label():
    """255 is not -1."""
    truth = np.where(IGNORED, 255, LABELS).astype("uint8")
    assert dice(truth, SCORES, ignore_class=-1) == dice(truth, SCORES)


def test_an_ignored_class_of_its_own_channel():
    keep = LABELS != 2
    expected = dice(LABELS, SCORES, weight=keep, class_id=1)
    for truth in (LABELS, LABELS[..., None], ONE_HOT, ONE_HOT.astype("uint8")):
        metric = Dice(ignore_class=2)
        metric.update_state(truth, SCORES)
        assert float(metric.result()) == pytest.approx(expected, abs=1e-6)  # class 2 itself is not scored
        assert math.isnan(float(metric.per_class()[2]))
    expected = dice(ONE_HOT, SCORES, weight=keep, multilabel=True, class_id=0)
    assert dice(ONE_HOT, SCORES, multilabel=True, ignore_class=2, class_id=0) == pytest.approx(expected)


def test_voxel_weights_ignore_where_they_are_zero():
    expected = kept_only(LABELS, SCORES)
    weight = np.where(IGNORED, 0.0, RNG.random(LABELS.shape) + 0.1)
    for weights in (weight, weight[..., None], ~IGNORED, (~IGNORED).astype("int32")):
        assert dice(LABELS, SCORES, weights) == pytest.approx(expected, abs=1e-6)
    both = Dice(ignore_class=255)
    half = IGNORED & (RNG.random(LABELS.shape) < 0.5)
    both.update_state(np.where(half, 255, LABELS), SCORES, ~IGNORED | half)
    assert float(both.result()) == pytest.approx(expected, abs=1e-6)


def test_case_weights_weigh_the_cases():
    twice = dice(LABELS[[0, 1, 1, 2, 2, 2]], SCORES[[0, 1, 1, 2, 2, 2]])
    assert dice(LABELS, SCORES, np.array([1, 2, 3, 0])) == pytest.approx(twice, abs=1e-6)
    assert dice(LABELS, SCORES, np.array([0.5, 1.0, 1.5, 0.0])) == pytest.approx(twice, abs=1e-6)
    assert dice(LABELS, SCORES, np.array([[1], [2], [3], [0]])) == pytest.approx(twice, abs=1e-6)
    assert dice(LABELS, SCORES, 0.5) == pytest.approx(dice(LABELS, SCORES), abs=1e-6)
    assert math.isnan(dice(LABELS, SCORES, np.zeros(4)))


def test_a_unit_axis_of_one_voxel_is_a_voxel():
    """`[batch, 1]` weighs cases, unless a case is a line of one voxel: then it says which voxels count."""
    truth, prediction = np.array([[1], [1]]), np.eye(2)[[[1], [0]]]
    assert dice(truth, prediction, np.array([[3.0], [1.0]])) == pytest.approx(1 / 2)
    truth, prediction = truth[..., None], prediction[:, None]
    assert dice(truth, prediction, np.array([[3.0], [1.0]])) == pytest.approx(3 / 4)


def test_nothing_but_ignored_voxels_is_no_case():
    truth = np.concatenate([LABELS, np.full_like(LABELS[:1], 255)])
    prediction = np.concatenate([SCORES, SCORES[:1]])
    assert dice(truth, prediction, ignore_class=255) == dice(LABELS, SCORES)
    assert math.isnan(dice(truth[-1:], prediction[-1:], ignore_class=255))
