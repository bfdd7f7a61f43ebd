import types

import keras
import numpy as np
import pytest

from keras_seg import metrics
from keras_seg.training.callbacks import validation as module
from keras_seg.training.callbacks.clock import Clock
from keras_seg.training.callbacks.validation import WholeCaseValidation, spread
from keras_seg.training.state import TrainingState


class Cases:
    def __init__(self, labels):
        self.labels = labels
        self.names = list(labels)

    def by_name(self, name):
        return types.SimpleNamespace(name=name, label=self.labels[name])


LABELS = {f"case{k}": np.array([[0, 1, 1, 2], [0, 0, k % 2, 2]]) for k in range(6)}


def callback(predict=lambda case: case.label, **options):
    options = {"every": 1, "max_cases": 0, "epochs": 10, "state": TrainingState(), "clock": Clock(), **options}
    options["clock"].begin_training()
    made = WholeCaseValidation(predict, Cases(LABELS), 3, ["a", "b"], **options)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(), "mse")
    model.stop_training = False
    made.set_model(model)
    return made


def epoch(made, number):
    logs = {}
    made.on_epoch_begin(number)
    made.on_epoch_end(number, logs)
    return logs


def test_dice_is_the_pinned_one():
    def predict(case):
        return np.array([[0, 1, 0, 2], [0, 0, 0, 0]])

    made = callback(predict, timed=False)
    logs = epoch(made, 0)
    table = [metrics.dice_per_class(label, predict(None), 3)[1:] for label in LABELS.values()]
    assert logs["val_dice"] == pytest.approx(metrics.mean_dice(table))
    assert logs["val_dice_a"] == pytest.approx(np.mean([row[0] for row in table]))
    assert list(made.table) == list(LABELS)


def test_every_and_the_last_epoch():
    made = callback(every=4, timed=False)
    assert [number for number in range(10) if "val_dice" in epoch(made, number)] == [3, 7, 9]
    made = callback(every=4, timed=False)
    made.model.stop_training = True  # the time is over
    assert "val_dice" in epoch(made, 0)


def test_fewer_cases_are_the_same_ones_each_time():
    seen, said = [], []
    made = callback(lambda case: seen.append(case.name) or case.label, max_cases=3, timed=False, say=said.append)
    epoch(made, 0)
    epoch(made, 1)
    assert seen[:3] == seen[3:] == spread(list(LABELS), 3)
    assert len(said) == 1
    assert "3 of 6 cases" in said[0]


class Time:
    """A clock that only moves when a case is predicted or a step is taken."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now


@pytest.fixture
def moving(monkeypatch):
    from keras_seg.training.callbacks import clock as clock_module

    time = Time()
    monkeypatch.setattr(module, "time", time)
    monkeypatch.setattr(clock_module, "time", time)
    return time


def simulate(time, seconds_of_epoch, seconds_of_case, epochs, **options):
    def predict(case):
        time.now += seconds_of_case
        return case.label

    made = callback(predict, epochs=epochs, **options)
    validated = []
    for number in range(epochs):
        logs = {}
        made.on_epoch_begin(number)
        time.now += seconds_of_epoch
        made.on_epoch_end(number, logs)
        validated += [number] if "val_dice" in logs else []
    return made, validated


def test_a_quarter_of_the_time_at_most(moving):
    said = []
    made, validated = simulate(moving, seconds_of_epoch=2.0, seconds_of_case=1.0, epochs=60, say=said.append)
    assert validated[-1] == 59
    assert 5 <= len(validated) < 60
    assert said == ["Validation: not after each epoch, so that it takes a quarter of the time at most."]
    # The last validation is not asked whether it fits.
    assert made.state.validation_seconds - 6 <= 0.25 * moving.now


def test_cheap_validation_is_never_delayed(moving):
    _, validated = simulate(moving, seconds_of_epoch=10.0, seconds_of_case=0.1, epochs=20)
    assert validated == list(range(20))


def test_cases_are_thinned_out_and_it_is_said(moving):
    said = []
    made, validated = simulate(moving, seconds_of_epoch=2.0, seconds_of_case=1.0, epochs=5, say=said.append)
    assert 2 <= len(made.state.validated) < 6
    assert validated[-1] == 4
    assert "more than a quarter of the time (1.0 s a case)" in said[0]


def test_a_validation_waits_that_the_budget_has_no_room_for(moving):
    def predict(case):
        moving.now += 1.0
        return case.label

    made = callback(predict, epochs=100, clock=Clock(minutes=10))
    moving.now += 60.0
    assert "val_dice" in epoch(made, 0)
    assert len(made.state.validated) == 6
    moving.now = 600 - made.clock.reserve - 3.0
    assert "val_dice" not in epoch(made, 1)
    # What is kept back is for the last one.
    made.model.stop_training = True
    assert "val_dice" in epoch(made, 2)
    assert moving.now < 600


def test_without_a_clock_nothing_depends_on_time(moving):
    made, validated = simulate(moving, seconds_of_epoch=0.1, seconds_of_case=5.0, epochs=6, timed=False)
    assert validated == list(range(6))
    assert made.state.validated == list(LABELS)


def test_reserve_covers_the_end(moving):
    made, _ = simulate(moving, seconds_of_epoch=10.0, seconds_of_case=1.0, epochs=2)
    assert made.clock.reserve == pytest.approx(module.AFTERWARDS + module.SLOWER * (6 + 4))
    assert made.state.reserve == made.clock.reserve
