"""Weights that change with the epoch: what they are, and that they reach the compiled step of `fit`."""

import warnings

import keras
import numpy as np
import pytest
from loss_cases import batch_of, value

import keras_seg
from keras_seg import losses
from keras_seg.losses import schedule

BATCH = batch_of("binary", (6, 5), samples=4)
SCHEDULED = [name for name in losses.names() if losses.get(name).schedules()]
every_scheduled_loss = pytest.mark.parametrize("name", SCHEDULED)


@pytest.fixture(autouse=True)
def first_epoch():
    """Begin and end each test in epoch 0, as if nobody had trained yet."""
    used = schedule.EpochSchedule.used
    schedule.EpochSchedule.used = False
    schedule.epoch_variable().assign(0.0)
    yield
    schedule.EpochSchedule.used = used
    schedule.epoch_variable().assign(0.0)


def compiled(jit_compile="auto", rate=0.0, run_eagerly=False):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 5, 1))
    model = keras.Model(inputs, keras.layers.Conv2D(1, 1, activation="sigmoid")(inputs))
    ramp = {"start": 0.1, "step": 0.2, "stop": 0.4}
    metric = losses.ScheduledWeight(**ramp, name="boundary_weight")
    how = {"run_eagerly": True} if run_eagerly else {"jit_compile": jit_compile}
    model.compile(keras.optimizers.SGD(rate), loss=losses.DiceBoundaryLoss(**ramp), metrics=[metric], **how)
    return model


def fit(model, epochs, initial_epoch=0, **arguments):
    schedule_ = [losses.EpochSchedule()]
    history = model.fit(
        BATCH.logits, BATCH.truth, 2, epochs, 0, schedule_, initial_epoch=initial_epoch, shuffle=False, **arguments
    )
    return history.history


def expected(model, weights):
    """Return the losses of epochs with these weights; with a learning rate of 0 nothing else changes."""
    prediction = model.predict(BATCH.logits, verbose=0)
    dice, boundary = (float(value(losses.get(part), BATCH.truth, prediction)) for part in ("dice", "boundary"))
    assert abs(boundary) > 0.01
    return [dice + weight * boundary for weight in weights]


def test_the_weight_is_a_function_of_the_epoch():
    loss = losses.DiceBoundaryLoss(start=0.1, step=0.2, stop=0.4)
    for epoch, weight in enumerate([0.1, 0.3, 0.4, 0.4]):
        schedule.epoch_variable().assign(float(epoch))
        got = value(loss, BATCH.truth, BATCH.probabilities)
        parts = [value(losses.get(part), BATCH.truth, BATCH.probabilities) for part in ("dice", "boundary")]
        np.testing.assert_allclose(got, parts[0] + weight * parts[1], rtol=1e-5)


def test_a_weight_may_fall():
    ramp = schedule.Ramp(1.0, -0.4, 0.1, "falling")
    weights = []
    for epoch in range(4):
        schedule.epoch_variable().assign(float(epoch))
        weights.append(float(ramp()))
    np.testing.assert_allclose(weights, [1.0, 0.6, 0.2, 0.1], rtol=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "jitted"])
def test_the_epoch_reaches_the_compiled_step(jit_compile):
    model = compiled(jit_compile)
    history = fit(model, 4)
    weights = [0.1, 0.3, 0.4, 0.4]
    np.testing.assert_allclose(history["boundary_weight"], weights, rtol=1e-5)
    np.testing.assert_allclose(history["loss"], expected(model, weights), rtol=1e-5)


def by_hand(name, prediction, epochs):
    """Return the values of a scheduled loss in these epochs, outside any compiled step."""
    values = []
    for epoch in epochs:
        schedule.epoch_variable().assign(float(epoch))
        values.append(float(value(losses.get(name), BATCH.truth, prediction)))
    assert len(set(values)) == len(values)
    return values


@every_scheduled_loss
@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "jitted"])
def test_the_epoch_reaches_every_scheduled_loss_and_goes_on_after_loading(name, jit_compile, tmp_path):
    """With a learning rate of 0 only the weight changes."""
    inputs = keras.Input((6, 5, 1))
    model = keras.Model(inputs, keras.layers.Conv2D(1, 1, activation="sigmoid")(inputs))
    keras_seg.compile(model, name, keras.optimizers.SGD(0.0), jit_compile=jit_compile)
    weights = {ramp.name for ramp in losses.get(name).schedules()}
    history = fit(model, 2)
    assert weights <= set(history)
    prediction = model.predict(BATCH.logits, verbose=0)
    np.testing.assert_allclose(history["loss"], by_hand(name, prediction, range(2)), rtol=1e-5)
    model.save(tmp_path / "model.keras")
    schedule.epoch_variable().assign(0.0)
    again = keras_seg.load_model(tmp_path / "model.keras")
    again.jit_compile = jit_compile
    history = fit(again, 4, initial_epoch=2)
    np.testing.assert_allclose(history["loss"], by_hand(name, prediction, range(2, 4)), rtol=1e-5)


def test_there_are_scheduled_losses():
    assert {"dice_boundary", "dice_hausdorff"} <= set(SCHEDULED)


def test_resuming_goes_on_with_the_right_weight():
    straight, resumed = (compiled(rate=0.1, run_eagerly=True) for _ in range(2))
    fit(straight, 3)
    fit(resumed, 2)
    fit(resumed, 3, initial_epoch=2)
    for ours, theirs in zip(resumed.get_weights(), straight.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_validation_sees_the_weight_of_its_epoch():
    model = compiled(run_eagerly=True)
    history = fit(model, 3, validation_data=(BATCH.logits, BATCH.truth))
    np.testing.assert_allclose(history["val_loss"], history["loss"], rtol=1e-5)
    np.testing.assert_allclose(history["val_boundary_weight"], [0.1, 0.3, 0.4], rtol=1e-5)


def test_a_saved_model_goes_on(tmp_path):
    model = compiled()
    fit(model, 1)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    history = fit(again, 3, initial_epoch=1)
    np.testing.assert_allclose(history["loss"], expected(again, [0.3, 0.4]), rtol=1e-5)


def test_compounds_hand_out_their_schedules():
    loss = losses.DiceBoundaryLoss() * 2 + losses.get("focal")
    assert [ramp.name for ramp in loss.schedules()] == ["boundary_weight"]
    assert losses.DeepSupervisionLoss(loss).schedules() == loss.schedules()
    assert losses.get("dice").schedules() == ()


def test_training_without_the_callback_warns():
    model = compiled(run_eagerly=True)
    with pytest.warns(UserWarning, match=r"stays at 0.1.*callbacks=\[keras_seg.losses.EpochSchedule\(\)\]"):
        model.fit(BATCH.logits, BATCH.truth, epochs=8, verbose=0)


def test_training_with_the_callback_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(compiled(run_eagerly=True), 8)


def test_the_metric_survives_its_configuration():
    metric = losses.ScheduledWeight(0.1, 0.2, 0.4, name="boundary_weight")
    again = losses.ScheduledWeight.from_config(metric.get_config())
    assert again.get_config() == metric.get_config()
    schedule.epoch_variable().assign(1.0)
    metric.reset_state()
    assert float(again.result()) == pytest.approx(0.3)
