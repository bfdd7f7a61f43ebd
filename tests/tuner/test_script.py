"""`tuner/search.py` on a folder of pictures: what it prints, leaves and refuses; and its presets."""

import importlib.util
import pathlib
import subprocess
import sys
import tomllib

import numpy as np
import pytest
from pictures import write_pngs

import keras_seg
from keras_seg.cli.presets import read_preset
from keras_seg.cli.tune import SEARCH
from keras_seg.training.recipes import partial
from keras_seg.tuner import ranges, tuning
from keras_seg.tuner.carrying_out import Plan

SCRIPT = pathlib.Path(__file__).parents[2] / "tuner" / "search.py"
PRESETS = sorted(path.stem for path in SCRIPT.parent.glob("*.toml"))
TINY = ["--filters", "2", "3", "--patch", "8", "8", "--trials", "1", "--epochs", "1", "--seeds", "1"]
TINY += ["--batch-size", "2", "--losses", "dice + focal(gamma=3)"]


@pytest.fixture
def script():
    """The script's `main`."""
    specification = importlib.util.spec_from_file_location("search_script", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return lambda *arguments: module.main(list(map(str, arguments)))


def test_a_search_from_another_folder(tmp_path):
    write_pngs(tmp_path / "data")
    set_ = ["--set", "steps_per_epoch=2", "strides=[2]"]
    command = [sys.executable, str(SCRIPT), "data", *TINY, *set_, "--test", "2", "--cache", "cache"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for words in (
        "8 cases (data), 2 classes",
        "trial 1/1",
        "Leaderboard",
        "round 1/1",
        "Confirmation",
        "Written to runs",
    ):
        assert words in done.stdout
    assert "Traceback" not in done.stdout
    out = tmp_path / "runs" / "tune"
    recipe = tomllib.loads((out / "recipe.toml").read_text())
    assert recipe["network"]["filters"] == [2, 3]
    model = keras_seg.load_model(out / "best.keras")
    assert str(model.loss) == recipe["loss"]["loss"]
    assert model.predict(np.zeros((1, 16, 16, 1)), verbose=0).shape == (1, 16, 16, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "full"], "full: the folder holds something else (notes.txt)"),
        (["nowhere"], "no such folder"),
        (["data", "--losses", "tverski"], "Did you mean 'tversky'"),
        (["data", "--model", "une"], "unet"),
        (["data", "--oracle", "bayes"], "Did you mean 'bayesian'"),
        (["data", "--trials", "0"], "`trials` must be a whole number"),
        (["data", "--test", "20"], "cannot be split"),
        (["data", "--preset", "slow"], "slow: there is no such preset. Give one of quick, standard, thorough"),
        (["data", "--set", "tversky.alpha=0.8:0.2"], "tversky.alpha"),
    ],
)
def test_what_does_not_fit_is_one_line_and_status_2(script, tmp_path, monkeypatch, capfd, arguments, message):
    write_pngs(tmp_path / "data")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    monkeypatch.chdir(tmp_path)
    assert script(*arguments, "--epochs", 1, "--cache", "cache") == 2
    error = capfd.readouterr().err
    assert message in error
    assert error.startswith("search.py: ")
    assert error.count("\n") == 1


def test_help_shows_the_presets(script, capsys):
    with pytest.raises(SystemExit) as done:
        script("--help")
    assert done.value.code == 0
    text = capsys.readouterr().out
    assert "python tuner/search.py DATA" in text
    assert all(f"--preset {name}" in text for name in PRESETS)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_searches(name):
    searched, fixed = read_preset(name, SCRIPT.parent, SEARCH)
    loss_ranges, others, values = ranges.split_ranges(searched.get("set", []))
    plan = Plan(losses=searched["losses"], ranges=loss_ranges, others=others, oracle=searched["oracle"])
    assert plan.space().space
    partial.merge(fixed, partial.overrides(values))
    assert ("minutes" in searched) != ("epochs" in fixed.get("training", {}))


def test_the_presets_are_said_in_a_table():
    text = (SCRIPT.parent / "README.md").read_text()
    assert all(f"`{name}" in text for name in PRESETS)


def test_a_preset_that_is_none_is_said_with_its_file(tmp_path):
    path = tmp_path / "mine.toml"
    with pytest.raises(ValueError, match=r"mine\.toml: there is no such preset\. Give the path"):
        read_preset(str(path), None, SEARCH)
    path.write_text("[search]\nlosses = [")
    with pytest.raises(ValueError, match=r"mine\.toml: this is no TOML"):
        read_preset(str(path), None, SEARCH)
    path.write_text("[search]\ntrails = 3\n")
    with pytest.raises(ValueError, match=r"unknown key `trails`.*Did you mean 'trials'"):
        read_preset(str(path), None, SEARCH)
    path.write_text("[training]\nepoch = 3\n")
    with pytest.raises(ValueError, match=r"mine\.toml: Unknown key `epoch`"):
        read_preset(str(path), None, SEARCH)


def test_phantoms_where_no_data_are_given(tmp_path, monkeypatch):
    monkeypatch.setattr(tuning, "NUM_PHANTOMS", 6)
    monkeypatch.setattr(tuning, "open_experiment", lambda folder, data, *rest, **more: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tuning.tune(None, tmp_path / "out", console=None)
    assert len(list((tmp_path / "out" / "data" / "images").iterdir())) == 6
