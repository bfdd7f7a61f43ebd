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
        check_same("RUN", [(recorded, {"training": {"epochs": 50}, "test": 10})])


def test_the_option_validation_is_not_the_table_of_that_name():
    recipe = {"validation": {"every": 2, "cases": 0}}
    check_same("RUN", [(Options(validation=4).to_dict(), {"validation": 4}), (recipe, {"validation": {"every": 2}})])
    with pytest.raises(ValueError, match=r"(?s)validation: 4 in the run, 5 now.*validation.every: 2 in the run, 3 now"):
        check_same("RUN", [({"validation": 4}, {"validation": 5}), (recipe, {"validation": {"every": 3}})])


def test_what_is_not_given_is_no_difference():
    assert Options().given() == {}
    assert Options(minutes=3, test=2).given() == {"minutes": 3, "test": 2}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"minutes": 0}, "`minutes` must be a number above 0"),
        ({"minutes": float("inf")}, "`minutes` must be a number above 0"),
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
    folder.clear()
    assert folder.content == []


def test_overwriting_spares_what_is_not_the_runs(tmp_path):
    folder = RunFolder(tmp_path)
    for name in ("recipe.toml", "options.json", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "state" / "epoch-0001").mkdir(parents=True)
    assert folder.open(resume=True) is True
    assert folder.open(overwrite=True) is False
    # A mistake in the data must not cost the old run.
    assert folder.is_set_up
    folder.clear()
    assert folder.content == ["notes.txt"]


def test_folder_that_is_no_run(tmp_path):
    (tmp_path / "thesis.tex").touch()
    for options in ({"resume": True}, {"overwrite": True}):
        with pytest.raises(ValueError, match=r"this is no run \(it holds thesis.tex\)"):
            RunFolder(tmp_path).open(**options)
    assert (tmp_path / "thesis.tex").exists()
    # Files that other programs call so too.
    (tmp_path / "log.csv").touch()
    (tmp_path / "state").mkdir()
    with pytest.raises(ValueError, match="this is no run"):
        RunFolder(tmp_path).open(resume=True)
    assert (tmp_path / "log.csv").exists()
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
    (tmp_path / "recipe.toml").write_text("[training]\npatch = [8, 8]\n")
    with pytest.raises(ValueError, match=r"recipe.toml: `network.filters` is missing"):
        RunFolder(tmp_path).read_recipe()


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
