"""Seconds: windows counted, steps timed without a trace, epochs that fit into their time."""

import types

import keras
import numpy as np
import pytest

from keras_seg.inference.windows import window_starts
from keras_seg.training import Recipe, Timing, build, epochs_for, time_step
from keras_seg.training.planning.machine import Resources
from keras_seg.training.planning.timing import count_windows, estimate_timing
from keras_seg.training.planning.workload import Workload

DATA = types.SimpleNamespace(rank=2, channels=1, num_classes=2)


@pytest.fixture
def recipe():
    return Recipe.from_dict(
        {
            "network": {"filters": (4, 8), "strides": (2,)},
            "training": {"patch": (16, 16), "batch_size": 2, "epochs": 40, "steps_per_epoch": 10, "ema": 0.9},
        }
    )


@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5, 0.7])
@pytest.mark.parametrize("size", [5, 16, 17, 40, 101])
def test_windows_are_counted_as_the_sliding_window_lays_them(size, overlap):
    assert count_windows((size, 16), (16, 16), overlap) == len(window_starts(size, 16, overlap))


def test_timing_leaves_the_model_as_it_was(recipe):
    model = build(recipe, DATA)
    before = [np.array(variable) for variable in model.variables]
    state = [np.array(variable) for variable in model.optimizer.variables]
    timing = time_step(model, recipe, shape=(40, 40), steps=3)
    assert timing.measured
    assert 0 < timing.step < timing.first_step
    assert timing.case > 0
    for variables, values in ((model.variables, before), (model.optimizer.variables, state)):
        assert all(np.array_equal(np.array(a), b) for a, b in zip(variables, values, strict=True))
    assert int(model.optimizer.iterations) == 0


def test_timing_takes_batches_and_a_whole_case_from_outside(recipe):
    model, calls = build(recipe, DATA), []

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            calls.append(index)
            return np.zeros((2, 16, 16, 1), "float32"), np.zeros((2, 16, 16), "uint8")

    timing = time_step(model, recipe, batches=Batches(), validate=lambda: calls.append("case"), steps=2)
    assert {0, 1, 2} <= set(calls)
    assert calls.count("case") == 2
    assert timing.case < timing.first_step


def test_an_estimate_counts_windows_mirrors_and_speed(recipe):
    work = Workload(values=1e6, flops=1e9, parameters=1000)
    cores = Resources(2, 8_000_000_000)
    one = estimate_timing(work, recipe, (16, 16), cores)
    assert one.step == pytest.approx(3 * 2 * 1e9 / 160e9)
    assert not one.measured
    mirrored = estimate_timing(work, recipe.replace(**{"validation.mirror": (0, 1)}), (64, 64), cores)
    assert mirrored.case > 20 * one.case
    gpu = Resources(2, 8_000_000_000, "A100", 40_000_000_000)
    assert estimate_timing(work, recipe, (16, 16), gpu).step < one.step / 10


TIMINGS = [
    Timing(step=0.5, first_step=10.0, case=0.1),
    Timing(step=0.5, first_step=10.0, case=25.0),
    Timing(step=0.01, first_step=5.0, case=2.0),
]


@pytest.mark.parametrize("timing", TIMINGS)
@pytest.mark.parametrize("minutes", [8, 25, 120])
@pytest.mark.parametrize("cases", [0, 1, 5, 20])
def test_epochs_fill_the_time_and_no_more(recipe, timing, minutes, cases):
    schedule = epochs_for(recipe, timing, minutes, validation_cases=cases, spent=20.0)
    before_and_after = 20 + timing.first_step + cases * timing.case
    if before_and_after > 0.8 * 60 * minutes:
        assert schedule.epochs >= 1
        return
    assert schedule.minutes <= minutes
    assert schedule.validation <= 0.25 * 60 * minutes + timing.case
    unit = 10 * timing.step * 1.05 + schedule.validation / schedule.epochs
    assert schedule.minutes * 60 >= 0.97 * 60 * minutes - 2 * unit - schedule.validation
    assert 1 <= schedule.every <= schedule.epochs
    assert schedule.cases == 0 or 1 <= schedule.cases < cases


def test_long_validation_takes_fewer_cases_and_is_done_less_often(recipe):
    cheap = epochs_for(recipe, TIMINGS[0], 25, validation_cases=20)
    dear = epochs_for(recipe, TIMINGS[1], 25, validation_cases=20)
    assert cheap.every <= 2
    assert cheap.cases == 0
    assert dear.every > cheap.every
    assert 2 <= dear.cases < 20


def test_without_a_limit_the_epochs_are_those_of_the_recipe(recipe):
    schedule = epochs_for(recipe, TIMINGS[0], validation_cases=20, spent=20.0)
    assert (schedule.epochs, schedule.cases) == (40, 0)
    # 40 epochs of 10 steps, 5 % slower, then start and final scores.
    assert schedule.training == pytest.approx(40 * 10 * 0.5 * 1.05)
    assert schedule.other == pytest.approx(20 + 10 + 20 * 0.1)
    assert schedule.validation <= schedule.training / 3
    assert schedule.values() == {"training.epochs": 40, "validation.every": schedule.every, "validation.cases": 0}


def test_hardly_any_time_leaves_one_epoch(recipe):
    schedule = epochs_for(recipe, TIMINGS[1], 0.1, validation_cases=20, spent=60.0)
    assert schedule.epochs == 1
    assert schedule.minutes > 0.1
