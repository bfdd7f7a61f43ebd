"""Regions of a grid: every voxel once, whatever the sizes; and the adaptive Tversky loss on them."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops
from loss_cases import batch_of, make, tensorflow_only, value, value_and_gradient

from keras_seg import losses
from keras_seg.losses import stream
from keras_seg.losses.inputs import canonical
from keras_seg.losses.region.grid import memberships, region_sums

SIZES = [(1, 1), (5, 2), (6, 4), (3, 16), (16, 16), (7, 3), (32, 16), (100, 16)]
SPATIAL = [(7,), (33,), (6, 5), (20, 17), (5, 6, 4), (9, 8, 7)]


@pytest.mark.parametrize(("size", "regions"), SIZES)
def test_every_voxel_belongs_once_and_regions_are_equal(size, regions):
    members = ops.convert_to_numpy(memberships(size, regions, "float32"))
    count = min(size, regions)
    assert members.shape == (count, size)
    np.testing.assert_allclose(members.sum(0), 1, rtol=1e-6)
    np.testing.assert_allclose(members.sum(1), size / count, rtol=1e-6)
    np.testing.assert_array_equal(members, members[::-1, ::-1])
    # A region is in one piece.
    assert all(np.ptp(np.flatnonzero(row)) == np.count_nonzero(row) - 1 for row in members)


def sums_by_hand(x, regions):
    """Sum `[*spatial, k]` over regions, an axis at a time, to `[all regions, k]`."""
    for axis, size in enumerate(x.shape[:-1]):
        count = min(regions, size)
        edges = [size * k / count for k in range(count + 1)]
        shares = [[max(0, min(v + 1, b) - max(v, a)) for v in range(size)] for a, b in itertools.pairwise(edges)]
        x = np.moveaxis(np.tensordot(shares, x, axes=(1, axis)), 0, axis)
    return x.reshape(-1, x.shape[-1])


@pytest.mark.parametrize("spatial", SPATIAL, ids=str)
@pytest.mark.parametrize("regions", [1, 2, 3, 16])
@pytest.mark.parametrize("weighted", [False, True])
def test_sums_over_regions(spatial, regions, weighted):
    batch = batch_of("multiclass", spatial, samples=2)
    weight = np.random.default_rng(0).random(batch.labels.shape).astype("float32") if weighted else None
    for truth in (batch.truth, batch.labels):
        inputs = canonical(truth, batch.probabilities, weight, losses.get("dice"))
        got = region_sums(lambda voxels: (voxels.probabilities, voxels.truth), inputs, regions)
        for x, sums in zip((batch.probabilities, batch.truth), got, strict=True):
            x = x if weight is None else x * weight[..., None]
            expected = np.stack([sums_by_hand(sample.astype("float64"), regions) for sample in x])
            np.testing.assert_allclose(ops.convert_to_numpy(sums), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("spatial", SPATIAL, ids=str)
def test_mirroring_uneven_regions_changes_nothing(spatial):
    batch = batch_of("multiclass", spatial)
    loss = make("adaptive_tversky", regions=2)
    values = value(loss, batch.truth, batch.probabilities)
    for axis in range(1, len(spatial) + 1):
        mirrored = [np.flip(x, axis).copy() for x in (batch.truth, batch.probabilities)]
        np.testing.assert_allclose(value(loss, *mirrored), values, rtol=1e-5)


@tensorflow_only
@pytest.mark.parametrize("spatial", [(33,), (6, 5), (9, 8, 7)], ids=str)
@pytest.mark.parametrize("kind", ["labels", "one_hot"])
@pytest.mark.parametrize("open_", [False, True], ids=["known", "open"])
def test_compiled_in_slabs_and_with_open_sizes(spatial, kind, open_, monkeypatch):
    """An axis of unknown size that has fewer voxels than regions among them."""
    import tensorflow as tf

    batch = batch_of("multiclass", spatial, samples=2)
    truth = batch.labels if kind == "labels" else batch.truth
    weight = np.random.default_rng(0).random(batch.labels.shape).astype("float32")
    loss = make("adaptive_tversky", from_logits=True, regions=7)
    expected = value_and_gradient(loss, truth, batch.logits, weight)
    monkeypatch.setattr(stream, "SLAB_ELEMENTS", 40)
    arrays = [tf.constant(x) for x in (truth, batch.logits, weight)]
    rank = len(spatial) + 1
    shapes = [[None] * rank + list(x.shape[rank:]) if open_ else x.shape for x in arrays]

    def step(y_true, y_pred, weight):
        with tf.GradientTape() as tape:
            tape.watch(y_pred)
            values = loss(y_true, y_pred, weight)
        return values, tape.gradient(values, y_pred)

    signature = [tf.TensorSpec(shape, x.dtype) for shape, x in zip(shapes, arrays, strict=True)]
    values, gradient = tf.function(step, input_signature=signature, autograph=False)(*arrays)
    np.testing.assert_allclose(values, expected[0], rtol=1e-5)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-3, atol=1e-5 * np.abs(expected[1]).max())


def test_a_partly_open_shape():
    """The first axis known, the others not, and the other way round."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("about TensorFlow's graphs")
    import tensorflow as tf

    batch = batch_of("multiclass", (6, 5), samples=2)
    loss = make("adaptive_tversky", regions=4)
    expected = value(loss, batch.labels, batch.probabilities)
    for known in ((None, 6, None), (2, None, 5)):
        signature = [tf.TensorSpec(known, "int32"), tf.TensorSpec((*known, 3), "float32")]
        values = tf.function(loss, input_signature=signature, autograph=False)(batch.labels, batch.probabilities)
        np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_a_region_without_voxels_that_count_is_no_region():
    batch = batch_of("multiclass", (8, 6))
    weight = np.zeros(batch.labels.shape, "float32")
    weight[:, :4, :3] = 1
    loss = make("adaptive_tversky", regions=2)
    corner = value(make("adaptive_tversky", regions=1), batch.labels[:, :4, :3], batch.probabilities[:, :4, :3])
    np.testing.assert_allclose(value(loss, batch.labels, batch.probabilities, weight), corner, rtol=1e-5)


def test_the_more_frequent_mistake_costs_more():
    truth = np.zeros((1, 8, 1), "float32")
    truth[0, :4] = 1
    missing, inventing = truth.copy(), truth.copy()
    missing[0, :2] = 0
    inventing[0, 4:6] = 1
    adaptive, even = make("adaptive_tversky", regions=1, smooth=0), make("tversky", alpha=0.3, beta=0.3, smooth=0)
    # 2 hits and 2 misses at 0.3 + 0.4; 4 hits and 2 false alarms at the same price.
    np.testing.assert_allclose(value(adaptive, truth, missing), 1 - 2 / (2 + 0.7 * 2), rtol=1e-6)
    np.testing.assert_allclose(value(adaptive, truth, inventing), 1 - 4 / (4 + 0.7 * 2), rtol=1e-6)
    assert value(even, truth, missing) < value(adaptive, truth, missing)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lowest": 0}, "`lowest` must be a number > 0. Received: 0"),
        ({"gap": -0.1}, "`gap` must be a number >= 0. Received: -0.1"),
        ({"regions": 0}, "`regions` must be a whole number >= 1, regions along each axis. Received: 0"),
        ({"regions": 2.5}, "`regions` must be a whole number >= 1"),
        ({"regions": [4, 4]}, "`regions` must be a whole number >= 1"),
    ],
)
def test_arguments_of_adaptive_tversky(options, message):
    with pytest.raises(ValueError, match=message):
        losses.get("adaptive_tversky", **options)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("focal_dice", {"beta": 0.5}, "`beta` must be a number >= 1. Received: 0.5"),
        ("f_beta", {"beta": 0}, "`beta` must be a number > 0. Received: 0"),
        ("sensitivity_specificity", {"r": 1.5}, "`r` must be a number >= 0 and <= 1. Received: 1.5"),
        ("penalty_generalized_dice", {"k": -1}, "`k` must be a number >= 0. Received: -1"),
        ("penalty_generalized_dice", {"weight": "cube"}, "`weight` must be 'square', 'simple' or 'uniform'"),
        ("noise_robust_dice", {"gamma": 2.5}, "`gamma` must be a number >= 1 and <= 2. Received: 2.5"),
    ],
)
def test_arguments_of_other_region_losses(name, options, message):
    with pytest.raises(ValueError, match=message):
        losses.get(name, **options)
