"""Soft skeletons, their gradient, and the tube of the skeleton recall."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy.ndimage import binary_dilation, generate_binary_structure

from keras_seg.losses import get, soft_skeleton
from keras_seg.losses.topology import pooling
from keras_seg.losses.topology.skeleton import tubed_skeleton

SHAPES = {1: (17,), 2: (9, 8), 3: (5, 6, 7)}


def by_tape(function, x, upstream):
    """Gradient of `sum(function(x) * upstream)` as the framework sees it."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        x = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        return tape.gradient(y, x, output_gradients=tf.constant(upstream)).numpy()
    if keras.backend.backend() == "jax":
        import jax

        return np.asarray(jax.grad(lambda x: ops.sum(function(x) * upstream))(x))
    x = ops.convert_to_tensor(x).requires_grad_()
    ops.sum(function(x) * upstream).backward()
    return ops.convert_to_numpy(x.grad)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("iterations", [1, 3, 8])
def test_the_gradient_is_that_of_the_skeleton(rank, iterations):
    """The loop is differentiated by hand: against central differences, in float64, where no two voxels tie."""
    rng = np.random.default_rng(rank)
    mask = rng.permutation(np.linspace(0.01, 0.99, np.prod(SHAPES[rank]))).reshape(1, *SHAPES[rank], 1)
    upstream = rng.normal(size=mask.shape)
    gradient = by_tape(lambda x: soft_skeleton(x, iterations), mask, upstream)
    for _ in range(3):
        direction, step = rng.normal(size=mask.shape), 1e-6
        ahead, behind = (
            (ops.convert_to_numpy(soft_skeleton(mask + sign * step * direction, iterations)) * upstream).sum()
            for sign in (1, -1)
        )
        np.testing.assert_allclose((ahead - behind) / (2 * step), (gradient * direction).sum(), rtol=1e-6)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_voxels_that_tie_share_the_gradient(rank):
    """What a maximum passes on is all it got, in equal parts to the voxels that attain it."""
    rng = np.random.default_rng(rank)
    x = rng.integers(0, 3, (2, *SHAPES[rank])).astype("float32")
    upstream = rng.random(x.shape).astype("float32")
    for axis in range(1, rank + 1):
        highest = pooling.maximum_along(ops.convert_to_tensor(x), axis)
        gradient = ops.convert_to_numpy(pooling.maximum_gradient(ops.convert_to_tensor(x), highest, upstream, axis))
        lines, passed = (np.moveaxis(array, axis, -1) for array in (x, upstream))
        expected = np.zeros_like(lines)
        for place in np.ndindex(lines.shape):
            window = slice(max(place[-1] - 1, 0), place[-1] + 2)
            ties = lines[place[:-1]][window] == lines[place[:-1]][window].max()
            expected[place[:-1]][window] += passed[place] * ties / ties.sum()
        np.testing.assert_allclose(np.moveaxis(gradient, axis, -1), expected, rtol=1e-5, atol=1e-6)


def test_skeletons_of_plates_and_of_thin_lines():
    """A plate of 5 x 9 shrinks to its middle line; a line of one voxel is its own skeleton."""
    plate = np.zeros((1, 9, 13, 1), "float32")
    plate[0, 2:7, 2:11] = 1
    skeleton = ops.convert_to_numpy(soft_skeleton(plate, 5))[0, ..., 0]
    assert set(np.unique(skeleton)) == {0, 1}
    np.testing.assert_array_equal(skeleton[4, 4:9], 1)
    line = np.zeros((1, 9, 13, 1), "float32")
    line[0, 4, 1:12] = 1
    np.testing.assert_array_equal(ops.convert_to_numpy(soft_skeleton(line, 5)), line)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("radius", [0, 1, 2])
def test_the_tube_is_the_dilated_skeleton_inside_the_mask(rank, radius):
    shape = {1: (30,), 2: (20, 19), 3: (11, 12, 13)}[rank]
    mask = np.random.default_rng(rank).random((2, *shape, 1)) < 0.85
    skeleton = ops.convert_to_numpy(soft_skeleton(mask.astype("float32"), 4)) > 0.5
    tube = ops.convert_to_numpy(tubed_skeleton(mask.astype("float32"), 4, radius))
    for k in range(2):
        expected = skeleton[k, ..., 0]
        if radius:
            expected = binary_dilation(expected, generate_binary_structure(rank, 1), iterations=radius)
        np.testing.assert_array_equal(tube[k, ..., 0], expected & mask[k, ..., 0])


def test_false_positives_cost_the_recall_nothing():
    truth = np.zeros((1, 7, 9, 1), "float32")
    truth[0, 3, 1:8] = 1
    loss = get("skeleton_recall")
    assert abs(float(loss(truth, np.ones_like(truth)))) < 1e-6
    np.testing.assert_allclose(float(loss(truth, np.zeros_like(truth))), 1, rtol=1e-5)
    assert abs(float(loss(np.zeros_like(truth), np.zeros_like(truth)))) < 1e-6


@pytest.mark.parametrize(
    ("options", "message"),
    [({"iterations": 0}, "`iterations`"), ({"radius": -1}, "`radius`"), ({"smooth": -1}, "`smooth`")],
)
def test_bad_arguments_of_the_recall(options, message):
    with pytest.raises(ValueError, match=message):
        get("skeleton_recall", **options)
