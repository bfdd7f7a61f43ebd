"""The distance transform against SciPy, and the signed map that is made of it."""

import keras
import numpy as np
import pytest
from keras import ops
from loss_cases import tensorflow_only
from scipy.ndimage import distance_transform_edt

from keras_seg.losses import signed_distance, squared_distance, squared_distance_across
from keras_seg.losses.distance import FAR, WHOLE

SHAPES = {1: (17,), 2: (9, 13), 3: (5, 8, 7)}
SPACINGS = {1: (2.5,), 2: (0.5, 3.0), 3: (1.5, 0.7, 2.0)}


def masks(shape, seed=0):
    """Return masks of all densities and their corners: one voxel at an edge, all but one voxel, a plane."""
    rng = np.random.default_rng(seed)
    stacked = [rng.random(shape) < share for share in (0.02, 0.2, 0.5, 0.9)]
    dot, hole, plane = np.zeros(shape, bool), np.ones(shape, bool), np.zeros(shape, bool)
    dot[(0,) * len(shape)] = True
    hole[tuple(size // 2 for size in shape)] = False
    plane[-1] = True
    stacked[0][(-1,) * len(shape)] = True
    return np.stack([*stacked, dot, hole, plane])


def reference(mask, spacing):
    """Distance of every voxel to the nearest set voxel, by SciPy."""
    return np.stack([distance_transform_edt(~m, sampling=spacing) for m in mask])


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("anisotropic", [False, True], ids=["unit", "anisotropic"])
def test_distances_are_those_of_scipy(rank, anisotropic):
    mask, spacing = masks(SHAPES[rank]), SPACINGS[rank] if anisotropic else None
    got = np.sqrt(ops.convert_to_numpy(squared_distance(mask, spacing)))
    np.testing.assert_allclose(got, reference(mask, spacing), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("anisotropic", [False, True], ids=["unit", "anisotropic"])
def test_distances_across_the_surface_are_those_of_both_sides(rank, anisotropic):
    mask, spacing = masks(SHAPES[rank]), SPACINGS[rank] if anisotropic else None
    got = np.sqrt(ops.convert_to_numpy(squared_distance_across(mask, spacing)))
    np.testing.assert_allclose(got, reference(mask, spacing) + reference(~mask, spacing), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(WHOLE + 5, 7), (7, WHOLE + 5), (WHOLE + 1, 2, 2 * WHOLE), (WHOLE, WHOLE + 1)])
@pytest.mark.parametrize("share", [0, 0.002, 0.3], ids=["corners", "sparse", "dense"])
def test_long_lines_are_taken_in_chunks(shape, share):
    """As far as the distances reach, which is from end to end where two opposite corners are all there is."""
    mask = np.random.default_rng(2).random((3, *shape)) < share
    mask[(0, *[0] * len(shape))] = mask[(1, *[-1] * len(shape))] = True
    mask[2] = ~mask[1]
    for spacing in (None, (0.7, 2.0, 1.3)[: len(shape)]):
        outside, inside = reference(mask, spacing), reference(~mask, spacing)
        got = np.sqrt(ops.convert_to_numpy(squared_distance(mask, spacing)))
        np.testing.assert_allclose(got, outside, rtol=1e-5, atol=1e-5)
        got = np.sqrt(ops.convert_to_numpy(squared_distance_across(mask, spacing)))
        np.testing.assert_allclose(got, outside + inside, rtol=1e-5, atol=1e-5)


def test_distances_in_a_large_volume_are_exact():
    """Squares of whole distances are whole numbers, exact in float32."""
    mask = np.random.default_rng(1).random((1, 40, 50, 60)) < 1e-3
    got = ops.convert_to_numpy(squared_distance(mask))
    np.testing.assert_array_equal(got, np.round(reference(mask, None) ** 2))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_an_axis_of_one_voxel_adds_no_distance(rank):
    mask = masks(SHAPES[rank])
    expected = ops.convert_to_numpy(squared_distance(mask))
    if rank < 3:
        for axis in range(1, rank + 2):
            got = ops.convert_to_numpy(squared_distance(np.expand_dims(mask, axis)))
            np.testing.assert_array_equal(np.squeeze(got, axis), expected)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_from_an_empty_mask_everything_is_far(rank):
    empty, full = np.zeros((2, *SHAPES[rank]), bool), np.ones((2, *SHAPES[rank]), bool)
    far = ops.convert_to_numpy(squared_distance(empty))
    assert np.all(far >= FAR)
    assert np.all(np.isfinite(far))
    assert not ops.convert_to_numpy(squared_distance(full)).any()
    for mask in (empty, full):
        far = ops.convert_to_numpy(squared_distance_across(mask))
        assert np.all(far >= FAR)
        assert np.all(np.isfinite(far))


def test_samples_do_not_see_each_other():
    mask = masks(SHAPES[2])
    alone = [ops.convert_to_numpy(squared_distance(m[None]))[0] for m in mask]
    np.testing.assert_array_equal(ops.convert_to_numpy(squared_distance(mask)), alone)


@tensorflow_only
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_open_sizes(rank, jit_compile):
    import tensorflow as tf

    spacing = SPACINGS[rank]
    traced = tf.function(
        lambda mask: squared_distance(mask, spacing),
        input_signature=[tf.TensorSpec([None] * (rank + 1), "bool")],
        autograph=False,
        jit_compile=jit_compile,
    )
    long = (WHOLE + 3, *SHAPES[rank][1:])
    for shape in (SHAPES[rank], tuple(size + 3 for size in SHAPES[rank]), long):
        mask = masks(shape)
        np.testing.assert_allclose(np.sqrt(traced(mask)), reference(mask, spacing), rtol=1e-5, atol=1e-5)


def signed_reference(mask, spacing=None):
    """Outside the distance to the mask, inside minus the distance to the outside, less one (smallest) voxel."""
    smallest = 1 if spacing is None else min(spacing)
    outside, inside = reference(mask, spacing), reference(~mask, spacing)
    signed = np.where(mask, smallest - inside, outside)
    has_surface = [m.any() and not m.all() for m in mask]
    return np.where(np.reshape(has_surface, (-1, *[1] * (mask.ndim - 1))), signed, 0)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("anisotropic", [False, True], ids=["unit", "anisotropic"])
def test_signed_distances(rank, anisotropic):
    """Classes lie on the last axis, each a mask of its own; one of them is empty, one full."""
    spacing = SPACINGS[rank] if anisotropic else None
    mask = np.stack([masks(SHAPES[rank], seed) for seed in (0, 1)], axis=-1)
    mask[0, ..., 0], mask[0, ..., 1] = False, True
    expected = np.stack([signed_reference(mask[..., c], spacing) for c in (0, 1)], axis=-1)
    for truth in (mask.astype("float32"), np.where(mask, 0.51, 0.49).astype("float32")):
        got = ops.convert_to_numpy(signed_distance(truth, spacing))
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-4)
    assert not got[0].any()


def test_signed_distances_have_no_gradient():
    """They are of the truth; a soft one must not be pulled through the distance."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("asks TensorFlow's tape")
    import tensorflow as tf

    truth = tf.constant(masks(SHAPES[2])[..., None].astype("float32"))
    with tf.GradientTape() as tape:
        tape.watch(truth)
        total = ops.sum(signed_distance(truth))
    assert tape.gradient(total, truth) is None
