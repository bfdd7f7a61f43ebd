"""Trainings that cannot begin or cannot go on."""

import json

import numpy as np
import pytest
from training_cases import TINY

from keras_seg import training
from keras_seg.training import fitting
from keras_seg.training.state import read_state


def test_a_folder_that_is_no_run(run, tmp_path):
    with pytest.raises(ValueError, match="there is no such folder"):
        training.load_run(tmp_path / "missing")
    with pytest.raises(ValueError, match=r"this is no run: it has no options.json \(it holds nothing\)"):
        training.load_run(tmp_path)
    with pytest.raises(ValueError, match="the folder is not empty"):
        training.train(run.folder.parent / "data", run.folder)


def test_a_run_without_a_model_yet(run, tmp_path):
    for name in ("recipe.toml", "options.json", "data.json", "split.json"):
        (tmp_path / name).write_bytes((run.folder / name).read_bytes())
    opened = training.load_run(tmp_path)
    assert (opened.log, opened.best_epoch, opened.finished) == ([], 0, False)
    with pytest.raises(ValueError, match=r"this run has no model yet \(0 epochs are complete\)"):
        opened.predict(np.zeros((16, 16, 16), "float32"))


def test_nan_names_the_step_and_its_cases(workplace, monkeypatch):
    original = fitting.training_patches

    def broken(*arguments, **options):
        made = original(*arguments, **options)
        batch = made.batch

        def poisoned(epoch, index):
            x, y = batch(epoch, index)
            return (np.full_like(x, np.nan) if (epoch, index) == (1, 1) else x), y

        made.batch = poisoned
        return made

    monkeypatch.setattr(fitting, "training_patches", broken)
    out = workplace / "nan"
    with pytest.raises(training.TrainingDiverged, match="epoch 2, step 2 of 3") as caught:
        training.train(workplace / "data", out, validation=2, epochs=3, cache=workplace / "cache", console=None, **TINY)
    with np.load(out / "nan" / "batch.npz") as file:
        names = file["cases"].tolist()
        assert np.isnan(file["x"]).all()
        assert file["y"].shape == (2, 16, 16, 16)
    text = str(caught.value)
    assert all(name in text for name in names)
    assert "Its images hold NaN or infinite values" in text
    assert "a lower learning rate (`learning_rate=0.000" in text
    record = json.loads((out / "nan" / "step.json").read_text())
    assert (record["epoch"], record["step"], record["cases"]) == (2, 2, names)
    # The state before the epoch is there, and every number of it finite.
    state, path = read_state(out / "state")
    assert state.epoch == 1
    with np.load(path / "variables.npz") as file:
        assert all(np.isfinite(file[name]).all() for name in file.files)


def test_unwritable_and_full(workplace, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"run: a part of this path is a file"):
        training.train(workplace / "data", tmp_path / "file" / "run", console=None)
    with pytest.raises(ValueError, match="this is a file"):
        training.train(workplace / "data", tmp_path / "file", console=None)


def test_options_that_are_wrong_are_refused_before_anything_is_read(tmp_path):
    with pytest.raises(ValueError, match=r"epoch"):
        training.train(tmp_path / "no data", tmp_path / "run", epoch=3)
    with pytest.raises(ValueError, match="`minutes` must be a number above 0"):
        training.train(tmp_path / "no data", tmp_path / "run", minutes=-1)
    assert not (tmp_path / "run").exists()
