"""`tune`: a search on a folder of cases, its confirmation round, its files, and what it refuses."""

import json
import tomllib

import keras
import numpy as np
import pytest
from pictures import write_pngs
from PIL import Image

import keras_seg
from keras_seg import tuner
from keras_seg.training.recipes.recipe import Recipe
from keras_seg.tuner import runs, tuning

TINY = {"filters": (2, 3), "strides": (2,), "patch": (8, 8), "batch_size": 2, "steps_per_epoch": 2, "epochs": 2}
OPTIONS = {"losses": ["dice", "dice + focal"], "trials": 2, "seeds": 2, "test": 2, "validation": 2, "console": None}
OPTIONS |= {**TINY, "validation.every": 1}


def tune(folder, name="search", **options):
    return tuner.tune(folder / "data", folder / name, cache=folder / "cache", **{**OPTIONS, **options})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tune")
    write_pngs(folder / "data", count=10)
    return folder


@pytest.fixture(scope="module")
def found(folder):
    """A search over everything that can be searched."""
    ranges = ["training.learning_rate=0.001:0.01:log", "focal.gamma=1|2"]
    return tune(folder, ranges=ranges, tensorboard=True, command="keras-seg tune data")


def test_trials_are_runs_of_their_own(found):
    assert [trial.name for trial in found.trials] == ["dice", "dice + focal"]
    assert found.trials[0].hyperparameters == {"training.learning_rate": pytest.approx(0.002, rel=0.5)}
    assert set(found.trials[1].hyperparameters) == {
        "training.learning_rate",
        "dice + focal: focal.gamma",
        "dice + focal: focal weight",
    }
    folders = sorted(path.name for path in (found.folder / "runs").iterdir())
    assert len(folders) == 2
    run = keras_seg.load_run(found.folder / "runs" / f"dice-{found.trials[0].identity}")
    searched = found.trials[0].hyperparameters["training.learning_rate"]
    assert run.recipe.training.learning_rate == pytest.approx(searched, rel=1e-3)
    assert found.trials[0].curve == {row["epoch"]: row["val_dice"] for row in run.log}
    assert list((run.folder / "tensorboard").rglob("events*"))


def test_rounds_have_fresh_seeds_and_folds(found):
    confirmation = found.confirmation
    assert confirmation.folds
    assert confirmation.rounds == [0, 1]
    search_split = json.loads((found.folder / "setup" / "split.json").read_text())
    pool = {*search_split["train"], *search_split["validation"]}
    cases = [set(table) for table in confirmation.tables["dice_ce"]]
    assert not cases[0] & cases[1]
    assert cases[0] | cases[1] <= pool
    assert {entry.seed for entry in confirmation.entries} == {1, 2}
    for loss, tables in confirmation.tables.items():
        assert [set(table) for table in tables] == cases, loss


def test_the_test_cases_are_segmented_by_the_winner_and_the_default_alone(found):
    search_split = json.loads((found.folder / "setup" / "split.json").read_text())
    tested = {entry.loss for entry in found.confirmation.entries if entry.test}
    assert tested == {found.confirmation.winner.loss, "dice_ce"}
    for entry in found.confirmation.entries:
        assert set(entry.test) in (set(), set(search_split["test"]))
    with_scores = {path.parent.name for path in found.folder.rglob("evaluation-test") if "best" not in path.parts}
    assert len(with_scores) == 2 * len(tested)


def test_scores_are_those_of_the_runs(folder, found):
    entry = next(entry for entry in found.confirmation.entries if entry.loss == found.confirmation.winner.loss)
    run = keras_seg.load_run(found.folder / "confirmation" / f"{found.confirmation.winner.folder}-{entry.number}")
    evaluation = run.evaluate(folder / "data", "test")
    np.testing.assert_allclose(evaluation.scores("dice"), list(entry.test.values()))


def test_best_model_run_and_recipe(folder, found):
    winner = found.confirmation.winner
    assert str(found.best_loss) == str(keras_seg.losses.get(winner.text))
    recipe = Recipe.load(found.folder / "recipe.toml")
    assert recipe.loss.loss == winner.text
    run = keras_seg.load_run(found.folder / "best")
    label = run.predict(folder / "data" / "images" / "case_0.png")
    assert label.shape == (16, 14)
    model = keras.saving.load_model(found.folder / "best.keras")
    scores = model.predict(np.zeros((1, 16, 16, 1)), verbose=0)
    np.testing.assert_allclose(scores.sum(axis=-1), 1, rtol=1e-5)
    assert str(model.loss) == str(found.best_loss)
    trained = keras_seg.train(
        folder / "data", folder / "longer", recipe=found.folder / "recipe.toml", epochs=1, console=None
    )
    assert trained.recipe.loss.loss == winner.text


def test_pictures_and_report(found):
    names = [path.name for path in found.written]
    assert names[:3] == ["leaderboard.md", "leaderboard.csv", "trials.png"]
    assert {"best.keras", "recipe.toml", "overlay.png", "best"} <= set(names)
    for name in ("trials.png", "overlay.png"):
        with Image.open(found.folder / name) as picture:
            assert min(picture.size) > 200
    text = (found.folder / "leaderboard.md").read_text()
    for words in (
        "10 cases",
        "6 train, 2 validate, 2 are the test",
        "keras-seg tune data",
        "## Confirmation",
        "## Test",
    ):
        assert words in text


def test_the_same_call_trains_nothing_again(folder, found, monkeypatch):
    monkeypatch.setattr(runs, "train_prepared", None)
    ranges = ["training.learning_rate=0.001:0.01:log", "focal.gamma=1|2"]
    again = tune(folder, ranges=ranges, tensorboard=True)
    assert [trial.val_dice for trial in again.trials] == [trial.val_dice for trial in found.trials]
    assert again.confirmation.means == found.confirmation.means


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"losses": ["tverski"]}, "Did you mean 'tversky'"),
        ({"oracle": "bayes"}, "Did you mean 'bayesian'"),
        ({"trials": 0}, "`trials` must be a whole number of 1 or more"),
        ({"seeds": -1}, "`seeds` must be a whole number of 0 or more"),
        ({"test": 20}, "cannot be split"),
        ({"ranges": {"tversky.alpha": (0.2, 0.8)}}, "tversky"),
        ({"ranges": ["validation.overlap=0.2:0.6"]}, "cannot be searched"),
        ({"ranges": ["training.epochs=2:6"]}, "cannot be searched"),
        ({"model": "une"}, "unet"),
        ({"minutes": -1}, "minutes"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_is_trained(folder, monkeypatch, options, message):
    monkeypatch.setattr(runs, "train_prepared", None)
    with pytest.raises(ValueError, match=message):
        tune(folder, "refused", **options)
    assert not (folder / "refused" / "search.json").exists()


def test_other_options_on_the_same_folder_are_refused_with_the_difference(folder, found):
    with pytest.raises(ValueError, match=r"recipe\.training\.epochs: 2 there, 3 now"):
        tune(folder, ranges=["training.learning_rate=0.001:0.01:log", "focal.gamma=1|2"], epochs=3)
    with pytest.raises(ValueError, match=r"losses"):
        tune(folder, losses=["dice"])


def test_failing_losses_are_rows_and_a_search_without_confirmation_keeps_its_best(folder, monkeypatch):
    original = runs.train_prepared

    def train(setup, *arguments, **options):
        if setup.recipe.loss.loss.startswith("tversky"):
            raise MemoryError("no memory")
        return original(setup, *arguments, **options)

    monkeypatch.setattr(runs, "train_prepared", train)
    result = tune(folder, "failing", losses=["tversky", "dice"], seeds=0, oracle="hyperband", trials=None, epochs=3)
    reasons = {trial.name: trial.reason for trial in result.trials}
    assert reasons["tversky"] == "MemoryError: no memory"
    assert reasons["dice"] == ""
    assert result.confirmation is None
    # Hyperband goes on with the run that is there.
    assert max(trial.epochs for trial in result.trials) == 3
    assert keras_seg.load_run(result.folder / "best").recipe.loss.loss == "dice"
    assert tomllib.loads((result.folder / "recipe.toml").read_text())["loss"]["loss"] == "dice"


def test_minutes_choose_the_epochs(folder, monkeypatch):
    asked = []

    def fit(setup, network, cases, options, fixed, clock, console):
        asked.append(options.minutes)
        setup.recipe = setup.recipe.replace(**{"training.epochs": 1})

    monkeypatch.setattr("keras_seg.experiments.experiment.fit_into_time", fit)
    options = {key: value for key, value in OPTIONS.items() if key != "epochs"} | {"seeds": 0, "trials": 2}
    monkeypatch.setattr(runs.RunTrainer, "train", lambda self, trial, *rest: trial.note(1, 0.5))
    monkeypatch.setattr(runs.RunTrainer, "keep_trial", lambda self, trial: None)
    tuner.tune(folder / "data", folder / "minutes", minutes=30, cache=folder / "cache", **options)
    # Two trainings share 90 % of what is left.
    assert asked == [pytest.approx(30 * (1 - tuning.RESERVE) / 2, rel=0.1)]


def test_search_takes_a_folder_too(folder, monkeypatch):
    asked = {}
    monkeypatch.setattr(tuning, "tune", lambda data, **options: asked.update(options, data=data))
    tuner.search("vnet", str(folder / "data"), losses=["dice"], folder="OUT", epochs=3, test=1)
    assert asked["model"] == "vnet"
    assert asked["out"] == "OUT"
    assert (asked["epochs"], asked["test"]) == (3, 1)
    assert "batch_size" not in asked
    with pytest.raises(ValueError, match="`callbacks`"):
        tuner.search("vnet", str(folder / "data"), callbacks=[1])
