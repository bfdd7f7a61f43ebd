"""The zoo as a whole: finding a network by name, one vocabulary, the grammar, sizes."""

import inspect
import re

import keras
import pytest

from keras_seg import zoo
from keras_seg.zoo import arguments, blocks


def test_names_are_the_builders():
    builders = {name for name in zoo.__all__ if "input_shape" in inspect.signature(getattr(zoo, name)).parameters}
    assert set(zoo.names()) == builders
    assert list(zoo.names()) == sorted(zoo.names())
    for name in zoo.names():
        assert zoo.get(name) is getattr(zoo, name)
        assert zoo.get(name)(filters=(2, 4)).name == name


def test_get_takes_a_builder_and_names_the_nearest():
    assert zoo.get(zoo.unet) is zoo.unet
    with pytest.raises(ValueError, match=r"'unet', 'vnet'\. Received: 'v-net'\. Did you mean 'vnet'"):
        zoo.get("v-net")


def test_an_argument_means_the_same_in_every_network():
    """Docstrings are literals, so what they share is compared here."""
    differ = {"input_shape", "convolutions"}
    told = {}
    for name in zoo.names():
        builder = zoo.get(name)
        documented = _arguments(builder)
        assert list(documented) == list(inspect.signature(builder).parameters)
        for argument, text in documented.items():
            if argument not in differ:
                assert told.setdefault(argument, text) == text, f"{name}: {argument}"


def _arguments(builder):
    section = re.search(r"Args:\n(.*?)\n\n", inspect.getdoc(builder), re.DOTALL).group(1)
    entries = re.split(r"\n(?=    \w)", "\n" + section)[1:]
    pairs = [entry.strip().split(": ", 1) for entry in entries]
    return {name: re.sub(r"\s+", " ", text) for name, text in pairs}


def test_grammar_calls_its_parts_in_order():
    said = []

    def word(kind):
        def say(x, *rest):
            said.append((kind, *(part for part in rest if isinstance(part, int))))
            return x

        return say

    features = zoo.encoder_decoder(
        "x", (1, 2, 3), block=word("block"), down=word("down"), up=word("up"), merge=word("merge")
    )
    assert said == [
        ("block", 1, 0),
        ("down", 2),
        ("block", 2, 1),
        ("down", 3),
        ("block", 3, 2),
        ("up", 2),
        ("merge",),
        ("block", 2, 1),
        ("up", 1),
        ("merge",),
        ("block", 1, 0),
    ]
    assert features == ["x", "x", "x"]


def test_grammar_takes_other_blocks():
    x = keras.Input((16, 16, 1))
    features = zoo.encoder_decoder(
        x,
        (2, 4, 8),
        block=lambda x, width, level: keras.layers.Conv2D(width, 3, padding="same")(x),
        down=lambda x, width: keras.layers.AveragePooling2D(2)(x),
        up=lambda x, width: keras.layers.UpSampling2D()(x),
        merge=lambda x, skip: keras.layers.Conv2D(2, 1)(x) + keras.layers.Conv2D(2, 1)(skip),
    )
    assert [feature.shape[1:] for feature in features] == [(16, 16, 2), (8, 8, 4), (4, 4, 8)]


def test_check_size():
    zoo.check_size((16, None, 48), 16)
    zoo.check_size((16, 10), (8, 2))
    with pytest.raises(ValueError, match=r"multiples of \(8, 2\).*axis 0 has 12 \(nearest: 8 or 16\)"):
        zoo.check_size((12, 10), (8, 2), "'mine'")


def test_sizes_of_any_u_shaped_model_can_be_explained():
    inputs = keras.Input((None, None, 1))
    x = keras.layers.Conv2D(2, 3, strides=(1, 2), padding="same")(inputs)
    x = keras.layers.AveragePooling2D(2)(x)
    x = keras.layers.Conv2DTranspose(2, 2, strides=(2, 4))(x)
    model = keras.Model(inputs, x, name="mine")
    assert zoo.size_factor(model) == (2, 4)
    assert zoo.explain_sizes(model) is model
    assert model(keras.ops.zeros((1, 6, 8, 1))).shape == (1, 6, 8, 2)
    with pytest.raises(ValueError, match=r"'mine' takes .* axis 1 has 6 \(nearest: 4 or 8\)"):
        model(keras.ops.zeros((1, 6, 6, 1)))


def test_a_sum_repeats_channels_or_mixes_them():
    x = keras.Input((8, 8, 2))
    assert isinstance(blocks.tile_channels(x, 6)._keras_history.operation, keras.layers.Concatenate)
    assert isinstance(blocks.tile_channels(x, 5)._keras_history.operation, keras.layers.Conv2D)
    assert blocks.tile_channels(x, 2) is x


def test_per_level():
    assert arguments.per_level("convolutions", 2, 3) == (2, 2, 2)
    assert arguments.per_level("convolutions", [1, 2, 3], 3) == (1, 2, 3)
    with pytest.raises(ValueError, match="whole number"):
        arguments.per_level("convolutions", 1.5, 3)
