"""What every network of the zoo promises. A test file derives from `ModelContract` and states its case."""

import inspect
import json

import keras
import numpy as np
import pytest

import keras_seg
from keras_seg import zoo

SIZES = {1: (16,), 2: (16, 8), 3: (8, 8, 16)}
RANKS = pytest.mark.parametrize("rank", [2, 3])
LOSSES = pytest.mark.parametrize("loss", [None, "tversky(alpha=0.2)"])


def images(rank, batch=2, channels=1, seed=0):
    """Noise."""
    return np.random.default_rng(seed).normal(size=(batch, *SIZES[rank], channels)).astype("float32")


def masks(x):
    """The brighter half of a smoothed image: something that a small network can learn."""
    return (x[..., 0] > 0).astype("int32")


def run(model, x):
    """Predict, eagerly."""
    return keras.ops.convert_to_numpy(model(x, training=False))


class ModelContract:
    """The promises; a subclass says who makes them.

    Attributes:
        build: The builder.
        levels: `filters` of a network small enough for a test, of three levels.
    """

    build = None
    levels = (2, 4, 8)

    def small(self, rank, *arguments, **options):
        options.setdefault("filters", self.levels)
        return type(self).build((None,) * rank + (1,), *arguments, **options)

    def test_arguments_every_network_has(self):
        parameters = inspect.signature(type(self).build).parameters
        assert list(parameters)[:3] == ["input_shape", "num_classes", "filters"]
        defaults = {name: parameters[name].default for name in ("num_classes", "activation", "multilabel", "loss")}
        assert defaults == {"num_classes": 1, "activation": "auto", "multilabel": False, "loss": None}
        assert (parameters["optimizer"].default, parameters["metrics"].default) == ("adam", None)
        assert parameters["jit_compile"].default == "auto"

    def test_default_builds(self):
        model = type(self).build()
        assert model.output_shape[-1] == 1
        assert set(model.output_shape[:-1]) == {None}
        assert not model.compiled

    @pytest.mark.parametrize(("rank", "classes"), [(1, 1), (2, 1), (2, 3), (3, 1), (3, 3)])
    def test_probabilities(self, rank, classes):
        x = images(rank)
        y = run(self.small(rank, classes), x)
        assert y.shape == (*x.shape[:-1], classes)
        assert y.dtype == np.float32
        assert y.min() >= 0
        assert y.max() <= 1
        if classes > 1:
            np.testing.assert_allclose(y.sum(-1), 1, rtol=1e-5)

    def test_overlapping_classes(self):
        model = self.small(2, 3, multilabel=True)
        assert model.layers[-1].activation is keras.activations.sigmoid
        assert np.abs(run(model, images(2)).sum(-1) - 1).max() > 0.01

    @RANKS
    def test_logits(self, rank):
        with_logits, with_probabilities = self.small(rank, 3, activation=None), self.small(rank, 3)
        with_probabilities.set_weights(with_logits.get_weights())
        logits = run(with_logits, images(rank))
        assert logits.dtype == np.float32
        expected = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        np.testing.assert_allclose(run(with_probabilities, images(rank)), expected, rtol=1e-4, atol=1e-6)

    @RANKS
    def test_open_and_given_sizes_agree(self, rank):
        x = images(rank)
        open_sizes, given = self.small(rank, 2), type(self).build(x.shape[1:], 2, self.levels)
        given.set_weights(open_sizes.get_weights())
        np.testing.assert_allclose(run(open_sizes, x), run(given, x), rtol=1e-5, atol=1e-6)
        longer = np.concatenate([x, x], axis=1)
        assert run(open_sizes, longer).shape == (*longer.shape[:-1], 2)

    def test_several_input_channels(self):
        for channels in (2, 3, 5):
            model = type(self).build((16, 8, channels), 1, self.levels)
            assert run(model, images(2, channels=channels)).shape == (2, 16, 8, 1)

    @RANKS
    @LOSSES
    def test_saved_and_loaded(self, rank, loss, tmp_path):
        x = images(rank)
        model = self.small(rank, 2, loss=loss)
        model.save(tmp_path / "model.keras")
        loaded = keras_seg.load_model(tmp_path / "model.keras")
        np.testing.assert_array_equal(run(loaded, x), run(model, x))
        assert loaded.compiled == (loss is not None)
        if loss is not None:
            assert loaded.loss.get_config() == model.loss.get_config()
            assert float(loaded.loss(masks(x), run(loaded, x))) == float(model.loss(masks(x), run(model, x)))

    @RANKS
    def test_opens_without_this_library(self, rank, tmp_path):
        """Stock layers in a stock model: nothing in the file asks for `keras_seg`."""
        model = self.small(rank, 2, loss="dice", dropout=0.1)
        assert type(model).__module__.startswith("keras.")
        assert "keras_seg" not in json.dumps(model.get_config())
        model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
        np.testing.assert_array_equal(run(loaded, images(rank)), run(model, images(rank)))

    @pytest.mark.parametrize(("rank", "heads"), [(2, 2), (3, 1)])
    def test_training_reaches_every_weight_and_lowers_the_loss(self, rank, heads):
        keras.utils.set_random_seed(1)
        x, adam = images(rank), keras.optimizers.Adam(0.03)
        filters = (4, 8, 16)[: heads + 1]
        model = self.small(
            rank, 2, filters=filters, convolutions=1, deep_supervision=heads > 1, loss="dice", optimizer=adam
        )
        y = masks(x) if heads == 1 else [masks(x)] * heads
        before = model.get_weights()
        values = [model.train_on_batch(x, y, return_dict=True)["loss"] for _ in range(2)]
        for old, weight in zip(before, model.weights, strict=True):
            moved = np.abs(old - keras.ops.convert_to_numpy(weight)).max()
            assert np.isfinite(moved), weight.path
            assert moved > 0, f"{weight.path} has no gradient"
        values += [model.train_on_batch(x, y, return_dict=True)["loss"] for _ in range(8)]
        assert min(values[-3:]) < 0.8 * values[0]

    @RANKS
    def test_mixed_precision(self, rank):
        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            model = self.small(rank, 2)
        finally:
            keras.config.set_dtype_policy(policy)
        assert {layer.compute_dtype for layer in model.layers[:-1]} == {"bfloat16"}
        assert model.layers[-1].compute_dtype == "float32"
        y = run(model, images(rank))
        assert y.dtype == np.float32
        np.testing.assert_allclose(y.sum(-1), 1, rtol=1e-5)

    def test_channels_come_last_whatever_keras_is_set_to(self):
        expected = self.small(2).to_json()
        keras.config.set_image_data_format("channels_first")
        try:
            keras.backend.clear_session()
            model = self.small(2)
        finally:
            keras.config.set_image_data_format("channels_last")
        assert model.output_shape == (None, None, None, 1)
        assert '"channels_first"' not in model.to_json()
        assert expected.count('"channels_last"') == model.to_json().count('"channels_last"')

    @RANKS
    def test_deep_supervision(self, rank):
        x = images(rank)
        model = self.small(rank, 3, deep_supervision=True)
        assert model.output_names == ["main", "aux_1"]
        main, aux = (keras.ops.convert_to_numpy(y) for y in model(x))
        assert main.shape == (*x.shape[:-1], 3)
        assert aux.shape == (2, *(size // 2 for size in x.shape[1:-1]), 3)
        assert main.dtype == aux.dtype == np.float32
        alone = zoo.main_head(model)
        np.testing.assert_array_equal(run(alone, x), main)
        model.layers[1].kernel.assign(model.layers[1].kernel * 0.5)
        np.testing.assert_array_equal(run(alone, x), keras.ops.convert_to_numpy(model(x)[0]))
        assert zoo.main_head(alone) is alone

    @pytest.mark.parametrize("normalization", ["batch", "instance", "layer", "group", None])
    @pytest.mark.parametrize("hidden_activation", ["relu", "leaky_relu", "prelu", "gelu"])
    def test_hidden_layers(self, normalization, hidden_activation):
        model = self.small(3, normalization=normalization, hidden_activation=hidden_activation, kernel_size=3)
        y = run(model, images(3))
        assert np.isfinite(y).all()
        assert y.std() > 0

    def test_options_that_change_the_shape(self):
        anisotropic = self.small(3, kernel_size=(1, 3, 3), convolutions=(1, 2, 1), dropout=0.2)
        assert run(anisotropic, images(3)).shape == (2, *SIZES[3], 1)
        kernels = {layer.kernel_size for layer in anisotropic.layers if type(layer).__name__ == "Conv3D"}
        assert (1, 3, 3) in kernels
        rates = {layer.rate for layer in anisotropic.layers if type(layer).__name__ == "SpatialDropout3D"}
        assert rates == {0.2}

    def test_thick_slices_are_left_alone_at_first(self):
        model = self.small(3, 2, strides=[(2, 2, 1), 2], deep_supervision=True)
        assert zoo.size_factor(model) == (4, 4, 2)
        x = images(3)[:, :, :, :6]
        main, aux = model(x)
        assert main.shape == (*x.shape[:-1], 2)
        assert aux.shape == (2, x.shape[1] // 2, x.shape[2] // 2, 6, 2)
        with pytest.raises(ValueError, match=r"multiples of \(4, 4, 2\).*axis 2 has 5 \(nearest: 4 or 6\)"):
            type(self).build((8, 8, 5, 1), filters=self.levels, strides=[(2, 2, 1), 2])

    @pytest.mark.parametrize(
        ("shape", "message"),
        [
            ((64, 50, 1), r"multiples of 4.*axis 1 has 50 \(nearest: 48 or 52\)"),
            ((30, 64, 50, 1), r"axis 0 has 30 \(nearest: 28 or 32\), axis 2 has 50 \(nearest: 48 or 52\)"),
            ((3, 64, 1), r"axis 0 has 3 \(nearest: 4\)"),
            ((None, 50, 1), "axis 1 has 50"),
        ],
    )
    def test_a_size_that_does_not_divide(self, shape, message):
        with pytest.raises(ValueError, match=message):
            type(self).build(shape, filters=self.levels)

    @RANKS
    def test_an_open_size_that_does_not_divide(self, rank):
        model = self.small(rank)
        x = images(rank)[:, :-2]
        size = SIZES[rank][0]
        with pytest.raises(ValueError, match=rf"axis 0 has {size - 2} \(nearest: {size - 4} or {size}\)"):
            model(x)
        with pytest.raises(ValueError, match=f"axis 0 has {size - 2}"):
            model.predict(x, verbose=0)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"input_shape": 64}, r"`input_shape` is one to three spatial sizes.*Received: 64"),
            ({"input_shape": (8, 8, 8, 8, 1)}, "`input_shape` is one to three spatial sizes"),
            ({"input_shape": (None, None, None)}, "`input_shape` .* number of channels"),
            ({"num_classes": 0}, "`num_classes` must be a whole number above 0. Received: 0"),
            ({"filters": 16}, "`filters` holds the width of each level.*Received: 16"),
            ({"filters": (16,)}, "at least two"),
            ({"filters": (16, 0)}, "`filters`"),
            ({"normalization": "instanse"}, "`normalization` must be one of.*Did you mean 'instance'"),
            ({"hidden_activation": "rellu"}, "`hidden_activation='rellu'` is unknown"),
            ({"dropout": 1.0}, "`dropout` is a share"),
            ({"convolutions": (1, 2)}, "`convolutions` must be .* each of the 3 levels"),
            ({"convolutions": 0}, "`convolutions` must be a whole number above 0"),
            ({"strides": (2,)}, r"`strides` must be .* each of the 2 steps .*\[\(2, 1\), 2\]"),
            ({"strides": [(2, 2, 1), 2]}, r"one per spatial axis \(2\)"),
            ({"strides": 0}, "`strides` must be a whole number above 0"),
            ({"activation": "softmaxx"}, "`activation='softmaxx'` is unknown"),
            ({"activation": "softmax"}, "`activation='softmax'` contradicts `num_classes=1`"),
            ({"num_classes": 2, "multilabel": True, "activation": "softmax"}, "contradicts `multilabel=True`"),
            ({"num_classes": 2, "activation": "sigmoid"}, "say `multilabel=True`"),
            ({"input_shape": (4, 4, 1), "normalization": "instance"}, "one voxel left"),
            ({"loss": "tverski"}, "tversky"),
        ],
    )
    def test_wrong_arguments(self, options, message):
        with pytest.raises(ValueError, match=message):
            type(self).build(**{"input_shape": (None, None, 1), "filters": self.levels, **options})
