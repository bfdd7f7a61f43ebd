"""The oracles, asked for trials without any training."""

import json

import keras_tuner
import pytest

from keras_seg import tuner
from keras_seg.tuner import oracles, running

NAMES = ["dice_ce", "tversky", "dice"]


def make(name="random", trials=None, epochs=4, seed=0, names=NAMES):
    hp = keras_tuner.HyperParameters()
    tuner.choose_loss(hp, names, grid=name == "grid")
    return oracles.make_oracle(name, hp, trials, epochs, seed)


def ask(oracle, folder, dice=lambda values: 0.5):
    """Run an oracle to its end and return the values of its trials; one without a Dice fails."""
    asked = []
    with running.quiet():
        oracle._set_project_dir(str(folder), "records")
        oracle.verbose = 0
        while (trial := oracle.create_trial("tuner0")).status == "RUNNING":
            values = trial.hyperparameters.values
            asked.append(values)
            trial.status = "FAILED" if dice(values) is None else "COMPLETED"
            if trial.status == "COMPLETED":
                oracle.update_trial(trial.trial_id, {"val_dice": dice(values)})
            oracle.end_trial(trial)
    return asked


@pytest.mark.parametrize("name", tuner.ORACLES)
def test_objective_is_maximised(name):
    assert make(name)[0].objective == keras_tuner.Objective("val_dice", "max")


def test_first_round_is_every_loss_at_its_defaults(tmp_path):
    asked = ask(make(trials=6)[0], tmp_path)
    assert asked[:3] == [
        {"loss": "dice_ce", "dice_ce.cross_entropy_weight": 1.0},
        {"loss": "tversky", "tversky.alpha": 0.3, "tversky.beta": 0.7},
        {"loss": "dice"},
    ]
    # Dice has nothing to search and is not tried again: the others go on in turn.
    assert [values["loss"] for values in asked[3:]] == ["dice_ce", "tversky", "dice_ce"]
    assert asked[4] != asked[1]


def test_seeds_repeat_the_draws_and_change_them(tmp_path):
    first, second, other = (ask(make(trials=5, seed=seed)[0], tmp_path / str(k)) for k, seed in enumerate((0, 0, 1)))
    assert first == second
    assert first[3:] != other[3:]


def test_an_exhausted_space_ends_the_search(tmp_path):
    assert len(ask(make(trials=5, names=["dice", "jaccard"])[0], tmp_path)) == 2


def test_grid_asks_for_every_point_once(tmp_path):
    asked = ask(make("grid")[0], tmp_path)
    assert len(asked) == len({json.dumps(values) for values in asked}) == 3 + 9 + 1


def test_hyperband_promotes_the_higher_dice(tmp_path):
    asked = ask(make("hyperband")[0], tmp_path, lambda values: values.get("tversky.beta", 0.0))
    first = [values for values in asked if values["tuner/bracket"] == 1]
    start = [values for values in first if values["tuner/round"] == 0]
    promoted = [values for values in first if values["tuner/round"] == 1]
    best = sorted((values.get("tversky.beta", 0.0) for values in start), reverse=True)
    assert [values["tversky.beta"] for values in promoted] == best[: len(promoted)]


def test_hyperband_goes_on_with_the_better_where_others_failed(tmp_path):
    oracle = make("hyperband", epochs=9, names=["tversky", "focal"])[0]
    asked = ask(oracle, tmp_path, lambda values: values.get("tversky.beta"))
    promoted = [values for values in asked if values["tuner/round"] > 0]
    assert {values["tuner/epochs"] for values in promoted} == {3, 9}
    assert {values["loss"] for values in promoted} == {"tversky"}


def test_epochs_of_a_whole_search(tmp_path):
    assert make(trials=7)[1] == 28
    assert make()[1] == 24
    assert make("grid")[1] == 13 * 4
    oracle, epochs = make("hyperband", epochs=9)
    assert epochs == sum(values["tuner/epochs"] - values["tuner/initial_epoch"] for values in ask(oracle, tmp_path))


def test_records_are_whole_json(tmp_path):
    ask(make(trials=2)[0], tmp_path)
    records = sorted(
        path.relative_to(tmp_path / "records").as_posix() for path in (tmp_path / "records").rglob("*.json")
    )
    assert records == ["oracle.json", "trial_0/trial.json", "trial_1/trial.json"]
    for record in records:
        json.loads((tmp_path / "records" / record).read_text())
