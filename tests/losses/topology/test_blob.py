"""The blob loss: instances, which losses it takes, and its limit."""

import numpy as np
import pytest
from keras import ops

from keras_seg import losses
from keras_seg.losses import registry

# Two instances: one of four voxels, one of a single voxel. Probabilities hit the first and miss the second.
TRUTH = np.array([[1, 1, 1, 1, 0, 0, 1, 0]], "float32")[..., None]
PREDICTION = np.array([[1, 1, 1, 0.5, 0, 0.5, 0, 0]], "float32")[..., None]


def value(y_true=TRUTH, y_pred=PREDICTION, sample_weight=None, **options):
    return ops.convert_to_numpy(losses.get("blob", reduction=None, **options)(y_true, y_pred, sample_weight))


def test_by_hand():
    """Dice of all, of the first instance and of the second; false positives count for both."""
    whole, first, second = 1 - 7 / 9, 1 - 7 / 8, 1.0
    np.testing.assert_allclose(value(), 2 * whole + (first + second) / 2, rtol=1e-4)
    np.testing.assert_allclose(value(main_weight=0, blob_weight=3), 3 * (first + second) / 2, rtol=1e-4)
    np.testing.assert_allclose(value(blob_weight=0), 2 * whole, rtol=1e-4)


def test_other_region_losses_by_text():
    first, second = 1 - 3.5 / (3.5 + 0.2 * 0.5 + 0.8 * 0.5), 1.0
    np.testing.assert_allclose(
        value(main_weight=0, region="tversky(alpha=0.2, beta=0.8)"), (first + second) / 2, rtol=1e-4
    )
    squared = value(main_weight=0, region="dice(squared=True, smooth=0)")
    np.testing.assert_allclose(squared, ((1 - 7 / 7.5) + 1) / 2, rtol=1e-5)


def test_true_negatives_are_the_background_alone():
    """For a loss that counts them, what belongs to another instance is none either."""
    loss = losses.get("blob(region='mcc', main_weight=0)", reduction=None)
    alone = losses.get("mcc", reduction=None)
    first, second = [0, 1, 2, 3, 4, 5, 7], [4, 5, 6, 7]
    expected = np.mean([ops.convert_to_numpy(alone(TRUTH[:, k], PREDICTION[:, k])) for k in (first, second)])
    np.testing.assert_allclose(ops.convert_to_numpy(loss(TRUTH, PREDICTION)), expected, rtol=1e-5)


def test_without_instances_there_is_the_main_term_alone():
    empty = np.zeros_like(TRUTH)
    dice = losses.get("dice", reduction=None)
    np.testing.assert_allclose(value(empty), 2 * ops.convert_to_numpy(dice(empty, PREDICTION)), rtol=1e-6)


def test_a_class_without_instances_has_no_share_in_the_mean_over_classes():
    truth = np.concatenate([TRUTH, np.zeros_like(TRUTH)], axis=-1)
    prediction = np.concatenate([PREDICTION, PREDICTION], axis=-1)
    both = value(truth, prediction, main_weight=0, multilabel=True)
    np.testing.assert_allclose(both, value(main_weight=0), rtol=1e-6)


def test_beyond_the_limit_the_smallest_are_one():
    truth = np.array([[1, 1, 1, 0, 1, 0, 1, 0]], "float32")[..., None]
    prediction = np.array([[1, 1, 1, 0, 1, 0, 0, 0]], "float32")[..., None]
    np.testing.assert_allclose(value(truth, prediction, main_weight=0), (0 + 0 + 1) / 3, atol=1e-5)
    limited = value(truth, prediction, main_weight=0, max_instances=2)
    np.testing.assert_allclose(limited, (0 + (1 - 2 / 3)) / 2, rtol=1e-4)
    for limit in (3, 20):
        np.testing.assert_allclose(value(truth, prediction, max_instances=limit), value(truth, prediction), rtol=1e-6)


def test_diagonal_neighbours_are_one_instance_if_asked():
    truth = np.eye(4, dtype="float32")[None, ..., None]
    prediction = truth * np.array([1, 1, 1, 0], "float32")[:, None]
    np.testing.assert_allclose(value(truth, prediction, main_weight=0), 1 / 4, atol=1e-5)
    np.testing.assert_allclose(value(truth, prediction, main_weight=0, full=True), 1 - 6 / 7, rtol=1e-4)


def test_an_ignored_voxel_parts_an_instance():
    truth, weight = np.ones((1, 5, 1), "float32"), np.array([[1, 1, 0, 1, 1]], "float32")
    prediction = np.array([[1, 1, 0, 0, 0]], "float32")[..., None]
    np.testing.assert_allclose(value(truth, prediction, weight, main_weight=0), 1 / 2, atol=1e-5)


def test_soft_truth_has_the_instances_of_its_half():
    """Where it is at most 0.5 a soft label is outside, and still counts as that much."""
    truth = np.array([[0.9, 0.4, 0.8, 0]], "float32")[..., None]
    prediction = np.array([[1, 0, 1, 0]], "float32")[..., None]
    each = [1 - 2 * 0.9 / (0.9 + 0.4 + 1), 1 - 2 * 0.8 / (0.8 + 0.4 + 1)]
    np.testing.assert_allclose(value(truth, prediction, main_weight=0), np.mean(each), rtol=1e-4)


TAKEN = ["dice", "jaccard", "tversky", "focal_tversky", "mcc"]


@pytest.mark.parametrize("name", TAKEN)
def test_region_losses_of_one_instance_are_the_blob_loss(name):
    truth = np.zeros((2, 6, 7, 1), "float32")
    truth[:, 2:4, 1:5] = 1
    prediction = np.random.default_rng(0).random(truth.shape).astype("float32")
    alone = ops.convert_to_numpy(losses.get(name, reduction=None)(truth, prediction))
    np.testing.assert_allclose(value(truth, prediction, region=name), 3 * alone, rtol=1e-5)


@pytest.mark.parametrize(
    "name", [name for name in losses.names() if not issubclass(registry.loss_class(name), losses.RegionLoss)]
)
def test_what_is_no_region_loss_is_refused(name):
    with pytest.raises(ValueError, match="must be the text of one region loss") as error:
        losses.BlobLoss(region=name)
    assert all(name in str(error.value) for name in TAKEN)


@pytest.mark.parametrize("region", ["generalized_dice", "dice + jaccard", "2 * dice", 3, None])
def test_what_has_no_formula_for_each_class_is_refused(region):
    with pytest.raises(ValueError, match="must be the text of one region loss"):
        losses.BlobLoss(region=region)


@pytest.mark.parametrize("option", ["batch=True", "ignore_class=3", "class_weights=[1, 2]"])
def test_options_of_the_arrays_belong_to_the_blob_loss(option):
    with pytest.raises(ValueError, match=f"must leave out {option.split('=')[0]}"):
        losses.BlobLoss(region=f"dice({option})")


def test_unknown_losses_and_bad_limits():
    with pytest.raises(ValueError, match="Unknown loss 'dise'"):
        losses.BlobLoss(region="dise")
    with pytest.raises(ValueError, match="`max_instances` must be an integer >= 1"):
        losses.BlobLoss(max_instances=0)


def test_the_text_holds_the_text():
    text = "blob(region='tversky(alpha=0.2)', max_instances=8)"
    assert str(losses.get(text)) == text
