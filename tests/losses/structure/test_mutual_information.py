"""Region mutual information: the determinant in float32 and float64, pooling, weights, arguments."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops
from loss_cases import batch_of, tensorflow_only, value, value_and_gradient

from keras_seg import losses
from keras_seg.losses.structure.mutual_information import half_log_det

RIDGE = 5e-4


def remains(known, others):
    """`1/2 log det` of what is left of `others` once `known` is known, as the paper writes it, in float64."""
    known, others = (x - x.mean(axis=1, keepdims=True) for x in (known, others))
    cross = others @ known.T
    m = others @ others.T - cross @ np.linalg.inv(known @ known.T + RIDGE * np.eye(len(known))) @ cross.T
    return 0.5 * np.linalg.slogdet(m + RIDGE * np.eye(len(m)))[1]


def neighbours(x, side=3):
    size = len(x) - side + 1
    return np.stack([x[i : i + size, j : j + size].ravel() for i in range(side) for j in range(side)])


def disc(size):
    rows, columns = np.indices((size, size)) - size / 2
    return (np.hypot(rows, columns) < size / 3).astype("float64")


@pytest.mark.parametrize("size", [12, 60, 300])
@pytest.mark.parametrize("noise", [0.0, 1e-3, 0.3])
def test_float32_gives_what_float64_gives(size, noise):
    """Although the covariance of up to 90,000 vectors and the ridge are ten digits apart."""
    g = disc(size)
    p = np.clip(g + noise * np.random.default_rng(0).normal(size=g.shape), 0, 1)
    vectors = np.concatenate([neighbours(p), neighbours(g)])[None]
    expected = remains(vectors[0, :9], vectors[0, 9:])
    for dtype, tolerance in (("float32", 2e-3), ("float64", 1e-5)):
        if dtype == "float64" and keras.backend.backend() == "jax":
            continue
        result = ops.convert_to_numpy(half_log_det(ops.convert_to_tensor(vectors.astype("float32")), None, 9, dtype))
        np.testing.assert_allclose(result, expected, rtol=tolerance, atol=tolerance * 9)


@tensorflow_only
def test_the_gradient_in_float32_is_that_in_float64():
    import tensorflow as tf

    g = disc(60)
    p = np.clip(g + 0.2 * np.random.default_rng(0).normal(size=g.shape), 0, 1)
    vectors = tf.constant(np.concatenate([neighbours(p), neighbours(g)])[None].astype("float32"))
    gradients = []
    for dtype in ("float32", "float64"):
        with tf.GradientTape() as tape:
            tape.watch(vectors)
            result = half_log_det(vectors, None, 9, dtype)
        gradients.append(tape.gradient(result, vectors).numpy())
    np.testing.assert_allclose(*gradients, rtol=0, atol=1e-3 * np.abs(gradients[1]).max())


def test_a_mask_and_its_negative_tell_the_same():
    """Without the cross-entropy nothing says which is which."""
    batch = batch_of("binary", (14, 15))
    loss = losses.RegionMutualInformationLoss(balance=0, pool=1, reduction=None)
    np.testing.assert_allclose(
        value(loss, batch.truth, 1 - batch.probabilities), value(loss, batch.truth, batch.probabilities), rtol=1e-4
    )
    perfect, good = value(loss, batch.truth, batch.truth), value(loss, batch.truth, batch.probabilities)
    assert np.all(perfect < good)


def test_an_axis_that_is_too_short_is_not_pooled():
    batch = batch_of("binary", (20, 8))
    pooled, plain = (losses.RegionMutualInformationLoss(balance=0, pool=pool, reduction=None) for pool in (3, 1))
    # Along the first axis alone, in windows that start at the voxel before the first.
    truth, probabilities = (
        np.pad(x, [(0, 0), (0, 1), (0, 0), (0, 0)]).reshape(3, 7, 3, 8, 1).max(axis=2)
        for x in (batch.truth, batch.probabilities)
    )
    expected = value(plain, truth, probabilities)
    np.testing.assert_allclose(value(pooled, batch.truth, batch.probabilities), expected, rtol=1e-4)
    both = batch_of("binary", (8, 8))
    np.testing.assert_array_equal(
        value(pooled, both.truth, both.probabilities), value(plain, both.truth, both.probabilities)
    )


def test_weights_count_vectors():
    """All voxels twice is every vector twice; a voxel in no vector of weight has no say."""
    batch = batch_of("binary", (12, 13))
    loss = losses.RegionMutualInformationLoss(balance=0, pool=1, reduction=None)
    weight = np.ones((3, 12, 13), "float32")
    plain, twice = (value(loss, batch.truth, batch.probabilities, k * weight) for k in (1, 2))
    # Every covariance is twice as large, but the ridge.
    np.testing.assert_allclose(twice, plain + 0.5 * np.log(2), atol=1e-2)
    weight[:, 8:] = 0
    values, gradient = value_and_gradient(loss, batch.truth, batch.probabilities, weight)
    assert np.all(np.isfinite(values))
    assert not gradient[:, 8:].any()
    assert gradient[:, :8].any()


@pytest.mark.parametrize("spatial", [(40,), (30, 31), (12, 13, 14)])
def test_finite_in_value_and_gradient_in_every_dimension(spatial):
    batch = batch_of("binary", spatial, samples=1)
    empty, full, dot = (np.zeros_like(batch.truth) for _ in range(3))
    full[...] = 1
    dot[(slice(None), *[5] * len(spatial))] = 1
    truths = (empty, full, dot, batch.truth)
    predictions = (empty, full, dot, 1 - dot, batch.probabilities, 1e-6 * batch.probabilities)
    pairs = [np.concatenate(x) for x in zip(*itertools.product(truths, predictions), strict=True)]
    values, gradient = value_and_gradient(losses.RegionMutualInformationLoss(reduction=None), *pairs)
    assert np.all(np.isfinite(values))
    assert np.all(np.isfinite(gradient))


@tensorflow_only
@pytest.mark.parametrize("spatial", [(30, 31), (12, 13, 14)])
def test_jitted_as_in_eager_mode(spatial):
    from test_compiled import assert_same, in_a_graph

    batch = batch_of("multiclass", spatial, samples=2)
    loss = losses.RegionMutualInformationLoss(from_logits=True, reduction=None)
    expected = value_and_gradient(loss, batch.labels, batch.logits)
    assert_same(in_a_graph(loss, batch.labels, batch.logits, jit_compile=True), expected)
    assert_same(in_a_graph(loss, batch.labels, batch.logits, sizes_are_open=True), expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"radius": 0}, "`radius` must be an integer >= 1"),
        ({"pool": 1.5}, "`pool` must be an integer >= 1"),
        ({"balance": 1.5}, "`balance` must be a number >= 0 and <= 1"),
    ],
)
def test_wrong_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        losses.RegionMutualInformationLoss(**options)
