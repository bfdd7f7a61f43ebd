import errno
import math
import os

import keras
import numpy as np
import pytest

from keras_seg.training import state as states
from keras_seg.training.state import TrainingState, read_state, restore_variables, save_state


def network(units=3):
    layers = [keras.Input((4,)), keras.layers.Dense(units), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.AdamW(0.01, use_ema=True), loss="mse", metrics=["mae"], jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    return model


def steps(model, count=3):
    x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    return [float(model.train_on_batch(x, x[:, :1])[0]) for _ in range(count)]


def numbers(model):
    return [np.array(variable) for variable in (*model.variables, *model.optimizer.variables)]


def test_state_comes_back_as_it_was():
    state = TrainingState(
        epoch=3,
        best_epoch=2,
        best_dice=0.5,
        best_table={"a": [0.5, math.nan]},
        rows=[{"epoch": 1, "loss": 0.5, "val_dice": math.nan}],
        elapsed=1.5,
        validated=["a"],
        finished=True,
    )
    again = TrainingState.from_json(state.to_json())
    assert again.best_table["a"][0] == 0.5
    assert math.isnan(again.best_table["a"][1])
    # A class that counts in no validation case; the curves of a resumed run are drawn from these rows.
    assert math.isnan(again.rows[0].pop("val_dice"))
    assert again.rows == [{"epoch": 1, "loss": 0.5}]
    assert (again.epoch, again.best_epoch, again.best_dice, again.finished) == (3, 2, 0.5, True)
    assert math.isnan(TrainingState.from_json(TrainingState().to_json()).best_dice)


def test_training_goes_on_as_if_it_had_never_stopped(tmp_path):
    keras.utils.set_random_seed(1)
    model = network()
    steps(model)
    save_state(tmp_path, model, TrainingState(epoch=1))
    expected = steps(model)
    other = network()  # another start, other names of layers
    restore_variables(read_state(tmp_path)[1], other)
    np.testing.assert_allclose(steps(other), expected, rtol=1e-6)  # dropout's random numbers too
    # Metrics are not part of a state, whether they exist already or not.
    for mine, theirs in zip(model.optimizer.variables, other.optimizer.variables, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-7)


def test_only_the_newest_state_stays(tmp_path):
    model = network()
    for epoch in range(3):
        save_state(tmp_path, model, TrainingState(epoch=epoch))
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-0002"]
    assert read_state(tmp_path)[0].epoch == 2


def test_no_state(tmp_path):
    assert read_state(tmp_path) is None
    assert read_state(tmp_path / "missing") is None
    (tmp_path / "unfinished").mkdir()  # of a killed process
    assert read_state(tmp_path) is None


def test_full_disk_keeps_the_state_before(tmp_path, monkeypatch):
    model = network()
    save_state(tmp_path, model, TrainingState(epoch=1))

    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(states.np, "savez", full)
    with pytest.raises(OSError, match="the disk is full") as caught:
        save_state(tmp_path, model, TrainingState(epoch=2))
    assert str(tmp_path) in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-0001"]


def test_state_folder_below_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="a part of this path is a file"):
        save_state(tmp_path / "file" / "state", network(), TrainingState())


def test_damaged_state(tmp_path):
    model = network()
    save_state(tmp_path, model, TrainingState(epoch=1))
    path = tmp_path / "epoch-0001" / states.VARIABLES
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(ValueError, match=r"epoch-0001: this state cannot be read .* Train again"):
        read_state(tmp_path)


def test_an_older_state_that_can_be_read_is_better_than_none(tmp_path):
    save_state(tmp_path, network(), TrainingState(epoch=1))
    (tmp_path / "epoch-0002").mkdir()
    assert read_state(tmp_path)[0].epoch == 1


def test_state_of_another_network(tmp_path):
    save_state(tmp_path, network(3), TrainingState(epoch=1))
    with pytest.raises(ValueError, match=r"belongs to another network .* \(4, 3\) in the state and \(4, 5\)"):
        restore_variables(tmp_path / "epoch-0001", network(5))
