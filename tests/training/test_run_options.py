import numpy as np
import pytest

from keras_seg.training.folder import RunFolder
from keras_seg.training.options import Options, check_same, differences
from keras_seg.training.setup import make_split


def test_differences_of_tables_and_options():
    recorded = {"training": {"epochs": 30, "patch": (8, 8)}, "loss": {"options": {"alpha": 0.3}}, "test": 20}
    assert differences(recorded, {"training": {"patch": [8, 8]}, "test": 20}) == []
    assert differences(recorded, {"loss": {"options": {"alpha": 0.5}}}) == [
        "loss.options: {'alpha': 0.3} in the run, {'alpha': 0.5} now"
    ]
    with pytest.raises(ValueError, match=r"(?s)other options.*training.epochs: 30 in the run, 50 now.*test: 20"):
        check_same("RUN", recorded, {"training": {"epochs": 50}, "test": 10})


def test_what_is_not_given_is_no_difference():
    assert Options().given() == {}
    assert Options(minutes=3, test=2).given() == {"minutes": 3, "test": 2}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"minutes": 0}, "`minutes` must be a number above 0"),
        ({"test": -1}, "`test` must be a whole number of 0 or more"),
        ({"validation": 0}, "`validation` must be a whole number of 1 or more"),
        ({"folds": 1}, "`folds` must be a whole number of 2 or more"),
        ({"folds": 5, "validation": 3}, "leave `validation` out"),
        ({"fold": 1}, "needs `folds`"),
    ],
)
def test_options_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        Options(**options)


def test_folder_that_holds_something(tmp_path):
    folder = RunFolder(tmp_path)
    assert folder.open() is False
    (tmp_path / ".123.tmp").touch()  # left by a killed process
    assert folder.open() is False
    (tmp_path / "recipe.toml").touch()
    with pytest.raises(ValueError, match=r"not empty \(it holds recipe.toml\).*--resume.*--overwrite"):
        folder.open()
    # Killed before its first step: there is nothing to go on with.
    assert folder.open(resume=True) is False
    assert folder.content == []


def test_overwriting_spares_what_is_not_the_runs(tmp_path):
    folder = RunFolder(tmp_path)
    for name in ("recipe.toml", "options.json", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "state" / "epoch-0001").mkdir(parents=True)
    assert folder.open(resume=True) is True
    assert folder.open(overwrite=True) is False
    assert folder.content == ["notes.txt"]


def test_folder_that_is_no_run(tmp_path):
    (tmp_path / "thesis.tex").touch()
    for options in ({"resume": True}, {"overwrite": True}):
        with pytest.raises(ValueError, match=r"this is no run \(it holds thesis.tex\)"):
            RunFolder(tmp_path).open(**options)
    assert (tmp_path / "thesis.tex").exists()
    with pytest.raises(ValueError, match="this is a file"):
        RunFolder(tmp_path / "thesis.tex").open()
    with pytest.raises(ValueError, match="Give one of them"):
        RunFolder(tmp_path).open(resume=True, overwrite=True)


def test_folder_below_a_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="a part of this path is a file"):
        RunFolder(tmp_path / "file" / "run").open()


def test_damaged_file_of_a_run(tmp_path):
    (tmp_path / "split.json").write_text("{")
    with pytest.raises(ValueError, match=r"split.json: this file of the run is missing or cannot be read"):
        RunFolder(tmp_path).read("split")


NAMES = [f"case{number:02d}" for number in range(12)]


def test_split_is_a_fifth_and_the_test_cases_are_the_promised_ones():
    made = make_split(NAMES, Options(test=3, split_seed=7))
    assert made.test == sorted(np.random.default_rng(7).choice(sorted(NAMES), 3, replace=False).tolist())
    assert (len(made.train), len(made.validation)) == (7, 2)
    assert len(make_split([f"case{number}" for number in range(300)], Options()).validation) == 20
    with pytest.raises(ValueError, match="at least two cases"):
        make_split(["alone"], Options())


def test_folds_and_groups(tmp_path):
    parts = [make_split(NAMES, Options(folds=3, fold=fold)) for fold in range(3)]
    assert sorted(name for part in parts for name in part.validation) == NAMES
    table = tmp_path / "groups.csv"
    table.write_text("name,group\n" + "".join(f"{name},{index // 2}\n" for index, name in enumerate(NAMES)))
    made = make_split(NAMES, Options(test=2, groups=str(table)))
    for part in made:
        assert all(NAMES[NAMES.index(name) ^ 1] in part for name in part)
