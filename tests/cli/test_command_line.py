"""The command line from a folder of scans to masks and scores, on tiny phantoms."""

import argparse
import csv
import pathlib
import shutil
import subprocess
import sys
import tomllib

import nibabel
import numpy as np
import pytest

import keras_seg
from keras_seg import cli
from keras_seg.cli.arguments import parse_value, positive

TINY = ["--filters", "4", "8", "--patch", "16", "16", "16", "--batch-size", "2", "--set", "training.steps_per_epoch=2"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Eight phantoms of 0 and 255, with the axes to the left, to the back and down."""
    path = tmp_path_factory.mktemp("data")
    for part in ("images", "labels"):
        (path / part).mkdir()
    for case in keras_seg.data.phantoms(8, (20, 18, 16), num_classes=2, spacing=(1, 1, 2)):
        affine = np.diag([-1.0, -1.0, -2.0, 1])
        for part, array in (("images", case.image[..., 0]), ("labels", case.label * 255)):
            nibabel.save(nibabel.Nifti1Image(array, affine), path / part / f"{case.name}.nii.gz")
    return path


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    arguments = ["train", folder, "--out", out, "--epochs", 1, "--test", 2, "--loss", "tversky(alpha=0.2)", *TINY]
    assert call(*arguments) == 0
    return out


def call(*arguments):
    return cli.main([str(argument) for argument in arguments])


def test_check_reports_and_trains_nothing(folder, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    before = sorted(path.name for path in folder.rglob("*"))
    assert call("check", folder, "--minutes", 1, *TINY) == 0
    report = capsys.readouterr().out
    for text in ("8 cases", "0 background", "255", "1 x 1 x 2", "training.patch", "as given", "GB", "minutes"):
        assert text in report, text
    assert sorted(path.name for path in folder.rglob("*")) == before


def test_train_leaves_a_run(run):
    names = {path.name for path in run.iterdir()}
    assert {"recipe.toml", "split.json", "log.csv", "best.keras", "curves.png", "overlay.png"} <= names
    recipe = tomllib.loads((run / "recipe.toml").read_text())
    assert recipe["loss"]["loss"] == "tversky(alpha=0.2)"
    assert recipe["training"]["patch"] == [16, 16, 16]


def test_a_recipe_stands_before_the_data_and_options_win_over_it(run, folder, tmp_path):
    arguments = ["train", run / "recipe.toml", folder, "--out", tmp_path / "again", "--loss", "dice", "--test", 2]
    assert call(*arguments) == 0
    recipe = tomllib.loads((tmp_path / "again" / "recipe.toml").read_text())
    assert recipe["loss"]["loss"] == "dice"
    assert recipe["training"]["patch"] == [16, 16, 16]


def test_predict_gives_masks_in_the_place_and_values_of_the_labels(run, folder, tmp_path, capsys):
    images = tmp_path / "images"
    shutil.copytree(folder / "images", images)
    names = sorted(path.name for path in images.iterdir())
    (images / names[0]).write_bytes((images / names[0]).read_bytes()[:400])
    assert call("predict", run, images, "--out", tmp_path / "masks", "--probabilities") == 1
    report = capsys.readouterr().out
    assert "1 could not be done" in report
    assert names[0] in report
    scan, mask = (nibabel.load(part / names[1]) for part in (images, tmp_path / "masks"))
    np.testing.assert_array_equal(mask.affine, scan.affine)
    assert mask.shape == scan.shape
    assert set(np.unique(mask.dataobj)) <= {0, 255}
    assert len(list((tmp_path / "masks").iterdir())) == 2 * (len(names) - 1)


def test_evaluate_a_run_and_a_folder_of_masks_alike(run, folder, tmp_path, capsys):
    assert call("evaluate", run, folder) == 0
    assert "Dice" in capsys.readouterr().out
    with (run / "evaluation-test" / "cases.csv").open(newline="") as file:
        ours = {row["case"]: row for row in csv.DictReader(file)}
    assert len(ours) == 2
    images = tmp_path / "images"
    images.mkdir()
    for name in ours:
        shutil.copy(folder / "images" / f"{name}.nii.gz", images)
    assert call("predict", run, images, "--out", tmp_path / "masks") == 0
    assert call("evaluate", tmp_path / "masks", folder / "labels", "--out", tmp_path / "scores") == 0
    with (tmp_path / "scores" / "cases.csv").open(newline="") as file:
        masks = {row["case"]: row for row in csv.DictReader(file)}
    assert {name: row["dice"] for name, row in masks.items()} == {name: row["dice"] for name, row in ours.items()}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "NOWHERE"], "NOWHERE: there is no such folder"),
        (["train", "DATA", "--out", "OUT", "--set", "training.epoch=3"], "Did you mean `epochs`?"),
        (["train", "DATA", "--out", "OUT", "--set", "epochs"], "--set takes TABLE.KEY=VALUE"),
        (["train", "DATA", "--out", "OUT", "--loss", "tverski"], "tversky"),
        (["train", "DATA", "--out", "RUN"], "the folder is not empty"),
        (["train", "missing.toml", "DATA", "--out", "OUT"], "missing.toml"),
        (["predict", "DATA", "DATA/images", "--out", "OUT"], "this is no run"),
        (["predict", "RUN", "NOWHERE", "--out", "OUT"], "NOWHERE: there is no such"),
        (["predict", "RUN", "DATA/images", "--out", "DATA/images"], "the masks cannot go where the image"),
    ],
)
def test_a_mistake_is_one_message(arguments, message, run, folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    places = {"DATA": str(folder), "RUN": str(run), "OUT": "out"}
    given = ["/".join(places.get(part, part) for part in str(text).split("/")) for text in arguments]
    assert call(*given) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith(f"keras-seg {arguments[0]}: ")
    assert "Traceback" not in error


def test_help_does_not_wait_for_tensorflow():
    command = pathlib.Path(sys.executable).with_name("keras-seg")
    if not command.exists():
        pytest.skip("the package is not installed here, so that there is no command keras-seg")
    done = subprocess.run([sys.executable, "-X", "importtime", command, "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "keras-seg train" in done.stdout
    assert "tensorflow" not in done.stderr


@pytest.mark.parametrize("text", ["0", "-1", "inf", "nan"])
def test_a_number_above_0_is_finite(text):
    with pytest.raises(argparse.ArgumentTypeError, match="must be a finite number above 0"):
        positive(text)


def test_values_of_the_command_line_are_toml_or_text():
    assert parse_value("[[2, 2, 1], 2]") == [[2, 2, 1], 2]
    assert parse_value("0.5") == 0.5
    assert parse_value("false") is False
    assert parse_value("dice + 0.5 * focal") == "dice + 0.5 * focal"
