"""Lovász without a sort: how far it is from the one with a sort. Both are under the laws of all losses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from loss_cases import batch_of, every_kind, make, one_hot, tensorflow_only, value, value_and_gradient

from keras_seg import losses
from keras_seg.losses.jaccard_extension import bucket_factors, exact_factors

BY_BUCKETS = "lovasz(bins=64)"


def extension(errors, truth, weight, **buckets):
    """Return the value of the extension for one map, sorted or in buckets."""
    arrays = [None if x is None else np.asarray(x, "float32")[None, :, None] for x in (errors, truth, weight)]
    factors = bucket_factors(*arrays, **buckets) if buckets else exact_factors(*arrays)
    return float((ops.convert_to_numpy(factors)[0, :, 0] * errors).sum())


# Few sizes: JAX compiles each anew.
bucket_numbers = st.sampled_from([1, 3, 16, 60])
maps = st.sampled_from([1, 2, 7, 40]).flatmap(
    lambda size: st.tuples(
        st.lists(st.integers(0, 200), min_size=size, max_size=size),
        st.lists(st.booleans(), min_size=size, max_size=size),
        st.none() | st.lists(st.integers(0, 3), min_size=size, max_size=size),
    )
)


@settings(deadline=None, max_examples=100)
@given(maps, bucket_numbers)
def test_errors_up_to_1_are_off_by_a_bucket_at_most(given_map, buckets):
    errors, truth, weight = given_map
    errors = np.array(errors) / 200
    sorted_value = extension(errors, truth, weight)
    assert abs(extension(errors, truth, weight, buckets=buckets) - sorted_value) <= 1 / buckets + 1e-5


@settings(deadline=None, max_examples=100)
@given(maps, bucket_numbers, st.sampled_from([0.1, 1.0, 30.0, 1e4]))
def test_errors_without_an_end_are_off_by_a_relative_bucket_at_most(given_map, buckets, scale):
    errors, truth, weight = given_map
    errors = (np.array(errors) / 200) ** 3 * scale
    sorted_value = extension(errors, truth, weight)
    counted = errors if weight is None else errors * (np.array(weight) > 0)
    in_buckets = extension(errors, truth, weight, buckets=buckets, largest=float(counted.max()), logarithmic=True)
    width = (1 + counted.max()) ** (1 / buckets) - 1
    assert abs(in_buckets - sorted_value) <= width * (1 + sorted_value) * (1 + 1e-5) + 1e-5


@settings(deadline=None, max_examples=50)
@given(maps, bucket_numbers)
def test_what_voxels_add_is_the_whole_jaccard_loss(given_map, buckets):
    """It is at least 0 for each, and 1 in all unless nothing counts: at the end nothing is right."""
    _, truth, weight = given_map
    errors = np.random.default_rng(len(truth)).random(len(truth))
    arrays = [np.asarray(x, "float32")[None, :, None] for x in (errors, truth)]
    weight = None if weight is None else np.asarray(weight, "float32")[None, :, None]
    for factors in (bucket_factors(*arrays, weight, buckets), exact_factors(*arrays, weight)):
        factors = ops.convert_to_numpy(factors)
        assert factors.min() >= -1e-6
        total = 1 if weight is None or weight.any() else 0
        np.testing.assert_allclose(factors.sum(), total, atol=1e-5)


@every_kind
def test_1024_bins_are_as_good_as_a_sort(kind):
    """Where voxels are many: value within the bound, gradient in the same direction."""
    batch = batch_of(kind, (20, 20, 20), samples=2)
    exact, buckets = (make("lovasz", bins=bins, from_logits=True, **batch.options) for bins in (None, 1024))
    expected, expected_gradient = value_and_gradient(exact, batch.truth, batch.logits)
    values, gradient = value_and_gradient(buckets, batch.truth, batch.logits)
    np.testing.assert_allclose(values, expected, atol=1 / 2048)
    cosine = (gradient * expected_gradient).sum() / np.linalg.norm(gradient) / np.linalg.norm(expected_gradient)
    assert cosine >= 0.999


@every_kind
def test_a_perfect_prediction_costs_nothing(kind):
    batch = batch_of(kind)
    loss = make(BY_BUCKETS, **batch.options)
    np.testing.assert_array_equal(value(loss, batch.truth, batch.truth), 0)


def test_soft_labels_are_shared_between_true_and_false():
    """A voxel that is half true is, in counts, half a true and half a false one with the same error."""
    errors, truth = np.array([0.9, 0.6, 0.3]), np.array([1.0, 0.5, 0.0])
    twice = extension(np.repeat(errors, 2), [1, 1, 1, 0, 0, 0], None, buckets=100)
    np.testing.assert_allclose(extension(errors, truth, [2, 2, 2], buckets=100), twice, rtol=1e-6)


@tensorflow_only
def test_in_a_plain_graph_of_open_sizes_as_in_eager_mode():
    from test_compiled import assert_same, in_a_graph

    batch = batch_of("multiclass", samples=2)
    for loss in (make(BY_BUCKETS, from_logits=True), make("lovasz", from_logits=True, multilabel=True, bins=64)):
        truth = batch.truth
        expected = value_and_gradient(loss, truth, batch.logits)
        assert_same(in_a_graph(loss, truth, batch.logits, sizes_are_open=True), expected)


def test_absent_classes_are_skipped_or_counted():
    labels = np.zeros((1, 30), "int32")
    probabilities = np.random.default_rng(0).dirichlet(np.ones(3), (1, 30)).astype("float32")
    present, everything = (make("lovasz", bins=1024, classes=classes) for classes in ("present", "all"))
    np.testing.assert_allclose(
        value(present, labels, probabilities), value(make("lovasz"), labels, probabilities), atol=1e-3
    )
    # Of a class that is not there the largest error is the loss.
    own = value(present, labels, probabilities)
    expected = (own + probabilities[..., 1].max() + probabilities[..., 2].max()) / 3
    np.testing.assert_allclose(value(everything, one_hot(labels), probabilities), expected, atol=1e-3)


@pytest.mark.parametrize("bins", [0, -1, 2.5, "many", True])
def test_bins_must_be_a_whole_number(bins):
    with pytest.raises(ValueError, match="`bins` must be an integer >= 1"):
        losses.LovaszLoss(bins=bins)
