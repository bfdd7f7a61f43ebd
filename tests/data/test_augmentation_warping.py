"""The look-up of warped patches, against SciPy, and how little it reads."""

import numpy as np
import pytest
from scipy import ndimage

from keras_seg.data.augmentation import _deformation, _rotation
from keras_seg.data.warping import Warp, cut


class Recorder:
    """An array that remembers how much of it was read."""

    def __init__(self, array):
        self.array, self.shape, self.dtype, self.ndim, self.read = array, array.shape, array.dtype, array.ndim, 0

    def __getitem__(self, index):
        found = self.array[index]
        self.read += found.size
        return found


def arrays(shape, channels=1, seed=0):
    generator = np.random.default_rng(seed)
    image = generator.normal(size=(*shape, channels)).astype("float32")
    return image, generator.integers(0, 5, shape).astype("uint8")


def scipy_patch(image, label, start, shape, warp, mode):
    """The same patch by `scipy.ndimage`, from coordinates that are written down for the whole patch."""
    rank = len(shape)
    axes = [np.arange(size) for size in shape]
    offsets = np.stack(np.meshgrid(*[a - (len(a) - 1) / 2 for a in axes], indexing="ij"))
    if warp.control is not None:
        # SciPy's own cubic B-spline: control points a quarter of the longest side apart, the first before the patch.
        grid = np.stack(np.meshgrid(*[1 + 4 * np.arange(size) / max(shape) for size in shape], indexing="ij"))
        offsets = offsets + np.stack(
            [ndimage.map_coordinates(each, grid, order=3, prefilter=False) for each in warp.control]
        )
    offsets = offsets * np.where(warp.flip, -1, 1).reshape(-1, *[1] * rank)
    centre = np.asarray(start) + (np.asarray(shape) - 1) / 2
    where = np.tensordot(warp.matrix, offsets, 1) + centre.reshape(-1, *[1] * rank)
    pixels = [
        ndimage.map_coordinates(image[..., channel].astype(float), where, order=1, mode=mode)
        for channel in range(image.shape[-1])
    ]
    return np.stack(pixels), ndimage.map_coordinates(label, where, order=0, mode=mode)


def make_warp(generator, shape, elastic, flip):
    rank = len(shape)
    matrix = np.eye(rank) * generator.uniform(0.7, 1.4)
    for first in range(rank):
        for second in range(first + 1, rank):
            matrix = matrix @ _rotation(rank, first, second, generator.uniform(-np.pi, np.pi))
    field = _deformation(generator, shape, np.ones(rank), range(rank), 0.4) if elastic else ()
    return Warp(flip, matrix, *field)


@pytest.mark.parametrize("elastic", [False, True])
@pytest.mark.parametrize(
    ("mirror", "mode", "size", "start", "shape"),
    [
        (False, "grid-constant", (40, 50), (5, 9), (24, 20)),
        (False, "grid-constant", (30, 20), (-3, 0), (36, 20)),
        (True, "mirror", (40, 50), (10, 30), (24, 20)),
        (True, "mirror", (20, 20), (0, 0), (20, 20)),
        (False, "grid-constant", (30, 28, 26), (4, 5, 6), (17, 19, 12)),
        (False, "grid-constant", (12, 28, 10), (-2, 3, -4), (16, 19, 18)),
        (True, "mirror", (30, 28, 26), (0, 9, 14), (17, 19, 12)),
    ],
)
def test_look_up_is_scipys(mirror, mode, size, start, shape, elastic):
    image, label = arrays(size, channels=2)
    for seed in range(4):
        generator = np.random.default_rng(seed)
        warp = make_warp(generator, shape, elastic, tuple(generator.random(len(shape)) < 0.5))
        pixels, classes = cut(image, label, start, shape, warp, mirror)
        expected, expected_classes = scipy_patch(image, label, start, shape, warp, mode)
        np.testing.assert_allclose(pixels, expected, atol=2e-4)
        # A voxel halfway between two may go to either.
        assert np.mean(classes != expected_classes) < 2e-3


def test_slabs_do_not_show(monkeypatch):
    image, label = arrays((40, 40, 40))
    warp = make_warp(np.random.default_rng(0), (30, 31, 32), True, (False, True, False))
    whole = cut(image, label, (3, 3, 3), (30, 31, 32), warp)
    monkeypatch.setattr("keras_seg.data.warping.SLAB", 2000)
    parts = cut(image, label, (3, 3, 3), (30, 31, 32), warp)
    np.testing.assert_array_equal(whole[0], parts[0])
    np.testing.assert_array_equal(whole[1], parts[1])


def test_large_regions_are_counted_exactly(monkeypatch):
    image, label = arrays((40, 40))
    warp = make_warp(np.random.default_rng(0), (30, 30), False, (False, False))
    small = cut(image, label, (3, 3), (30, 30), warp)
    monkeypatch.setattr("keras_seg.data.warping.EXACT", 10)
    large = cut(image, label, (3, 3), (30, 30), warp)
    np.testing.assert_array_equal(small[0], large[0])
    np.testing.assert_array_equal(small[1], large[1])


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_quarter_turns_are_exact(turns):
    image, label = arrays((21, 21))
    warp = Warp((False, False), _rotation(2, 0, 1, turns * np.pi / 2))
    pixels, classes = cut(image, label, (0, 0), (21, 21), warp)
    np.testing.assert_allclose(pixels[0], np.rot90(image[..., 0], -turns), atol=1e-4)
    np.testing.assert_array_equal(classes, np.rot90(label, -turns))


def test_only_the_region_that_a_patch_needs_is_read():
    image, label = arrays((100, 100, 100))
    shape = (16, 16, 16)
    for warp, most in (
        (Warp((True, False, True)), 16**3),
        (Warp((False,) * 3, np.eye(3)), 18**3),
        (Warp((False,) * 3, _rotation(3, 0, 1, np.pi / 4)), 25 * 25 * 18),
    ):
        recorders = Recorder(image), Recorder(label)
        cut(*recorders, (50, 40, 30), shape, warp)
        assert 16**3 <= recorders[0].read <= most
        assert 16**3 <= recorders[1].read <= most


def test_a_patch_far_outside_is_empty():
    image, label = arrays((10, 10))
    for warp in (Warp((False, False)), Warp((False, False), np.eye(2))):
        pixels, classes = cut(image, label, (50, -80), (8, 8), warp)
        assert not pixels.any()
        assert not classes.any()


def test_mirror_of_one_voxel_is_that_voxel():
    image, label = arrays((1, 12))
    warp = Warp((False, False), _rotation(2, 0, 1, 0.1))
    pixels, classes = cut(image, label, (0, 0), (1, 12), warp, mirror=True)
    assert np.isfinite(pixels).all()
    assert pixels.shape == (1, 1, 12)
    assert classes.shape == (1, 12)
