import numpy as np
import pytest
import scipy.ndimage

from keras_seg.data import class_shares, num_classes, phantoms
from keras_seg.data.phantom import MOST_FOREGROUND


def same(one, two):
    return np.array_equal(one.image, two.image) and np.array_equal(one.label, two.label)


@pytest.mark.parametrize("shape", [(48, 40), (24, 32, 16)])
def test_a_phantom_is_a_case(shape):
    for case in phantoms(2, shape, num_classes=4, spacing=(1.0, 2.0, 3.0)[: len(shape)]):
        assert case.image.shape == (*shape, 1)
        assert case.label.shape == shape
        assert (case.image.dtype, case.label.dtype) == (np.float32, np.uint8)
        assert np.isfinite(case.image).all()
        assert case.image.min() >= 0
        assert set(np.unique(case.label)) == {0, 1, 2, 3}
        assert case.spacing == (1.0, 2.0, 3.0)[: len(shape)]


@pytest.mark.parametrize(
    ("shape", "classes", "foreground"),
    [((48, 48, 48), 4, f) for f in (0.001, 0.01, 0.1, 0.25)]
    + [((64, 64), 3, f) for f in (0.001, 0.02, 0.25)]
    + [((24, 24, 24), 8, 0.02), ((32, 16, 20), 2, 0.05)],
)
def test_the_share_of_the_foreground_is_met_to_the_voxel(shape, classes, foreground):
    for case in phantoms(3, shape, classes, foreground):
        assert abs(np.count_nonzero(case.label) - foreground * case.label.size) <= 0.5
        assert len(np.unique(case.label)) == classes


def test_an_organ_is_larger_than_vessels_and_vessels_than_lesions():
    shares = class_shares(phantoms(6, (32, 32, 32), 4))
    assert shares[1] > shares[2] > shares[3] > 0


def test_the_same_seed_makes_the_same_cases():
    assert all(map(same, phantoms(3, (32, 32), seed=5), phantoms(3, (32, 32), seed=5)))
    assert not any(map(same, phantoms(3, (32, 32), seed=5), phantoms(3, (32, 32), seed=6)))


def test_a_case_is_the_same_however_many_there_are():
    few, many = phantoms(2, (32, 32)), phantoms(5, (32, 32))
    assert all(map(same, few, many))
    assert not any(same(many[0], other) for other in many[1:])
    assert [case.name for case in many] == sorted({case.name for case in many})


@pytest.mark.parametrize(("empty", "count"), [(0, 0), (0.2, 1), (0.25, 2), (0.5, 3), (1, 6)])
def test_the_number_of_empty_cases_is_exact(empty, count):
    full = phantoms(6, (32, 32))
    some = phantoms(6, (32, 32), empty=empty)
    emptied = [not case.label.any() for case in some]
    assert sum(emptied) == count
    for before, after, is_empty in zip(full, some, emptied):
        assert same(before, after) != is_empty
        # Without its structures an empty case still is the same body: far from them nothing changed.
        blurred = scipy.ndimage.binary_dilation(before.label > 0, iterations=4)
        np.testing.assert_allclose(before.image[~blurred], after.image[~blurred], rtol=1e-5)


def test_more_empty_cases_keep_the_empty_ones_empty():
    fewer, more = (
        {case.name for case in phantoms(8, (32, 32), empty=empty) if not case.label.any()} for empty in (0.25, 0.6)
    )
    assert len(fewer) == 2
    assert fewer < more


@pytest.mark.parametrize("shape", [(96, 96), (48, 48, 48)])
def test_it_looks_like_a_scan(shape):
    """Air around a body, noise that is Rician, structures of low contrast, a raw scale that differs between cases."""
    cases = phantoms(4, shape, num_classes=4)
    for case in cases:
        image = case.image[..., 0]
        corner = np.concatenate(
            [image[x, y].ravel() for x in (slice(6), slice(-6, None)) for y in (slice(6), slice(-6, None))]
        )
        body = image > 4 * corner.mean()
        assert 0.4 < body.mean() < 0.9
        assert body[case.label > 0].mean() > 0.9
        # The magnitude of pure complex noise has a mean of 1.91 standard deviations (Rayleigh).
        assert 1.5 < corner.mean() / corner.std() < 2.4
        organ, rest = image[case.label == 1], image[(case.label == 0) & body]
        assert organ.std() > 0.02 * organ.mean()
        assert rest.std() > 0.3 * abs(organ.mean() - rest.mean())  # no threshold separates them
    assert max(case.image.mean() for case in cases) > 1.5 * min(case.image.mean() for case in cases)


def test_structures_hang_together():
    """A vessel is a few connected pieces, not dust, down to a small share."""
    for foreground in (0.002, 0.05):
        for case in phantoms(4, (40, 40, 40), 3, foreground):
            for number in (1, 2):
                pieces, count = scipy.ndimage.label(case.label == number, np.ones((3, 3, 3)))
                assert np.bincount(pieces.ravel())[1:].max() > 0.5 * np.count_nonzero(case.label == number)
                assert count <= 12


def test_classes_begin_again_after_three():
    cases = phantoms(2, (64, 64), num_classes=8, foreground=0.15)
    assert num_classes(cases) == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_cases": 0}, "`num_cases` must be 1 or more"),
        ({"shape": (32,)}, "`shape` must have two or three axes of 16"),
        ({"shape": (32, 8)}, "`shape` must have two or three axes of 16"),
        ({"num_classes": 1}, "`num_classes` counts the background"),
        ({"num_classes": 300}, "`num_classes` counts the background"),
        ({"foreground": 0.0}, "For cases without foreground use `empty`"),
        ({"foreground": MOST_FOREGROUND + 0.01}, "so that it fits into the body"),
        ({"foreground": 0.001, "num_classes": 4}, "1.0 voxels, too few for 3 foreground classes"),
        ({"empty": 1.5}, "`empty` is a share of the cases"),
        ({"spacing": (1.0,)}, "`spacing` must be one positive number per axis"),
        ({"spacing": (1.0, 0.0)}, "`spacing` must be one positive number per axis"),
    ],
)
def test_arguments_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        phantoms(**{"num_cases": 1, "shape": (32, 32), **arguments})
