"""Predictor: stored image in, scores and classes on the stored grid out, wherever its axes run."""

import itertools
import tracemalloc

import keras
import numpy as np
import pytest

import keras_seg
from keras_seg.data import Frame, Normalization
from keras_seg.inference import Predictor, predict_volume, sliding_window

AS_STORED = Normalization("none")


def bright(batch):
    """Two classes: background, and what is bright."""
    return np.concatenate([1 - batch, batch], axis=-1)


def upper_right(batch):
    """Says what lies to the right and up of the middle of its window, in canonical axes."""
    right, _, up = np.meshgrid(*(np.arange(size) >= size / 2 for size in batch.shape[1:-1]), indexing="ij")
    found = np.broadcast_to((right & up)[None, ..., None], (*batch.shape[:-1], 1)).astype("float32")
    return np.concatenate([1 - found, found], axis=-1)


def frame(shape, spacing, orientation=None):
    return Frame("image.nii.gz", ".nii.gz", shape, spacing, orientation=orientation)


@pytest.mark.parametrize(
    "orientation",
    ["".join(letters) for letters in itertools.product("RL", "AP", "SI")] + ["SRA", "PIR", "ILP", "ASL"],
)
def test_axes_are_canonical_for_the_network_and_restored(orientation):
    shape = (6, 8, 10)
    predictor = Predictor(upper_right, (10, 10, 10), AS_STORED)
    labels = predictor.labels(np.zeros((*shape, 1), "float32"), frame(shape, (1, 2, 3), orientation))
    expected = np.ones(shape, bool)
    for axis, letter in enumerate(orientation):
        if letter in "RLSI":
            line = np.arange(shape[axis]) >= shape[axis] / 2
            line = line if letter in "RS" else ~line
            expected &= line.reshape([-1 if other == axis else 1 for other in range(3)])
    np.testing.assert_array_equal(labels, expected)


def test_without_resampling_the_way_back_is_exact():
    image = (np.random.default_rng(0).random((9, 7, 5, 1)) > 0.5).astype("float32")
    predictor = Predictor(bright, (4, 4, 4), AS_STORED)
    where = frame((9, 7, 5), (1.0, 0.7, 3.0), "LPS")
    np.testing.assert_array_equal(predictor.labels(image, where), image[..., 0])
    scores = predictor.scores(image, where)
    np.testing.assert_allclose(scores, bright(image), atol=1e-6)
    np.testing.assert_array_equal(predictor.harden(scores), image[..., 0])


@pytest.mark.parametrize("orientation", ["RAS", "PIR"])
def test_scores_come_back_from_another_spacing(orientation):
    shape = (30, 24, 28)
    grid = np.stack(np.meshgrid(*(np.arange(size) for size in shape), indexing="ij"))
    ball = (((grid.T - np.array(shape) / 2 + 0.5) / np.array(shape)) ** 2).sum(-1).T < 0.1
    predictor = Predictor(bright, (16, 16, 16), AS_STORED, target_spacing=(1.6, 1.6, 1.6))
    where = frame(shape, (1.0, 1.3, 1.1), orientation)
    labels = predictor.labels(ball[..., None].astype("float32"), where)
    assert labels.shape == shape
    assert labels.dtype == np.uint8
    assert keras_seg.metrics.dice_per_class(ball, labels, 1)[0] > 0.95
    scores = predictor.scores(ball[..., None].astype("float32"), where)
    assert scores.shape == (*shape, 2)
    np.testing.assert_allclose(scores.sum(-1), 1, atol=1e-5)
    np.testing.assert_array_equal(predictor.harden(scores), labels)


def test_the_image_is_normalised_as_in_training():
    seen = []

    def network(batch):
        seen.append(batch)
        return bright(batch)

    image = np.random.default_rng(0).normal(1000, 50, (8, 8, 1)).astype("float32")
    Predictor(network, (8, 8)).scores(image)
    np.testing.assert_allclose(seen[0][0], keras_seg.data.zscore(image), atol=1e-6)


def test_an_array_without_a_frame():
    image = np.random.default_rng(0).random((7, 9, 1), "float32")
    predictor = Predictor(bright, (4, 4), AS_STORED, target_spacing=(0.5, 0.5))
    np.testing.assert_allclose(predictor.scores(image), bright(image), atol=1e-6)


@pytest.mark.parametrize(("options", "channels"), [({"num_classes": 3}, None), ({"num_classes": 1}, None)])
@pytest.mark.parametrize("activation", ["auto", None])
def test_models(options, channels, activation):
    keras.utils.set_random_seed(1)
    model = keras_seg.zoo.unet((None, None, 2), filters=(4, 8), activation=activation, **options)
    image = np.random.default_rng(0).normal(size=(11, 13, 2)).astype("float32")
    predictor = Predictor(model, (8, 8), overlap=0.25, mirror=True, batch_size=2)
    options = {"overlap": 0.25, "mirror": True, "batch_size": 2}
    prepared = keras_seg.data.zscore(image)
    scores = sliding_window(model, prepared, (8, 8), **options)
    np.testing.assert_allclose(predictor.scores(image), scores, atol=1e-6)
    np.testing.assert_array_equal(predictor.labels(image), keras_seg.metrics.harden(scores))
    np.testing.assert_array_equal(predict_volume(model, prepared, (8, 8), **options), predictor.labels(image))


def test_overlapping_classes_are_masks():
    model = keras_seg.zoo.unet((None, None, 1), num_classes=2, filters=(4, 8), multilabel=True)
    image = np.random.default_rng(0).normal(size=(8, 8, 1)).astype("float32")
    predictor = Predictor(model, (8, 8))
    assert predictor.overlapping
    masks = predictor.labels(image)
    assert masks.dtype == bool
    np.testing.assert_array_equal(masks, predictor.scores(image) > 0.5)
    np.testing.assert_array_equal(predict_volume(model, keras_seg.data.zscore(image), (8, 8)), masks)
    logits = keras_seg.zoo.unet((None, None, 1), num_classes=2, filters=(4, 8), activation=None)
    assert not Predictor(logits, (8, 8)).overlapping
    assert Predictor(logits, (8, 8), multilabel=True).labels(image).shape == (8, 8, 2)
    assert Predictor(lambda x: bright(x), (8, 8), multilabel=True).labels(image).shape == (8, 8, 2)


def test_labels_need_no_room_for_the_scores_of_all_classes_on_the_stored_grid():
    classes, shape = 12, (64, 64, 64)

    def network(batch):
        return np.broadcast_to(batch, (*batch.shape[:-1], classes)) / classes

    predictor = Predictor(network, (16, 16, 16), AS_STORED, target_spacing=(2.0, 2.0, 2.0))
    image = np.zeros((*shape, 1), "float32")
    predictor.labels(image[:8, :8, :8], frame((8, 8, 8), (1, 1, 1)))  # what is imported stays
    tracemalloc.start()
    try:
        predictor.labels(image, frame(shape, (1, 1, 1)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.7 * classes * image.nbytes


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((8, 8, 8, 1), "float32"), "takes images with 2 spatial axes, but the image has 3|2 spatial axes"),
        (np.zeros((8, 8, 3), "float32"), "with 1 channel, but the image has 3"),
    ],
)
def test_images_that_do_not_fit_are_refused(image, message):
    model = keras_seg.zoo.unet((None, None, 1), filters=(4, 8))
    with pytest.raises(ValueError, match=message):
        Predictor(model, (8, 8)).labels(image)
    with pytest.raises(ValueError, match=message):
        predict_volume(model, image, (8, 8))


def test_a_volume_for_a_function_of_pictures_is_refused():
    with pytest.raises(ValueError, match="2 spatial axes, as the window"):
        Predictor(bright, (8, 8)).labels(np.zeros((8, 8, 8, 1), "float32"))


def test_nan_is_no_mask():
    with pytest.raises(ValueError, match="NaN or infinite scores"):
        Predictor(lambda batch: batch * np.nan, (8, 8)).labels(np.ones((8, 8, 1), "float32"))
