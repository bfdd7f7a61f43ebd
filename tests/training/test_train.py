"""Whole trainings: what they leave, how they end, and how they go on."""

import csv
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import tomllib

import keras
import numpy as np
import pytest

from keras_seg import data as datasets
from keras_seg import training
from keras_seg.training import fitting, setup
from keras_seg.training.options import Options
from keras_seg.training.state import read_state

nibabel = pytest.importorskip("nibabel")

TINY = {"filters": (4, 8), "strides": (2,), "patch": (16, 16, 16), "batch_size": 2, "steps_per_epoch": 3}
FILES = {
    "best.keras",
    "curves.png",
    "data.json",
    "log.csv",
    "options.json",
    "overlay.png",
    "recipe.toml",
    "split.json",
    "state",
    "validation.csv",
    "versions.json",
}


def write_phantoms(folder):
    cases = datasets.phantoms(8, shape=(32, 28, 24), num_classes=3, foreground=0.1, spacing=(1.0, 1.0, 1.5))
    for case in cases:
        affine = np.diag([*case.spacing, 1.0])
        for part, array in (("images", case.image[..., 0]), ("labels", case.label)):
            (folder / part).mkdir(parents=True, exist_ok=True)
            nibabel.save(nibabel.Nifti1Image(array, affine), folder / part / f"{case.name}.nii.gz")
    return folder


@pytest.fixture(scope="module", autouse=True)
def killing(tmp_path_factory):
    """The script that trains and kills, under way beside the other tests."""
    folder = tmp_path_factory.mktemp("killing")
    write_phantoms(folder / "data")
    with (folder / "log.txt").open("w") as log:
        command = [sys.executable, str(pathlib.Path(__file__).with_name("killing.py")), str(folder)]
        root = str(pathlib.Path(training.__file__).parents[2])
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
    process.folder = folder
    yield process
    if process.poll() is None:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def report(killing):
    status = killing.wait(timeout=600)
    assert status == 0, (killing.folder / "log.txt").read_text()[-4000:]
    return json.loads((killing.folder / "report.json").read_text())


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workplace")
    write_phantoms(folder / "data")
    return folder


@pytest.fixture(scope="module")
def said():
    from rich.console import Console

    return Console(file=io.StringIO(), width=100)


@pytest.fixture(scope="module")
def run(workplace, said):
    return training.train(
        workplace / "data",
        workplace / "run",
        test=1,
        validation=2,
        epochs=4,
        deep_supervision=True,
        cache=workplace / "cache",
        console=said,
        **{**TINY, "filters": (4, 8, 8), "strides": (2, 2), "validation.every": 2},
    )


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_run_leaves_its_files(run):
    assert {path.name for path in run.folder.iterdir()} == FILES
    assert run.finished
    assert not run.interrupted
    assert [path.name for path in (run.folder / "state").iterdir()] == ["epoch-0004"]
    recipe = tomllib.loads((run.folder / "recipe.toml").read_text())
    assert recipe["training"]["epochs"] == 4
    assert recipe["network"]["filters"] == [4, 8, 8]
    versions = json.loads((run.folder / "versions.json").read_text())
    assert versions["keras"] == keras.__version__
    assert {"keras_seg", "python", "device", "backend"} <= set(versions)


def test_log_has_whole_case_dice_where_it_was_due(run):
    rows = rows_of(run.folder / "log.csv")
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    assert [bool(row["val_dice"]) for row in rows] == [False, True, False, True]
    assert list(rows[0])[:5] == ["epoch", "loss", "dice", "val_dice", "val_dice_class 1"]
    assert all(float(row["loss"]) > 0 and float(row["learning_rate"]) >= 0 for row in rows)


def test_best_dice_is_that_of_the_saved_model(run):
    scored = rows_of(run.folder / "validation.csv")
    assert [row["case"] for row in scored] == run.split.validation
    classes = [[float(row[f"dice_class {k}"] or "nan") for k in (1, 2)] for row in scored]
    assert run.best_dice == pytest.approx(np.nanmean(np.nanmean(classes, axis=0)), abs=1e-5)
    # Nothing is resampled here, so that scores on the files' own grid are the same.
    evaluation = run.evaluate(run.folder.parent / "data", "validation", mirror=())
    assert evaluation.mean_dice == pytest.approx(run.best_dice, abs=1e-5)


def test_model_is_the_main_head_and_gives_logits(run):
    assert run.model.output_names == ["main"]
    assert len(run.model.outputs) == 1
    assert not run.model.compiled  # neither loss nor optimizer: stock Keras opens it
    assert run.class_names == ("background", "class 1", "class 2")


def test_what_is_said_meanwhile(run, said):
    text = said.file.getvalue()
    assert "5 cases train, 2 validate, 1 are kept for the test" in text
    assert "epoch 4/4  loss" in text
    assert "Best validation Dice" in text
    # The loss of all heads, as in the log.
    assert f"epoch 4/4  loss {run.log[-1]['loss']:.4f}" in text
    assert {"main_loss", "aux_1_loss"} <= set(run.log[-1])


def test_predict_files_arrays_and_folders(run, tmp_path):
    images = run.folder.parent / "data" / "images"
    path = images / "phantom_0000.nii.gz"
    label = run.predict(path)
    assert label.shape == (32, 28, 24)
    assert label.max() <= 2
    array = nibabel.load(path).get_fdata().astype("float32")
    np.testing.assert_array_equal(run.predict(array), label)
    scores = run.predict(path, probabilities=True)
    np.testing.assert_allclose(scores.sum(-1), 1, atol=1e-5)
    several = run.predict([path, images / "phantom_0001.nii.gz"])
    assert list(several) == ["phantom_0000", "phantom_0001"]
    np.testing.assert_array_equal(several["phantom_0000"], label)
    run.predict(path, out=tmp_path / "masks")
    written = nibabel.load(tmp_path / "masks" / "phantom_0000.nii.gz")
    np.testing.assert_array_equal(np.asarray(written.dataobj), label)
    np.testing.assert_array_equal(written.affine, nibabel.load(path).affine)


def test_predict_array_of_another_spacing_and_errors(run):
    image = np.random.default_rng(0).normal(size=(20, 20, 20)).astype("float32")
    assert run.predict(image, spacing=(2.0, 2.0, 2.0)).shape == (20, 20, 20)
    with pytest.raises(ValueError, match="3 spatial axes"):
        run.predict(image[0])
    with pytest.raises(ValueError, match="no file format"):
        run.predict(image, out="somewhere")
    with pytest.raises(ValueError, match=r"missing.nii.gz: there is no such file"):
        run.predict("missing.nii.gz")


def test_evaluate_parts(run, tmp_path):
    data = run.folder.parent / "data"
    assert list(run.evaluate(data, out=tmp_path).cases) == run.split.test
    assert (tmp_path / "cases.csv").is_file()
    with pytest.raises(ValueError, match="`part` must be one of"):
        run.evaluate(data, "training")
    run_without_test = training.load_run(run.folder)
    run_without_test.split = run.split._replace(test=[])
    with pytest.raises(ValueError, match=r"kept no test cases.*part='all'"):
        run_without_test.evaluate(data)
    assert "Note: 7 of the 8 cases have names" in run.evaluate(data, "all", mirror=()).notes[0]


def test_export_gives_probabilities_without_the_library(run, tmp_path):
    path = run.export(tmp_path / "exported.keras")
    model = keras.saving.load_model(path, compile=False)
    x = np.random.default_rng(0).normal(size=(1, 16, 16, 16, 1)).astype("float32")
    expected = keras.ops.softmax(run.model(x))
    np.testing.assert_allclose(model(x), expected, atol=1e-6)
    assert all(type(layer).__module__.startswith("keras.") for layer in model.layers)
    with pytest.raises(ValueError, match=r"exported as `.keras`"):
        run.export(tmp_path / "model.onnx")


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


def test_the_test_cases_have_no_say_in_the_recipe(workplace, monkeypatch):
    seen = []

    def plan(found, **options):
        seen.extend(found.names)
        return training.plan(found, **options)

    monkeypatch.setattr(setup, "plan", plan)
    made = setup.new_setup(workplace / "data", Options(test=3), {}, None)
    assert seen == sorted([*made.split.train, *made.split.validation])
    assert len(made.fingerprint.names) == 8


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


def test_budget_is_kept(workplace):
    started = time.monotonic()
    run = training.train(
        workplace / "data",
        workplace / "budget",
        minutes=0.25,
        validation=2,
        epochs=100_000,
        tensorboard=True,
        cache=workplace / "cache",
        console=None,
        **{**TINY, "steps_per_epoch": 10},
    )
    # Twice the time, for machines whose cores others use too; the exact law is tested with a clock of its own.
    assert time.monotonic() - started < 2 * 15
    assert run.finished
    assert len(run.log) < 100_000
    assert list((run.folder / "tensorboard").rglob("events.out.*"))
    # The learning rate has come down with the clock.
    assert run.log[-1]["learning_rate"] < 0.05 * run.recipe.training.learning_rate
    assert run.best_epoch > 0


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


def test_nothing_is_unreadable_after_any_kill(report):
    assert report["whole"] == 0
    assert [status for _, status in report["kills"]] == [-9] * 4, report["kills"]
    assert report["unreadable"] == []
    assert report["resumed"] == 0


def test_killed_and_resumed_is_the_same_training(report, killing):
    whole, killed = killing.folder / "whole", killing.folder / "killed"
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


def test_another_process_predicts_the_same(report, killing):
    run = training.load_run(killing.folder / "whole")
    scores = run.predict(killing.folder / "data" / "images" / "phantom_0000.nii.gz", probabilities=True)
    np.testing.assert_allclose(scores, np.load(killing.folder / "scores.npy"), atol=1e-5)


def test_control_c_leaves_a_usable_run(report, killing):
    assert report["interrupt"] == 0
    found = json.loads((killing.folder / "interrupted.json").read_text())
    assert found == {"interrupted": True, "epochs": 2, "shape": [32, 28, 24]}
    run = training.load_run(killing.folder / "interrupted")
    assert not run.finished
    assert (run.folder / "curves.png").is_file()
    assert read_state(run.folder / "state")[0].epoch == 2
