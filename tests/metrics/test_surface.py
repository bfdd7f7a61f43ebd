"""HD95 and surface Dice: DeepMind's `surface-distance`, SciPy by brute force, and by hand."""

import math
from pathlib import Path

import numpy as np
import pytest
import surface_peer
from scipy.spatial.distance import cdist

from keras_seg.metrics import hd95, surface_dice, surface_distances, surface_per_class
from keras_seg.metrics.surfels import corner_codes, surfel_areas

FIXTURES = Path(__file__).parent / "fixtures" / "surface_distance.npz"
NAN = float("nan")


def check_against_peer(truth, prediction, spacing, hausdorff, dice):
    found = surface_distances(truth, prediction, spacing)
    dice_found = [found.dice(tolerance) for tolerance in surface_peer.TOLERANCES]
    np.testing.assert_allclose(dice_found, dice, atol=1e-9)
    if not truth.any() and not prediction.any():
        hausdorff = [NAN] * len(hausdorff)  # the peer says infinite; nothing is there to be counted
    hausdorff_found = [found.percentile(percent) for percent in surface_peer.PERCENTILES]
    np.testing.assert_allclose(hausdorff_found, hausdorff, atol=1e-9)


def test_equals_surface_distance():
    with np.load(FIXTURES) as fixtures:
        numbers = sorted(key[:2] for key in fixtures if key.endswith("_truth"))
        assert len(numbers) == 45
        for number in numbers:
            case = {key: fixtures[f"{number}_{key}"] for key in ("truth", "prediction", "spacing", "hausdorff", "dice")}
            check_against_peer(**case)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_equals_the_live_peer():
    pytest.importorskip("surface_distance", reason="surface-distance is not installed (`pip install -e .[oracles]`)")
    rng = np.random.default_rng(11)
    for shape, spacing in zip(surface_peer.SHAPES, surface_peer.SPACINGS):
        for truth, prediction in surface_peer.masks(shape, rng):
            if truth.any() and prediction.any():  # the peer's empty masks need a NumPy before 2
                hausdorff, dice = surface_peer.peer_scores(truth, prediction, spacing)
                check_against_peer(truth, prediction, spacing, hausdorff, dice)


@pytest.mark.parametrize(("shape", "spacing"), [((9, 8), (0.5, 2.0)), ((7, 6, 8), (3.0, 0.9, 1.1))])
def test_equals_brute_force(shape, spacing):
    """All distances between all corners whose voxels differ, without a tree, a crop or a code."""
    rng = np.random.default_rng(5)
    masks = [rng.random(shape) < share for share in (0.2, 0.3)]
    points = []
    for mask in masks:
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(mask, 1), [2] * len(shape))
        around = windows.reshape(*windows.shape[: len(shape)], -1)
        points.append(np.argwhere(around.any(-1) & ~around.all(-1)) * spacing)
    matrix = cdist(*points)
    found = surface_distances(*masks, spacing)
    np.testing.assert_allclose(np.sort(found.from_truth), np.sort(matrix.min(axis=1)))
    np.testing.assert_allclose(np.sort(found.from_prediction), np.sort(matrix.min(axis=0)))
    assert found.percentile(100) == pytest.approx(max(matrix.min(axis=1).max(), matrix.min(axis=0).max()))


def box_area(shape, spacing):
    """Faces of `(n - 1) x (m - 1)` voxels, edges and corners that are cut off half a voxel deep."""
    x, y, z = spacing
    a, b, c = ((size - 1) * step for size, step in zip(shape, spacing))
    edges = 4 * 0.5 * (a * math.hypot(y, z) + b * math.hypot(x, z) + c * math.hypot(x, y))
    return 2 * (a * b + a * c + b * c) + edges + 8 * 0.125 * math.hypot(x * y, x * z, y * z)


def test_a_plane_moved_by_two_voxels():
    """Slabs through the whole array: the far faces coincide, the near ones are 2 voxels of 1.5 mm apart."""
    truth, prediction = np.zeros((10, 40, 40), bool), np.zeros((10, 40, 40), bool)
    truth[:4], prediction[:6] = True, True
    spacing = (1.5, 1.0, 1.0)
    assert hd95(truth, prediction, spacing) == 3.0
    assert surface_dice(truth, prediction, spacing, tolerance=3.0) == 1.0
    # Further than 2.9 mm: the prediction's near face with its rim, and the truth's up to 2 mm from its rim.
    rim = 4 * 39 * 0.5 * math.hypot(1.5, 1.0) + 4 * 0.125 * math.hypot(1.5, 1.5, 1.0)
    far = 39**2 + rim + 35**2
    near = 1 - far / (box_area(truth[:4].shape, spacing) + box_area(prediction[:6].shape, spacing))
    assert surface_dice(truth, prediction, spacing, tolerance=2.9) == pytest.approx(near)


def test_area_of_a_box_and_length_of_a_square():
    box, spacing = np.ones((11, 21, 31), bool), (1.0, 2.0, 0.5)
    assert surface_distances(box, box, spacing).truth_areas.sum() == pytest.approx(box_area(box.shape, spacing))
    square = np.ones((5, 7), bool)
    length = surface_distances(square, square, (2.0, 1.0)).truth_areas.sum()
    assert length == pytest.approx(2 * (4 * 2.0 + 6 * 1.0) + 4 * 0.5 * math.hypot(2.0, 1.0))


@pytest.mark.parametrize("rank", [2, 3])
def test_every_code_has_an_area_and_its_inverse_the_same(rank):
    areas = surfel_areas((1.0, 1.5, 0.7)[:rank])
    np.testing.assert_array_equal(areas, areas[::-1])
    assert areas[0] == 0
    assert np.all(areas[1:-1] > 0)
    assert corner_codes(np.ones((2,) * rank, bool)).max() == len(areas) - 1


def test_area_of_a_ball():
    grid = np.indices((64, 64, 64)) - 31.5
    ball = (grid**2).sum(axis=0) < 25**2
    area = surface_distances(ball, ball, (1.0, 1.0, 1.0)).truth_areas.sum()
    assert area == pytest.approx(4 * math.pi * 25**2, rel=0.12)  # stairs are longer than the slope


@pytest.mark.parametrize("shape", [(8, 9), (6, 8, 7)])
def test_empty_masks(shape):
    empty, mask = np.zeros(shape, bool), np.zeros(shape, bool)
    mask[2:5, 3:4] = True
    spacing = (1.0,) * len(shape)
    assert math.isnan(hd95(empty, empty, spacing))
    assert math.isnan(surface_dice(empty, empty, spacing, 1.0))
    for pair in ((empty, mask), (mask, empty)):
        assert hd95(*pair, spacing) == math.inf
        assert surface_dice(*pair, spacing, 100.0) == 0.0
    assert hd95(mask, mask, spacing) == 0.0
    assert surface_dice(mask, mask, spacing, 0.0) == 1.0


@pytest.mark.parametrize("shape", [(20, 24), (12, 14, 13)])
def test_laws(shape):
    rng = np.random.default_rng(2)
    truth, prediction = next(iter(surface_peer.masks(shape, rng)))
    spacing = np.array((0.8, 1.2, 2.0)[: len(shape)])
    expected = hd95(truth, prediction, spacing), surface_dice(truth, prediction, spacing, 1.0)

    def same(a, b, steps, scale=1.0):
        found = hd95(a, b, steps) / scale, surface_dice(a, b, steps, scale)
        assert found == pytest.approx(expected)

    same(prediction, truth, spacing)  # symmetric
    same(truth[::-1], prediction[::-1], spacing)  # reflection
    same(truth.T, prediction.T, spacing[::-1])  # exchange of axes
    same(truth, prediction, spacing * 3.0, scale=3.0)  # millimetres are millimetres
    same(np.pad(truth, 5), np.pad(prediction, 5), spacing)  # outside is background
    same(truth.astype("float32"), prediction.astype("uint8"), spacing)
    wide = surface_dice(truth, prediction, spacing, 2.0)
    assert expected[1] <= wide <= 1.0
    assert hd95(truth, prediction, spacing, percentile=50) <= expected[0] <= hd95(truth, prediction, spacing, 100)


def test_a_tolerance_of_whole_steps_is_met():
    """Three steps of 0.1 mm are 0.30000000000000004 mm, and within 0.3 mm."""
    truth, prediction = np.zeros((12, 2), bool), np.zeros((12, 2), bool)
    truth[1:6], prediction[4:9] = True, True
    assert surface_dice(truth, prediction, (0.1, 1.0), 0.3) == 1.0


def test_per_class():
    rng = np.random.default_rng(8)
    truth, prediction = rng.integers(0, 3, (2, 9, 8, 7))
    spacing = (1.0, 1.0, 2.0)
    options = {"num_classes": 4, "spacing": spacing, "tolerance": 1.0}
    distances, overlaps = surface_per_class(truth, prediction, **options)
    for index in (1, 2):
        masks = truth == index, prediction == index
        assert distances[index] == hd95(*masks, spacing)
        assert overlaps[index] == surface_dice(*masks, spacing, 1.0)
    np.testing.assert_array_equal(np.isnan([distances, overlaps]), [[True, False, False, True]] * 2)
    whole = surface_per_class(truth, prediction, include_background=True, **options)
    assert whole[0][0] == hd95(truth == 0, prediction == 0, spacing)

    masks = truth == 1, prediction == 1
    one = surface_per_class(*masks, num_classes=1, spacing=spacing, tolerance=1.0)
    np.testing.assert_array_equal(one, [[distances[1]], [overlaps[1]]])
    stacked = [np.stack([array == 1, array == 2], axis=-1) for array in (truth, prediction)]
    multi = surface_per_class(*stacked, num_classes=2, spacing=spacing, tolerance=1.0, multilabel=True)
    np.testing.assert_array_equal(multi, [distances[1:3], overlaps[1:3]])


def test_ignored_voxels_are_background_in_both():
    rng = np.random.default_rng(9)
    truth, prediction = rng.integers(0, 3, (2, 10, 11))
    ignored = rng.random(truth.shape) < 0.2
    options = {"num_classes": 3, "spacing": (1.0, 1.0), "tolerance": 1.0}
    found = surface_per_class(np.where(ignored, 255, truth), prediction, ignore_class=255, **options)
    expected = surface_per_class(np.where(ignored, 0, truth), np.where(ignored, 0, prediction), **options)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("truth", "prediction", "spacing", "message"),
    [
        (np.zeros((3, 3)), np.zeros((3, 4)), (1, 1), "same shape"),
        (np.zeros(3), np.zeros(3), (1,), "2 or 3 axes"),
        (np.zeros((3, 3)), np.zeros((3, 3)), (1, 1, 1), "`spacing` must be 2 positive sizes"),
        (np.zeros((3, 3)), np.zeros((3, 3)), (1, 0), "`spacing` must be 2 positive sizes"),
        (np.zeros((3, 3)), np.zeros((3, 3)), 1.0, "`spacing` must be 2 positive sizes"),
        (np.full((3, 3), 2), np.zeros((3, 3)), (1, 1), "`truth` must be a mask"),
        (np.zeros((3, 3)), np.full((3, 3), 0.5), (1, 1), "`prediction` must be a mask"),
    ],
)
def test_wrong_masks_are_told(truth, prediction, spacing, message):
    with pytest.raises(ValueError, match=message):
        hd95(truth, prediction, spacing)
    with pytest.raises(ValueError, match=message):
        surface_dice(truth, prediction, spacing, 1.0)


def test_wrong_percentile_and_tolerance_are_told():
    mask = np.ones((3, 3), bool)
    with pytest.raises(ValueError, match="`percentile` must be"):
        hd95(mask, mask, (1, 1), percentile=0)
    with pytest.raises(ValueError, match="`tolerance` must be"):
        surface_dice(mask, mask, (1, 1), -1.0)
    with pytest.raises(ValueError, match="`tolerance` must be"):
        surface_per_class(mask, mask, 1, (1, 1), math.inf)
