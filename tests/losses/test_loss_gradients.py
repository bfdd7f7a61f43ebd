"""Gradients: finite wherever a mask or a prediction may be, and those of the value."""

import keras
import numpy as np
import pytest
from loss_cases import (
    BY_RANK,
    EVERY,
    batch_of,
    every_kind,
    every_loss,
    every_loss_and,
    having,
    leaves,
    make,
    tensorflow_only,
    value,
    value_and_gradient,
)
from loss_corners import corners

from keras_seg import losses


def assert_finite(loss, truth, prediction):
    values, gradient = value_and_gradient(loss, truth, prediction)
    for name, array in (("value", values), ("gradient", gradient)):
        bad = np.unique(np.argwhere(~np.isfinite(array))[:, 0])
        assert not len(bad), f"The {name} of samples {bad.tolist()} is not finite."
    return values, gradient


@every_loss
@every_kind
def test_value_and_gradient_are_finite_at_the_corners_of_probability(text, kind):
    truth, probabilities = corners(kind)
    assert_finite(make(text, **batch_of(kind).options), truth, probabilities)


@every_loss
@every_kind
def test_value_and_gradient_are_finite_at_logits_of_100(text, kind):
    truth, probabilities = corners(kind)
    logits = 200 * probabilities - 100
    loss = make(text, **batch_of(kind).options, from_logits=True)
    assert_finite(loss, truth, logits)
    assert_finite(loss, truth, logits * 1e4)


@every_loss
def test_value_and_gradient_are_finite_where_two_logits_tie(text):
    truth, _ = corners("multiclass")
    assert_finite(make(text, from_logits=True), truth, np.zeros_like(truth))


OPTIONS = [
    {"absent": "skip"},
    {"batch": True},
    {"squared": True},
    {"smooth": 0.0},
    {"smooth": 0.0, "absent": "skip", "squared": True, "batch": True},
    {"gamma": 0.5},
    {"gamma": 0.0},
    {"gamma": 3.5},
    {"label_smoothing": 0.2},
    {"class_weights": [0, 1, 0]},
    {"include_background": False},
]


def taken(options):
    """Return the losses that take all of these options and may have these values."""
    names = set(losses.names()).intersection(*(having(key) for key in options))
    for name in sorted(names):
        try:
            make(name, **options)
        except ValueError:
            continue
        yield name


@pytest.mark.parametrize(
    ("options", "name"), [(options, name) for options in OPTIONS for name in taken(options)], ids=str
)
def test_value_and_gradient_are_finite_at_the_corners_with_every_option(options, name):
    truth, probabilities = corners("multiclass")
    assert_finite(make(name, **options), truth, probabilities)
    assert_finite(make(name, **options, from_logits=True), truth, 200 * probabilities - 100)


@every_kind
@every_loss_and("dtype", ["bfloat16", "float16"], ordinary=["float16"])
def test_half_precision_is_finite_at_the_corners(text, kind, dtype):
    truth, probabilities = corners(kind)
    loss = make(text, **batch_of(kind).options, from_logits=True)
    half = keras.ops.cast(200 * probabilities - 100, dtype)
    assert np.all(np.isfinite(value(loss, truth, half)))


# A region loss sees probabilities, and those are flat there.
PIXELWISE = [text for text in EVERY if any(leaves(m, losses.PixelLoss) for m in losses.get(text).members())]


@pytest.mark.parametrize("text", PIXELWISE)
@every_kind
def test_a_hopeless_prediction_from_logits_still_gets_a_gradient(text, kind):
    """Where the probabilities of logits round to 0 and 1, the loss of a pixel still says where to go."""
    batch = batch_of(kind)
    loss = make(text, **batch.options, from_logits=True)
    inverted = np.roll(batch.truth, 1, axis=-1) if kind == "multiclass" else 1 - batch.truth
    _, gradient = value_and_gradient(loss, batch.truth, 100 * inverted - 50)
    assert np.all(gradient.any(axis=(1, 2, 3, 4)))


@tensorflow_only
@every_loss
@every_kind
@pytest.mark.parametrize("rank", [2, 3])
def test_the_gradient_is_that_of_the_value(text, kind, rank):
    """Against central differences in float64, along random directions.

    Rank, skeleton and hardest-voxel losses are smooth piece by piece; with so small a step random arrays stay inside
    theirs.
    """
    batch = batch_of(kind, BY_RANK[rank])
    loss = make(text, **batch.options, from_logits=True, dtype="float64", reduction="sum")
    logits, step = batch.logits.astype("float64"), 1e-7
    total, gradient = value_and_gradient(loss, batch.truth, logits)
    assert total.dtype == gradient.dtype == np.float64
    rng = np.random.default_rng(11)
    for _ in range(2):
        direction = rng.normal(size=logits.shape)
        ahead, behind = (value(loss, batch.truth, logits + sign * step * direction) for sign in (1, -1))
        expected = (gradient * direction).sum()
        np.testing.assert_allclose((ahead - behind) / (2 * step), expected, rtol=1e-5, atol=1e-6)
