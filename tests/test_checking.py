"""`keras_seg.check` has a sentence for every mismatch, and none where all fits."""

import keras
import numpy as np
import pytest

import keras_seg

layers = keras.layers
RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 8, 8, 1)).astype("float32")
Y = RNG.integers(0, 3, (4, 8, 8)).astype("uint8")


def network(activation="softmax", classes=3):
    image = keras.Input((None, None, 1))
    return keras.Model(image, layers.Conv2D(classes, 1, activation=activation)(image))


@pytest.fixture(scope="module")
def model():
    return keras_seg.compile(network(), "dice_ce")


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, k):
        return X[2 * k : 2 * k + 2], Y[2 * k : 2 * k + 2]


@pytest.mark.parametrize("data", [(X, Y), (X, Y, np.ones(4)), Batches(), [(X, Y)], (X, Y[..., None])])
def test_nothing_is_said_where_all_fits(model, data):
    assert keras_seg.check(model, data) == []


def test_a_tf_dataset_is_looked_at(model):
    tf = pytest.importorskip("tensorflow")
    assert keras_seg.check(model, tf.data.Dataset.from_tensor_slices((X, Y)).batch(2)) == []


@pytest.mark.parametrize(
    ("x", "y", "severity", "about", "words"),
    [
        (X, Y // 2 * 255, "error", "mask", "divide by 255"),
        (X, Y + 1, "error", "mask", "ignore_class=3"),
        (X, Y - 1.0, "error", "mask", "labels from 0 to 2"),
        (X, Y + 0.5 * (Y < 2), "error", "mask", "whole numbers"),
        (X, np.where(Y == 0, np.nan, Y), "error", "mask", "NaN"),
        (X, Y * 0, "warning", "mask", "All voxels"),
        (X * 1000, Y, "warning", "image", "zscore"),
        (np.where(X > 1, np.inf, X), Y, "error", "image", "infinity"),
        (X, Y[:, :4], "error", "shape", "do not lie on"),
        (X, np.eye(4)[Y], "error", "shape", "num_classes=4"),
        (X[..., [0, 0]], Y, "error", "shape", "does not take images"),
    ],
)
def test_what_does_not_fit_is_named(model, x, y, severity, about, words):
    findings = keras_seg.check(model, (x, y))
    assert any(f.severity == severity and f.about == about and words in f.message for f in findings), findings


def test_keras_own_loss_is_named():
    model = network()
    model.compile(loss="tversky")
    [finding] = keras_seg.check(model, (X, np.eye(3)[Y]))
    assert "Keras's own 'tversky'" in finding.message


@pytest.mark.parametrize(
    ("activation", "from_logits", "words"),
    [(None, None, "those are logits"), ("softmax", True, "gives probabilities")],
)
def test_logits_taken_for_probabilities_are_named(activation, from_logits, words):
    model = network(activation)
    model.get_layer(index=1).kernel.assign(keras.ops.ones_like(model.get_layer(index=1).kernel) * 5)
    model.compile(loss=keras_seg.losses.DiceLoss(from_logits=from_logits))
    findings = keras_seg.check(model, (X, Y))
    assert any(words in finding.message for finding in findings), findings


def test_ignored_labels_are_no_mistake():
    model = keras_seg.compile(network(), keras_seg.losses.get("dice_ce", ignore_class=255))
    assert keras_seg.check(model, (X, np.where(Y == 2, 255, Y))) == []


def test_an_uncompiled_model_and_an_empty_iterable_are_refused(model):
    with pytest.raises(ValueError, match="not compiled"):
        keras_seg.check(network(), (X, Y))
    with pytest.raises(ValueError, match="No batch"):
        keras_seg.check(model, [])
