"""`keras_seg.compile` reads off the network what a text cannot say."""

import keras
import numpy as np
import pytest

import keras_seg
from keras_seg.reading import read_outputs

layers = keras.layers


def network(*last, classes=3):
    """A convolution to `classes` maps, then the layers of `last`."""
    image = keras.Input((8, 8, 1))
    x = layers.Conv2D(classes, 1, name="maps")(image)
    for layer in last:
        x = layer(x)
    return keras.Model(image, x)


def arrays(classes=3, cases=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(cases, 8, 8, 1)).astype("float32"), rng.integers(0, classes, (cases, 8, 8)).astype("uint8")


@pytest.mark.parametrize(
    ("last", "classes", "from_logits", "multilabel"),
    [
        ([], 3, True, None),
        ([layers.Activation("linear", dtype="float32")], 3, True, None),
        ([layers.Softmax()], 3, False, False),
        ([layers.Activation("softmax"), layers.Identity()], 3, False, False),
        ([layers.Activation("sigmoid")], 3, False, True),
        ([layers.Activation("sigmoid"), layers.UpSampling2D(2)], 1, False, False),
        ([keras.ops.sigmoid], 2, False, True),
        ([layers.BatchNormalization()], 3, None, None),
    ],
)
def test_the_last_activation_is_read(last, classes, from_logits, multilabel):
    [output] = read_outputs(network(*last, classes=classes))
    assert (output.classes, output.from_logits, output.multilabel) == (classes, from_logits, multilabel)


def test_a_network_inside_a_network_is_read():
    inner = network(layers.Softmax())
    image = keras.Input((8, 8, 1))
    [output] = read_outputs(keras.Model(image, inner(image)))
    assert (output.from_logits, output.multilabel) == (False, False)


@pytest.mark.parametrize("built", [True, False])
def test_a_sequential_network_is_read(built):
    start = [keras.Input((8, 8, 1))] if built else []
    model = keras.Sequential([*start, layers.Conv2D(2, 1), layers.Softmax()])
    keras_seg.compile(model, loss="dice")
    assert model.loss.from_logits is False
    model.fit(*arrays(2), verbose=0)


@pytest.mark.parametrize("last", [[], [layers.Softmax()], [layers.Activation("sigmoid")]])
def test_the_loss_and_the_metric_are_told(last):
    model = keras_seg.compile(network(*last), loss="dice + 0.5 * focal(gamma=3)")
    output = read_outputs(model)[0]
    for member in model.loss.members():
        assert (member.from_logits, member.multilabel) == (output.from_logits, output.multilabel)
    history = model.fit(*arrays(), validation_data=arrays(seed=1), verbose=0).history
    assert set(history) == {"loss", "dice", "val_loss", "val_dice"}
    assert np.isfinite(history["loss"][0])


def test_logits_and_probabilities_train_alike():
    losses = []
    for last in ([], [layers.Softmax()]):
        keras.utils.set_random_seed(0)
        model = keras_seg.compile(network(*last), loss="dice_ce", optimizer=keras.optimizers.SGD(0.1))
        losses.append(model.fit(*arrays(), epochs=3, shuffle=False, verbose=0).history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-4)


def test_deep_supervision_takes_the_target_once_per_head():
    model = keras_seg.zoo.unet((8, 8, 1), num_classes=3, filters=(2, 4, 4), deep_supervision=True, loss="dice_ce")
    x, y = arrays()
    history = model.fit(x, [y] * 2, verbose=0).history
    assert "main_dice" in history
    assert np.isclose(sum(model._compile_config.config["loss_weights"]), 1)


def test_the_zoo_keeps_its_class_axis_last_whatever_keras_is_set_to():
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        model = keras_seg.zoo.unet((8, 8, 1), num_classes=3, filters=(2, 4), loss="dice_ce")
        history = model.fit(*arrays(), verbose=0).history
    finally:
        keras.config.set_image_data_format(before)
    assert np.isfinite([history["loss"][0], history["dice"][0]]).all()


def test_a_metric_of_the_users_own_takes_the_place_of_dice():
    mine = keras_seg.metrics.Dice(num_classes=3, class_id=2, name="dice")
    model = keras_seg.compile(network(layers.Softmax()), "dice", metrics=[mine, keras_seg.metrics.IoU(num_classes=3)])
    assert set(model.fit(*arrays(), verbose=0).history) == {"loss", "dice", "iou"}


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        (
            network(layers.Softmax()),
            {"loss": keras_seg.losses.DiceLoss(from_logits=True)},
            "made with from_logits=True",
        ),
        (network(layers.Softmax()), {"from_logits": True}, "contradicts the model"),
        (network(layers.BatchNormalization()), {}, "Cannot tell whether"),
        (network(layers.Softmax()), {"loss": "dise"}, "Did you mean 'dice'"),
        (network(), {"loss": keras_seg.losses.DiceLoss(class_weights=[1, 2])}, "must hold 3 numbers"),
        (network(), {"loss": keras.losses.Dice()}, "Cannot make a segmentation loss"),
    ],
)
def test_contradictions_are_refused(model, arguments, message):
    with pytest.raises(ValueError, match=message):
        keras_seg.compile(model, **arguments)
