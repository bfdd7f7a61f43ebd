"""Where a region loss becomes another: at the end of a parameter, or for a truth of 0 and 1."""

import numpy as np
import pytest
from loss_cases import activated, batch_of, every_kind, make, value, value_and_gradient
from loss_corners import corners

SAME = [
    ("focal_dice(beta=1)", "dice"),
    ("f_beta(beta=1)", "dice(smooth=1e-5)"),
    ("f_beta(beta=2, smooth=0)", "tversky(alpha=0.2, beta=0.8, smooth=0)"),
    ("penalty_generalized_dice(k=0, weight='simple')", "generalized_dice(weight='simple')"),
    ("noise_robust_dice(gamma=2, squared=True, smooth=0)", "dice(squared=True, smooth=0)"),
    ("noise_robust_dice(gamma=1, smooth=0)", "dice(smooth=0)"),
    ("semimetric_dice", "dice"),
    ("semimetric_jaccard", "jaccard"),
    ("semimetric_dice(squared=True)", "dice(squared=True)"),
    ("semimetric_jaccard(squared=True)", "jaccard(squared=True)"),
    ("adaptive_tversky(lowest=0.5, gap=0, regions=1, smooth=0.5)", "dice(smooth=1)"),
    ("adaptive_tversky(lowest=0.5, gap=0, regions=1, smooth=0.5, squared=True)", "dice(smooth=1, squared=True)"),
    ("adaptive_tversky(lowest=0.5, gap=0, regions=1, smooth=0.5, batch=True)", "dice(smooth=1, batch=True)"),
]


@pytest.mark.parametrize(("text", "other"), SAME)
@every_kind
def test_one_loss_is_another(text, other, kind):
    batch = batch_of(kind)
    one, two = (
        value_and_gradient(make(name, **batch.options), batch.truth, batch.probabilities) for name in (text, other)
    )
    np.testing.assert_allclose(one[0], two[0], rtol=3e-5)
    np.testing.assert_allclose(one[1], two[1], rtol=1e-3, atol=1e-7)


def test_log_cosh_is_precise_near_0():
    """It is `x^2 / 2` there, and a logarithm of a number near 1 has no digits of that."""
    truth = np.ones((1, 4, 1), "float32")
    for x in (1e-1, 1e-2, 1e-3):
        p = truth * (1 - x) / (1 + x)
        dice = float(value(make("dice", smooth=0), truth, p)[0])
        got = float(value(make("log_cosh_dice", smooth=0), truth, p)[0])
        np.testing.assert_allclose(got, np.log(np.cosh(np.float64(dice))), rtol=1e-5)


def test_without_squares_sensitivity_and_specificity_are_counted():
    batch = batch_of("binary")
    p, g = (x[..., 0].reshape(3, -1).astype("float64") for x in (batch.probabilities, batch.truth))
    sensitivity = (p * g).sum(1) / g.sum(1)
    specificity = ((1 - p) * (1 - g)).sum(1) / (1 - g).sum(1)
    values = value(make("sensitivity_specificity", r=0.3, squared=False, smooth=0), batch.truth, batch.probabilities)
    np.testing.assert_allclose(values, 1 - 0.3 * sensitivity - 0.7 * specificity, rtol=1e-5)


def test_without_squares_tanimoto_is_the_jaccard_of_both_sides():
    batch = batch_of("binary")
    sides = [
        value(make("jaccard"), truth, p)
        for truth, p in ((batch.truth, batch.probabilities), (1 - batch.truth, 1 - batch.probabilities))
    ]
    values = value(make("tanimoto", squared=False), batch.truth, batch.probabilities)
    np.testing.assert_allclose(values, np.mean(sides, axis=0), rtol=1e-5)


@pytest.mark.parametrize("name", ["sensitivity_specificity", "tanimoto", "noise_robust_dice"])
@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("smooth", [0.0, 1e-5])
def test_finite_at_the_corners_with_and_without_squares(name, squared, smooth):
    for kind in ("binary", "multiclass"):
        truth, probabilities = corners(kind)
        for result in value_and_gradient(make(name, squared=squared, smooth=smooth), truth, probabilities):
            assert np.all(np.isfinite(result))


def test_log_dice_is_the_logarithm_of_dice():
    batch = batch_of("binary")
    dice = 1 - value(make("dice", smooth=0.5), batch.truth, batch.probabilities)
    np.testing.assert_allclose(
        value(make("log_dice", smooth=0.5), batch.truth, batch.probabilities), -np.log(dice), 1e-5
    )


def test_log_dice_still_falls_where_next_to_nothing_is_hit():
    """Its gradient does not die where Dice is too small for a logarithm to be taken of it: the class is absent."""
    truth = np.zeros((1, 40, 40, 40, 1), "float32")
    logits = np.full_like(truth, -1.0)
    values, gradient = value_and_gradient(make("log_dice", from_logits=True), truth, logits)
    expected = np.log(64000 * activated(logits[0, 0, 0, 0], "binary")[0] / 1e-5 + 1)
    np.testing.assert_allclose(values, expected, rtol=1e-4)
    assert np.all(gradient > 0)


@pytest.mark.parametrize("k", [0.5, 2.5])
def test_the_penalty_keeps_the_ends_and_lowers_what_is_between(k):
    batch = batch_of("multiclass")
    plain, penalized = make("generalized_dice"), make("penalty_generalized_dice", k=k)
    for prediction in (batch.truth, np.roll(batch.truth, 1, axis=-1)):
        ends = [value(loss, batch.truth, prediction) for loss in (plain, penalized)]
        np.testing.assert_allclose(*ends, atol=1e-6)
    between = value(plain, batch.truth, batch.probabilities)
    expected = between / (1 + k * (1 - between))
    np.testing.assert_allclose(value(penalized, batch.truth, batch.probabilities), expected, rtol=1e-5)
