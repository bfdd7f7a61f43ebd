"""Windows and scales: which there are, what they see, and what ignored voxels do to them."""

import keras
import numpy as np
import pytest
from keras import ops
from loss_cases import batch_of, make, tensorflow_only, value, value_and_gradient
from scipy.ndimage import gaussian_filter

from keras_seg import losses
from keras_seg.losses.structure.windows import centres, halve, window_mean


def blobs(shape, seed=0):
    """Return a smooth truth and a prediction that knows it roughly, `[1, *shape, 1]`."""
    rng = np.random.default_rng(seed)
    body = gaussian_filter(rng.normal(size=shape), 3)
    noise = gaussian_filter(rng.normal(size=shape), 1)
    truth = (body > body.std() * 0.5).astype("float32")
    probabilities = 1 / (1 + np.exp(-(2 * body / body.std() + noise / noise.std())))
    return truth[None, ..., None], probabilities.astype("float32")[None, ..., None]


def test_halves_are_sums_of_two_along_every_axis():
    x = np.random.default_rng(0).random((2, 6, 5, 1, 3)).astype("float32")
    expected = sum(x[:, i:6:2, j:4:2] for i in (0, 1) for j in (0, 1))
    np.testing.assert_allclose(ops.convert_to_numpy(halve(x)), expected, rtol=1e-6)


def test_windows_and_their_centres_are_as_many():
    x = np.ones((1, 12, 5, 1, 2), "float32")
    means = ops.convert_to_numpy(window_mean(x, 7, 1.5))
    assert means.shape == ops.convert_to_numpy(centres(x, 7)).shape == (1, 6, 1, 1, 2)
    np.testing.assert_allclose(means[:, :, :, :, :], means[0, 0, 0, 0, 0], rtol=1e-6)


@pytest.mark.parametrize(("size", "scales"), [(10, 1), (11, 1), (21, 1), (22, 2), (44, 3), (88, 4), (176, 5), (352, 5)])
def test_scales_that_do_not_fit_are_left_out(size, scales):
    loss = losses.MSSSIMLoss()
    assert len(loss.fitting_scales(np.ones((1, size, 400, 1), "float32"))) == scales
    assert len(loss.fitting_scales(np.ones((1, size, 1, 400, 1), "float32"))) == scales


def test_one_scale_is_ssim():
    """Of a likeness above 0: a single weight is 1 whatever it is."""
    truth, probabilities = blobs((20, 21))
    expected = value(losses.SSIMLoss(reduction=None), truth, probabilities)
    for options in ({}, {"scale_weights": [0.3]}):
        np.testing.assert_allclose(value(losses.MSSSIMLoss(reduction=None, **options), truth, probabilities), expected)


def test_scales_are_powers_of_means_with_weights_that_sum_to_1():
    truth, probabilities = blobs((24, 26))
    fine, coarse = (losses.MSSSIMLoss(window=7, scale_weights=w) for w in ([1.0, 1e-9], [1e-9, 1.0]))
    both = losses.MSSSIMLoss(window=7, scale_weights=[1.0, 3.0])
    contrast, likeness = (1 - float(value(loss, truth, probabilities)) for loss in (fine, coarse))
    expected = 1 - contrast**0.25 * likeness**0.75
    np.testing.assert_allclose(value(both, truth, probabilities), expected, rtol=1e-5)


def test_an_ignored_block_is_an_absent_one_at_every_scale():
    """Even where blocks of two and windows reach into it: they are averages of the others."""
    truth, probabilities = blobs((32, 32))
    weight = np.ones((1, 32, 32), "float32")
    weight[0, 10:17, 5:12] = 0
    loss = losses.MSSSIMLoss(window=7, scale_weights=[0.5, 0.5])
    other, wild = truth.copy(), probabilities.copy()
    other[weight == 0], wild[weight == 0] = 1, np.nan
    expected, _ = value_and_gradient(loss, truth, probabilities, weight)
    values, gradient = value_and_gradient(loss, other, wild, weight)
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    assert not gradient[weight == 0].any()
    # A truth and a prediction that are flat around the block stay alike to the windows that touch it.
    flat = np.where(weight[..., None] == 0, 0, np.ones_like(truth)).astype("float32")
    np.testing.assert_allclose(value(loss, flat, flat, weight), 0, atol=1e-6)


def test_a_cut_mean_has_no_gradient_and_a_simple_one_has():
    truth, probabilities = blobs((24, 26))
    cut, simple = (losses.MSSSIMLoss(window=7, normalize=normalize) for normalize in ("relu", "simple"))
    values, gradient = value_and_gradient(cut, truth, 1 - truth)
    assert values == 1
    assert not gradient.any()
    assert value_and_gradient(simple, truth, np.clip(1 - truth, 0.05, 0.95))[1].any()
    assert value(cut, truth, probabilities) < 1


def test_it_is_finite_in_value_and_gradient_with_many_scales():
    _, probabilities = blobs((48, 48))
    masks = np.zeros((5, 48, 48, 1), "float32")
    masks[1], masks[2, 20, 20], masks[3, :24] = 1, 1, 1
    masks[4] = probabilities[0] > 0.5
    for normalize in ("relu", "simple"):
        loss = losses.MSSSIMLoss(window=5, normalize=normalize, reduction=None)
        for prediction in (
            masks,
            1 - masks,
            np.zeros_like(masks),
            np.ones_like(masks),
            np.tile(probabilities, (5, 1, 1, 1)),
        ):
            values, gradient = value_and_gradient(loss, masks, prediction)
            assert np.all(np.isfinite(values))
            assert np.all(np.isfinite(gradient))
        np.testing.assert_allclose(value(loss, masks, masks), 0, atol=1e-5)


@tensorflow_only
@pytest.mark.parametrize("size", [14, 22, 40])
def test_scales_of_open_sizes_are_those_of_the_sizes_they_turn_out_to_have(size):
    from test_compiled import assert_same, in_a_graph

    truth, probabilities = blobs((size, 30))
    loss = losses.MSSSIMLoss(reduction=None, scale_weights=[0.3, 0.4, 0.3])
    expected = value_and_gradient(loss, truth, probabilities)
    assert_same(in_a_graph(loss, truth, probabilities, sizes_are_open=True), expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": 4}, "`window` must be odd"),
        ({"window": 0}, "`window` must be a number >= 1"),
        ({"sigma": 0}, "`sigma` must be a number > 0"),
        ({"scale_weights": [0.5, 0.0]}, "`scale_weights` must hold one number > 0 per scale"),
        ({"scale_weights": []}, "`scale_weights` must be a list"),
        ({"scale_weights": None}, "`scale_weights` must hold one number > 0 per scale"),
        ({"normalize": "abs"}, "`normalize` must be 'relu' or 'simple'"),
    ],
)
def test_wrong_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        losses.MSSSIMLoss(**options)


def test_its_weights_survive_a_configuration():
    loss = losses.MSSSIMLoss(scale_weights=[0.2, 0.8], normalize="simple")
    again = type(loss).from_config(loss.get_config())
    assert again.scale_weights == loss.scale_weights == (0.2, 0.8)
    batch = batch_of("binary")
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(again(batch.truth, batch.probabilities)),
        keras.ops.convert_to_numpy(loss(batch.truth, batch.probabilities)),
    )
    assert make(str(loss)).scale_weights == loss.scale_weights
