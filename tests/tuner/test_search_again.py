"""A search that was ended and begins again: what stands in its folder is kept, whatever happened to it."""

import dataclasses
import io
import math

import keras
import keras_tuner
import pytest
from rich.console import Console
from small_search import TRAIN, VALIDATION, Counted, Interrupt, network, planted, search

from keras_seg.tuner import oracles


def drawing(loss, hp):
    """A network whose optimizer is searched too."""
    model = network(loss)
    model.optimizer.learning_rate = hp.Float("rate", 1e-3, 1.0, sampling="log", default=0.1)
    if hp.Boolean("momentum"):
        model.optimizer.momentum = hp.Choice("strength", [0.5, 0.9])
    hp.Int("unused", 1, 8)
    return model


def rows(result):
    """What the trials came to, the time apart."""
    return [str(dataclasses.replace(trial, seconds=0.0)) for trial in result.trials]


SEARCHES = [
    {"oracle": "random", "trials": 5},
    {"oracle": "bayesian", "trials": 6},
    {"oracle": "hyperband", "trials": None, "epochs": 3},
]
GRID = {"oracle": "grid", "losses": ["focal", "dice"], "trials": None}


# A grid has to know its points before a network is built.
@pytest.mark.parametrize(
    ("build", "options"),
    [(build, options) for build in (planted, drawing) for options in SEARCHES] + [(planted, GRID)],
    ids=lambda value: value["oracle"] if isinstance(value, dict) else value.__name__,
)
def test_an_interrupted_search_goes_on_as_if_nothing_had_been(build, options, tmp_path):
    calm, first, second = (Counted(build) for _ in range(3))
    expected = search(calm, **options)
    broken = search(first, folder=tmp_path, callbacks=[Interrupt(3)], **options)
    assert broken.interrupted
    assert rows(broken) == rows(expected)[:2]
    assert (tmp_path / "best.keras").exists()
    result = search(second, folder=tmp_path, **options)
    assert not result.interrupted
    assert first.losses == calm.losses[:3]
    assert second.losses == calm.losses[2:]
    assert rows(result) == rows(expected)
    assert [trial.reason for trial in result.trials] == [""] * len(result.trials)
    assert result.best_loss.get_config() == expected.best_loss.get_config()


@pytest.mark.parametrize("garbage", [None, b"", b'{"ongoing', b"\x00\xff"])
def test_records_of_kerastuner_do_not_matter(garbage, tmp_path):
    search(folder=tmp_path, trials=2)
    records = [tmp_path / "keras_tuner" / name for name in ("oracle.json", "trial_0/trial.json")]
    for path in records:
        path.write_bytes(path.read_bytes()[:100] if garbage is None else garbage)
    build = Counted()
    result = search(build, folder=tmp_path, trials=3)
    assert len(build.losses) == 1
    assert [trial.number for trial in result.trials] == [1, 2, 3]


def test_a_damaged_trial_runs_again_alone(tmp_path):
    expected = search(folder=tmp_path)
    path = next((tmp_path / "trials").glob("0002-*.json"))
    path.write_text(path.read_text()[:40])
    build, console = Counted(), Console(file=io.StringIO(), width=200)
    result = search(build, folder=tmp_path, console=console)
    assert build.losses == ["tversky"]
    assert rows(result) == rows(expected)
    lines = console.file.getvalue().splitlines()
    assert "was set aside" in lines[0]
    assert lines[1].startswith("trial 2/3")
    # Trial 1 was not shown, but it counts for what is the best.
    assert lines[1].endswith("*") == (result.trials[1].val_dice > max(result.trials[k].val_dice for k in (0, 2)))


def test_failures_stand_too(tmp_path):
    def build(loss, hp):
        hp.Float("rate", 0.1, 1.0)
        if str(loss).startswith("tversky"):
            raise RuntimeError("no memory")
        return network(loss)

    expected = rows(search(build, trials=5))
    search(build, folder=tmp_path, trials=5, callbacks=[Interrupt(3)])
    again = Counted(build)
    result = search(again, folder=tmp_path, trials=5)
    assert rows(result) == expected
    assert sum(loss.startswith("tversky") for loss in again.losses) == sum(trial.failed for trial in result.trials[2:])


@pytest.mark.parametrize("oracle", ["random", "bayesian"])
def test_more_trials_go_on(oracle, tmp_path):
    first, second = Counted(planted), Counted(planted)
    before = rows(search(first, oracle=oracle, folder=tmp_path, trials=4))
    result = search(second, oracle=oracle, folder=tmp_path, trials=6)
    assert (len(first.losses), len(second.losses)) == (4, 2)
    assert rows(result)[:4] == before
    assert [trial.number for trial in result.trials] == list(range(1, 7))


def test_other_options_are_refused_and_nothing_is_touched(tmp_path):
    search(folder=tmp_path, ranges={"tversky.alpha": (0.2, 0.8)}, loss_options={"ignore_class": 255}, trials=1)
    with pytest.raises(ValueError) as error:
        search(folder=tmp_path, trials=1, epochs=2, validation=TRAIN)
    said = str(error.value)
    for line in ("epochs: 1 there, 2 now", "ranges.tversky.alpha: [0.2, 0.8] there", "loss_options.ignore_class: 255"):
        assert line in said
    assert "validation_data: " in said
    assert (tmp_path / "best.keras").exists()
    search(folder=tmp_path, trials=1, overwrite=True, losses=["dice"])
    assert len(list((tmp_path / "trials").iterdir())) == 1


def test_hyperband_trains_on_from_the_weights(tmp_path):
    starts = []

    class Note(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            starts.append([value.tolist() for value in self.model.get_weights()])

        def on_train_end(self, logs=None):
            starts.append([value.tolist() for value in self.model.get_weights()])

    result = search(drawing, oracle="hyperband", epochs=3, trials=None, callbacks=[Note()], folder=tmp_path)
    begun, ended = starts[::2], starts[1::2]
    promoted = [trial for trial in result.trials if trial.values["tuner/initial_epoch"]]
    assert promoted
    for trial in promoted:
        before = int(trial.values["tuner/trial_id"])
        assert begun[trial.number - 1] == ended[before]
        assert min(trial.curve) == 2
        assert not math.isnan(trial.val_dice)


def test_ctrl_c_after_a_confirmation_leaves_the_network_that_is_named(tmp_path):
    options = {"folder": tmp_path, "losses": ["tversky", "focal"], "trials": 2}
    search(planted, seeds=1, **options)
    result = search(planted, seeds=2, callbacks=[Interrupt(1)], **options)
    assert result.interrupted
    assert str(result.best_model.loss) == str(result.best_loss) == "focal"
    logs = result.best_model.evaluate(*VALIDATION, verbose=0, return_dict=True)
    assert logs["dice"] == pytest.approx(result.best.val_dice)


def test_bayesian_draws_do_not_depend_on_the_number_of_trials():
    hp = keras_tuner.HyperParameters()
    hp.Choice("loss", ["a", "b"])
    made = [oracles.make_oracle("bayesian", hp, trials, 1, 0)[0] for trials in (3, 60)]
    assert made[0].num_initial_points == made[1].num_initial_points == 3
