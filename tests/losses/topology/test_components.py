"""Connected components against SciPy, and their numbers by size."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from keras import ops
from scipy import ndimage

from keras_seg.losses.components import label, number

SHAPES = {1: (23,), 2: (9, 13), 3: (5, 8, 7)}
by_connectivity = pytest.mark.parametrize("full", [False, True], ids=["faces", "full"])


def reference(mask, full):
    """Labels of one sample by SciPy."""
    return ndimage.label(mask, ndimage.generate_binary_structure(mask.ndim, mask.ndim if full else 1))[0]


def assert_same_but_for_names(got, expected):
    """Each label of one is exactly one label of the other, and what is outside is outside."""
    np.testing.assert_array_equal(got > 0, expected > 0)
    pairs = np.unique(np.stack([got.ravel(), expected.ravel()]), axis=1)
    assert pairs.shape[1] == len(np.unique(pairs[0])) == len(np.unique(pairs[1]))


def assert_like_scipy(masks, full):
    labels = ops.convert_to_numpy(label(masks, full))
    assert labels.dtype == np.int32
    assert labels.shape == masks.shape
    for got, mask in zip(labels, masks, strict=True):
        assert_same_but_for_names(got, reference(mask, full))


@by_connectivity
@pytest.mark.parametrize("rank", [1, 2, 3])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_components_are_those_of_scipy(rank, full, data):
    # Few shapes, since some backends compile for each.
    shape = data.draw(st.sampled_from([(7, 1, 3)[:rank], (2, 6, 5)[:rank], (4, 4, 4)[:rank]]))
    assert_like_scipy(data.draw(arrays(bool, (2, *shape))), full)


@by_connectivity
@pytest.mark.parametrize("share", [0.2, 0.32, 0.45, 0.6, 0.9])
def test_random_voxels_of_any_density(share, full):
    """Around a share of 0.31 of the voxels of a volume (0.59 in an image) components are largest and most winding."""
    rng = np.random.default_rng(0)
    for shape in ((300,), (40, 37), (14, 15, 13)):
        assert_like_scipy(rng.random((2, *shape)) < share, full)


def serpentine(size, rank):
    """One path that runs through every second line, there and back, and in a volume through every second image."""
    plane = np.zeros((size, size), bool)
    plane[::2] = True
    plane[1:-1:4, -1] = plane[3:-1:4, 0] = True
    if rank == 2:
        return plane
    volume = np.zeros((size, size, size), bool)
    volume[::2] = plane
    last = (size - 1) // 2 * 2
    # Where a plane's path ends: the next one begins there, and runs backwards.
    end = -1 if (last // 2) % 2 == 0 else 0
    volume[1:-1:4, last, end] = volume[3:-1:4, 0, 0] = True
    return volume


def spiral(size):
    """One path from the corner to the middle, its arms one pixel apart."""
    mask, place, step = np.zeros((size, size), bool), np.array([0, -1]), np.array([0, 1])
    for arm in (size, *np.repeat(range(size - 1, 0, -2), 2)):
        for _ in range(arm):
            place = place + step
            mask[tuple(place)] = True
        step = np.array([step[1], -step[0]])
    return mask


def checkerboard(rank, size=8):
    return np.indices((size,) * rank).sum(axis=0) % 2 == 0


MAZES = {
    "serpentine": serpentine(31, 2),
    "serpentine volume": serpentine(15, 3),
    "spiral": spiral(31),
    "checkerboard line": checkerboard(1),
    "checkerboard": checkerboard(2),
    "checkerboard volume": checkerboard(3),
    "diagonal": np.eye(30, dtype=bool),
    "comb": np.arange(40)[:, None] % 2 + np.eye(1, 33, 7, dtype=int) > 0,
    "full": np.ones((9, 8, 7), bool),
    "empty": np.zeros((9, 8, 7), bool),
    "one voxel": np.ones((1, 1, 1), bool),
}


@by_connectivity
@pytest.mark.parametrize("name", MAZES)
def test_mazes(name, full):
    maze = MAZES[name]
    assert_like_scipy(np.stack([maze, ~maze, np.flip(maze), np.zeros_like(maze)]), full)


def test_the_mazes_are_what_they_say():
    assert [reference(MAZES[name], False).max() for name in ("serpentine", "serpentine volume", "spiral")] == [1, 1, 1]
    assert reference(MAZES["checkerboard volume"], False).max() == 256
    assert reference(MAZES["checkerboard volume"], True).max() == 1


def test_a_label_is_the_number_of_the_last_voxel():
    mask = np.array([[[1, 1, 0], [0, 0, 1]], [[0, 0, 0], [1, 0, 1]]], bool)
    expected = [[[2, 2, 0], [0, 0, 6]], [[0, 0, 0], [4, 0, 6]]]
    np.testing.assert_array_equal(ops.convert_to_numpy(label(mask)), expected)


@by_connectivity
def test_samples_do_not_see_each_other(full):
    masks = np.random.default_rng(2).random((4, 6, 5, 4)) < 0.4
    alone = [ops.convert_to_numpy(label(mask[None], full))[0] for mask in masks]
    np.testing.assert_array_equal(ops.convert_to_numpy(label(masks, full)), alone)


def compiled(function, shape, jit_compile=True):
    """Return `function` of a mask, compiled; on TensorFlow with open sizes."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    signature = [tf.TensorSpec([None] * len(shape), "bool")]
    return tf.function(function, input_signature=signature, autograph=False, jit_compile=jit_compile)


@by_connectivity
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_compiled_for_open_sizes(rank, full, jit_compile):
    function = compiled(lambda mask: number(label(mask, full), 3), (2, *SHAPES[rank]), jit_compile)
    for shape in (SHAPES[rank], tuple(size + 2 for size in SHAPES[rank])):
        mask = np.random.default_rng(3).random((2, *shape)) < 0.4
        expected = ops.convert_to_numpy(number(label(mask, full), 3))
        np.testing.assert_array_equal(ops.convert_to_numpy(function(ops.convert_to_tensor(mask))), expected)


def test_a_long_path_takes_few_rounds(monkeypatch):
    """A path of 28,000 voxels: passing labels from neighbour to neighbour would take as many rounds."""
    from keras_seg.losses import components

    rounds = []
    near = components._highest_near
    monkeypatch.setattr(components, "_highest_near", lambda *args: rounds.append(1) or near(*args))
    mask = serpentine(48, 3)
    assert mask.sum() > 28000
    # In eager mode every round calls the function; a compiled loop would call it once.
    if keras.backend.backend() != "tensorflow":
        pytest.skip("asks TensorFlow's eager mode")
    assert len(np.unique(ops.convert_to_numpy(label(mask[None])))) == 2
    assert len(rounds) <= 8


@pytest.mark.parametrize("max_instances", [1, 2, 3, 7, 200])
def test_numbers_by_size(max_instances):
    """The largest first; of equal ones the one that ends first; beyond the limit all share the last number."""
    masks = np.random.default_rng(4).random((3, 12, 11)) < 0.45
    masks[2] = False
    labels = ops.convert_to_numpy(label(masks))
    numbers = ops.convert_to_numpy(number(labels, max_instances))
    assert numbers.dtype == np.int32
    for got, sample in zip(numbers, labels, strict=True):
        ids, sizes = np.unique(sample[sample > 0], return_counts=True)
        expected = np.zeros_like(sample)
        for rank, k in enumerate(np.lexsort((ids, -sizes)), 1):
            expected[sample == ids[k]] = min(rank, max_instances)
        np.testing.assert_array_equal(got, expected)
