"""Laws about weights: a weight says how often something counts, 0 is never and 2 is twice."""

import numpy as np
import pytest
from loss_cases import (
    KINDS,
    batch_of,
    every_kind,
    every_loss,
    every_loss_and,
    every_loss_and_kind,
    every_voxelwise_loss,
    having,
    make,
    value,
    value_and_gradient,
)


@every_loss
@every_kind
def test_a_sample_of_weight_0_is_silent(text, kind):
    batch = batch_of(kind)
    loss = make(text, **batch.options, reduction="sum")
    weight = np.array([1, 0, 1], "float32")
    whole, gradient = value_and_gradient(loss, batch.truth, batch.probabilities, weight)
    rest = [0, 2]
    without, rest_gradient = value_and_gradient(loss, batch.truth[rest], batch.probabilities[rest])
    np.testing.assert_allclose(whole, without, rtol=1e-5)
    np.testing.assert_array_equal(gradient[1], 0)
    np.testing.assert_allclose(gradient[rest], rest_gradient, rtol=1e-4, atol=1e-7)


@every_loss
@every_kind
def test_a_sample_of_weight_2_is_seen_twice(text, kind):
    """Also by `mean`, which averages over the batch, and by sums over the batch."""
    batch, seen = batch_of(kind), [0, 0, 1, 2, 2, 2]
    weight = np.array([2, 1, 3], "float32")
    for reduction in ("sum", "mean_with_sample_weight"):
        loss = make(text, **batch.options, reduction=reduction)
        weighted = value(loss, batch.truth, batch.probabilities, weight)
        repeated = value(loss, batch.truth[seen], batch.probabilities[seen])
        np.testing.assert_allclose(weighted, repeated, rtol=1e-5)


@pytest.mark.parametrize("name", having("batch"))
def test_a_sample_of_weight_2_is_seen_twice_by_sums_over_the_batch(name):
    batch, seen = batch_of("multiclass"), [0, 0, 1, 2, 2, 2]
    loss = make(name, batch=True, reduction="sum")
    weighted = value(loss, batch.truth, batch.probabilities, np.array([2, 1, 3], "float32"))
    np.testing.assert_allclose(weighted, value(loss, batch.truth[seen], batch.probabilities[seen]), rtol=1e-5)


@every_loss_and_kind
def test_shapes_of_sample_weights(text, kind):
    batch = batch_of(kind)
    loss = make(text, **batch.options)
    weight = np.array([2, 0.5, 3], "float32")
    weighted = value(loss, batch.truth, batch.probabilities, weight)
    np.testing.assert_allclose(value(loss, batch.truth, batch.probabilities, weight[:, None]), weighted, rtol=1e-6)
    scalar = value(loss, batch.truth, batch.probabilities, 2.0)
    np.testing.assert_allclose(scalar, 2 * value(loss, batch.truth, batch.probabilities), rtol=1e-5)


@every_loss
@every_kind
def test_voxels_of_weight_1_are_voxels_without_weight(text, kind):
    batch = batch_of(kind)
    loss = make(text, **batch.options)
    plain, gradient = value_and_gradient(loss, batch.truth, batch.probabilities)
    for shape in (batch.truth.shape[:-1], (*batch.truth.shape[:-1], 1)):
        weighted = value_and_gradient(loss, batch.truth, batch.probabilities, np.ones(shape, "float32"))
        np.testing.assert_allclose(weighted[0], plain, rtol=1e-5)
        np.testing.assert_allclose(weighted[1], gradient, rtol=1e-4, atol=1e-7)


@every_voxelwise_loss
@every_kind
def test_a_voxel_of_weight_2_stands_twice(text, kind):
    """For losses made of sums or orders over voxels; windows, skeletons and distances have room for a voxel once."""
    batch = batch_of(kind, (40,))
    loss = make(text, **batch.options)
    times = np.random.default_rng(0).integers(0, 4, 40)
    weight = np.tile(times.astype("float32"), (3, 1))
    weighted, gradient = value_and_gradient(loss, batch.truth, batch.probabilities, weight)
    again = [np.repeat(x, times, axis=1) for x in (batch.truth, batch.probabilities)]
    repeated, repeated_gradient = value_and_gradient(loss, *again)
    np.testing.assert_allclose(weighted, repeated, rtol=1e-5)
    # Every copy has its share of the voxel's gradient.
    summed = np.stack([repeated_gradient[:, np.repeat(range(40), times) == k].sum(axis=1) for k in range(40)], axis=1)
    np.testing.assert_allclose(gradient, summed, rtol=1e-3, atol=1e-6)


@every_voxelwise_loss
@every_kind
def test_an_ignored_margin_is_no_margin(text, kind):
    """Means divide by what is left, so that the value has the same scale with and without ignored voxels.

    For losses made of sums or orders over voxels. To those that look at neighbours an ignored voxel is background,
    which is not the same as the edge of the volume.
    """
    batch, inner = batch_of(kind), (slice(None), slice(1, -1), slice(2, None), slice(1, 3))
    weight = np.zeros(batch.truth.shape[:-1], "float32")
    weight[inner] = 1
    loss = make(text, **batch.options)
    with_margin = value(loss, batch.truth, batch.probabilities, weight)
    np.testing.assert_allclose(with_margin, value(loss, batch.truth[inner], batch.probabilities[inner]), rtol=1e-5)


# What ignored voxels may hold: (truth, prediction). Each sample of a batch holds another.
FILLS = [(1.0, 0.0), (0.0, 1.0), (255.0, 1e30), (-np.inf, np.inf), (np.nan, np.nan)]


def with_ignored_voxels(kind, from_logits=False):
    """Return a batch, its prediction, weights of 0 at some voxels, and truth and prediction with `FILLS` there."""
    batch = batch_of(kind, samples=len(FILLS))
    clean = batch.logits if from_logits else batch.probabilities
    weight = (np.random.default_rng(3).random(batch.truth.shape[:-1]) < 0.7).astype("float32")
    truth, prediction = batch.truth.copy(), clean.copy()
    for k, (in_truth, in_prediction) in enumerate(FILLS):
        truth[k][weight[k] == 0] = in_truth
        prediction[k][weight[k] == 0] = in_prediction
    return batch, clean, weight, truth, prediction


HELD = [(kind, from_logits) for kind in KINDS for from_logits in (False, True)]


@every_loss_and("held", HELD, ordinary=[("binary", True), ("multiclass", False), ("multiclass", True)])
def test_ignored_voxels_change_nothing_whatever_they_hold(text, held):
    kind, from_logits = held
    batch, clean, weight, truth, prediction = with_ignored_voxels(kind, from_logits)
    loss = make(text, **batch.options, from_logits=from_logits)
    expected, expected_gradient = value_and_gradient(loss, batch.truth, clean, weight)
    values, gradient = value_and_gradient(loss, truth, prediction, weight)
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-5, atol=1e-8)
    np.testing.assert_array_equal(gradient[weight == 0], 0)


@every_loss
@every_kind
def test_a_sample_of_ignored_voxels_is_0(text, kind):
    """Without any voxel that counts there is nothing to say, even where nothing out of nothing would be 1."""
    batch = batch_of(kind)
    loss = make(text, **batch.options)
    weight = np.ones(batch.truth.shape[:-1], "float32")
    weight[1] = 0
    probabilities = batch.probabilities.copy()
    probabilities[1, 0] = np.nan
    values, gradient = value_and_gradient(loss, batch.truth, probabilities, weight)
    assert values[1] == 0
    np.testing.assert_array_equal(gradient[1], 0)
    assert np.all(np.isfinite(gradient))
    if "mean(" not in text:
        others = value(loss, batch.truth[[0, 2]], batch.probabilities[[0, 2]])
        np.testing.assert_allclose(values[[0, 2]], others, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "option"), [(name, option) for option in ("batch", "squared") for name in having(option)]
)
def test_a_sample_of_ignored_voxels_is_0_with_every_option(name, option):
    batch = batch_of("multiclass")
    loss = make(name, **{option: True})
    weight = np.ones(batch.truth.shape[:-1], "float32")
    weight[1] = 0
    values, gradient = value_and_gradient(loss, batch.truth, batch.probabilities, weight)
    assert values[1] == 0
    np.testing.assert_array_equal(gradient[1], 0)
    others = value(loss, batch.truth[[0, 2]], batch.probabilities[[0, 2]])
    np.testing.assert_allclose(values[[0, 2]], others, rtol=1e-5)
