"""The generalised Wasserstein Dice: what its matrix means, and what it refuses."""

import keras
import numpy as np
import pytest
from loss_cases import batch_of, make, one_hot, value

from keras_seg import losses

NAME = "generalized_wasserstein_dice"
KINDS_OF_TUMOUR = [[0, 1, 1], [1, 0, 0.5], [1, 0.5, 0]]
LABELS = np.array([[0, 0, 1, 1, 2, 2]])


def predicted(labels):
    return one_hot(np.array([labels]))


@pytest.mark.parametrize(
    ("distances", "message"),
    [
        ([[0, 1], [1, 0, 1]], "`distances` must be a square matrix of numbers >= 0, a row and a column per class"),
        ([[0, 1, 1], [1, 0, 1]], "`distances` must be a square matrix.*Received"),
        ([[0]], "`distances` must be a square matrix"),
        ([[0, -1], [1, 0]], "`distances` must be a square matrix of numbers >= 0"),
        ([[0, float("nan")], [1, 0]], "`distances` must be a square matrix of numbers >= 0"),
        ([[0, "far"], [1, 0]], "`distances` must be a square matrix of numbers >= 0"),
        (3, "`distances` must be a square matrix.*Received: 3"),
        ("012", "`distances` must be a square matrix"),
        ([[1, 1], [1, 0]], "`distances` must be 0 on the diagonal: no class is far from itself"),
        ([[0, 0], [0, 0]], "`distances` are all 0: no confusion would cost anything"),
    ],
)
def test_matrices_that_are_none(distances, message):
    with pytest.raises(ValueError, match=message):
        losses.get(NAME, distances=distances)


def test_a_matrix_of_another_number_of_classes():
    batch = batch_of("multiclass", (4, 3), classes=4)
    with pytest.raises(ValueError, match=r"`distances` must be a 4 x 4 matrix .* the background included\. .* 3 x 3"):
        make(NAME, distances=KINDS_OF_TUMOUR)(batch.labels, batch.probabilities)
    batch = batch_of("multilabel", (4, 3))
    message = "`distances` must be a 2 x 2 matrix for a prediction of 3 class.* each map is background against"
    with pytest.raises(ValueError, match=message):
        make(NAME, distances=KINDS_OF_TUMOUR, multilabel=True)(batch.truth, batch.probabilities)


def test_the_matrix_survives_configuration_and_text():
    loss = losses.get(NAME, distances=np.array(KINDS_OF_TUMOUR))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert again.distances == loss.distances == ((0, 1, 1), (1, 0, 0.5), (1, 0.5, 0))
    assert losses.get(str(loss)).distances == loss.distances
    assert str(loss) == f"{NAME}(distances=[[0, 1, 1], [1, 0, 0.5], [1, 0.5, 0]])"


def test_near_confusions_cost_less():
    right, near, far = [0, 0, 1, 1, 2, 2], [0, 0, 1, 2, 2, 2], [0, 0, 1, 0, 2, 2]
    loss = make(NAME, distances=KINDS_OF_TUMOUR, smooth=0)
    values = [float(value(loss, LABELS, predicted(labels))[0]) for labels in (right, near, far)]
    # 4 hits; 3.5 and an error of 0.5; 3 and an error of 1.
    np.testing.assert_allclose(values, [0, 1 - 7 / 7.5, 1 - 6 / 7], rtol=1e-6, atol=1e-7)


def test_rows_are_predicted_and_columns_true():
    missing_is_worse = [[0, 1, 1], [0.2, 0, 0.5], [0.2, 0.5, 0]]
    loss = make(NAME, distances=missing_is_worse, smooth=0)
    missed, invented = ([0, 0, 0, 1, 2, 2], [0, 1, 1, 1, 2, 2])
    values = [float(value(loss, LABELS, predicted(labels))[0]) for labels in (missed, invented)]
    np.testing.assert_allclose(values, [1 - 6 / 7, 1 - 8 / 8.2], rtol=1e-6)


def test_only_the_proportions_of_distances_count():
    batch = batch_of("multiclass")
    small, large = (make(NAME, distances=(k * np.array(KINDS_OF_TUMOUR)).tolist()) for k in (1, 7))
    np.testing.assert_allclose(*(value(loss, batch.labels, batch.probabilities) for loss in (small, large)), rtol=1e-6)


def test_a_single_map_is_two_classes():
    """The same for a sigmoid of `z` and a softmax of `(0, z)`, with distances that are not symmetric."""
    batch = batch_of("binary")
    distances = [[0, 1], [0.3, 0]]
    two = np.concatenate([np.zeros_like(batch.logits), batch.logits], -1)
    for options in ({}, {"squared": True}, {"batch": True}, {"smooth": 2.0}):
        loss = make(NAME, distances=distances, from_logits=True, **options)
        expected = value(loss, batch.labels, two)
        np.testing.assert_allclose(value(loss, batch.labels, batch.logits), expected, rtol=1e-5)
    plain = [value(make(name, squared=True), batch.truth, batch.probabilities) for name in (NAME, "dice")]
    np.testing.assert_allclose(*plain, rtol=1e-5)


def test_class_weights_act_on_the_foreground_alone():
    batch = batch_of("multiclass")

    def at(*weights):
        return value(make(NAME, class_weights=weights), batch.labels, batch.probabilities)

    np.testing.assert_allclose(at(5, 1, 2), at(0, 1, 2), rtol=1e-6)
    np.testing.assert_allclose(at(1, 1, 1), value(make(NAME), batch.labels, batch.probabilities), rtol=1e-6)
    # Class 2 of weight 0: neither its voxels nor claims of it in the background count.
    p = batch.probabilities.astype("float64")
    hits = [(p_s[g_s == 1, 1]).sum() for p_s, g_s in zip(p, batch.labels)]
    errors = [(1 - p_s[g_s == 1, 1]).sum() + p_s[g_s == 0, 1].sum() for p_s, g_s in zip(p, batch.labels)]
    expected = [1 - 2 * h / (2 * h + e) for h, e in zip(hits, errors)]
    np.testing.assert_allclose(at(1, 1, 0), expected, rtol=1e-5)


def test_soft_truth_is_what_is_expected_of_it():
    """Half sure of two labels costs half of each: the error is linear in the truth."""
    p = np.array([[[0.2, 0.5, 0.3]]])
    loss = losses.get(NAME, distances=KINDS_OF_TUMOUR, smooth=0)
    voxels = losses.inputs.canonical([[[0.0, 0.5, 0.5]]], p, None, loss).voxels
    of_labels = [losses.inputs.canonical([[label]], p, None, loss).voxels for label in (1, 2)]
    _, mixed, _ = loss.statistics(voxels)
    first, second = (loss.statistics(one)[1] for one in of_labels)
    np.testing.assert_allclose(np.array(mixed), (np.array(first) + np.array(second)) / 2, rtol=1e-6)


def test_samples_without_foreground_are_skipped():
    batch = batch_of("multiclass", samples=2)
    labels = batch.labels.copy()
    labels[0] = 0
    score, skip = (value(make(NAME, absent=absent), labels, batch.probabilities) for absent in ("score", "skip"))
    assert skip[0] == 0
    assert score[0] > 0.99
    assert skip[1] == score[1]
