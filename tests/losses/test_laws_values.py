"""Laws about the value of a loss, for every loss there is."""

import itertools

import keras
import numpy as np
import pytest
from loss_cases import (
    BY_RANK,
    QUICK,
    SOFTER,
    activated,
    batch_of,
    every_kind,
    every_loss,
    every_loss_by_sample,
    make,
    one_hot,
    value,
    value_and_gradient,
)

from keras_seg import losses

KNOWS_THE_BACKGROUND = ("border_cross_entropy", "generalized_wasserstein_dice", "unified_focal")


@every_loss
@every_kind
def test_perfect_costs_less_than_wrong(text, kind):
    batch = batch_of(kind)
    loss = make(text, **batch.options)
    # A softmax puts every voxel into the next class, sigmoids say the opposite.
    inverted = np.roll(batch.truth, 1, axis=-1) if kind == "multiclass" else 1 - batch.truth
    perfect, random, wrong = (value(loss, batch.truth, p) for p in (batch.truth, batch.probabilities, inverted))
    assert np.all(perfect < random) or text in SOFTER
    assert np.all(perfect < wrong)


@every_loss
@every_kind
def test_the_gradient_points_towards_the_truth(text, kind):
    batch = batch_of(kind)
    loss = make(text, **batch.options, from_logits=True)
    before, gradient = value_and_gradient(loss, batch.truth, batch.logits)
    after = value(loss, batch.truth, batch.logits - 1e-2 * gradient / np.linalg.norm(gradient))
    assert after.sum() < before.sum()


@every_loss
@every_kind
def test_one_value_per_sample(text, kind):
    batch = batch_of(kind)
    loss = make(text, **batch.options)
    values = value(loss, batch.truth, batch.probabilities)
    assert values.shape == (3,)
    assert values.dtype == np.float32
    assert len(set(values.tolist())) == 3
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(loss.call(batch.truth, batch.probabilities)), values)


@every_loss_by_sample
@every_kind
def test_a_sample_does_not_see_its_neighbours(text, kind):
    batch = batch_of(kind)
    loss = make(text, **batch.options)
    alone = [value(loss, batch.truth[k : k + 1], batch.probabilities[k : k + 1])[0] for k in range(3)]
    np.testing.assert_allclose(value(loss, batch.truth, batch.probabilities), alone, rtol=1e-5)


@every_loss
@every_kind
def test_permuting_the_cases_permutes_the_values(text, kind):
    batch, order = batch_of(kind), [2, 0, 1]
    loss = make(text, **batch.options)
    values, gradient = value_and_gradient(loss, batch.truth, batch.probabilities)
    permuted, permuted_gradient = value_and_gradient(loss, batch.truth[order], batch.probabilities[order])
    np.testing.assert_allclose(permuted, values[order], rtol=1e-5)
    np.testing.assert_allclose(permuted_gradient, gradient[order], rtol=1e-4, atol=1e-7)


@every_loss
@pytest.mark.parametrize("kind", ["multiclass", "multilabel"])
def test_permuting_the_classes_changes_nothing(text, kind):
    """A loss without class weights that counts the background knows no class by its number.

    But for those whose formula has a term of its own for the background: they know class 0.
    """
    batch = batch_of(kind)
    order = [0, 2, 1] if kind == "multiclass" and text in KNOWS_THE_BACKGROUND else [2, 0, 1]
    loss = make(text, **batch.options)
    values, gradient = value_and_gradient(loss, batch.truth, batch.probabilities)
    permuted, permuted_gradient = value_and_gradient(loss, batch.truth[..., order], batch.probabilities[..., order])
    np.testing.assert_allclose(permuted, values, rtol=1e-5)
    np.testing.assert_allclose(permuted_gradient, gradient[..., order], rtol=1e-4, atol=1e-7)
    if kind == "multiclass":
        renamed = np.argsort(order)[batch.labels]
        np.testing.assert_allclose(value(loss, renamed, batch.probabilities[..., order]), values, rtol=1e-5)


@every_loss
@every_kind
def test_mirroring_space_changes_nothing(text, kind):
    batch = batch_of(kind)
    loss = make(text, **batch.options)
    values = value(loss, batch.truth, batch.probabilities)
    # All mirror images stacked along the batch: one call is cheaper than three.
    truth, probabilities = (
        np.concatenate([np.flip(x, axis) for axis in (1, 2, 3)]) for x in (batch.truth, batch.probabilities)
    )
    np.testing.assert_allclose(value(loss, truth, probabilities), np.tile(values, 3), rtol=1e-5)


@every_loss
@every_kind
@pytest.mark.parametrize("spatial", [BY_RANK[1], BY_RANK[2]], ids=["1D", "2D"])
def test_an_axis_of_one_voxel_changes_nothing(text, kind, spatial):
    """An image is a volume of one slice, whichever axis it is.

    It holds without exception: no distance runs along an axis of one voxel; the pools of the soft skeleton pad with
    infinity, so such an axis neither erodes nor dilates; the window of `ssim` shrinks to that one voxel.
    """
    batch = batch_of(kind, spatial)
    loss = make(text, **batch.options)
    values = value(loss, batch.truth, batch.probabilities)
    for axis in range(1, len(spatial) + 2):
        truth, probabilities = (np.expand_dims(x, axis) for x in (batch.truth, batch.probabilities))
        np.testing.assert_allclose(value(loss, truth, probabilities), values, rtol=1e-5)


@pytest.mark.parametrize("name", QUICK)
def test_an_axis_of_one_voxel_changes_nothing_by_default_either(name):
    """With a window that is longer than every axis, and more erosions than voxels."""
    batch, loss = batch_of("multiclass", BY_RANK[2]), losses.get(name, reduction=None)
    values = value(loss, batch.truth, batch.probabilities)
    for axis in (1, 2, 3):
        truth, probabilities = (np.expand_dims(x, axis) for x in (batch.truth, batch.probabilities))
        np.testing.assert_allclose(value(loss, truth, probabilities), values, rtol=1e-5)


@every_loss_by_sample
def test_reductions(text):
    batch = batch_of("multiclass")
    values = value(make(text, **batch.options), batch.truth, batch.probabilities)
    weight = np.array([1.0, 0.0, 3.0], "float32")
    expected = {
        "none": values * weight,
        "sum": (values * weight).sum(),
        "sum_over_batch_size": (values * weight).mean(),
        "mean": (values * weight).mean(),
        "mean_with_sample_weight": (values * weight).sum() / weight.sum(),
    }
    for reduction, wanted in expected.items():
        loss = make(text, **batch.options, reduction=reduction)
        np.testing.assert_allclose(value(loss, batch.truth, batch.probabilities, weight), wanted, rtol=1e-5)


def test_confidence_in_the_right_class_pays_for_every_loss():
    """Along the way from a uniform prediction to the truth every loss that is a distance to it falls."""
    labels = np.random.default_rng(1).integers(0, 3, (2, 6, 5))
    certainties = [activated(k * one_hot(labels), "multiclass") for k in (0.5, 2.0, 6.0)]
    for name in sorted(set(losses.names()) - set(SOFTER)):
        loss = make(name, reduction="mean")
        values = [float(value(loss, labels, p)) for p in certainties]
        assert all(a > b for a, b in itertools.pairwise(values)), (name, values)
