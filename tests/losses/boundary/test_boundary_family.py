"""The boundary losses: empty masks, voxel sizes, erosions, what divides them from other implementations."""

import numpy as np
import pytest
from keras import ops
from loss_cases import value_and_gradient
from loss_corners import corners
from scipy.ndimage import correlate, gaussian_filter

from keras_seg import losses
from keras_seg.losses.boundary import difference_over_union, erosion, surface_distance

FAMILY = ("boundary", "hausdorff_dt", "hausdorff_erosion", "boundary_dou", "distance_cross_entropy")


def value(name, y_true, y_pred, sample_weight=None, **options):
    return ops.convert_to_numpy(losses.get(name, reduction=None, **options)(y_true, y_pred, sample_weight))


def squares(shape=(12, 12), size=6, shift=0):
    """Return a filled square (cube) as `[1, *shape, 1]`, its corner at 2 + `shift` along the first axis."""
    mask = np.zeros((1, *shape, 1), "float32")
    mask[(0, slice(2 + shift, 2 + shift + size), *[slice(2, 2 + size)] * (len(shape) - 1))] = 1
    return mask


EMPTY = np.zeros((1, 6, 5, 1), "float32")
HALF = np.concatenate([np.ones((1, 3, 5, 1)), np.zeros((1, 3, 5, 1))], axis=1).astype("float32")


@pytest.mark.parametrize(
    ("name", "truth", "prediction", "expected"),
    [
        # Without a surface of the truth the boundary loss has nothing to measure to.
        ("boundary", EMPTY, HALF, 0),
        ("boundary", 1 - EMPTY, HALF, 0),
        # The prediction's own surface is left: three rows at the distances 3, 2, 1.
        ("hausdorff_dt", EMPTY, HALF, (9 + 4 + 1) / 6),
        ("hausdorff_dt", HALF, EMPTY, (9 + 4 + 1) / 6),
        ("hausdorff_dt", EMPTY, EMPTY, 0),
        ("hausdorff_dt", EMPTY, 0.4 + EMPTY, 0),
        ("hausdorff_dt", 1 - EMPTY, EMPTY, 0),
        ("hausdorff_erosion", EMPTY, EMPTY, 0),
        ("boundary_dou", EMPTY, EMPTY, 0),
        ("boundary_dou", EMPTY, HALF, 1),
        # Plain cross-entropy.
        ("distance_cross_entropy", EMPTY, 0.5 + EMPTY, np.log(2)),
        ("distance_cross_entropy", 1 - EMPTY, 0.5 + EMPTY, np.log(2)),
    ],
)
def test_without_a_surface(name, truth, prediction, expected):
    np.testing.assert_allclose(value(name, truth, prediction), expected, rtol=1e-5, atol=1e-6)


def test_a_mask_without_a_surface_has_no_distance():
    inside = np.concatenate([EMPTY, 1 - EMPTY, HALF], axis=-1) > 0.5
    for exponent in (0.5, 1.0, 2.0, 3.0):
        distance = ops.convert_to_numpy(surface_distance(inside, None, exponent))
        assert not distance[..., :2].any()
        rows = np.array([3, 2, 1, 1, 2, 3]) ** exponent
        np.testing.assert_allclose(distance[0, :, 0, 2], rows, rtol=1e-6)


@pytest.mark.parametrize("name", FAMILY)
def test_voxel_sizes_count(name):
    """Stretching space stretches what is measured in it; a common factor changes nothing but the unit."""
    rng = np.random.default_rng(0)
    truth = squares((12, 14))
    blurred = gaussian_filter(truth, (0, 2, 2, 0)) + 0.05 * rng.random(truth.shape)
    prediction = (0.9 * (1 - blurred)).astype("float32")
    options = {"erosions": 3, "threshold": 0.1, "rescale": False} if name == "hausdorff_erosion" else {}
    plain, ones, doubled, long = (
        value(name, truth, prediction, spacing=spacing, **options) for spacing in (None, (1, 1), (2, 2), (1, 3.5))
    )
    unit = {"boundary": 2, "hausdorff_dt": 4}.get(name, 1)
    np.testing.assert_allclose(ones, plain, rtol=1e-6)
    np.testing.assert_allclose(doubled, unit * plain, rtol=1e-5)
    assert abs(long - plain) > 1e-3 * abs(plain)


def test_hausdorff_costs_more_the_farther_a_false_alarm_lies():
    truth = squares((24, 12), size=4)
    for name, options in (("hausdorff_dt", {}), ("hausdorff_dt", {"log": True})):
        near, far = truth.copy(), truth.copy()
        near[0, 8, 4], far[0, 20, 4] = 1, 1
        assert value(name, truth, near, **options) < value(name, truth, far, **options)
        np.testing.assert_allclose(value("dice", truth, near), value("dice", truth, far))


def test_the_thresholded_prediction_has_no_gradient():
    """The gradient is `2 (p - g) D / N` with the distances `D` as they are."""
    truth = squares()
    prediction = np.clip(0.8 * squares(shift=1) + 0.1, 0, 1).astype("float32")
    _, gradient = value_and_gradient(losses.get("hausdorff_dt"), truth, prediction)
    masks = np.concatenate([prediction, truth]) > 0.5
    distance = ops.convert_to_numpy(surface_distance(masks, None, 2.0)).sum(axis=0, keepdims=True)
    np.testing.assert_allclose(gradient, 2 * (prediction - truth) * distance / truth.size, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("shape", [(12, 12), (11, 11, 11)])
def test_erosions_measure_the_thickness_of_a_mistake(shape):
    """What is missed survives more erosions than an outline that is off by a voxel; a lone voxel survives none."""
    truth, lone = squares(shape), squares(shape, size=1)
    missed, shifted = (value("hausdorff_erosion", truth, other) for other in (0 * truth, squares(shape, 6, 1)))
    assert missed > 4 * shifted > 0
    assert value("hausdorff_erosion", 0 * truth, lone) == 0


def test_erosions_by_hand():
    """Against SciPy, on a mistake of six voxels' thickness, which several erosions leave something of."""
    truth, kernel = squares(), np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]]) / 5
    eroded, total, left = truth[0, ..., 0].astype("float64"), 0, 0
    for k in range(1, 11):
        eroded = np.maximum(correlate(eroded, kernel, mode="constant") - 0.5, 0)
        left += eroded.any()
        eroded = (eroded - eroded.min()) / max(np.ptp(eroded), 1e-12)
        total = total + eroded * k**2.0
    assert left >= 3
    np.testing.assert_allclose(value("hausdorff_erosion", truth, 0 * truth), total.mean(), rtol=1e-5)


def test_an_even_prediction_is_beyond_the_reach_of_erosions():
    """No squared error is above 0.5, so that nothing is left, and no gradient, which is why it trains nothing alone."""
    truth = squares()
    values, gradient = value_and_gradient(losses.get("hausdorff_erosion"), truth, 0 * truth + 0.5)
    assert values == 0
    assert not gradient.any()


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
@pytest.mark.parametrize("from_logits", [False, True])
def test_erosions_are_finite_by_default(kind, from_logits):
    """The laws run without rescaling, whose quotients are what might not be."""
    truth, probabilities = corners(kind)
    prediction = 20 * probabilities - 10 if from_logits else probabilities
    options = {"multilabel": True} if kind == "multilabel" else {}
    loss = losses.get("hausdorff_erosion", from_logits=from_logits, reduction=None, **options)
    for array in value_and_gradient(loss, truth, prediction):
        assert np.isfinite(array).all()


def test_a_map_that_is_nearly_flat_is_not_stretched():
    x = np.zeros((1, 4, 3, 2), "float32")
    x[0, 1, 1] = [5e-4, 0.25]
    got = ops.convert_to_numpy(erosion.stretched(x))
    np.testing.assert_allclose(got[0, 1, 1], [5e-4, 1])
    assert got.sum() == pytest.approx(1 + 5e-4)


def test_the_mean_over_a_cross_knows_voxel_sizes():
    """At sizes 1 and 2 a neighbour along the second axis weighs a quarter; an axis of one has no neighbours."""
    x = np.zeros((1, 3, 3, 1), "float32")
    x[0, 1, 1] = 1
    got = ops.convert_to_numpy(erosion.cross_mean(x, (1.0, 2.0)))[0, ..., 0]
    np.testing.assert_allclose(got, np.array([[0, 1, 0], [0.25, 1, 0.25], [0, 1, 0]]) / 3.5, rtol=1e-6)
    got = ops.convert_to_numpy(erosion.cross_mean(x[:, :, 1:2], (1.0, 2.0)))[0, :, 0, 0]
    np.testing.assert_allclose(got, np.full(3, 1 / 3), rtol=1e-6)


def test_the_share_of_a_boundary_voxel():
    """A block in a volume of sizes 1 and 3: its rim counts whole along the first axis, by a third along the second."""
    inside = np.zeros((1, 6, 6, 1), bool)
    inside[0, 1:5, 1:5] = True
    third = 1 / 3
    expected = np.array([[1, 1, 1, 1], [third, 0, 0, third], [third, 0, 0, third], [1, 1, 1, 1]])
    got = ops.convert_to_numpy(difference_over_union.boundary_share(inside, (1.0, 3.0)))[0, 1:5, 1:5, 0]
    np.testing.assert_allclose(got, expected, rtol=1e-6)
    # The edge of the volume is a boundary, as the zeros around the authors' convolution make it.
    got = ops.convert_to_numpy(difference_over_union.boundary_share(inside[:, 1:5, 1:5], (1.0, 1.0)))
    assert got.sum() == 12


def authors_boundary_dou(g, p, smooth=1e-5):
    """The authors' formula for one mask, `smooth` above and below the line."""
    edge = g * (correlate(g, np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]]), mode="constant") < 5)
    alpha = min(2 * (1 - (np.count_nonzero(edge) + smooth) / (np.count_nonzero(g) + smooth)) - 1, 0.8)
    squares, both = (p * p).sum() + (g * g).sum(), (p * g).sum()
    return (squares - 2 * both + smooth) / (squares - (1 + alpha) * both + smooth)


def test_difference_over_union_is_the_authors_but_for_nothing_in_nothing():
    """They give 1 to a perfect prediction of an empty class, and no other prediction can be told from it."""
    rng = np.random.default_rng(0)
    truth = squares((20, 20), size=14)
    prediction = rng.random(truth.shape).astype("float32")
    expected = authors_boundary_dou(truth[0, ..., 0].astype("float64"), prediction[0, ..., 0].astype("float64"))
    np.testing.assert_allclose(value("boundary_dou", truth, prediction), expected, rtol=1e-5)
    empty = np.zeros((6, 5))
    assert authors_boundary_dou(empty, empty) == authors_boundary_dou(empty, empty + 0.3) == 1
    assert value("boundary_dou", EMPTY, EMPTY) == 0
    np.testing.assert_allclose(value("boundary_dou", EMPTY, EMPTY + 0.3), 1, rtol=1e-4)


def test_distances_weigh_the_cross_entropy_up_to_twice():
    """At the surface of a large body nearly twice, at its core and far away once."""
    truth = squares((30, 30), size=20)
    _, gradient = value_and_gradient(losses.get("distance_cross_entropy", from_logits=True), truth, 0 * truth)
    factor = np.abs(gradient[0, ..., 0]) / np.abs(gradient).min()
    assert factor[2, 12] == pytest.approx(2 - 1 / 10, abs=1e-5)
    assert factor.max() < 2
    assert factor[12, 12] == pytest.approx(1, abs=1e-5)
    assert factor[29, 29] == pytest.approx(1, abs=1e-5)


def test_a_softmax_of_two_classes_is_a_sigmoid_by_distance():
    truth = squares((12, 14))
    logits = np.random.default_rng(1).normal(size=truth.shape).astype("float32")
    both = np.concatenate([0 * logits, logits], axis=-1)
    binary = value("distance_cross_entropy", truth, logits, from_logits=True)
    np.testing.assert_allclose(
        value("distance_cross_entropy", truth[..., 0].astype("int32"), both, from_logits=True), binary, rtol=1e-5
    )


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("hausdorff_dt", {"alpha": 0}, "`alpha` must be a number > 0. Received: 0"),
        ("hausdorff_erosion", {"erosions": 0}, "`erosions` must be a whole number >= 1. Received: 0"),
        ("hausdorff_erosion", {"erosions": 2.5}, "`erosions` must be a whole number >= 1. Received: 2.5"),
        ("hausdorff_erosion", {"threshold": 1.5}, "`threshold` must be a number >= 0 and <= 1. Received: 1.5"),
        ("hausdorff_erosion", {"alpha": -1}, "`alpha` must be a number >= 0. Received: -1"),
        ("boundary_dou", {"max_alpha": 1}, "`max_alpha` must be below 1, where every mistake would cost the same"),
        ("boundary_dou", {"max_alpha": 2}, "`max_alpha` must be a number >= -1 and <= 1. Received: 2"),
        ("boundary_dou", {"smooth": -1}, "`smooth` must be a number >= 0. Received: -1"),
        ("distance_cross_entropy", {"epsilon": 0}, "`epsilon` must be a number > 0 and <= 0.5. Received: 0"),
        *[(name, {"spacing": [1, -1]}, "`spacing` must hold one size > 0 per spatial axis") for name in FAMILY],
    ],
)
def test_wrong_arguments(name, options, message):
    with pytest.raises(ValueError, match=message):
        losses.get(name, **options)
