"""Sliding window: MONAI's numbers, one pass where one window covers all, any size, bounded memory, few shapes."""

import functools
import pathlib
import tracemalloc

import keras
import numpy as np
import pytest
import window_cases
from hypothesis import given, settings
from hypothesis import strategies as st

import keras_seg
from keras_seg.inference import sliding_window
from keras_seg.inference.windows import window_shares, window_starts

FIXTURES = pathlib.Path(__file__).parent / "fixtures"


@functools.cache
def unet(rank=3, **options):
    keras.utils.set_random_seed(0)
    options = {"num_classes": 3, "filters": (4, 8), "activation": None, **options}
    return keras_seg.zoo.unet((None,) * rank + (1,), **options)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize("name", window_cases.CASES)
def test_numbers_are_those_of_monai(name):
    _, window, overlap, blend = window_cases.CASES[name]
    with np.load(FIXTURES / "monai.npz") as fixtures:
        image, expected = fixtures[f"{name}/image"], fixtures[f"{name}/scores"]
    scores = sliding_window(window_cases.network, image, window, overlap=overlap, blend=blend, batch_size=3)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-6)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 200), st.integers(1, 64), st.floats(0, 0.99), st.sampled_from(["gaussian", "constant"]))
def test_windows_cover_every_voxel_and_their_shares_sum_to_one(size, window, overlap, blend):
    starts = window_starts(size, window, overlap)
    shares = window_shares(starts, window, blend)
    total = np.zeros(size)
    for start, share in zip(starts, shares, strict=True):
        assert (share > 0).all()
        for offset, value in enumerate(share):
            if 0 <= start + offset < size:
                total[start + offset] += value
    np.testing.assert_allclose(total, 1, rtol=1e-6)
    steps = np.diff(starts)
    if size > window:
        assert starts[0] == 0
        assert starts[-1] == size - window
        assert steps.max() <= max(1, int(window * (1 - overlap)))  # they overlap as much as was asked, or more
        assert steps.max() - steps.min() <= 1
    else:
        assert len(starts) == 1


@pytest.mark.parametrize(("rank", "shape", "window"), [(3, (13, 16, 9), (16, 16, 12)), (2, (21, 30), (32, 32))])
def test_one_window_is_one_pass(rank, shape, window):
    model = unet(rank)
    image = noise(*shape, 1)
    before = [(have - want) // 2 for have, want in zip(window, shape)]
    place = tuple(slice(start, start + size) for start, size in zip(before, shape))
    padded = np.zeros((1, *window, 1), "float32")
    padded[0][place] = image
    expected = keras.ops.convert_to_numpy(keras.ops.softmax(model(padded, training=False)))[0][place]
    np.testing.assert_allclose(sliding_window(model, image, window), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("overlap", [0, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("blend", ["gaussian", "constant"])
def test_what_does_not_depend_on_the_window_comes_out_as_it_is(overlap, blend):
    image = np.random.default_rng(0).random((23, 17, 9, 2), "float32")
    scores = sliding_window(lambda x: x, image, (8, 6, 16), overlap=overlap, blend=blend, batch_size=5)
    np.testing.assert_allclose(scores, image, rtol=0, atol=1e-6)


def test_the_middle_of_a_window_counts_more_than_its_border():
    def middle(batch):
        place = np.abs(np.linspace(-1, 1, batch.shape[1]))[:, None]
        return np.broadcast_to(place < 0.5, batch.shape).astype("float32")

    image = noise(40, 1)
    gaussian = sliding_window(middle, image, (16,))
    constant = sliding_window(middle, image, (16,), blend="constant")
    # Half of each window is its middle, and nearly every voxel is in the middle of one.
    assert gaussian[8:32].mean() > 0.8
    assert constant[8:32].mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 40, 3), (9, 9, 9), (31, 8, 17)])
def test_any_size(shape):
    scores = sliding_window(unet(), noise(*shape, 1), (8, 8, 8), overlap=0.25)
    assert scores.shape == (*shape, 3)
    np.testing.assert_allclose(scores.sum(axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "activation"),
    [
        ({"num_classes": 3}, keras.ops.softmax),
        ({"num_classes": 1}, keras.ops.sigmoid),
        ({"num_classes": 3, "activation": "auto"}, lambda x: x),
        ({"num_classes": 1, "activation": "auto"}, lambda x: x),
        ({"num_classes": 3, "activation": "auto", "multilabel": True}, lambda x: x),
        ({"num_classes": 3, "multilabel": True, "loss": "dice"}, keras.ops.sigmoid),
    ],
)
def test_scores_are_probabilities_whatever_the_last_layer_gives(options, activation):
    model, image = unet(2, **options), noise(8, 8, 1)
    expected = keras.ops.convert_to_numpy(activation(model(image[None], training=False)))[0]
    np.testing.assert_allclose(sliding_window(model, image, (8, 8)), expected, rtol=0, atol=1e-5)


def test_probabilities_are_averaged_and_not_logits():
    # Of two windows one is sure (logit 20), one against it (logit -1): the mean of probabilities is above one half
    # only just, that of logits far.
    def network(batch):
        place = np.linspace(-1, 1, batch.shape[1])[:, None]
        return 1 / (1 + np.exp(-np.where(place > 0, 20.0, -1.0) + 0 * batch))

    scores = sliding_window(network, noise(12, 1), (8,), blend="constant")
    assert scores[5] == pytest.approx((1 + 1 / (1 + np.e)) / 2, abs=1e-6)


def test_deep_supervision_uses_the_main_head():
    model = unet(2, filters=(4, 8, 8), deep_supervision=True)
    image = noise(12, 20, 1)
    main = keras_seg.zoo.main_head(model)
    np.testing.assert_array_equal(sliding_window(model, image, (8, 8)), sliding_window(main, image, (8, 8)))


def test_sequential_model():
    model = keras.Sequential([keras.Input((None, None, 1)), keras.layers.Conv2D(2, 1, activation="softmax")])
    image = noise(9, 9, 1)
    np.testing.assert_allclose(
        sliding_window(model, image, (8, 8)), keras.ops.convert_to_numpy(model(image[None]))[0], atol=1e-6
    )


def test_a_model_that_was_trained_further_predicts_anew():
    model = keras.Sequential([keras.Input((None, None, 1)), keras.layers.Conv2D(2, 3, padding="same")])
    keras_seg.compile(model, "cross_entropy", optimizer=keras.optimizers.SGD(1.0))
    image = noise(8, 8, 1)
    before = sliding_window(model, image, (8, 8))
    model.fit(image[None], np.ones((1, 8, 8), "uint8"), epochs=2, verbose=0)
    after = sliding_window(model, image, (8, 8))
    expected = keras.ops.convert_to_numpy(keras.ops.softmax(model(image[None], training=False)))[0]
    np.testing.assert_allclose(after, expected, atol=1e-5)
    assert np.abs(after - before).max() > 1e-4


@pytest.mark.parametrize("mirror", [0, (0,), (1, 2), (0, 1, 2), True])
def test_mirroring_makes_scores_turn_with_the_image(mirror):
    model, image = unet(), noise(8, 12, 16, 1)
    axes = (0, 1, 2) if mirror is True else mirror
    options = {"window": (8, 8, 8), "mirror": mirror}
    scores, turned = (sliding_window(model, array, **options) for array in (image, np.flip(image, axes)))
    np.testing.assert_allclose(np.flip(turned, axes), scores, rtol=0, atol=1e-5)
    plain = sliding_window(model, image, (8, 8, 8))
    assert np.abs(scores - plain).max() > 1e-3


def test_mirroring_is_the_mean_over_all_combinations():
    model, image = unet(2), noise(8, 8, 1)
    passes = [np.flip(sliding_window(model, np.flip(image, axes), (8, 8)), axes) for axes in ((), (0,), (1,), (0, 1))]
    np.testing.assert_allclose(
        sliding_window(model, image, (8, 8), mirror=(0, 1)), np.mean(passes, axis=0), rtol=0, atol=1e-6
    )


def test_few_shapes_are_ever_compiled():
    shapes = set()

    def network(batch):
        shapes.add(batch.shape)
        return batch

    for size in range(1, 90):
        sliding_window(network, noise(size, 1), (8,), batch_size=6)
    assert shapes == {(count, 8, 1) for count in (6, 4, 2, 1)}


def test_model_is_traced_once_or_twice_for_a_hundred_images():
    calls = []

    class Counted(keras.layers.Layer):
        def call(self, inputs):
            calls.append(inputs.shape)
            return inputs

    inputs = keras.Input((None, None, 1))
    model = keras.Model(inputs, keras.layers.Activation("sigmoid")(Counted()(inputs)))
    built = len(calls)
    for size in range(4, 100):
        sliding_window(model, noise(size, 8, 1), (8, 8))
    assert len(calls) - built <= 4


def test_memory_is_bounded_by_the_volume_and_the_classes():
    image = noise(64, 64, 64, 1)
    classes = 4

    def network(batch):
        return np.broadcast_to(batch, (*batch.shape[:-1], classes)) / classes

    def peak(overlap):
        tracemalloc.start()
        try:
            scores = sliding_window(network, image, (16, 16, 16), overlap=overlap)
            return tracemalloc.get_traced_memory()[1], scores.nbytes
        finally:
            tracemalloc.stop()

    few, size = peak(0)  # 64 windows
    many, _ = peak(0.75)  # 2197 windows
    assert few < 1.4 * size
    assert many < 1.1 * few


def test_reads_only_windows_of_a_memory_map(tmp_path):
    image = noise(20, 20, 1)
    np.save(tmp_path / "image.npy", image)
    mapped = np.load(tmp_path / "image.npy", mmap_mode="r")
    np.testing.assert_array_equal(
        sliding_window(lambda x: x, mapped, (8, 8)), sliding_window(lambda x: x, image, (8, 8))
    )


def test_progress_sees_every_batch():
    seen = []

    def progress(batches):
        for number, batch in enumerate(batches):
            seen.append((number + 1, len(batches)))
            yield batch

    sliding_window(lambda x: x, noise(20, 1), (8,), batch_size=2, progress=progress)
    assert seen == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": (8, 8, 8)}, "with the 3 spatial axes of `window`"),
        ({"window": (0, 8)}, "whole number of voxels"),
        ({"window": (8.5, 8)}, "whole number of voxels"),
        ({"overlap": 1}, "`overlap` must be 0 or more and below 1"),
        ({"overlap": -0.1}, "`overlap` must be 0 or more"),
        ({"batch_size": 0}, "`batch_size` must be 1 or more"),
        ({"blend": "linear"}, "'gaussian', 'constant'"),
        ({"mirror": (2,)}, "axes from 0 to 1"),
        ({"mirror": (0, 0)}, "at most once"),
        ({"num_classes": 4}, r"\[1, 8, 8, 4\], but they have the shape \[1, 8, 8, 1\]"),
        ({"image": np.zeros((8, 0, 1))}, "holds no voxel"),
        ({"predict": lambda x: x[:, ::2]}, r"\[1, 8, 8, classes\], but they have the shape \[1, 4, 8, 1\]"),
        ({"predict": lambda x: x[..., 0]}, "but they have the shape"),
        ({"predict": lambda x: x.astype("int32")}, "probabilities, but they are of type int32"),
    ],
)
@pytest.mark.parametrize("mirror", [(), (0,)])
def test_what_is_refused(options, message, mirror):
    arguments = {"predict": lambda x: x, "image": np.zeros((8, 8, 1)), "window": (8, 8), "mirror": mirror, **options}
    with pytest.raises(ValueError, match=message):
        sliding_window(**arguments)


@pytest.mark.parametrize(
    ("model", "image", "window", "message"),
    [
        (lambda: unet(3), (8, 8, 1), (8, 8), "takes images with 3 spatial axes, but the image has 2"),
        (lambda: unet(2), (8, 8, 3), (8, 8), "with 1 channel, but the image has 3"),
        (lambda: unet(2), (8, 8, 1), (8, 9), r"multiples of 2.*axis 1 has 9 \(nearest: 8 or 10\)"),
        (lambda: keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(1, 1)]), (8, 8, 1), (8, 8), "exactly"),
        (lambda: keras.Sequential([keras.Input((8, 8, 1)), keras.layers.ReLU()]), (8, 8, 1), (8, 8), "Cannot tell"),
        (lambda: Subclassed(), (8, 8, 1), (8, 8), "Cannot tell whether.*Pass a function"),
    ],
)
def test_models_that_do_not_fit(model, image, window, message):
    with pytest.raises(ValueError, match=message):
        sliding_window(model(), np.zeros(image, "float32"), window)


class Subclassed(keras.Model):
    def call(self, inputs):
        return inputs


def test_two_inputs_are_refused():
    inputs = [keras.Input((8, 8, 1)), keras.Input((8, 8, 1))]
    model = keras.Model(inputs, keras.layers.Activation("sigmoid")(keras.layers.Add()(inputs)))
    with pytest.raises(ValueError, match="has 2 inputs"):
        sliding_window(model, np.zeros((8, 8, 1), "float32"), (8, 8))
