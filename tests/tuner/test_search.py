"""The search: direction, builds, equal starts, failures, files."""

import csv
import gc
import math
import tomllib

import keras
import numpy as np
import pytest

import keras_seg
from keras_seg import tuner, zoo
from keras_seg.training.sessions import clear_session
from keras_seg.tuner import running, searching
from keras_seg.tuner.progress import Progress

RNG = np.random.default_rng(0)
X = RNG.normal(size=(8, 8, 8, 1)).astype("float32")
Y = (X[..., 0] > 0.5).astype("uint8")
TRAIN, VALIDATION = (X[:4], Y[:4]), (X[4:], Y[4:])
NAMES = ["dice_ce", "tversky", "focal"]


def network(loss, hp=None, weight=None):
    """One pixelwise layer; eager, since tracing would take longer than training."""
    initializer = "glorot_uniform" if weight is None else keras.initializers.Constant(weight)
    image = keras.Input((None, None, 1))
    maps = keras.layers.Conv2D(1, 1, activation="sigmoid", kernel_initializer=initializer)(image)
    model = keras.Model(image, maps)
    return keras_seg.compile(model, loss, keras.optimizers.SGD(0.0 if weight else 0.1), run_eagerly=True)


def search(build=network, data=TRAIN, **options):
    options = {"losses": NAMES, "trials": 3, "epochs": 1, "console": None} | options
    return tuner.search(build, data, options.pop("validation", VALIDATION), **options)


def planted(loss, hp):
    """A network that is right for focal and wrong for all others, whatever it is trained by."""
    return network(loss, weight=5.0 if str(loss).startswith("focal") else -5.0)


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
    built = []

    def build(loss, hp):
        built.append(str(loss))
        return network(loss)

    before = []
    monkeypatch.setattr(running.LossTuner, "search", lambda self: before.append(len(built)))
    search(build)
    assert before == [0]
    monkeypatch.undo()
    search(build, losses="all", trials=2)
    assert len(built) == 2


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

    result = search(build, trials=4, folder=tmp_path)
    assert [trial.reason for trial in result.trials] == ["MemoryError"] * 4
    with pytest.raises(ValueError, match=r"All 4 trials failed.*MemoryError"):
        _ = result.best_model
    assert [path.name for path in result.write()] == ["leaderboard.csv", "trials.png"]


def test_no_foreground_to_validate_on_is_said():
    empty = (X[4:], np.zeros_like(Y[4:]))
    result = search(lambda loss, hp: network(loss, weight=1e-9), validation=empty, trials=1)
    assert "no validation case has a foreground" in result.trials[0].reason


def test_files_of_a_search(tmp_path):
    result = search(planted, folder=tmp_path / "run", loss_options={"ignore_class": 255})
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"leaderboard.csv", "best.keras", "keras_tuner"}
    result.write(model={"name": "planted"}, result={"test_dice": 0.5})
    recipe = tomllib.loads((tmp_path / "run" / "recipe.toml").read_text())
    assert recipe["loss"]["text"] == "focal(gamma=2, ignore_class=255)"
    assert recipe["hyperparameters"] == {"focal.gamma": 2.0}
    assert recipe["result"] == {"val_dice": result.best.val_dice, "best_epoch": 1, "trial": 3, "test_dice": 0.5}
    assert recipe["search"]["seed"] == 0
    assert recipe["search"]["losses"] == NAMES
    assert recipe["training"] == {"epochs": 1}
    assert recipe["model"] == {"name": "planted"}
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"leaderboard.csv", "best.keras", "keras_tuner", "recipe.toml", "trials.png"}
    copied = result.write(tmp_path / "elsewhere")
    assert [path.name for path in copied] == ["leaderboard.csv", "best.keras", "recipe.toml", "trials.png"]
    model = keras.saving.load_model(tmp_path / "elsewhere" / "best.keras")
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


def test_ctrl_c_keeps_what_ended(tmp_path):
    class Stop(keras.callbacks.Callback):
        count = 0

        def on_train_begin(self, logs=None):
            Stop.count += 1
            if Stop.count == 3:
                raise KeyboardInterrupt

    result = search(folder=tmp_path, trials=5, callbacks=[Stop()])
    assert result.interrupted
    assert [trial.number for trial in result.trials] == [1, 2]
    assert len((tmp_path / "leaderboard.csv").read_text().splitlines()) == 3
    assert result.best_model is not None


def test_a_folder_in_use_is_refused_and_only_ours_is_replaced(tmp_path):
    (tmp_path / "recipe.toml").write_text("old")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="not empty"):
        search(folder=tmp_path)
    search(folder=tmp_path, overwrite=True, trials=1)
    assert not (tmp_path / "recipe.toml").exists()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_an_uncompiled_network_is_compiled():
    def build(loss, hp):
        image = keras.Input((None, None, 1))
        return keras.Model(image, keras.layers.Conv2D(2, 1, activation="softmax")(image))

    result = search(build, losses=["tversky"], trials=1)
    assert str(result.best_model.loss) == "tversky"


def test_a_name_of_the_zoo_and_deep_supervision():
    build = searching.builder_for_arrays("unet", (X, Y))
    model = build("dice", None)
    assert model.input_shape == (None, None, None, 1)
    assert model.output_shape[-1] == 2
    assert searching.builder_for_arrays("vnet", (X, np.eye(5)[Y]))("dice", None).output_shape[-1] == 5

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


def test_build_must_return_a_model():
    with pytest.raises(TypeError, match=r"must return a `keras.Model`.*str"):
        search(lambda loss, hp: "unet")


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


def test_a_silent_progress_needs_no_console():
    with Progress(1, 1) as progress:
        progress.end(tuner.Trial(1, "dice", "dice", val_dice=0.5), 1)
    assert progress.best == 0.5
