"""Runs that go on, begin anew, or are refused."""

import json
import shutil

import keras
import nibabel
import numpy as np
import pytest
from training_cases import TINY, write_phantoms

from keras_seg import training


def test_a_complete_run_is_not_trained_again(run, workplace, said):
    (run.folder / "curves.png").unlink()
    options = {"epochs": 4, "test": 1, "validation": 2, "cache": workplace / "cache", "console": said}
    again = training.train(workplace / "data", run.folder, resume=True, **options)
    assert again.finished
    for ours, before in zip(again.model.get_weights(), run.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, before)
    assert (run.folder / "curves.png").is_file()
    assert "this run is complete (4 epochs)" in said.file.getvalue()


def test_a_kill_between_the_last_state_and_its_best_model(run, workplace, tmp_path):
    killed = shutil.copytree(run.folder, tmp_path / "killed")
    record = killed / "state" / "epoch-0004" / "record.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "best_epoch": 4}))
    stale = keras.models.clone_model(run.model)
    stale.set_weights([np.zeros_like(values) for values in stale.get_weights()])
    stale.save(killed / "best.keras")
    (killed / "log.csv").unlink()
    options = {"cache": workplace / "cache", "console": None}
    made = training.train(workplace / "data", killed, resume=True, **options)
    assert all(np.abs(values).max() > 0 for values in made.model.get_weights() if values.ndim > 1)
    assert len(made.log) == 4


def test_overwriting_begins_when_nothing_is_wrong(run, workplace, tmp_path):
    old = shutil.copytree(run.folder, tmp_path / "old")
    with pytest.raises(ValueError, match="there is no such folder"):
        training.train(tmp_path / "no data", old, overwrite=True, console=None)
    options = {**TINY, "loss.options": {"class_weights": [1.0, 2.0]}}
    with pytest.raises(ValueError, match="`class_weights` must hold 3 numbers"):
        training.train(workplace / "data", old, overwrite=True, console=None, **options)
    assert training.load_run(old).best_dice == run.best_dice


def test_resuming_under_other_options_is_refused(run, workplace):
    with pytest.raises(ValueError) as caught:
        training.train(workplace / "data", run.folder, resume=True, epochs=50, loss="tversky", split_seed=3)
    text = str(caught.value)
    assert "training.epochs: 4 in the run, 50 now" in text
    assert "loss.loss: 'dice_ce' in the run, 'tversky' now" in text
    assert "split_seed: 0 in the run, 3 now" in text
    assert "batch_size" not in text


def test_resuming_on_other_data_is_refused(run, tmp_path):
    write_phantoms(tmp_path / "data")
    name = run.split.train[0]
    label = tmp_path / "data" / "labels" / f"{name}.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.zeros((32, 28, 24), "uint8"), np.eye(4)), label)
    with pytest.raises(ValueError, match=rf"the case '{name}' is not the one that the run was started with"):
        training.train(tmp_path / "data", run.folder, resume=True, console=None)
    label.unlink()
    (tmp_path / "data" / "images" / f"{name}.nii.gz").unlink()
    with pytest.raises(ValueError, match=rf"the run trains on the case '{name}', which is not there"):
        training.train(tmp_path / "data", run.folder, resume=True, console=None)
