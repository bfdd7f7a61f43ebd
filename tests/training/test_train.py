"""What a finished training leaves, and what its run can do."""

import json
import time
import tomllib

import keras
import nibabel
import numpy as np
import pytest
from training_cases import FILES, TINY, rows_of

from keras_seg import training
from keras_seg.training import setup
from keras_seg.training.options import Options


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


def test_the_test_cases_have_no_say_in_the_recipe(workplace, monkeypatch):
    seen = []

    def plan(found, **options):
        seen.extend(found.names)
        return training.plan(found, **options)

    monkeypatch.setattr(setup, "plan", plan)
    made = setup.new_setup(workplace / "data", Options(test=3), {}, None)
    assert seen == sorted([*made.split.train, *made.split.validation])
    assert len(made.fingerprint.names) == 8


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
