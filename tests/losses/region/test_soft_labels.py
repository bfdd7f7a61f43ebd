"""The losses for soft labels: smallest at equality, a metric, and what the authors' formula says of soft truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loss_cases import make, value, value_and_gradient

SEMIMETRIC = ("semimetric_dice", "semimetric_jaccard")


def soft(seed, classes=1, shape=(2, 6, 5)):
    return np.random.default_rng(seed).random((*shape, classes)).astype("float32")


@pytest.mark.parametrize("name", SEMIMETRIC)
@pytest.mark.parametrize("classes", [1, 3])
def test_equality_is_the_minimum(name, classes):
    truth = soft(1, classes)
    loss = make(name, multilabel=True)
    np.testing.assert_allclose(value(loss, truth, truth), 0, atol=1e-6)
    for seed in range(5):
        assert np.all(value(loss, truth, np.clip(truth + 0.1 * (soft(seed) - 0.5), 0, 1)) > 0)


@pytest.mark.parametrize("name", ["dice", "jaccard"])
def test_of_the_losses_of_products_equality_is_not(name):
    truth = soft(1)
    at_equality, rounded = (value(make(name), truth, p) for p in (truth, np.round(truth)))
    assert np.all(rounded < at_equality)


@pytest.mark.parametrize(("name", "price"), [("semimetric_dice", 0.5), ("semimetric_jaccard", 1.0)])
@pytest.mark.parametrize("classes", [1, 3])
def test_soft_truth_by_the_norms_of_the_paper(name, price, classes):
    truth, p = soft(1, classes), soft(2, classes)
    expected = []
    for g_of_sample, p_of_sample in zip(truth.astype("float64"), p.astype("float64")):
        of_classes = []
        for c in range(classes):
            g, q = g_of_sample[..., c].ravel(), p_of_sample[..., c].ravel()
            tp = (np.linalg.norm(q, 1) + np.linalg.norm(g, 1) - np.linalg.norm(q - g, 1)) / 2
            of_classes.append(1 - tp / (tp + price * (q.sum() - tp) + price * (g.sum() - tp)))
        expected.append(np.mean(of_classes))
    np.testing.assert_allclose(value(make(name, multilabel=True, smooth=0), truth, p), expected, rtol=1e-5)


@given(st.lists(st.tuples(*[st.floats(0, 1, width=32)] * 3), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_the_jaccard_form_is_a_metric(voxels):
    a, b, c = (np.array(x, "float32").reshape(1, -1, 1) for x in zip(*voxels))
    loss = make("semimetric_jaccard", smooth=0)
    ab, ba, bc, ac = (value(loss, *pair)[0] for pair in ((a, b), (b, a), (b, c), (a, c)))
    np.testing.assert_allclose(ab, ba, rtol=1e-5, atol=1e-6)
    assert ac <= ab + bc + 1e-5


@pytest.mark.parametrize("name", SEMIMETRIC)
@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_finite_at_equality(name, level):
    """Where `min(p, g)` has its edge, and where both are empty or full."""
    same = np.full((1, 4, 3, 1), level, "float32")
    for loss in (make(name), make(name, smooth=0)):
        values, gradient = value_and_gradient(loss, same, same)
        np.testing.assert_allclose(values, 0, atol=1e-6)
        assert np.all(np.isfinite(gradient))
