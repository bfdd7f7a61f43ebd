"""The border weight: distances to the two nearest instances, and what U-Net makes of them."""

import numpy as np
import pytest
from keras import ops
from scipy.ndimage import distance_transform_edt

from keras_seg import losses
from keras_seg.losses.topology.border import two_nearest

SPACINGS = {1: (2.5,), 2: (0.5, 3.0), 3: (1.5, 0.7, 2.0)}


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("count", [2, 3, 8, 9])
@pytest.mark.parametrize("anisotropic", [False, True], ids=["unit", "anisotropic"])
def test_the_two_nearest_are_those_of_scipy(rank, count, anisotropic):
    """Instances need not be connected; these are random voxels, so that ties are frequent."""
    rng = np.random.default_rng(rank)
    shape, spacing = {1: (60,), 2: (11, 14), 3: (6, 7, 8)}[rank], SPACINGS[rank] if anisotropic else None
    instances = np.where(rng.random((2, *shape)) < 0.15, rng.integers(1, count + 1, (2, *shape)), 0)
    got = [ops.convert_to_numpy(x) for x in two_nearest(instances.astype("int32"), count, spacing)]
    for k, sample in enumerate(instances):
        present = np.unique(sample[sample > 0])
        distances = [distance_transform_edt(sample != one, sampling=spacing) for one in present]
        expected = np.sort(distances, axis=0)[:2]
        np.testing.assert_allclose([got[0][k], got[1][k]], expected, rtol=1e-5, atol=1e-5)


def test_without_a_second_instance_it_is_far():
    instances = np.zeros((2, 5, 6), "int32")
    instances[1, 2, 3] = 1
    first, second = (ops.convert_to_numpy(x) for x in two_nearest(instances, 4))
    assert np.all(first[0] >= 1e6)
    assert np.all(second >= 1e6)
    assert first[1].max() < 10


def value(y_true, y_pred, **options):
    loss = losses.get("border_cross_entropy", reduction=None, **options)
    return ops.convert_to_numpy(loss(np.array(y_true), np.array(y_pred, "float32")))


def test_fewer_than_two_instances_have_no_border_term():
    rng = np.random.default_rng(0)
    probabilities = rng.random((3, 8, 9, 1))
    truth = np.zeros((3, 8, 9, 1))
    truth[1, 2:4, 3:6], truth[2, 1, 1], truth[2, 5, 5] = 1, 1, 1
    plain = ops.convert_to_numpy(losses.get("cross_entropy", reduction=None)(truth, probabilities.astype("float32")))
    values = value(truth, probabilities)
    np.testing.assert_allclose(values[:2], plain[:2], rtol=1e-6)
    assert values[2] > 1.5 * plain[2]


def test_class_weights_are_added_to_the_border_term():
    """`w_c + border`: without a price for any class but 0 the border's voxels still have theirs."""
    truth = np.array([[1, 0, 2]])
    even = np.full((1, 3, 3), 1 / 3)
    border = 10 * np.exp(-(np.array([2, 2, 2]) ** 2) / (2 * 5**2))
    weight = np.array([0.5, 3, 0.25]) + border
    expected = (weight * np.log(3)).mean()
    np.testing.assert_allclose(value(truth, even, class_weights=[3, 0.5, 0.25]), expected, rtol=1e-5)


def test_touching_objects_of_two_classes_are_two_instances_and_of_one_class_one():
    even = np.full((1, 2, 3), 1 / 3)
    # Both voxels: 0 to the instance itself, 1 to the other.
    border = 10 * np.exp(-1 / 50)
    np.testing.assert_allclose(value([[1, 2]], even), (1 + border) * np.log(3), rtol=1e-5)
    np.testing.assert_allclose(value([[1, 1]], even), np.log(3), rtol=1e-5)


def test_beyond_the_limit_the_smallest_are_one():
    """Of three instances at most two count: the two single voxels are one, so there is no gap between them."""
    truth = np.zeros((1, 12, 1))
    truth[0, [0, 1, 2, 8, 10]] = 1
    even = np.full((1, 12, 1), 0.5)
    place = np.arange(12)
    large, near = np.maximum(place - 2, 0), np.minimum(abs(place - 8), abs(place - 10))
    for limit, second in ((2, near), (1, np.full(12, np.inf))):
        expected = np.log(2) * (1 + 10 * np.exp(-((large + second) ** 2) / 50)).mean()
        np.testing.assert_allclose(value(truth, even, max_instances=limit), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"w0": -1}, "`w0` must be a number >= 0"),
        ({"sigma": 0}, "`sigma` must be a number > 0"),
        ({"max_instances": 0}, "`max_instances` must be an integer >= 1. Received: 0"),
        ({"max_instances": 2.5}, "`max_instances` must be an integer >= 1. Received: 2.5"),
        ({"spacing": (1.0, -2.0)}, "`spacing` must hold one size > 0"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        losses.BorderCrossEntropyLoss(**options)


def test_a_spacing_of_another_rank():
    with pytest.raises(ValueError, match=r"`spacing` has 2 sizes for 1 spatial axes"):
        value([[1, 0]], np.full((1, 2, 2), 0.5), spacing=(1.0, 2.0))
