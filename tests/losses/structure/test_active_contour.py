"""Outlines: how long they are, whichever way they run, and that ignored voxels draw none."""

import math

import numpy as np
import pytest
from keras import ops
from loss_cases import value, value_and_gradient

from keras_seg import losses
from keras_seg.losses.structure.active_contour import contour_length


def length(mask, counts=None):
    """Return the length of the outline of a mask `[*spatial]`, in steps between voxels."""
    x = np.asarray(mask, "float32")[None, ..., None]
    counts = np.ones_like(x) if counts is None else np.asarray(counts, "float32")[None, ..., None]
    mean = float(ops.convert_to_numpy(contour_length(x, counts, 1e-12))[0, 0])
    return mean * math.prod(size - 1 for size in np.shape(mask))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("inside_first", [True, False])
def test_a_flat_face_is_as_large_as_it_is(axis, inside_first):
    mask = np.zeros((6, 7, 8))
    mask[tuple(slice(0, 3) if a == axis else slice(None) for a in range(3))] = 1
    area = math.prod(size - 1 for a, size in enumerate(mask.shape) if a != axis)
    assert length(mask if inside_first else 1 - mask) == pytest.approx(area, rel=1e-3)


def test_a_square_is_as_long_as_its_sides():
    """Four sides of four steps and a corner of one each, as long as half a step along either side."""
    mask = np.zeros((12, 12))
    mask[3:8, 3:8] = 1
    assert length(mask) == pytest.approx(4 * 4 + 4, rel=1e-3)


def test_an_ignored_voxel_draws_no_outline():
    mask, counts = np.ones((5, 6)), np.ones((5, 6))
    mask[2, 3] = counts[2, 3] = 0
    assert length(mask, counts) == pytest.approx(0, abs=1e-4)
    assert length(mask) > 1


def test_prediction_at_the_edge_of_ignored_voxels_is_free():
    """What is right stays right where the ignored voxel next door holds the opposite, or nothing at all."""
    truth = np.ones((1, 4, 4, 1), "float32")
    weight = np.ones((1, 4, 4), "float32")
    weight[0, 1, 1] = 0
    prediction = np.where(weight[..., None] == 0, np.float32(np.nan), truth)
    values, gradient = value_and_gradient(losses.ActiveContourLoss(), truth, prediction, weight)
    np.testing.assert_allclose(values, 1e-4, rtol=1e-3)
    assert np.all(np.isfinite(gradient))


def test_the_region_term_is_what_lies_on_the_wrong_side():
    truth = np.array([[[1.0], [1.0], [0.0], [0.0]]], "float32")
    flat = np.full_like(truth, 0.25)
    for region_weight in (1.0, 3.0):
        loss = losses.ActiveContourLoss(region_weight=region_weight)
        # (0.75 + 0.75 + 0.25 + 0.25) / 4, and no outline but epsilon's.
        np.testing.assert_allclose(value(loss, truth, flat), 0.5 * region_weight + 1e-4, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"region_weight": -1}, "`region_weight` must be a number >= 0"),
        ({"epsilon": 0}, "`epsilon` must be a number > 0"),
    ],
)
def test_wrong_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        losses.ActiveContourLoss(**options)
