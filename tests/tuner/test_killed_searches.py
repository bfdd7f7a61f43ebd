"""Searches that were killed, and searches of several processes: see `killed_searches.py`."""

import csv
import json

import numpy as np
import pytest

from keras_seg.tuner.log import TrialLog
from keras_seg.tuner.result import SearchResult


@pytest.fixture(scope="module")
def folder(killed_searches):
    """The folder in which all searches have come to their end."""
    return killed_searches.wait()


@pytest.fixture(scope="module")
def report(folder):
    return json.loads((folder / "report.json").read_text())


def entries(folder):
    """The trainings of a confirmation round, without what they took."""
    found = [json.loads(path.read_text()) for path in sorted((folder / "confirmation").glob("*.json"))]
    return [{key: value for key, value in entry.items() if key != "seconds"} for entry in found]


def test_all_ended_as_they_should(report, killed_searches):
    ends = [report["whole"], report["damaged"], *(report["shared"][name] for name in ("first", "again", "chief"))]
    assert ends == [0] * 5, killed_searches.log.read_text()[-3000:]
    assert report["kills"] == [-9] * 3
    assert report["shared"]["killed"] == -9


def test_kerastuner_prints_nothing_between_the_lines(folder, killed_searches):
    # It prints the losses whenever a worker and the chief exchange the space.
    assert not {"dice_ce", "tversky"} & set(killed_searches.log.read_text().splitlines())


def test_a_killed_search_finds_what_an_undisturbed_one_does(folder):
    whole, killed = (TrialLog(folder / name).trials() for name in ("whole", "killed"))
    assert [trial.loss for trial in killed] == [trial.loss for trial in whole]
    for one, other in zip(killed, whole, strict=True):
        assert (one.curve, one.best_epoch) == (other.curve, other.best_epoch)
    assert entries(folder / "killed") == entries(folder / "whole")
    recipes = [(folder / name / "recipe.toml").read_text() for name in ("whole", "killed")]
    assert recipes[0] == recipes[1]


def test_what_was_damaged_is_set_aside_and_runs_again(folder):
    names = sorted(path.name for path in (folder / "killed" / "trials").glob("*.damaged"))
    assert len(names) == 1
    assert names[0].startswith("0001-")


def test_every_trial_of_two_workers_stands_on_the_leaderboard_once(folder):
    rows = list(csv.DictReader((folder / "shared" / "leaderboard.csv").read_text().splitlines()))
    assert sorted(row["number"] for row in rows) == ["1", "2", "3"]
    assert len({row["loss"] for row in rows}) == 3
    assert not any(row["reason"] for row in rows)
    # They are the trials that one process would have made.
    alone = {trial.loss for trial in TrialLog(folder / "whole").trials()}
    assert alone < {row["loss"] for row in rows}


def test_the_chief_confirms_and_keeps_the_best(folder):
    names = {path.name for path in (folder / "shared").iterdir()}
    assert {"leaderboard.md", "trials.png", "best", "best.keras", "recipe.toml", "overlay.png"} <= names
    result = SearchResult(folder / "shared")
    model = result.best_model
    assert model.predict(np.zeros((1, 16, 16, 1)), verbose=0).shape == (1, 16, 16, 2)
