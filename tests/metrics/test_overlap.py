"""The pinned Dice and IoU, against scikit-learn and by hand."""

import math

import numpy as np
import pytest
from keras import ops
from sklearn.metrics import f1_score, jaccard_score

from keras_seg.metrics import Dice, IoU, mean_dice
from keras_seg.metrics.masks import count, winner

METRICS = {"dice": (Dice, f1_score), "iou": (IoU, jaccard_score)}
NAN = float("nan")


def one_hot(labels, classes):
    return np.eye(classes, dtype="float32")[labels]


def value(metric, *arguments, **options):
    metric.update_state(*arguments, **options)
    return float(metric.result())


def per_class(metric):
    return ops.convert_to_numpy(metric.per_class())


def random_batch(rng, spatial=(6, 5), cases=5, classes=4):
    """Labels of which some classes miss some cases, and the probabilities of an unsure network."""
    truth = rng.integers(0, classes, (cases, *spatial))
    truth[0][truth[0] == 1] = 0
    truth[1] = 0
    scores = rng.random((cases, *spatial, classes)) + 0.4 * one_hot(truth, classes)
    scores[1, ..., 0] += 2.0
    scores[2, ..., 3] -= 2.0
    return truth, scores / scores.sum(axis=-1, keepdims=True)


def reference_table(score, truth, prediction, classes):
    """scikit-learn's score of each class in each case; NaN where truth and prediction are both without it."""
    table = np.full((len(truth), classes), np.nan)
    for case, (t, p) in enumerate(zip(truth.reshape(len(truth), -1), prediction.reshape(len(truth), -1))):
        scores = score(t, p, labels=range(classes), average=None, zero_division=0)
        present = [np.any(t == label) or np.any(p == label) for label in range(classes)]
        table[case] = np.where(present, scores, np.nan)
    return table


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("spatial", [(40,), (6, 5), (4, 3, 5)])
@pytest.mark.parametrize("include_background", [False, True])
def test_equals_scikit_learn_case_by_case(name, spatial, include_background):
    metric, score = METRICS[name]
    truth, probabilities = random_batch(np.random.default_rng(1), spatial)
    table = reference_table(score, truth, probabilities.argmax(-1), 4)[:, 0 if include_background else 1 :]
    assert np.isnan(table).any()
    class_means = np.nanmean(table, axis=0)

    metric = metric(include_background=include_background)
    assert value(metric, truth, probabilities) == pytest.approx(class_means.mean(), abs=1e-6)
    found = per_class(metric)
    np.testing.assert_allclose(found[-len(class_means) :], class_means, atol=1e-6)
    assert math.isnan(found[0]) != include_background
    assert float(metric.result()) == pytest.approx(mean_dice(table), abs=1e-6)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize(
    ("truth", "prediction", "expected"),
    [
        ([0, 0, 0], [0, 0, 0], [NAN, NAN]),  # absent from both: not counted
        ([0, 0, 0], [0, 1, 0], [0.0, NAN]),  # absent from the truth alone: 0
        ([0, 1, 0], [0, 0, 0], [0.0, NAN]),  # missed
        ([1, 1, 1], [1, 1, 1], [1.0, NAN]),  # full and perfect
        ([1, 2, 0], [2, 1, 0], [0.0, 0.0]),  # exchanged
        ([2, 2, 1], [2, 2, 1], [1.0, 1.0]),
    ],
)
def test_empty_and_full_classes(name, truth, prediction, expected):
    metric = METRICS[name][0]()
    result = value(metric, np.array([truth]), one_hot(np.array([prediction]), 3))
    np.testing.assert_array_equal(per_class(metric), [NAN, *expected])
    counted = [score for score in expected if not math.isnan(score)]
    np.testing.assert_allclose(result, sum(counted) / len(counted) if counted else NAN)


def test_classes_are_averaged_after_their_cases():
    """Class 1 scores 1, 1 and 0 in three cases, class 2 scores 0 in one: `(2/3 + 0) / 2`, not `(1 + 1/2 + 0) / 3`."""
    truth = np.array([[1, 0], [1, 2], [1, 0]])
    prediction = one_hot(np.array([[1, 0], [1, 0], [0, 0]]), 3)
    assert value(Dice(), truth, prediction) == pytest.approx(1 / 3, abs=1e-6)


def test_one_class_has_no_background():
    truth = np.array([[0, 1, 1, 0]])
    probabilities = np.array([[[0.2], [0.9], [0.5], [0.4]]])  # 0.5 is not above 0.5
    for include_background in (False, True):
        assert value(Dice(include_background=include_background), truth, probabilities) == pytest.approx(2 / 3)
    logits = np.array([[[-3.0], [0.4], [0.0], [-0.1]]])
    assert value(Dice(from_logits=True), truth, logits) == pytest.approx(2 / 3)
    assert value(Dice(), truth, logits) == 0.0


def test_multilabel_classes_overlap():
    truth = np.array([[[1, 1], [1, 0], [0, 0]]])
    probabilities = np.array([[[0.9, 0.8], [0.1, 0.9], [0.2, 0.3]]])
    metric = Dice(multilabel=True)
    assert value(metric, truth, probabilities) == pytest.approx((2 / 3 + 2 / 3) / 2)
    np.testing.assert_allclose(per_class(metric), [2 / 3, 2 / 3], atol=1e-6)
    metric = Dice(multilabel=True, from_logits=True)
    assert value(metric, truth, np.log(probabilities / (1 - probabilities))) == pytest.approx(2 / 3)


@pytest.mark.parametrize("name", METRICS)
def test_streaming_and_merging_equal_the_whole(name):
    metric = METRICS[name][0]
    truth, probabilities = random_batch(np.random.default_rng(2))
    whole, stream, first, second, unseen = metric(), metric(), metric(), metric(num_classes=4), metric()
    expected = value(whole, truth, probabilities)
    for case in range(5):
        stream.update_state(truth[case : case + 1], probabilities[case : case + 1])
    assert float(stream.result()) == pytest.approx(expected, abs=1e-6)
    first.update_state(truth[:2], probabilities[:2])
    second.update_state(truth[2:], probabilities[2:])
    merged = metric()
    merged.merge_state([first, unseen, second])
    assert float(merged.result()) == pytest.approx(expected, abs=1e-6)
    np.testing.assert_allclose(per_class(merged), per_class(whole), atol=1e-6)

    merged.reset_state()
    assert math.isnan(float(merged.result()))
    assert value(merged, truth, probabilities) == pytest.approx(expected, abs=1e-6)


def test_order_of_cases_and_voxels_does_not_matter():
    rng = np.random.default_rng(3)
    truth, probabilities = random_batch(rng, (30,))
    expected = value(Dice(), truth, probabilities)
    cases, voxels = rng.permutation(5), rng.permutation(30)
    permuted = value(Dice(), truth[cases][:, voxels], probabilities[cases][:, voxels])
    assert permuted == pytest.approx(expected, abs=1e-6)


def test_2d_equals_3d_with_a_unit_axis():
    truth, probabilities = random_batch(np.random.default_rng(4))
    expected = value(Dice(), truth, probabilities)
    for axis in (1, 2, 3):
        assert value(Dice(), np.expand_dims(truth, axis), np.expand_dims(probabilities, axis)) == expected


def test_one_class_out_of_many():
    truth, probabilities = random_batch(np.random.default_rng(5))
    everything = Dice(include_background=True)
    everything.update_state(truth, probabilities)
    for index in range(4):  # the background too, where it is asked for
        assert value(Dice(class_id=index), truth, probabilities) == pytest.approx(per_class(everything)[index])


def test_argmax_takes_the_first_of_equals():
    scores = np.array([[[0.0, -0.0], [-0.0, 0.0], [0.2, 0.2], [0.1, 0.3]]], "float32")
    np.testing.assert_array_equal(ops.convert_to_numpy(winner(ops.convert_to_tensor(scores), 2, -1)), [[0, 0, 0, 1]])


@pytest.mark.parametrize("shape", [(2, 4100, 4100), (1, 2**24 + 3)])
def test_counts_are_exact_beyond_float32(shape):
    mask = np.ones(shape, bool)
    mask[0, :1] = False
    expected = mask.reshape(len(mask), -1).sum(axis=1)
    np.testing.assert_array_equal(ops.convert_to_numpy(count(ops.convert_to_tensor(mask))), expected)


def test_before_the_first_batch():
    assert math.isnan(float(Dice().result()))
    assert math.isnan(float(Dice(num_classes=2).result()))
    np.testing.assert_array_equal(per_class(Dice(num_classes=2)), [NAN, NAN])
    with pytest.raises(ValueError, match="number of classes"):
        Dice().per_class()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_classes": 0}, "`num_classes` must be"),
        ({"num_classes": 2.5}, "`num_classes` must be"),
        ({"class_id": -1}, "`class_id` must be"),
        ({"num_classes": 3, "class_id": 3}, "below the number of classes, 3"),
        ({"ignore_class": "void"}, "`ignore_class` must be"),
        ({"data_format": "channels"}, "`data_format` must be"),
    ],
)
def test_bad_options_are_told(options, message):
    with pytest.raises(ValueError, match=message):
        Dice(**options)


@pytest.mark.parametrize(
    ("truth", "prediction", "weight", "options", "message"),
    [
        ((2, 4, 4), (2, 4), None, {}, "`y_pred` must be"),
        ((2, 4, 4), (2, 4, 5, 3), None, {}, "`y_true` must be"),
        ((2, 4, 4, 2), (2, 4, 4, 3), None, {}, "`y_true` must be"),
        ((2,), (2, 4, 4, 3), None, {}, "`y_true` must be"),
        ((2, 4, 4), (2, 4, 4, 3), (2, 2), {}, "`sample_weight` must be"),
        ((2, 4, 4), (2, 4, 4, 3), (2, 4, 4, 3), {}, "`sample_weight` must be"),
        ((2, 4, 4), (2, 4, 4, 3), None, {"num_classes": 2}, "counts 2 classes"),
        ((2, 4, 4), (2, 4, 4, 3), None, {"class_id": 3}, "below the number of classes, 3"),
        ((2, 4, 4), (2, 4, 4, 3), None, {"data_format": "channels_first"}, "`y_true` must be"),
    ],
)
def test_shapes_that_do_not_fit_are_told(truth, prediction, weight, options, message):
    weight = None if weight is None else np.ones(weight)
    with pytest.raises(ValueError, match=message):
        Dice(**options).update_state(np.zeros(truth, int), np.zeros(prediction, "float32"), weight)


def test_metrics_of_other_classes_do_not_merge():
    with pytest.raises(ValueError, match="cannot merge"):
        Dice(num_classes=2).merge_state([Dice(num_classes=3)])
