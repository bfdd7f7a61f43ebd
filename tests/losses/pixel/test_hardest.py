"""The hardest voxels, found by bisection: which they are, and how often each counts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from loss_cases import batch_of, make, value, value_and_gradient

from keras_seg.losses.pixel import hardest


def kept_by_sorting(values, weight, kept):
    """Share out `kept` among the largest, one after the other; those that tie share what is left."""
    shares = np.zeros_like(values)
    for level in np.unique(values)[::-1]:
        at = values == level
        share = np.clip((kept - shares.sum()) / max((weight * at).sum(), 1e-30), 0, 1)
        shares += at * weight * share
    return shares


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.sampled_from([0.0, 0.5, 1.0, 3.0])), min_size=1, max_size=30),
    st.floats(1.0, 20.0),
)
def test_bisection_keeps_what_a_sort_keeps(pairs, kept):
    values, weight = (np.array(x, "float32") for x in zip(*pairs))
    values = values / 4
    above, ties = hardest(*(ops.convert_to_tensor(x.reshape(1, -1, 1)) for x in (values, weight, np.float32(kept))))
    ours = ops.convert_to_numpy(above + ties).reshape(-1)
    np.testing.assert_allclose(ours, kept_by_sorting(values, weight, kept), rtol=1e-4, atol=1e-5)


def single(probabilities):
    """Return a prediction of one map, `[1, voxels, 1]`, whose truth is 1 everywhere, and that truth."""
    p = np.array(probabilities, "float32")[None, :, None]
    return np.ones_like(p), p


@pytest.mark.parametrize(
    ("probabilities", "options", "kept"),
    [
        ([0.9, 0.8, 0.6, 0.2], {}, [0.6, 0.2]),
        ([0.9, 0.8, 0.6, 0.2], {"threshold": 0.1}, [0.2]),
        ([0.9, 0.8, 0.6, 0.2], {"threshold": 0.1, "min_kept": 0.5}, [0.6, 0.2]),
        ([0.9, 0.8, 0.6, 0.2], {"threshold": 0.7, "min_kept": 0.75}, [0.8, 0.6, 0.2]),
        ([0.9, 0.95, 0.99, 0.97], {}, [0.9]),
        ([0.9, 0.8, 0.6, 0.2], {"min_kept": 1.0}, [0.9, 0.8, 0.6, 0.2]),
        ([0.9, 0.5, 0.5, 0.5], {"threshold": 0.1, "min_kept": 0.5}, [0.5]),
    ],
)
def test_ohem_keeps_what_is_below_the_threshold_and_at_least_a_share(probabilities, options, kept):
    truth, p = single(probabilities)
    loss = make("ohem_cross_entropy", **options)
    np.testing.assert_allclose(value(loss, truth, p), [-np.log(kept).mean()], rtol=1e-5, atol=1e-6)


def test_ohem_does_not_move_what_is_easy():
    truth, p = single([0.9, 0.8, 0.6, 0.2])
    gradient = value_and_gradient(make("ohem_cross_entropy"), truth, p)[1].reshape(-1)
    np.testing.assert_allclose(gradient, [0, 0, -0.5 / 0.6, -0.5 / 0.2], rtol=1e-5)


def test_ohem_of_all_voxels_is_cross_entropy():
    for kind in ("binary", "multiclass", "multilabel"):
        batch = batch_of(kind)
        pair = (make("ohem_cross_entropy", min_kept=1.0, **batch.options), make("cross_entropy", **batch.options))
        np.testing.assert_allclose(*(value(loss, batch.truth, batch.probabilities) for loss in pair), rtol=1e-5)


def test_class_weights_do_not_choose_the_voxels_of_ohem():
    """The second class weighs so much that by weighted value its easy voxels would come first."""
    labels = np.array([[0, 1, 0, 1]])
    p = np.array([0.5, 0.65, 0.4, 0.9], "float32")
    prediction = np.stack([np.where(labels[0] == 0, p, 1 - p), np.where(labels[0] == 1, p, 1 - p)], -1)[None]
    loss = make("ohem_cross_entropy", class_weights=[1, 100], threshold=0.1, min_kept=0.5)
    np.testing.assert_allclose(value(loss, labels, prediction), -np.log([0.5, 0.4]).mean(), rtol=1e-5)


def test_the_share_is_of_the_voxels_that_count():
    truth, p = single([0.9, 0.8, 0.6, 0.2, 0.1, 0.1])
    weight = np.array([[1, 2, 1, 0, 0, 0]], "float32")
    loss = make("ohem_cross_entropy", threshold=0.05, min_kept=0.5)
    expected = -(np.log(0.6) + np.log(0.8)) / 2
    np.testing.assert_allclose(value(loss, truth, p, weight), [expected], rtol=1e-5)
