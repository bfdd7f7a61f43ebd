"""Trials on the disk: their files, their keys, and what is done about damage."""

import dataclasses
import math

import pytest

from keras_seg.tuner.log import TrialLog
from keras_seg.tuner.trial import Trial, identity_of, ranked


def trial(number=1, alpha=0.3, **options):
    values = {"loss": "tversky", "tversky.alpha": alpha}
    made = Trial(number, "tversky", f"tversky(alpha={alpha})", {"tversky.alpha": alpha}, values=values)
    made.note(1, 0.25)
    return dataclasses.replace(made, **options)


def test_round_trip():
    full = trial(seconds=1.5, stopped=True, space={"space": [], "values": {"rate": 0.1}})
    full.note(2, 1 / 3)
    full.note(3, math.nan)
    assert (full.epochs, full.best_epoch, full.curve) == (3, 2, {1: 0.25, 2: 1 / 3})
    assert Trial.from_json(full.to_json()) == full
    failed = Trial(2, "dice", "dice", reason="MemoryError")
    again = Trial.from_json(failed.to_json())
    assert math.isnan(again.val_dice)
    assert dataclasses.replace(again, val_dice=0.0) == dataclasses.replace(failed, val_dice=0.0)


def test_best_until():
    noted = Trial(1, "dice", "dice", curve={2: 0.5, 4: 0.75})
    assert math.isnan(noted.best_until(1))
    assert [noted.best_until(epoch) for epoch in (2, 3, 4, 9)] == [0.5, 0.5, 0.75, 0.75]


def test_keys_tell_what_is_trained_and_how_far():
    long, short = trial(), trial()
    short.values |= {"tuner/epochs": 3, "tuner/initial_epoch": 0, "tuner/trial_id": "0004"}
    assert long.identity == short.identity
    assert (long.key, short.key) == (f"{long.identity}-all", f"{long.identity}-3")
    assert trial(alpha=0.4).identity != long.identity
    # Numbers are rounded on their way between machines.
    assert identity_of({"a": 0.1 + 0.2, "b": "x"}) == identity_of({"b": "x", "a": 0.3})
    assert Trial(1, "dice", "dice").identity != Trial(1, "focal", "focal").identity


def test_the_best_comes_first_and_what_failed_last():
    trials = [Trial(1, "a", "a", reason="no"), trial(2), trial(3, val_dice=0.5), trial(4)]
    assert [one.number for one in ranked(trials)] == [3, 2, 4, 1]


def test_trials_come_back_in_order_for_another_process_too(tmp_path):
    log = TrialLog(tmp_path)
    assert log.trials() == []
    for number in (2, 10, 1):
        log.add(trial(number, alpha=number / 100))
    assert [one.number for one in log.trials()] == [1, 2, 10]
    assert TrialLog(tmp_path).trials() == log.trials()
    assert log.find(trial(alpha=0.1).key).number == 10
    assert log.find("none") is None


def test_equal_trials_count_once(tmp_path):
    log = TrialLog(tmp_path)
    log.add(trial(5))
    log.add(trial(2, val_dice=0.125))
    (found,) = log.trials()
    assert (found.number, found.val_dice) == (2, 0.125)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        lambda content: b"\x00\xff" * 40,
        lambda content: b"[]",
        lambda content: b"3",
        lambda content: b"{}",
        lambda content: content.replace(b'"number"', b'"nummer"'),
        lambda content: content.replace(b'"curve": {', b'"curve": null, "other": {'),
    ],
)
def test_a_damaged_file_is_set_aside(damage, tmp_path):
    TrialLog(tmp_path).add(trial(1))
    TrialLog(tmp_path).add(trial(2, alpha=0.5))
    path = next((tmp_path / "trials").glob("0001-*.json"))
    path.write_bytes(damage(path.read_bytes()))
    said = []
    log = TrialLog(tmp_path, said.append)
    assert [one.number for one in log.trials()] == [2]
    assert [one.number for one in log.trials()] == [2]
    assert len(said) == 1
    assert str(path) in said[0]
    assert "runs again" in said[0]
    assert path.with_name(path.name + ".damaged").exists()
    # It ran again.
    log.add(trial(1))
    assert [one.number for one in log.trials()] == [1, 2]


def test_files_under_way_are_left_alone(tmp_path):
    log = TrialLog(tmp_path)
    log.add(trial(1))
    half = tmp_path / "trials" / ".123.0002-abc.json"
    half.write_text("{")
    assert len(log.trials()) == 1
    assert half.exists()
