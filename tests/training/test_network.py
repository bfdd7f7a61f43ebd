"""From a recipe to a compiled network."""

import types

import keras
import numpy as np
import pytest

from keras_seg.training import Recipe, build, time_step
from keras_seg.training.network import make_optimizer

FLAT = types.SimpleNamespace(rank=2, channels=3, num_classes=4)
BASE = {
    "network": {"filters": (4, 8), "strides": (2,)},
    "training": {"patch": (16, 16), "batch_size": 2, "epochs": 1, "steps_per_epoch": 1},
}


def recipe(**options):
    return Recipe.from_dict(BASE).replace(**options)


def weights(model):
    return [keras.ops.convert_to_numpy(variable) for variable in model.trainable_variables]


def test_the_network_of_a_recipe():
    made = recipe(**{"network.options": {"hidden_activation": "relu"}, "loss": "tversky", "loss.options.alpha": 0.2})
    model = build(made, FLAT)
    assert model.name == "unet"
    assert model.input_shape == (None, None, None, 3)
    assert model.output_shape == (None, None, None, 4)
    assert model.loss.alpha == 0.2
    assert model.loss.from_logits
    assert not [layer for layer in model.layers if isinstance(layer, keras.layers.LeakyReLU)]
    assert model.optimizer.use_ema
    assert float(model.optimizer.ema_momentum) == 0.99


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ignore_class": 255}, r"`ignore_class` of the loss is 255, but the classes of the data are 0 to 3\."),
        ({"class_weights": [1.0, 2.0]}, "`class_weights` must hold 4 numbers"),
    ],
)
def test_options_of_the_loss_that_do_not_fit_the_data(options, message):
    with pytest.raises(ValueError, match=message):
        build(recipe(**{"loss.options": options}), FLAT)


def test_the_same_seed_gives_the_same_weights():
    one, same = weights(build(recipe(seed=3), FLAT)), weights(build(recipe(seed=3), FLAT))
    other = weights(build(recipe(seed=4), FLAT))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_strides_per_axis_and_deep_supervision():
    thick = types.SimpleNamespace(rank=3, channels=1, num_classes=2)
    made = Recipe.from_dict(
        {
            "network": {"filters": (2, 4, 4), "strides": ((2, 2, 1), 2), "deep_supervision": True},
            "training": {"patch": (16, 16, 6), "batch_size": 1, "epochs": 1, "steps_per_epoch": 1},
        }
    )
    model = build(made, thick)
    shapes = [output.shape for output in model(np.zeros((1, 16, 16, 6, 1), "float32"))]
    assert shapes == [(1, 16, 16, 6, 2), (1, 8, 8, 6, 2)]
    assert time_step(model, made, steps=1).step > 0


def test_precision_is_that_of_the_network_only():
    model = build(recipe(precision="mixed_bfloat16"), FLAT)
    assert model.layers[1].compute_dtype == "bfloat16"
    assert model.outputs[0].dtype == "float32"
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd", "lion"])
def test_optimizers(name):
    made = make_optimizer(recipe(optimizer=name, clip_norm=2.0, weight_decay=0.01, ema=0.9).training)
    assert type(made).__name__.lower() == name
    assert made.global_clipnorm == 2.0
    assert made.weight_decay == 0.01
    assert (made.use_ema, made.ema_momentum) == (True, 0.9)


@pytest.mark.parametrize("name", ["adamw", "adam"])
def test_what_is_off_is_off(name):
    made = make_optimizer(recipe(optimizer=name, clip_norm=0, weight_decay=0, ema=0).training)
    assert made.global_clipnorm is None
    assert not made.weight_decay
    assert not made.use_ema


def test_only_kernels_decay():
    model = build(recipe(weight_decay=0.1, model="vnet"), FLAT)
    decayed = {variable.name for variable in model.trainable_variables if model.optimizer._use_weight_decay(variable)}
    assert decayed == {"kernel"}


def test_other_ranks_are_refused():
    volumes = types.SimpleNamespace(rank=3, channels=1, num_classes=2)
    with pytest.raises(ValueError, match=r"recipe is for 2D .* the data are 3D"):
        build(recipe(), volumes)


def test_what_the_builder_refuses_names_the_table():
    with pytest.raises(ValueError, match=r"\[network\]: `down` must be one of"):
        build(recipe(**{"network.options": {"down": "avg"}}), FLAT)
