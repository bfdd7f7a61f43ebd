"""Where pixel losses meet one another, and where a formula needs care."""

import numpy as np
import pytest
from loss_cases import KINDS, batch_of, make, value, value_and_gradient

from keras_seg import losses


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "options", "limit", "limit_options"),
    [
        ("poly_cross_entropy", {"epsilon1": 0.0}, "cross_entropy", {}),
        ("poly_focal", {"epsilon1": 0.0}, "focal", {}),
        ("poly_focal", {"gamma": 0.0, "alpha": None}, "poly_cross_entropy", {}),
        ("generalized_cross_entropy", {"q": 1e-3}, "cross_entropy", {}),
    ],
)
def test_limits(kind, name, options, limit, limit_options):
    batch = batch_of(kind)
    pair = (make(name, **options, **batch.options), make(limit, **limit_options, **batch.options))
    values = [value(loss, batch.truth, batch.probabilities) for loss in pair]
    np.testing.assert_allclose(*values, rtol=3e-3 if "q" in options else 1e-5)


def test_generalized_cross_entropy_at_1_is_the_mean_absolute_error():
    batch = batch_of("multiclass")
    p_true = (batch.truth * batch.probabilities).sum(-1)
    expected = (1 - p_true).reshape(3, -1).mean(1)
    values = value(make("generalized_cross_entropy", q=1.0), batch.labels, batch.probabilities)
    np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_balanced_cross_entropy_of_two_classes_is_that_of_one_map():
    batch = batch_of("binary")
    two = np.concatenate([-batch.logits, batch.logits], -1) / 2
    loss = make("balanced_cross_entropy", from_logits=True)
    expected, gradient = value_and_gradient(loss, batch.truth, batch.logits)
    values, two_gradient = value_and_gradient(loss, batch.labels, two)
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    np.testing.assert_allclose((two_gradient[..., 1:] - two_gradient[..., :1]) / 2, gradient, rtol=1e-4, atol=1e-7)


def test_balanced_cross_entropy_gives_both_sides_the_same_weight():
    """Ten times the background changes neither side's share: both are multiplied by the other's number."""
    p = np.array([0.3, 0.6], "float32").reshape(1, 2, 1)
    for copies in (1, 10):
        y_true = np.array([[1] + [0] * copies])
        y_pred = np.concatenate([p[:, :1], *[p[:, 1:]] * copies], 1)
        both = copies / (copies + 1) ** 2 * (-np.log(0.3) - np.log(0.4))
        np.testing.assert_allclose(value(make("balanced_cross_entropy"), y_true, y_pred), [both], rtol=1e-5)


@pytest.mark.parametrize("label", [0, 1])
def test_balanced_cross_entropy_of_one_side_alone_is_0(label):
    y_true, y_pred = np.full((1, 5), label), np.full((1, 5, 1), 0.3, "float32")
    values, gradient = value_and_gradient(make("balanced_cross_entropy"), y_true, y_pred)
    assert values.tolist() == [0]
    np.testing.assert_array_equal(gradient, 0)


@pytest.mark.parametrize("certainty", [1.0, 20.0, 200.0])
def test_the_complement_of_a_softmax_is_exact_from_logits(certainty):
    """Where one class takes all, `1 - p` rounds to 0; its logarithm is still the sum over the others."""
    logits = np.array([[certainty, 0.0, -1.0], [0.0, 0.0, certainty], [0.0, 0.0, 0.0]])[None]
    labels = np.array([[1, 1, 0]])
    log_p = (
        logits
        - np.log(np.exp(logits - logits.max(-1, keepdims=True)).sum(-1, keepdims=True))
        - logits.max(-1, keepdims=True)
    )
    expected = []
    for c in range(3):
        rest = np.delete(log_p, c, axis=-1)
        top = rest.max(-1, keepdims=True)
        log_rest = (np.log(np.exp(rest - top).sum(-1, keepdims=True)) + top)[..., 0]
        g = labels == c
        beta = 1 - g.mean()
        expected.append(np.where(g, -beta * log_p[..., c], -(1 - beta) * log_rest).mean())
    loss = make("balanced_cross_entropy", from_logits=True)
    values, gradient = value_and_gradient(loss, labels, logits.astype("float32"))
    np.testing.assert_allclose(values, [np.mean(expected)], rtol=1e-5)
    assert np.all(np.isfinite(gradient))
    assert np.all(gradient[0, :2, 1] < 0)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("ohem_cross_entropy", {"threshold": 0}, "`threshold` must be a number > 0 and <= 1. Received: 0"),
        ("ohem_cross_entropy", {"min_kept": 1.5}, "`min_kept` must be a number > 0 and <= 1. Received: 1.5"),
        ("poly_cross_entropy", {"epsilon1": -1.5}, "`epsilon1` must be a number >= -1. Received: -1.5"),
        ("poly_focal", {"epsilon1": "1"}, "`epsilon1` must be a number >= -1. Received: '1'"),
        ("poly_focal", {"gamma": -1}, "`gamma` must be a number >= 0. Received: -1"),
        ("poly_focal", {"alpha": 2}, "`alpha` must be a number >= 0 and <= 1. Received: 2"),
        ("generalized_cross_entropy", {"q": 0}, "`q` must be a number > 0 and <= 1. Received: 0"),
        ("svls_cross_entropy", {"window": 4}, "`window` must be an odd whole number >= 3.*Received: 4"),
        ("svls_cross_entropy", {"window": 1}, "`window` must be an odd whole number >= 3.*Received: 1"),
        ("svls_cross_entropy", {"sigma": 0}, "`sigma` must be a number >= 0.1. Received: 0"),
        ("nacl", {"alpha": -0.1}, "`alpha` must be a number >= 0. Received: -0.1"),
        ("nacl", {"window": 2.0}, "`window` must be an odd whole number >= 1.*Received: 2.0"),
    ],
)
def test_arguments(name, options, message):
    with pytest.raises(ValueError, match=message):
        losses.get(name, **options)


def test_factors_that_do_not_fit_the_classes():
    batch = batch_of("multiclass")
    with pytest.raises(ValueError, match=r"`alpha` must hold one number per class \(3\)"):
        losses.get("poly_focal", alpha=[1, 2])(batch.labels, batch.probabilities)
