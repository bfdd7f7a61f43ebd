"""Deep supervision: one target, outputs at several scales."""

import keras
import numpy as np
import pytest
from keras import ops
from loss_cases import QUICK, batch_of, make, one_hot, tensorflow_only, value, value_and_gradient

from keras_seg import losses
from keras_seg.losses.deep_supervision import head_weights, resize


def nearest(x, sizes):
    """Take the voxel in which the centre of each new voxel lies: `floor((i + 1/2) * length / size)`."""
    for axis, size in enumerate(sizes, start=1):
        places = [int(np.floor((i + 0.5) * x.shape[axis] / size + 1e-9)) for i in range(size)]
        x = np.take(x, places, axis=axis)
    return x


@pytest.mark.parametrize("sizes", [(4, 4), (2, 2), (3, 8), (1, 1), (5, 3), (16, 16)])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32"])
def test_a_target_is_resized_by_its_nearest_voxel(sizes, dtype):
    labels = np.random.default_rng(0).integers(0, 9, (2, 8, 8)).astype(dtype)
    for target in (labels, labels[..., None], np.repeat(labels[..., None], 3, axis=-1)):
        got = ops.convert_to_numpy(resize(ops.convert_to_tensor(target), sizes, 4, 1))
        np.testing.assert_array_equal(got, nearest(target, sizes))
        assert got.dtype == dtype


@tensorflow_only
@pytest.mark.parametrize("sizes", [(4, 4), (2, 5), (3, 7), (12, 9), (24, 27)])
def test_nearest_is_that_of_tensorflow(sizes):
    """Images, 2D, by the image library; half-pixel centres."""
    import tensorflow as tf

    image = np.random.default_rng(0).random((2, 12, 9, 3)).astype("float32")
    expected = tf.image.resize(image, sizes, method="nearest")
    np.testing.assert_array_equal(resize(ops.convert_to_tensor(image), sizes, 4, 1), expected)


@pytest.mark.parametrize("text", ["dice_ce", "boundary", "lovasz", "dice + 0.5 * focal(gamma=3)"])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_each_output_meets_the_target_at_its_scale(text, weighted):
    large, small = batch_of("multiclass", (8, 6, 4)), batch_of("multiclass", (4, 3, 2), seed=1)
    weight = np.random.default_rng(0).random((3, 8, 6, 4)).astype("float32") if weighted else None
    small_weight = nearest(weight, (4, 3, 2)) if weighted else None
    single = make(text, ignore_class=255)
    labels = np.where(np.random.default_rng(1).random(large.labels.shape) < 0.2, 255, large.labels)
    values = [
        value(single, labels, large.probabilities, weight),
        value(single, nearest(labels, (4, 3, 2)), small.probabilities, small_weight),
    ]
    loss = losses.DeepSupervisionLoss(single)
    got = value(loss, labels, [large.probabilities, small.probabilities], weight)
    np.testing.assert_allclose(got, (2 * values[0] + values[1]) / 3, rtol=1e-5)
    np.testing.assert_allclose(value(loss, labels, small.probabilities, weight), values[1], rtol=1e-6)
    rows = value(losses.DeepSupervisionLoss(make(text, ignore_class=255)), one_hot(labels), small.probabilities, weight)
    np.testing.assert_allclose(rows, values[1], rtol=1e-5)


def test_sample_weights_reach_every_scale():
    large, small = batch_of("binary", (8, 6)), batch_of("binary", (4, 3), seed=1)
    loss = losses.DeepSupervisionLoss("dice", weights=[1, 3], reduction="sum")
    outputs = [large.probabilities, small.probabilities]
    weight = np.array([2, 0, 1], "float32")
    seen = [0, 0, 2]
    repeated = value(loss, large.truth[seen], [x[seen] for x in outputs])
    np.testing.assert_allclose(value(loss, large.truth, outputs, weight), repeated, rtol=1e-5)
    assert value_and_gradient(loss, large.truth, small.probabilities, weight)[1].any()


def test_channels_first():
    large, small = batch_of("multiclass", (8, 6)), batch_of("multiclass", (4, 3), seed=1)
    last = losses.DeepSupervisionLoss(losses.get("dice", data_format="channels_last"))
    first = losses.DeepSupervisionLoss(losses.get("dice", data_format="channels_first"))
    expected = value(last, large.truth, small.probabilities)
    moved = [np.moveaxis(x, -1, 1).copy() for x in (large.truth, small.probabilities)]
    np.testing.assert_allclose(value(first, *moved), expected, rtol=1e-6)
    np.testing.assert_allclose(value(first, large.labels, moved[1]), expected, rtol=1e-6)


def test_weights_of_the_outputs():
    np.testing.assert_allclose(head_weights(3), np.array([4, 2, 1]) / 7)
    np.testing.assert_allclose(head_weights(2, [3, 1]), [0.75, 0.25])
    for wrong in ([1], [1, -1], [0, 0]):
        with pytest.raises(ValueError, match="`weights` must be 2 numbers >= 0"):
            head_weights(2, wrong)


@tensorflow_only
def test_open_sizes():
    import tensorflow as tf

    loss = losses.DeepSupervisionLoss("dice")
    traced = tf.function(
        lambda y_true, y_pred: loss(y_true, y_pred),
        autograph=False,
        input_signature=[tf.TensorSpec([None] * 3, "uint8"), tf.TensorSpec([None] * 3 + [3], "float32")],
    )
    large, small = batch_of("multiclass", (8, 6)), batch_of("multiclass", (4, 3), seed=1)
    labels = large.labels.astype("uint8")
    np.testing.assert_allclose(traced(labels, small.probabilities), value(loss, labels, small.probabilities), rtol=1e-5)


def test_fit_with_one_target_per_output():
    """As Keras asks for it: the same array for every head."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    fine = keras.layers.Conv2D(3, 3, padding="same", activation="softmax", name="fine")(inputs)
    pooled = keras.layers.AveragePooling2D(2)(inputs)
    coarse = keras.layers.Conv2D(3, 3, padding="same", activation="softmax", name="coarse")(pooled)
    model = keras.Model(inputs, [fine, coarse])
    model.compile(keras.optimizers.Adam(0.05), loss=[losses.DeepSupervisionLoss("dice") for _ in range(2)])
    batch = batch_of("multiclass", (8, 8), samples=4)
    features = batch.labels[..., None].astype("float32")
    history = model.fit(features, [batch.labels] * 2, epochs=4, batch_size=2, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert history["coarse_loss"][-1] < history["coarse_loss"][0]


def test_the_configuration_holds_the_loss_inside():
    loss = losses.DeepSupervisionLoss(losses.get("tversky", **QUICK.get("tversky", {}), alpha=0.2), weights=[3, 1])
    again = losses.DeepSupervisionLoss.from_config(loss.get_config())
    assert again.get_config() == loss.get_config()
    assert again.loss.alpha == 0.2
    assert again.weights == (3.0, 1.0)
    assert losses.DeepSupervisionLoss("dice", reduction="sum").loss.reduction == "sum"
    assert loss.with_options(from_logits=True).loss.from_logits
