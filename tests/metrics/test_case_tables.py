"""Whole cases in NumPy: the numbers of the streaming metrics, and the pinned mean of a table."""

import math

import numpy as np
import pytest

from keras_seg.metrics import Dice, IoU, dice_per_class, harden, iou_per_class, mean_dice

PAIRS = {"dice": (Dice, dice_per_class), "iou": (IoU, iou_per_class)}
NAN = float("nan")


def random_case(rng, shape, classes, multilabel):
    scores = rng.random((*shape, classes)).astype("float32")
    if multilabel:
        return (rng.random(scores.shape) < 0.3).astype("uint8"), scores
    truth = rng.integers(0, max(classes, 2), shape)
    truth[truth == 2] *= rng.integers(0, 2)
    return truth, scores


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("include_background", [False, True])
@pytest.mark.parametrize(("classes", "multilabel"), [(1, False), (2, False), (4, False), (3, True), (1, True)])
@pytest.mark.parametrize("ignore", [None, 255, 2])
def test_tables_equal_the_streaming_metric(name, include_background, classes, multilabel, ignore):
    metric, score = PAIRS[name]
    rng = np.random.default_rng(0)
    options = {"multilabel": multilabel, "include_background": include_background, "ignore_class": ignore}
    metric, rows = metric(**options), []
    for shape in ((5, 4), (3, 7), (6, 2)):  # cases of different shape
        truth, scores = random_case(rng, shape, classes, multilabel)
        if ignore == 255:
            truth = np.where(rng.random(shape)[..., None][..., 0 if not multilabel else slice(None)] < 0.3, 255, truth)
        metric.update_state(truth[None], scores[None])
        rows.append(score(truth, harden(scores, multilabel=multilabel), classes, **options))
    np.testing.assert_allclose(float(metric.result()), mean_dice(rows), atol=1e-6)
    expected = [mean_dice(np.array(rows)[:, [index]]) for index in range(classes)]
    np.testing.assert_allclose(np.asarray(metric.per_class()), expected, atol=1e-6)


def test_a_case_by_hand():
    truth, prediction = np.array([0, 1, 1, 0, 3]), np.array([0, 1, 0, 2, 3])
    np.testing.assert_allclose(dice_per_class(truth, prediction, 5), [NAN, 2 / 3, 0, 1, NAN])
    np.testing.assert_allclose(iou_per_class(truth, prediction, 5), [NAN, 1 / 2, 0, 1, NAN])
    np.testing.assert_allclose(dice_per_class(truth, prediction, 5, include_background=True)[0], 2 / 4)
    ignored = dice_per_class(truth, prediction, 5, ignore_class=3)
    np.testing.assert_allclose(ignored, [NAN, 2 / 3, 0, NAN, NAN])
    np.testing.assert_allclose(dice_per_class(truth > 0, prediction > 0, 1), [2 / 3])


def test_counts_in_small_integer_types_do_not_overflow():
    full = np.ones((40, 40), "uint8")
    np.testing.assert_array_equal(dice_per_class(full, full, 2), [NAN, 1.0])
    np.testing.assert_array_equal(dice_per_class(full[..., None], full[..., None], 1, multilabel=True), [1.0])


def test_classes_are_averaged_after_their_cases():
    assert mean_dice([[0.8, NAN], [0.6, 0.3]]) == pytest.approx(0.5)
    assert mean_dice([[NAN, 0.4], [NAN, 0.2]]) == pytest.approx(0.3)  # a class that never counts is no class
    assert mean_dice([[NAN, 2.0], [NAN, math.inf]]) == math.inf
    assert math.isnan(mean_dice([[NAN, NAN]]))
    assert math.isnan(mean_dice(np.empty((0, 3))))


def test_harden():
    scores = np.array([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]])
    np.testing.assert_array_equal(harden(scores), [1, 0, 0])
    np.testing.assert_array_equal(harden(scores[:, :1]), [0, 0, 1])
    np.testing.assert_array_equal(harden(scores - 0.5, multilabel=True, from_logits=True), scores > 0.5)
    assert harden(scores).dtype == "uint8"
    assert harden(np.zeros((2, 300))).dtype == "int32"
    with pytest.raises(ValueError, match="`scores` must be"):
        harden(np.zeros(3))


@pytest.mark.parametrize(
    ("truth", "prediction", "options", "message"),
    [
        (np.zeros((2, 3)), np.zeros((3, 2)), {}, "same shape"),
        (np.zeros((2, 3)), np.zeros((2, 3, 3)), {}, "same shape"),
        (np.array([0, 255]), np.array([0, 1]), {}, "`truth` must hold labels from 0 to 2"),
        (np.array([0, 1]), np.array([0, -1]), {}, "`prediction` must hold labels from 0 to 2"),
        (np.array([0, 1]), np.array([0.2, 0.9]), {}, "harden"),
        (np.array([0, np.nan]), np.array([0, 1]), {}, "harden"),
        (np.array(["a"]), np.array([0]), {}, "`truth` must hold labels"),
        (np.zeros((4, 2)), np.zeros((4, 2)), {"multilabel": True}, "`num_classes` entries"),
    ],
)
def test_wrong_arrays_are_told(truth, prediction, options, message):
    with pytest.raises(ValueError, match=message):
        dice_per_class(truth, prediction, 3, **options)
    with pytest.raises(ValueError, match=message):
        iou_per_class(truth, prediction, 3, **options)


def test_a_table_has_two_axes():
    with pytest.raises(ValueError, match="`table` must be"):
        mean_dice([0.5, 0.7])
