"""`tuner/search.py` on a folder of pictures: what it prints, leaves and refuses."""

import importlib.util
import pathlib
import subprocess
import sys
import tomllib

import numpy as np
import pytest
from pictures import write_pngs
from PIL import Image

import keras_seg

SCRIPT = pathlib.Path(__file__).parents[2] / "tuner" / "search.py"
TINY = ["--filters", "2", "3", "--trials", "2", "--epochs", "1", "--losses", "dice", "dice + focal(gamma=3)"]


@pytest.fixture
def script(monkeypatch):
    """The script as a module; its folder of results is looked up from the current folder."""
    specification = importlib.util.spec_from_file_location("search_script", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["search.py", *map(str, arguments)])
        return module.main()

    return run


def test_a_search_from_another_folder(tmp_path):
    write_pngs(tmp_path / "data")
    command = [sys.executable, str(SCRIPT), "data", *TINY, "--test", "2"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for words in ("8 cases of 16 x 14", "trial 2/2", "Leaderboard", "Test: Dice per case and class", "Written to runs"):
        assert words in done.stdout
    assert "Traceback" not in done.stdout
    out = tmp_path / "runs" / "search"
    recipe = tomllib.loads((out / "recipe.toml").read_text())
    assert recipe["model"] == {"name": "unet", "filters": [2, 3], "learning_rate": 0.005}
    assert recipe["data"]["source"] == str(tmp_path / "data")
    assert len(recipe["split"]["test"]) == 2
    assert recipe["result"].keys() == {"val_dice", "best_epoch", "trial", "test_dice"}
    model = keras_seg.load_model(out / "best.keras")
    assert str(model.loss) == recipe["loss"]["text"]
    assert model.predict(np.zeros((1, 16, 16, 1)), verbose=0).shape == (1, 16, 16, 2)
    with Image.open(out / "overlay.png") as picture:
        assert min(picture.size) > 200


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "full"], "full: the folder is not empty (it holds notes.txt)"),
        (["nowhere"], "no such folder"),
        (["data", "--losses", "tverski"], "Did you mean 'tversky'"),
        (["data", "--model", "une"], "Did you mean 'unet'"),
        (["data", "--oracle", "bayes"], "Did you mean 'bayesian'"),
        (["data", "--trials", "0"], "`trials` must be a whole number"),
        (["data", "--test", "20"], "cannot be split"),
    ],
)
def test_what_does_not_fit_is_one_line_and_status_2(script, tmp_path, monkeypatch, capfd, arguments, message):
    write_pngs(tmp_path / "data")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    monkeypatch.chdir(tmp_path)
    assert script(*arguments) == 2
    error = capfd.readouterr().err
    assert message in error
    assert error.startswith("search.py: ")
    assert error.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_help_needs_no_keras(script, capsys):
    with pytest.raises(SystemExit) as done:
        script("--help")
    assert done.value.code == 0
    assert "python tuner/search.py DATA" in capsys.readouterr().out
