import itertools
import tracemalloc

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from keras_seg.data import Case, Geometry, median_spacing
from keras_seg.metrics import harden

ORIENTATIONS = [
    "".join(letters) for axes in itertools.permutations(("RL", "AP", "SI")) for letters in itertools.product(*axes)
]


def volume(array, spacing, orientation):
    """A NIfTI image whose axes run as the orientation says."""
    turned = nibabel.orientations.axcodes2ornt(orientation)
    affine = np.zeros((4, 4))
    for axis, (world, sign) in enumerate(turned):
        affine[int(world), axis] = sign * spacing[axis]
    affine[:, 3] = (10, -20, 30, 1)
    return nibabel.Nifti1Image(array, affine)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_axes_are_those_of_nibabel(orientation):
    array = np.random.default_rng(0).normal(size=(3, 4, 5)).astype("float32")
    spacing = (0.5, 1.0, 2.0)
    canonical = nibabel.as_closest_canonical(volume(array, spacing, orientation))
    geometry = Geometry(array.shape, spacing, orientation)
    np.testing.assert_array_equal(geometry.image(array[..., None])[..., 0], canonical.get_fdata(dtype="float32"))
    assert geometry.prepared_shape == geometry.canonical_shape == canonical.shape
    assert geometry.prepared_spacing == canonical.header.get_zooms()


def test_an_oblique_volume_gets_the_nearest_axes():
    turn = np.eye(4)
    turn[:3, :3] = [[0.1, 0.9, 0.2], [-0.95, 0.1, 0.1], [0.1, -0.2, 1.1]]
    array = np.random.default_rng(0).normal(size=(3, 4, 5)).astype("float32")
    scan = nibabel.Nifti1Image(array, turn)
    geometry = Geometry(array.shape, scan.header.get_zooms(), "".join(nibabel.aff2axcodes(turn)))
    expected = nibabel.as_closest_canonical(scan).get_fdata(dtype="float32")
    np.testing.assert_array_equal(geometry.image(array[..., None])[..., 0], expected)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 6)),
    orientation=st.sampled_from([*ORIENTATIONS, None, "RA?"]),
    drift=st.sampled_from([None, 0.992, 1.0, 1.009]),
)
def test_without_resampling_the_way_back_is_exact(shape, orientation, drift):
    generator = np.random.default_rng(sum(shape))
    spacing = (0.7, 1.3, 4.0)
    geometry = Geometry(shape, spacing, orientation)
    if drift:
        geometry = Geometry(shape, spacing, orientation, [size * drift for size in geometry.canonical_spacing])
    scores = generator.normal(size=(*shape, 3)).astype("float32")
    label = generator.integers(0, 1000, shape).astype("int32")
    assert not geometry.interpolates
    np.testing.assert_array_equal(geometry.scores_back(geometry.image(scores)), scores)
    np.testing.assert_array_equal(geometry.label_back(geometry.label(label)), label)
    np.testing.assert_array_equal(geometry.classes_back(geometry.image(scores)), harden(scores))


def positions(have, want, step):
    """Where the new voxels lie on the old grid, from the millimetres between the centres of the two grids."""
    return (np.arange(want) + 0.5 - want / 2) * step + have / 2 - 0.5


@pytest.mark.parametrize("target", [(1.0, 1.0, 1.0), (0.61, 1.3, 0.9), (1.5, 0.4, 1.9)])
def test_finer_voxels_are_scipys_linear_interpolation(target):
    array = np.random.default_rng(0).normal(size=(9, 7, 8)).astype("float32")
    spacing = (1.5, 1.3, 2.0)
    geometry = Geometry(array.shape, spacing, None, target)
    found = geometry.image(array[..., None])[..., 0]
    assert found.shape == tuple(round(n * old / new) for n, old, new in zip(array.shape, spacing, target))
    places = [positions(n, m, new / old) for n, m, old, new in zip(array.shape, found.shape, spacing, target)]
    expected = ndimage.map_coordinates(array, np.meshgrid(*places, indexing="ij"), order=1, mode="nearest")
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("factor", [2, 3])
def test_whole_factors_are_scipys_zoom(factor):
    array = np.random.default_rng(0).normal(size=(5, 6, 7)).astype("float32")
    found = Geometry(array.shape, (factor,) * 3, "RAS", (1, 1, 1)).image(array[..., None])[..., 0]
    np.testing.assert_allclose(found, ndimage.zoom(array, factor, order=1, mode="nearest", grid_mode=True), atol=1e-5)


@pytest.mark.parametrize("step", [2.0, 2.5, 3.7])
def test_coarser_voxels_are_means_over_their_extent(step):
    """The mean of SciPy's linear interpolation at a thousand places within each voxel."""
    array = np.random.default_rng(0).normal(size=(30, 4)).astype("float32")
    geometry = Geometry(array.shape, (1, 1), None, (step, 1))
    found = geometry.image(array[..., None])[..., 0]
    within = ((np.arange(1000) + 0.5) / 1000 - 0.5) * step
    places = (positions(30, len(found), step)[:, None] + within).ravel()
    for column in range(4):
        values = ndimage.map_coordinates(array[:, column], [places], order=1, mode="nearest")
        np.testing.assert_allclose(found[:, column], values.reshape(-1, 1000).mean(axis=1), atol=1e-4)


def test_the_mean_begins_at_the_centre():
    """No sudden blur where a coarser voxel begins: 1.02 is nearly what a point at the centre has."""
    array = np.random.default_rng(0).normal(size=(100, 4)).astype("float32")
    found = Geometry(array.shape, (1, 1), None, (1.02, 1)).image(array[..., None])[..., 0]
    places = positions(100, len(found), 1.02)
    points = [ndimage.map_coordinates(column, [places], order=1, mode="nearest") for column in array.T]
    np.testing.assert_allclose(found, np.stack(points, axis=-1), atol=0.05)


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "PIR"])
@pytest.mark.parametrize("target", [(0.8, 0.8, 0.8), (1.0, 2.3, 1.4), (2.5, 1.1, 0.9)])
def test_a_place_in_the_scanner_stays_where_it_is(orientation, target):
    """Voxels that hold their own coordinate still do: there is no shift by a part of a voxel, there and back."""
    shape, spacing = (21, 24, 27), (1.0, 1.2, 1.5)
    scan = volume(np.zeros(shape), spacing, orientation)
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    places = nibabel.affines.apply_affine(scan.affine, index).astype("float32")
    geometry = Geometry(shape, spacing, orientation, target)
    prepared = geometry.image(places)
    inside = (slice(4, -4),) * 3
    np.testing.assert_allclose(prepared.mean(axis=(0, 1, 2)), places.mean(axis=(0, 1, 2)), atol=1e-3)
    for axis, want in enumerate(geometry.prepared_spacing):
        steps = np.diff(prepared[..., axis], axis=axis)[inside]
        np.testing.assert_allclose(steps, want, atol=1e-3)
    np.testing.assert_allclose(geometry.scores_back(prepared)[inside], places[inside], atol=1e-3)


@pytest.mark.parametrize("target", [(0.7, 0.8, 1.1), (1.7, 1.9, 2.2)])
def test_labels_are_the_argmax_of_linear_one_hot_maps(target):
    generator = np.random.default_rng(0)
    label = ndimage.zoom(generator.integers(0, 6, (4, 4, 5)), 4, order=0).astype("uint8")
    label[label == 4] = 0  # a gap
    geometry = Geometry(label.shape, (1, 1, 1), "RAS", target)
    one_hot = (label[..., None] == np.arange(6)).astype("float32")
    shares = geometry.image(one_hot)
    clear = np.diff(np.sort(shares, axis=-1)[..., -2:], axis=-1)[..., 0] > 1e-4
    found = geometry.label(label)
    assert (found.dtype, found.shape) == (np.uint8, geometry.prepared_shape)
    assert clear.mean() > 0.95
    np.testing.assert_array_equal(found[clear], shares.argmax(axis=-1)[clear])


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "int64"])
def test_labels_of_any_type_and_number(dtype):
    label = np.zeros((12, 10), dtype)
    label[2:6, 2:9] = 100
    found = Geometry(label.shape, (2, 2), None, (1, 1)).label(label)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, np.kron(label, np.ones((2, 2), dtype)))
    np.testing.assert_array_equal(Geometry((12, 10), (2, 2), None, (1, 1)).label_back(found), label)


def test_distant_slices_are_not_blended():
    """Five millimetres between slices, one within: each new slice is one of the old ones."""
    image = np.random.default_rng(0).normal(size=(6, 7, 4)).astype("float32")
    found = Geometry(image.shape, (1, 1, 5), "RAS", (1, 1, 2.5)).image(image[..., None])[..., 0]
    np.testing.assert_array_equal(found, np.repeat(image, 2, axis=2))
    # Also where the slices are distant in the prepared grid only, and within the slice all stays linear.
    thin = Geometry((6, 7, 40), (2, 1, 1), "RAS", (1, 1, 5))
    stack = np.random.default_rng(0).normal(size=(6, 7, 40)).astype("float32")
    found = thin.image(stack[..., None])[..., 0]
    np.testing.assert_allclose(
        found, ndimage.zoom(stack[:, :, 2::5], (2, 1, 1), order=1, mode="nearest", grid_mode=True), atol=1e-5
    )


def test_up_to_three_times_longer_is_linear():
    image = np.random.default_rng(0).normal(size=(6, 7, 4)).astype("float32")
    found = Geometry(image.shape, (1, 1, 3), "RAS", (1, 1, 1.5)).image(image[..., None])[..., 0]
    expected = ndimage.zoom(image, (1, 1, 2), order=1, mode="nearest", grid_mode=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    spacing=st.tuples(st.floats(0.1, 10), st.floats(0.1, 10)),
    target=st.tuples(st.floats(0.1, 10), st.floats(0.1, 10)),
)
def test_any_sizes_go_there_and_back(shape, spacing, target):
    geometry = Geometry(shape, spacing, None, target)
    generator = np.random.default_rng(0)
    image = generator.uniform(1, 2, (*shape, 2))
    prepared = geometry.image(image)
    assert prepared.shape == (*geometry.prepared_shape, 2)
    back = geometry.scores_back(prepared)
    assert back.shape == image.shape
    assert 1 - 1e-5 <= back.min() <= back.max() <= 2 + 1e-5
    label = np.full(shape, 3, "uint8")
    assert (geometry.label(label) == 3).all()
    assert (geometry.label_back(geometry.label(label)) == 3).all()


def test_a_ball_comes_back():
    places = np.stack(np.meshgrid(*[np.arange(40) - 19.5] * 3, indexing="ij"))
    label = (np.linalg.norm(places, axis=0) < 12).astype("uint8")
    for target, least in (((0.8, 1.1, 1.3), 0.98), ((2, 2, 2), 0.95)):
        geometry = Geometry(label.shape, (1, 1, 1), "LPS", target)
        back = geometry.label_back(geometry.label(label))
        assert 2 * (back & label).sum() / (back.sum() + label.sum()) > least


@pytest.mark.parametrize("classes", [1, 2, 5, 300])
def test_classes_back_is_the_argmax_of_scores_back(classes):
    scores = np.random.default_rng(0).uniform(size=(6, 7, 8, classes)).astype("float32")
    geometry = Geometry((9, 11, 10), (1, 1, 1), "PIR", (1.6, 1.25, 1.4))
    assert geometry.prepared_shape == scores.shape[:-1]
    found = geometry.classes_back(scores)
    expected = harden(geometry.scores_back(scores))
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == expected.dtype


def test_memory_is_bounded_by_a_few_volumes():
    """The way back takes one class at a time, so that many classes need no more than their result."""
    classes = 24
    geometry = Geometry((40, 40, 40), (1, 1, 1), "LPS", (1.25, 1.25, 1.25))
    scores = np.random.default_rng(0).uniform(size=(*geometry.prepared_shape, classes)).astype("float32")
    volume_bytes = 4 * 40**3
    for function, allowed in ((geometry.classes_back, 8), (geometry.scores_back, classes + 8)):
        tracemalloc.start()
        try:
            function(scores)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < allowed * volume_bytes


def test_progress_shows_the_classes():
    seen = []
    geometry = Geometry((2, 3), (1, 1))
    scores = np.zeros((2, 3, 4), "float32")

    def progress(sequence):
        for entry in sequence:
            seen.append(entry)
            yield entry

    geometry.scores_back(scores, progress)
    geometry.classes_back(scores, progress)
    assert seen == [0, 1, 2, 3] * 2


def test_of_takes_a_case_or_a_frame():
    case = Case("a", np.zeros((3, 4, 1), "float32"), np.zeros((3, 4), "uint8"), (1.0, 2.0))
    assert Geometry.of(case, (2, 2)) == Geometry((3, 4), (1, 2), None, (2, 2))

    class Frame:
        shape, spacing, orientation = (3, 4, 5), (1.0, 2.0, 3.0), "PIR"

    geometry = Geometry.of(Frame())
    assert geometry.prepared_spacing == (3.0, 1.0, 2.0)
    assert geometry == Geometry.from_dict(geometry.to_dict())
    assert Geometry.from_dict(Geometry.of(Frame(), (1, 1, 1)).to_dict()).target_spacing == (1.0, 1.0, 1.0)


def test_what_does_not_fit_is_said():
    geometry = Geometry((3, 4), (1, 1), None, (0.5, 0.5))
    for call, message in (
        (lambda: Geometry((3, 4), (1, 0)), r"`spacing` must be one positive number of millimetres for each of 2 axes"),
        (
            lambda: Geometry((3, 4), (1, 1), None, (1, 1, 1)),
            r"`target_spacing` must be .* for each of 2 axes, but it is",
        ),
        (lambda: Geometry((3, 4), (1, 1), None, 2), r"`target_spacing` .* but it is 2"),
        (lambda: Geometry((3, 4, 5), (1, 1, 1), "RLS"), r"`orientation` must have .* 'RLS' for 3 axes"),
        (lambda: geometry.image(np.zeros((4, 3, 1))), r"`image` must have the shape \[3, 4\] and one axis of channels"),
        (lambda: geometry.label(np.zeros((3, 4, 1), "uint8")), r"`label` must have the shape \[3, 4\], but it has"),
        (lambda: geometry.scores_back(np.zeros((3, 4, 2))), r"`scores` must have the shape \[6, 8\] and one axis"),
        (lambda: geometry.label_back(np.zeros((3, 4), "uint8")), r"`label` must have the shape \[6, 8\], but it has"),
        (lambda: median_spacing([(1, 1), (1, 1, 1)]), r"of the same rank, but there are 2 of the ranks \[2, 3\]"),
        (lambda: median_spacing([]), r"there are 0 of the ranks \[\]"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_median_spacing():
    assert median_spacing([(1, 1, 5), (0.5, 0.8, 1), (0.7, 0.9, 3)]) == (0.7, 0.9, 3.0)
    assert median_spacing([(1, 2)]) == (1.0, 2.0)
