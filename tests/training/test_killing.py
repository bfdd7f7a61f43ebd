"""Trainings that were killed at all kinds of moments: see `killing.py`."""

import json
import pathlib

import numpy as np
import pytest
from training_cases import FILES, rows_of

from keras_seg import comparison, training
from keras_seg.training.state import read_state


@pytest.fixture(scope="module")
def folder(killed_trainings):
    """The folder in which all trainings have come to their end."""
    return killed_trainings.wait()


@pytest.fixture(scope="module")
def report(folder):
    return json.loads((folder / "report.json").read_text())


def test_nothing_is_unreadable_after_any_kill(report):
    assert report["whole"] == 0
    assert [status for _, status in report["kills"]] == [-9] * 4, report["kills"]
    assert report["unreadable"] == []
    assert report["resumed"] == 0


def test_killed_and_resumed_is_the_same_training(report, folder):
    whole, killed = folder / "whole", folder / "killed"
    assert {path.name for path in killed.iterdir()} == FILES
    variables = pathlib.Path("state", "epoch-0005", "variables.npz")
    with np.load(whole / variables) as one, np.load(killed / variables) as other:
        assert one.files == other.files
        for name in one.files:
            np.testing.assert_array_equal(one[name], other[name])
    timeless = [
        [{key: value for key, value in row.items() if key not in ("seconds", "elapsed")} for row in rows]
        for rows in (rows_of(whole / "log.csv"), rows_of(killed / "log.csv"))
    ]
    assert timeless[0] == timeless[1]
    models = [training.load_run(folder).model.get_weights() for folder in (whole, killed)]
    for one, other in zip(*models, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_killed_comparison_goes_on_and_trains_nothing_twice(report, folder):
    assert report["comparison"] == {"kills": [-9, -9], "end": 0, "trained once": True}
    compared = comparison.load_comparison(folder / "compared")
    assert not np.isnan(compared.results.means).any()
    assert compared.results.means.shape == (2, 1)
    assert (folder / "compared" / "report.html").is_file()


def test_another_process_predicts_the_same(report, folder):
    run = training.load_run(folder / "whole")
    scores = run.predict(folder / "data" / "images" / "phantom_0000.nii.gz", probabilities=True)
    np.testing.assert_allclose(scores, np.load(folder / "scores.npy"), atol=1e-5)


def test_control_c_leaves_a_usable_run(report, folder):
    assert report["interrupt"] == 0
    found = json.loads((folder / "interrupted.json").read_text())
    assert found == {"interrupted": True, "epochs": 2, "shape": [32, 28, 24]}
    run = training.load_run(folder / "interrupted")
    assert not run.finished
    assert (run.folder / "curves.png").is_file()
    assert read_state(run.folder / "state")[0].epoch == 2
