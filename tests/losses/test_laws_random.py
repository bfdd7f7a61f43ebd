"""Laws that hold for any batch: hypothesis draws it, and shows the smallest that breaks one.

Samples do not see each other, so that many cases make one batch, and a loss is called once for all of them.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loss_cases import KINDS, activated, every_loss, every_voxelwise_loss, make, one_hot, value, value_and_gradient

# The same batches in every run: a law that fails now and then helps nobody.
few = settings(max_examples=4, deadline=None, derandomize=True, database=None)
kinds = st.sampled_from(KINDS)
# An axis for each: losses that look at neighbours have edges and corners to look over.
shapes = st.lists(st.integers(2, 6), min_size=1, max_size=3).map(tuple)
cubes = st.tuples(st.integers(3, 5), st.integers(2, 3)).map(lambda drawn: (drawn[0],) * drawn[1])
seeds = st.integers(0, 2**32 - 1)
SAMPLES = 6
CLASSES = 3
# Some of these are far beyond what a softmax can tell apart, some are smaller than any number of float16.
EXTREME = np.array([0, 1e-30, -1e-30, 1, -1, 20, -20, 100, -100, 1e4, -1e4], "float32")


def truth_of(rng, kind, shape, share):
    """Return a random mask `[SAMPLES, *shape, classes]` with about this share of foreground, down to none at all."""
    drawn = rng.random((SAMPLES, *shape, 1 if kind == "binary" else CLASSES))
    if kind != "multiclass":
        return (drawn < share).astype("float32")
    return one_hot(np.where(drawn[..., 0] < share, 1 + (drawn[..., 1] < 0.5), 0), CLASSES)


def options_of(kind):
    return {"multilabel": True} if kind == "multilabel" else {}


# Losses that a prediction other than the truth may please more, and why.
NOT_LEAST_AT_THE_TRUTH = {
    "active_contour": "a shorter outline is cheaper than a ragged one that is right",
    "nacl": "logits should be as sure as the neighbourhood of labels, not surer",
    "svls_cross_entropy": "at an outline it wants soft labels, not the mask",
}


@pytest.mark.parametrize("text", [text for text in every_loss.args[1] if text not in NOT_LEAST_AT_THE_TRUTH])
@few
@given(kind=kinds, shape=shapes, share=st.sampled_from([0.05, 0.3, 0.6]), seed=seeds)
def test_nothing_is_cheaper_than_the_truth(text, kind, shape, share, seed):
    """Neither near it nor far from it."""
    rng = np.random.default_rng(seed)
    truth = truth_of(rng, kind, shape, share)
    random = activated(rng.normal(size=truth.shape) * 3, kind)
    distance = np.geomspace(0.03, 1, SAMPLES).reshape(-1, *[1] * (truth.ndim - 1))
    near = ((1 - distance) * truth + distance * random).astype("float32")
    loss = make(text, **options_of(kind))
    least = value(loss, truth, truth)
    assert np.all(least <= value(loss, truth, near) + 1e-5 * (1 + np.abs(least)))


@every_loss
@few
@given(kind=kinds, shape=shapes, share=st.sampled_from([0, 0.1, 0.9]), seed=seeds)
def test_value_and_gradient_are_finite_whatever_comes(text, kind, shape, share, seed):
    """Logits of any size beside each other, masks of any filling, voxel weights of which some are 0."""
    rng = np.random.default_rng(seed)
    truth = truth_of(rng, kind, shape, share)
    logits = rng.choice(EXTREME, truth.shape)
    weight = rng.choice(np.array([0, 0.5, 1, 3], "float32"), truth.shape[:-1])
    values, gradient = value_and_gradient(make(text, **options_of(kind), from_logits=True), truth, logits, weight)
    assert np.all(np.isfinite(values))
    assert np.all(np.isfinite(gradient))
    np.testing.assert_array_equal(gradient[weight == 0], 0)


@every_loss
@few
@given(kind=kinds, shape=cubes, seed=seeds)
def test_turning_space_changes_nothing(text, kind, shape, seed):
    """No axis is another one's better: with no spacing given, all losses are isotropic, to quarter turns."""
    rng = np.random.default_rng(seed)
    truth = truth_of(rng, kind, shape, 0.4)
    p = activated(rng.normal(size=truth.shape), kind)
    loss = make(text, **options_of(kind))
    turned = [np.swapaxes(x, 1, len(shape)) for x in (truth, p)]
    np.testing.assert_allclose(value(loss, *turned), value(loss, truth, p), rtol=2e-5, atol=1e-6)


@every_voxelwise_loss
@few
@given(kind=kinds, shape=shapes, seed=seeds)
def test_places_do_not_matter_to_voxelwise_losses(text, kind, shape, seed):
    rng = np.random.default_rng(seed)
    truth = truth_of(rng, kind, shape, 0.4)
    p = activated(rng.normal(size=truth.shape), kind)
    loss = make(text, **options_of(kind))
    order = rng.permutation(np.prod(shape))
    shuffled = [x.reshape(SAMPLES, -1, x.shape[-1])[:, order].reshape(x.shape) for x in (truth, p)]
    np.testing.assert_allclose(value(loss, *shuffled), value(loss, truth, p), rtol=2e-5, atol=1e-6)
