"""The search: direction, builds, equal starts, failures, files."""

import csv
import gc
import math
import tomllib

import keras
import numpy as np
import pytest
from small_search import NAMES, TRAIN, VALIDATION, Counted, X, Y, network, planted, search

import keras_seg
from keras_seg import tuner, zoo
from keras_seg.training.sessions import clear_session
from keras_seg.tuner import networks, running
from keras_seg.tuner.progress import Progress


def test_best_is_the_highest_dice_for_us_and_for_kerastuner(monkeypatch):
    tuners = []
    monkeypatch.setattr(running.LossTuner, "on_search_end", lambda self: tuners.append(self))
    result = search(planted)
    dice = [trial.val_dice for trial in result.leaderboard]
    assert dice == sorted(dice, reverse=True)
    assert dice[0] > dice[-1]
    assert result.best.name == "focal"
    assert isinstance(result.best_loss, keras_seg.losses.FocalLoss)
    (best,) = tuners[0].oracle.get_best_trials()
    assert best.hyperparameters.values["loss"] == "focal"
    assert best.score == pytest.approx(result.best.val_dice)


def test_hyperband_goes_on_with_the_better_and_from_their_weights():
    result = search(planted, oracle="hyperband", epochs=3, trials=None)
    promoted = [trial for trial in result.trials if trial.epochs == 3]
    short = [trial for trial in result.trials if trial.epochs == 1]
    assert {trial.name for trial in short} == set(NAMES)
    # The second bracket begins at full length; what is promoted in the first is right.
    assert promoted[0].name == "focal"
    assert promoted[0].hyperparameters in [trial.hyperparameters for trial in short]


def test_bayesian_search_comes_to_its_model():
    result = search(planted, oracle="bayesian", trials=4)
    assert len(result.trials) == 4
    assert result.best.name == "focal"


def test_grid_tries_everything_once():
    result = search(oracle="grid", losses=["focal", "dice"], trials=None)
    assert sorted(trial.loss for trial in result.trials) == [
        "dice",
        "focal(gamma=0.5)",
        "focal(gamma=2)",
        "focal(gamma=5)",
    ]


def test_one_build_per_trial_and_none_before_the_first(monkeypatch):
    build, before = Counted(), []
    begin = running.LossTuner.on_search_begin
    monkeypatch.setattr(
        running.LossTuner, "on_search_begin", lambda self: (before.append(len(build.losses)), begin(self))
    )
    search(build, losses="all", trials=2)
    assert before == [0]
    assert len(build.losses) == 2


def test_trials_start_from_equal_weights_and_see_equal_batches():
    weights, values = [], []

    class Note(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            values.append(logs["loss"])

    def build(loss, hp):
        model = network(loss)
        weights.append(model.get_weights())
        np.random.random(1 + len(weights))  # numbers that a network draws must not change the batches
        return model

    for seed in (0, 1):
        search(build, losses=["dice", "1 * dice"], trials=2, seed=seed, batch_size=1, callbacks=[Note()])
    np.testing.assert_equal(weights[1], weights[0])
    assert values[:4] == values[4:8] != values[8:12]


def test_any_data_set_will_do():
    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return X[2 * index : 2 * index + 2], Y[2 * index : 2 * index + 2]

    assert not search(data=Batches(), validation=Batches(), losses=["dice"], trials=1).best.failed


def test_what_build_draws_is_searched_too():
    def build(loss, hp):
        hp.Float("rate", 1e-3, 1.0, sampling="log", default=0.1)
        return network(loss)

    rates = [trial.hyperparameters["rate"] for trial in search(build, losses=["dice", "focal"], trials=4).trials]
    assert rates[:2] == [0.1] * 2
    assert len(set(rates)) == 3


def test_failed_trials_are_rows_and_the_search_goes_on(tmp_path):
    def build(loss, hp):
        if str(loss).startswith("tversky"):
            raise RuntimeError("no memory\nat all")
        return network(loss, weight=math.nan if str(loss).startswith("dice_ce") else None)

    result = search(build, losses=["tversky", "dice_ce", "focal"], trials=5, folder=tmp_path)
    assert len(result.trials) == 5
    reasons = {trial.name: trial.reason for trial in result.trials}
    assert reasons == {"tversky": "RuntimeError: no memory", "dice_ce": "the loss became nan in epoch 1", "focal": ""}
    assert [trial.failed for trial in result.leaderboard] == [False] + [True] * 4
    rows = list(csv.DictReader((tmp_path / "leaderboard.csv").read_text().splitlines()))
    assert rows[-1]["rank"] == ""
    assert {row["reason"] for row in rows} == set(reasons.values())


def test_four_failures_in_a_row_do_not_end_it(tmp_path):
    def build(loss, hp):
        raise MemoryError

    result = search(build, trials=4, seeds=1, folder=tmp_path)
    assert result.confirmation is None
    assert [trial.reason for trial in result.trials] == ["MemoryError"] * 4
    with pytest.raises(ValueError, match=r"All 4 trials failed.*MemoryError"):
        _ = result.best_model
    assert result.written == [tmp_path / name for name in ("leaderboard.md", "leaderboard.csv", "trials.png")]


def test_no_foreground_to_validate_on_is_said():
    empty = (X[4:], np.zeros_like(Y[4:]))
    result = search(lambda loss, hp: network(loss, weight=1e-9), validation=empty, trials=1)
    assert "no validation case has a foreground" in result.trials[0].reason


def test_files_of_a_search(tmp_path):
    result = search(planted, folder=tmp_path / "run", loss_options={"ignore_class": 255})
    shown = ["leaderboard.md", "leaderboard.csv", "trials.png", "best.keras", "recipe.toml"]
    assert [path.name for path in result.written] == shown
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {*shown, "search.json", "trials", "weights", "keras_tuner"}
    recipe = tomllib.loads((tmp_path / "run" / "recipe.toml").read_text())
    assert recipe == {"loss": {"loss": "focal(gamma=2, ignore_class=255)", "options": {"ignore_class": 255}}}
    assert str(result.best_loss) == str(keras_seg.losses.get("focal", ignore_class=255))
    rows = list(csv.DictReader((tmp_path / "run" / "leaderboard.csv").read_text().splitlines()))
    assert [row["rank"] for row in rows] == ["1", "2", "3"]
    model = keras.saving.load_model(tmp_path / "run" / "best.keras")
    assert str(model.loss) == "focal(ignore_class=255)"
    np.testing.assert_allclose(model.predict(X, verbose=0), result.best_model.predict(X, verbose=0))


def test_best_model_is_at_its_best_epoch():
    class Worsen(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.layers[1].kernel.assign(self.model.layers[1].kernel * (1 if epoch == 0 else -1))

    result = search(planted, losses=["focal"], trials=1, epochs=2, callbacks=[Worsen()])
    assert (result.best.best_epoch, result.best.epochs) == (1, 2)
    assert result.best_model.get_weights()[0].item() == 5.0
    logs = result.best_model.evaluate(*VALIDATION, verbose=0, return_dict=True)
    assert logs["dice"] == pytest.approx(result.best.val_dice)


def test_a_temporary_folder_lives_as_long_as_the_result():
    result = search(trials=1)
    folder = result.folder
    assert (folder / "best.keras").exists()
    del result
    gc.collect()
    assert not folder.exists()


def test_no_temporary_folder_stays_after_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(TypeError, match=r"must return a `keras.Model`.*str"):
        search(lambda loss, hp: "unet")
    assert list(tmp_path.iterdir()) == []


def test_only_ours_is_replaced(tmp_path):
    (tmp_path / "recipe.toml").write_text("old")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"something else \(notes\.txt\)"):
        search(folder=tmp_path)
    search(folder=tmp_path, overwrite=True, trials=1)
    assert (tmp_path / "recipe.toml").read_text() != "old"
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_the_time_ends_after_a_trial_and_a_round():
    result = search(losses=["dice_ce"], minutes=1e-9, trials=5, seeds=2)
    assert len(result.trials) == 1
    assert result.confirmation.rounds == [0]


def test_an_uncompiled_network_is_compiled():
    def build(loss, hp):
        image = keras.Input((None, None, 1))
        return keras.Model(image, keras.layers.Conv2D(2, 1, activation="softmax")(image))

    result = search(build, losses=["tversky"], trials=1)
    assert str(result.best_model.loss) == "tversky"


def test_a_name_of_the_zoo_and_deep_supervision():
    build = networks.builder_for_arrays("unet", (X, Y))
    model = build("dice", None)
    assert model.input_shape == (None, None, None, 1)
    assert model.output_shape[-1] == 2
    assert networks.builder_for_arrays("vnet", (X, np.eye(5)[Y]))("dice", None).output_shape[-1] == 5

    def deep(loss, hp):
        model = zoo.unet((None, None, 1), 2, filters=(2, 3, 4), deep_supervision=True)
        return keras_seg.compile(model, loss, run_eagerly=True)

    count = len(deep("dice", None).outputs)
    data, validation = ((x, [y] * count) for x, y in (TRAIN, VALIDATION))
    result = search(deep, data, validation=validation, losses=["dice"], trials=1)
    assert result.trials[0].reason == ""


def test_the_users_dtype_policy_stays():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        clear_session()
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy(before)


def test_a_network_without_val_dice_ends_the_search_at_once():
    def build(loss, hp):
        image = keras.Input((None, None, 1))
        model = keras.Model(image, keras.layers.Conv2D(1, 1, activation="sigmoid")(image))
        model.compile(loss=loss, run_eagerly=True)
        return model

    with pytest.raises(ValueError, match=r"logs no `val_dice`.*metrics\.Dice"):
        search(build)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"build": 3}, "`build` must be a function"),
        ({"build": "une"}, "unet"),
        ({"build": "unet", "data": [X]}, "arrays"),
        ({"oracle": "bayes"}, "bayesian"),
        ({"trials": 0}, "`trials` must be a whole number of 1"),
        ({"epochs": 1.5}, "`epochs`"),
        ({"seed": -1}, "`seed`"),
        ({"losses": ["tverski"]}, "tversky"),
        ({"validation": None}, "`validation_data` is missing"),
        ({"data": (x for x in X)}, "generator"),
        ({"test_data": (x for x in X)}, "`test_data` is a generator"),
        ({"seeds": -1}, "`seeds`"),
        ({"data": (X,)}, "sample_weight"),
        ({"data": np, "batch_size": 2}, "`batch_size` goes with arrays"),
        ({"oracle": "grid", "trials": 4}, "grid of these losses has"),
        ({"oracle": "hyperband", "losses": ["dice"], "epochs": 9}, "only 1 points"),
        ({"loss_options": {"gama": 2}}, "gama"),
    ],
)
def test_arguments_are_checked(options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        search(folder=tmp_path, **options)
    assert list(tmp_path.iterdir()) == []


def test_options_of_a_folder_of_cases_are_refused_with_arrays():
    with pytest.raises(TypeError, match="patch"):
        search(patch=[8, 8])


def test_numbers_of_numpy_are_numbers(tmp_path):
    options = {"trials": np.int64(1), "batch_size": np.int32(2), "ranges": {"dice_ce.smooth": (np.float32(0.5), 1.0)}}
    options["loss_options"] = {"class_weights": np.array([1.0, 2.0])}
    for _ in range(2):
        assert search(folder=tmp_path, losses=["dice_ce"], **options).best.val_dice > 0


def test_a_silent_progress_needs_no_console():
    with Progress(1, 1) as progress:
        progress.end(tuner.Trial(1, "dice", "dice", val_dice=0.5), 1)
    assert progress.best == 0.5
