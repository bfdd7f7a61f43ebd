import numpy as np
import pytest

from keras_seg.data.shapes import Grid, ball_radius, cells, ellipsoid, noise, tube, walk

GRIDS = [Grid((60, 50), (1.0, 1.0)), Grid((40, 44, 20), (1.0, 1.0, 2.0))]


@pytest.mark.parametrize("grid", GRIDS, ids=["2d", "3d"])
def test_noise_has_unit_variance_and_the_size_asked_for(grid):
    fields = np.array([noise(np.random.default_rng(seed), grid, 5.0) for seed in range(200)])
    assert fields.dtype == np.float32
    np.testing.assert_allclose(fields.mean(), 0, atol=0.05)
    np.testing.assert_allclose(fields.var(axis=0).mean(), 1, atol=0.05)
    assert fields.var(axis=0).std() < 0.15  # everywhere alike
    near = np.mean(fields[:, 10] * fields[:, 11])
    far = np.mean(fields[:, 10] * fields[:, 30])
    assert near > 0.9
    assert abs(far) < 0.15


@pytest.mark.parametrize("grid", GRIDS, ids=["2d", "3d"])
def test_an_ellipsoid_has_the_volume_of_its_ball(grid):
    volume = 1500.0
    level = ellipsoid(np.random.default_rng(0), grid, np.zeros(grid.rank), ball_radius(volume, grid.rank), 1.5, 0)
    assert np.count_nonzero(level < 1) * np.prod(grid.spacing) == pytest.approx(volume, rel=0.03)


def test_a_straight_tube_is_the_distance_to_its_axis():
    grid = GRIDS[1]
    points = np.stack([np.zeros(200), np.zeros(200), np.linspace(-30, 30, 200)], axis=1)
    level = tube(grid, points, np.full(200, 4.0))
    across, front, _ = grid.axes()
    np.testing.assert_allclose(level, np.broadcast_to(np.hypot(across, front) / 4, grid.shape), atol=0.01)


def test_a_walk_keeps_its_length_and_its_bounds():
    grid, bounds = GRIDS[1], np.array([12.0, 9.0, 15.0])
    for seed in range(20):
        points = walk(np.random.default_rng(seed), grid, np.zeros(3), np.ones(3), 60, 1.0, 0.06, bounds)
        np.testing.assert_allclose(np.linalg.norm(np.diff(points, axis=0), axis=1), 1)
        assert len(points) == 61
        assert np.linalg.norm(points / bounds, axis=1).max() < 1.15


def test_cells_are_the_nearest_centres():
    grid, centres = GRIDS[0], np.array([[-10.0, 0], [10, 5], [0, -12]])
    owner, depth = cells(grid, centres, np.array([1.0, 1.0, 1.0]))
    across, front = grid.axes()
    distances = np.sort([np.hypot(across - x, front - y) for x, y in centres], axis=0)
    order = np.argmin([np.hypot(across - x, front - y) for x, y in centres], axis=0)
    np.testing.assert_allclose(depth, distances[1] - distances[0], atol=1e-5)
    assert np.mean(owner == order) > 0.999


def test_index_of_a_point():
    grid = GRIDS[1]
    assert grid.index((0.5, -0.5, 1.0)) == (20, 21, 10)
    assert grid.index((1000, -1000, 0.9)) == (39, 0, 10)
