"""What a voxel's neighbours make of its label."""

import numpy as np
import pytest
from keras import ops
from loss_cases import batch_of, make, one_hot, value, value_and_gradient
from scipy.ndimage import convolve1d

from keras_seg.losses.pixel import neighbours

GAUSS = [np.exp(-0.5), 1.0, np.exp(-0.5)]
SPATIAL = [(7,), (5, 6), (4, 5, 6), (5, 1, 6), (2, 2)]


def soft(truth, weight=None, taps=GAUSS):
    weight = None if weight is None else ops.convert_to_tensor(weight[..., None])
    sides = np.array(taps, "float32")
    sides[len(taps) // 2] = 0
    return ops.convert_to_numpy(neighbours.softened(ops.convert_to_tensor(truth), weight, ops.convert_to_tensor(sides)))


@pytest.mark.parametrize("taps", [GAUSS, [0.1, 0.5, 1.0, 0.5, 0.1]], ids=["3", "5"])
@pytest.mark.parametrize("spatial", SPATIAL, ids=str)
def test_the_soft_truth_is_half_the_voxel_and_half_its_neighbours(spatial, taps):
    truth = np.random.default_rng(0).random((2, *spatial, 3)).astype("float32")
    blurred, axes = truth.astype("float64"), [axis + 1 for axis, size in enumerate(spatial) if size > 1]
    for axis in axes:
        blurred = convolve1d(blurred, taps, axis=axis, mode="nearest")
    around = (blurred - truth) / (np.sum(taps) ** len(axes) - 1)
    np.testing.assert_allclose(soft(truth, taps=taps), (truth + around) / 2, rtol=1e-5)


def test_soft_truth_sums_to_1_and_is_certain_inside():
    labels = np.zeros((1, 9, 9), "int32")
    labels[:, 5:] = 1
    truth = soft(one_hot(labels))
    np.testing.assert_allclose(truth.sum(-1), 1, rtol=1e-6)
    np.testing.assert_allclose(truth[:, :4, :, 0], 1, rtol=1e-6)
    np.testing.assert_allclose(truth[:, 6:, :, 1], 1, rtol=1e-6)
    # On a straight boundary three of the eight neighbours are of the other class.
    other = (GAUSS[0] + 2 * np.exp(-1)) / (4 * GAUSS[0] + 4 * np.exp(-1)) / 2
    np.testing.assert_allclose(truth[:, 4, :, 1], other, rtol=1e-5)


def test_a_narrow_gaussian_loses_nothing_to_rounding():
    """The neighbours are summed by themselves, not as the difference of two numbers that are almost the same."""
    truth = np.zeros((1, 3, 3, 1), "float32")
    truth[0, 0, 1] = 1
    tap = float(np.exp(-0.5 / 0.2**2))
    expected = tap / ((1 + 2 * tap) ** 2 - 1) / 2
    np.testing.assert_allclose(soft(truth, taps=[tap, 1.0, tap])[0, 1, 1, 0], expected, rtol=1e-5)


def test_an_ignored_voxel_has_no_say_in_its_neighbours_label():
    truth = np.array([1, 0, 0, 1, 1], "float32")[None, :, None]
    weight = np.array([1, 0, 3, 1, 1], "float32")[None]
    # The window of the first and the third is what is left of (0.25, 0.5, 0.25).
    np.testing.assert_allclose(soft(truth, weight)[0, [0, 2], 0], [1, 0.25 / 0.75], rtol=1e-6)


def test_what_is_predicted_best_is_the_soft_truth():
    labels = (np.indices((8, 8)).sum(0) > 7).astype("int32")[None]
    truth = np.clip(soft(one_hot(labels)), 1e-6, 1)
    loss = make("svls_cross_entropy", from_logits=True)
    best, gradient = value_and_gradient(loss, labels, np.log(truth))
    np.testing.assert_allclose(gradient, 0, atol=1e-6)
    assert best < value(loss, labels, 20 * one_hot(labels))
    assert best < value(loss, labels, np.log(0.9 * truth + 0.1 / 3))


def test_shares_are_of_the_voxels_that_lie_inside_and_count():
    truth = np.array([1, 0, 0, 1, 1], "float32")[None, :, None]
    weight = np.array([1, 1, 0, 1, 2], "float32")[None, :, None]
    shares = [neighbours.shares(ops.convert_to_tensor(truth), w, 3) for w in (None, ops.convert_to_tensor(weight))]
    plain, ignoring = (ops.convert_to_numpy(x)[0, :, 0] for x in shares)
    np.testing.assert_allclose(plain, [1 / 2, 1 / 3, 1 / 3, 2 / 3, 1], rtol=1e-6)
    np.testing.assert_allclose(ignoring, [1 / 2, 1 / 2, 1 / 2, 1, 1], rtol=1e-6)


@pytest.mark.parametrize("window", [3, 7])
def test_a_window_may_be_longer_than_the_volume(window):
    batch = batch_of("multiclass", (2, 5))
    for name in ("nacl", "svls_cross_entropy"):
        assert np.all(np.isfinite(value(make(name, window=window), batch.labels, batch.probabilities)))


def test_the_penalty_of_nacl_does_not_see_a_shift_of_all_logits():
    batch = batch_of("multiclass")
    loss = make("nacl", from_logits=True)
    shifted = batch.logits + np.float32(3)
    np.testing.assert_allclose(value(loss, batch.labels, shifted), value(loss, batch.labels, batch.logits), rtol=1e-5)


def test_a_sigmoid_of_nacl_is_a_softmax_over_two_classes():
    batch = batch_of("binary")
    two = np.concatenate([np.zeros_like(batch.logits), batch.logits], -1)
    expected, gradient = value_and_gradient(make("nacl", from_logits=True), batch.labels, two)
    values, one_gradient = value_and_gradient(make("nacl", from_logits=True), batch.labels, batch.logits)
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    np.testing.assert_allclose(one_gradient, gradient[..., 1:], rtol=1e-4, atol=1e-7)


def test_nacl_costs_nothing_but_the_cross_entropy_where_logits_are_the_shares():
    labels = np.random.default_rng(0).integers(0, 3, (2, 6, 5))
    shares = ops.convert_to_numpy(neighbours.shares(ops.convert_to_tensor(one_hot(labels)), None, 3))
    expected = value(make("cross_entropy", from_logits=True), labels, shares)
    np.testing.assert_allclose(value(make("nacl", from_logits=True, alpha=5), labels, shares), expected, rtol=1e-5)


def test_nacl_without_penalty_is_cross_entropy():
    for kind in ("binary", "multiclass", "multilabel"):
        batch = batch_of(kind)
        pair = [make(name, **batch.options, **more) for name, more in (("nacl", {"alpha": 0}), ("cross_entropy", {}))]
        values = [value(loss, batch.truth, batch.probabilities) for loss in pair]
        np.testing.assert_allclose(*values, rtol=1e-6)
