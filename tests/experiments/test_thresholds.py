"""Dice at every threshold from histograms, and calibration, against direct counting."""

import numpy as np
import pytest

from keras_seg.experiments.calibration import calibration_bins, calibration_error
from keras_seg.experiments.thresholds import THRESHOLDS, best_thresholds, dice_at_thresholds, histogram
from keras_seg.metrics import dice_per_class


@pytest.fixture
def case():
    generator = np.random.default_rng(0)
    truth = generator.random((12, 14)) < 0.3
    probability = np.clip(0.5 * truth + generator.random((12, 14)) * 0.6, 0, 1).astype("float32")
    return probability, truth


def test_dice_is_that_of_the_metric_at_every_threshold(case):
    probability, truth = case
    table = dice_at_thresholds(histogram(probability, truth))
    for place in range(0, len(THRESHOLDS), 7):
        prediction = (probability >= THRESHOLDS[place]).astype("uint8")
        expected = dice_per_class(truth.astype("uint8"), prediction, 1)[0]
        assert table[place] == pytest.approx(expected, nan_ok=True)


def test_one_half_is_a_threshold():
    assert 0.5 in THRESHOLDS


def test_what_is_absent_follows_the_pinned_rule():
    empty = np.zeros((4, 4), bool)
    low, high = THRESHOLDS[0] / 2, 0.9
    assert np.isnan(dice_at_thresholds(histogram(np.full((4, 4), low), empty))).all()
    predicted = dice_at_thresholds(histogram(np.full((4, 4), high), empty))
    assert predicted[np.searchsorted(THRESHOLDS, 0.5)] == 0
    assert np.isnan(predicted[-1])


def test_the_best_threshold_is_found_and_one_half_among_equals():
    truth = np.zeros(100, bool)
    truth[:20] = True
    # A loss that shifts: what is foreground gets 0.2, all else 0.1.
    shifted = np.where(truth, 0.2, 0.1)
    sharp = np.where(truth, 0.99, 0.01)
    histograms = np.stack([histogram(shifted, truth), histogram(sharp, truth)])[None]
    chosen = THRESHOLDS[best_thresholds(histograms)]
    assert 0.1 < chosen[0] <= 0.2
    assert chosen[1] == 0.5


def test_calibration_of_probabilities_that_are_drawn_from_themselves():
    generator = np.random.default_rng(0)
    probability = generator.random(200_000)
    truth = generator.random(200_000) < probability
    assert calibration_error(calibration_bins(probability, truth)) < 0.01
    assert calibration_error(calibration_bins(probability**3, truth)) > 0.1


def test_calibration_looks_near_the_foreground():
    truth = np.zeros((64, 64), bool)
    truth[30:34, 30:34] = True
    probability = np.where(truth, 0.5, 0.0)
    near = calibration_error(calibration_bins(probability, truth))
    everywhere = 0.5 * truth.mean()
    assert near == pytest.approx(0.5 * 16 / 20**2)
    assert near > 5 * everywhere
    assert np.isnan(calibration_error(calibration_bins(probability, truth, np.zeros_like(truth))))
