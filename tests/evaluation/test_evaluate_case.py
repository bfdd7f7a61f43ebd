"""One case: the measures are those of the metrics, volumes are counted by hand."""

import math

import numpy as np
import pytest

from keras_seg import metrics
from keras_seg.evaluation import evaluate_case

TRUTH = np.zeros((6, 8, 10), "uint8")
TRUTH[1:4, 2:6, 3:7] = 1
TRUTH[4:6, 2:6, 3:7] = 2
PREDICTION = np.roll(TRUTH, 1, axis=1)
PREDICTION[0, 0, 0] = 3


def test_measures_are_those_of_the_metrics():
    spacing = (3.0, 0.5, 0.5)
    found = evaluate_case(TRUTH, PREDICTION, 5, spacing, tolerance=0.5)
    assert list(found) == [1, 2, 3, 4]
    dice = metrics.dice_per_class(TRUTH, PREDICTION, 5)
    iou = metrics.iou_per_class(TRUTH, PREDICTION, 5)
    for index in (1, 2):
        masks = [array == index for array in (TRUTH, PREDICTION)]
        assert found[index]["dice"] == dice[index]
        assert found[index]["iou"] == iou[index]
        assert found[index]["hd95"] == metrics.hd95(*masks, spacing)
        assert found[index]["surface_dice"] == metrics.surface_dice(*masks, spacing, 0.5)


def test_volumes_are_counted_in_ml():
    voxel = 3.0 * 0.5 * 0.5 / 1000
    found = evaluate_case(TRUTH, PREDICTION, 5, (3.0, 0.5, 0.5))
    assert found[1]["volume_truth"] == pytest.approx(48 * voxel)
    assert found[1]["volume_prediction"] == pytest.approx(48 * voxel)
    assert found[1]["volume_difference"] == 0
    assert found[1]["false_positive_volume"] == pytest.approx(12 * voxel)
    assert found[3]["volume_difference"] == pytest.approx(voxel)
    assert found[3]["false_positive_volume"] == pytest.approx(voxel)


def test_areas_are_counted_in_square_millimetres():
    found = evaluate_case(np.array([[0, 1], [1, 1]]), np.array([[0, 0], [1, 1]]), 2, (2.0, 0.5))
    assert found[1]["volume_truth"] == 3.0
    assert found[1]["volume_difference"] == -1.0
    assert found[1]["false_positive_volume"] == 0


def test_rules_for_what_is_missing():
    found = evaluate_case(TRUTH, PREDICTION, 5, (1, 1, 1))
    nowhere, invented = found[4], found[3]
    assert all(math.isnan(nowhere[name]) for name in ("dice", "iou", "hd95", "surface_dice"))
    assert nowhere["volume_truth"] == nowhere["volume_prediction"] == nowhere["false_positive_volume"] == 0
    assert (invented["dice"], invented["iou"], invented["hd95"], invented["surface_dice"]) == (0, 0, math.inf, 0)
    missed = evaluate_case(TRUTH, np.zeros_like(TRUTH), 2 + 1, (1, 1, 1))[1]
    assert (missed["dice"], missed["hd95"]) == (0, math.inf)
    assert missed["volume_difference"] == -0.048


@pytest.mark.parametrize("num_classes", [1, 2])
def test_one_class(num_classes):
    found = evaluate_case(TRUTH == 1, PREDICTION == 1, num_classes, (1, 1, 1))
    assert list(found) == [1]
    assert found[1]["dice"] == metrics.dice_per_class(TRUTH == 1, PREDICTION == 1, 1)[0]


@pytest.mark.parametrize(("ignore", "classes"), [(255, [1, 2, 3]), (2, [1, 3])])
def test_ignored_voxels_are_left_out_of_everything(ignore, classes):
    truth = TRUTH.copy()
    truth[:, 5] = ignore
    found = evaluate_case(truth, PREDICTION, 4, (1, 1, 1), ignore_class=ignore)
    assert list(found) == classes
    kept = truth != ignore
    assert found[1]["dice"] == metrics.dice_per_class(truth, PREDICTION, 4, ignore_class=ignore)[1]
    assert found[1]["volume_truth"] == pytest.approx((truth[kept] == 1).sum() / 1000)
    assert found[1]["volume_prediction"] == pytest.approx((PREDICTION[kept] == 1).sum() / 1000)
    assert found[1]["false_positive_volume"] == pytest.approx(((PREDICTION == 1) & (truth != 1) & kept).sum() / 1000)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="same shape"):
        evaluate_case(TRUTH, PREDICTION[1:], 4, (1, 1, 1))
    with pytest.raises(ValueError, match="labels from 0 to 2"):
        evaluate_case(TRUTH, PREDICTION, 3, (1, 1, 1))
    with pytest.raises(ValueError, match="`spacing` must be 3 positive sizes"):
        evaluate_case(TRUTH, PREDICTION, 4, (1, 1))
    with pytest.raises(ValueError, match="`tolerance` must be"):
        evaluate_case(TRUTH, PREDICTION, 4, (1, 1, 1), tolerance=-1)
