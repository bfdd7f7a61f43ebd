"""What each change of intensity does to the values, against formulas written down once more."""

import numpy as np
import pytest
from scipy import ndimage

from keras_seg.data import intensity


@pytest.fixture
def plane():
    return np.random.default_rng(0).normal(0.3, 1.2, (20, 30)).astype("float32")


def test_brightness_is_a_factor(plane):
    expected = plane * 1.3
    intensity.brighten(plane, 1.3)
    np.testing.assert_allclose(plane, expected, rtol=1e-6)


@pytest.mark.parametrize("factor", [0.6, 1.5])
def test_contrast_stretches_about_the_mean_within_the_range(plane, factor):
    expected = np.clip((plane - plane.mean()) * factor + plane.mean(), plane.min(), plane.max())
    intensity.stretch(plane, factor)
    np.testing.assert_allclose(plane, expected, atol=1e-5)


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("gamma", [0.7, 1.5])
def test_gamma_bends_and_keeps_mean_and_deviation(plane, gamma, inverted):
    before = plane.astype(float)
    sign = -1 if inverted else 1
    turned = sign * before
    bent = ((turned - turned.min()) / np.ptp(turned)) ** gamma
    expected = sign * ((bent - bent.mean()) / bent.std() * before.std() + sign * before.mean())
    intensity.bend(plane, gamma, inverted)
    np.testing.assert_allclose(plane, expected, atol=1e-4)
    np.testing.assert_allclose([plane.mean(), plane.std()], [before.mean(), before.std()], atol=1e-4)
    # Nothing changes places.
    np.testing.assert_array_equal(np.argsort(before, axis=None), np.argsort(plane, axis=None, kind="stable"))


@pytest.mark.parametrize("value", [0.0, 3.0, -2.5])
def test_a_constant_patch_stays_finite(value):
    for change in (
        lambda plane: intensity.bend(plane, 0.7),
        lambda plane: intensity.bend(plane, 0.7, inverted=True),
        lambda plane: intensity.stretch(plane, 1.3),
        lambda plane: intensity.blur(plane, (1, 1)),
    ):
        plane = np.full((6, 6), value, "float32")
        change(plane)
        np.testing.assert_allclose(plane, value, rtol=1e-5)


def test_blur_is_a_gaussian_along_the_axes_that_have_one(plane):
    expected = ndimage.gaussian_filter1d(plane.astype(float), 0.8, axis=1, mode="nearest", truncate=3)
    intensity.blur(plane, (0, 0.8))
    np.testing.assert_allclose(plane, expected, atol=1e-5)


def test_noise_has_its_deviation():
    plane = np.ones((200, 200), "float32")
    intensity.add_noise(plane, 0.2, np.random.default_rng(0))
    assert abs(plane.mean() - 1) < 0.01
    assert abs(plane.std() - 0.2) < 0.005
