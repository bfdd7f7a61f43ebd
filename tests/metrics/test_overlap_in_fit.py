"""The metrics in a compiled model: saved and reloaded, graph, XLA, and JAX's stateless trainer."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_seg.metrics import Dice, IoU, dice_per_class, harden, iou_per_class, mean_dice

# Keras 3.15 reads its own variables in a way that NumPy 2.4 warns of, when it writes a `.keras` file.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

CASES, CLASSES = 4, 3


def data():
    rng = np.random.default_rng(7)
    labels = rng.integers(0, CLASSES, (CASES, 6, 6)).astype("uint8")
    labels[0] = 0
    return rng.standard_normal((CASES, 6, 6, 2)).astype("float32"), labels


def build(**options):
    """A fixed, untrained map from two channels to three classes."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((None, None, 2))
    model = keras.Model(inputs, keras.layers.Conv2D(CLASSES, 3, padding="same", activation="softmax")(inputs))
    metrics = [Dice(), IoU(), Dice(class_id=2, name="dice_2"), Dice(num_classes=CLASSES, name="dice_known")]
    weighted = [Dice(ignore_class=1, name="dice_weighted")]
    loss = keras.losses.SparseCategoricalCrossentropy()
    model.compile("sgd", loss, metrics=metrics, weighted_metrics=weighted, **options)
    return model


def expected_scores(model, images, labels):
    prediction = harden(model.predict(images, verbose=0))
    dice, iou = (
        np.array([score(t, p, CLASSES) for t, p in zip(labels, prediction)])
        for score in (dice_per_class, iou_per_class)
    )
    return {
        "dice": mean_dice(dice),
        "dice_2": float(np.nanmean(dice[:, 2])),
        "dice_known": mean_dice(dice),
        "iou": mean_dice(iou),
    }


def fit_scores(jit_compile, batch_size=2):
    """What `fit` logs for validation data and `evaluate` returns, beside what the arrays say."""
    images, labels = data()
    model = build(jit_compile=jit_compile)
    fit = model.fit(images, labels, batch_size, verbose=0, validation_data=(images, labels)).history
    scores = model.evaluate(images, labels, batch_size, verbose=0, return_dict=True)
    logged = {name: fit[f"val_{name}"][-1] for name in scores}
    return logged, scores, expected_scores(model, images, labels)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_fit_logs_the_dice_of_the_arrays(jit_compile):
    logged, evaluated, expected = fit_scores(jit_compile)
    for name, score in expected.items():
        assert logged[name] == pytest.approx(score, abs=1e-6)
        assert evaluated[name] == pytest.approx(score, abs=1e-6)


def test_voxel_weights_reach_weighted_metrics():
    images, labels = data()
    weight = np.random.default_rng(1).integers(0, 2, labels.shape).astype("float32")
    model = build()
    found = model.evaluate(images, labels, 2, verbose=0, return_dict=True, sample_weight=weight)
    truth = np.where(weight == 0, 1, labels)  # class 1 is ignored
    prediction = harden(model.predict(images, verbose=0))
    table = np.array([dice_per_class(t, p, CLASSES, ignore_class=1) for t, p in zip(truth, prediction)])
    assert found["dice_weighted"] == pytest.approx(mean_dice(table), abs=1e-6)
    assert found["dice"] == pytest.approx(expected_scores(model, images, labels)["dice"], abs=1e-6)


def test_saved_model_has_the_same_metrics(tmp_path):
    images, labels = data()
    model = build(jit_compile=False)
    before = model.evaluate(images, labels, 2, verbose=0, return_dict=True)
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    assert reloaded.evaluate(images, labels, 2, verbose=0, return_dict=True) == pytest.approx(before, abs=1e-6)


@pytest.mark.parametrize("metric", [Dice, IoU])
def test_config_keeps_every_argument(metric):
    options = {
        "num_classes": 4,
        "from_logits": True,
        "multilabel": True,
        "include_background": True,
        "ignore_class": 255,
        "class_id": 3,
        "data_format": "channels_first",
        "name": "mine",
        "dtype": "float64",
    }
    saved = keras.saving.serialize_keras_object(metric(**options))
    assert saved["registered_name"] == f"keras_seg>{metric.__name__}"
    assert json.loads(json.dumps(saved)) == saved
    reloaded = keras.saving.deserialize_keras_object(saved)
    assert type(reloaded) is metric
    assert reloaded.get_config() == options
    for name in set(options) - {"name", "dtype"}:
        assert getattr(reloaded, name) == options[name]
    assert metric().name == metric.__name__.lower()
    assert metric.from_config(metric().get_config()).get_config() == metric().get_config()


def test_stateless_use_equals_stateful_use():
    images, labels = data()
    probabilities = build().predict(images, verbose=0)
    metric, stateful = Dice(num_classes=CLASSES), Dice()
    variables = metric.stateless_reset_state()
    for case in range(CASES):
        one = slice(case, case + 1)
        variables = metric.stateless_update_state(variables, labels[one], probabilities[one])
        stateful.update_state(labels[one], probabilities[one])
    assert float(metric.stateless_result(variables)) == pytest.approx(float(stateful.result()), abs=1e-6)
    assert np.isnan(float(metric.result()))


def compiled_values():
    """Dice of one batch under a jitted update, for encodings and options that compile into different code."""
    labels = data()[1]
    rng = np.random.default_rng(9)
    scores, mask = rng.random((CASES, 6, 6, CLASSES)).astype("float32"), rng.random(labels.shape) < 0.3
    dense = np.eye(CLASSES, dtype="float32")[labels]
    void = np.where(mask, 255, labels)
    return [
        jitted(Dice(CLASSES), labels, scores),
        jitted(Dice(CLASSES, multilabel=True), dense, scores),
        jitted(Dice(CLASSES, ignore_class=255), np.where(mask[..., None], 255, dense), scores),
        jitted(IoU(CLASSES, ignore_class=255), void, scores, (~mask).astype("float32")),
        jitted(IoU(CLASSES), labels, scores, np.arange(CASES, dtype="float32")),
        jitted(Dice(1, from_logits=True), mask, scores[..., :1] - 0.5),
    ]


def jitted(metric, *batch):
    """Updates inside of a compiled function, on variables that come and go as tensors."""

    def update(variables, *batch):
        variables = metric.stateless_update_state(variables, *batch)
        return metric.stateless_result(variables)

    if keras.backend.backend() == "tensorflow":
        import tensorflow

        update = tensorflow.function(update, jit_compile=True)
    elif keras.backend.backend() == "jax":
        import jax

        update = jax.jit(update)
    variables = [keras.ops.convert_to_tensor(variable) for variable in metric.variables]
    found = float(update(variables, *(keras.ops.convert_to_tensor(array) for array in batch)))
    metric.update_state(*batch)
    assert found == pytest.approx(float(metric.result()), abs=1e-6)
    return found


def test_jax_trains_and_counts_alike():
    """One process for all of JAX: `fit` with and without XLA, and the same batches as here."""
    script = (
        "import json, test_overlap_in_fit as here\n"
        "fits = [here.fit_scores(True), here.fit_scores(False, batch_size=4)]\n"
        "print(json.dumps({'fits': fits, 'values': here.compiled_values()}))\n"
    )
    folder = os.path.dirname(__file__)
    path = os.pathsep.join([folder, *filter(None, sys.path)])
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": path}
    run = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    answer = json.loads(run.stdout.splitlines()[-1])
    for logged, evaluated, expected in answer["fits"]:
        for name, score in expected.items():
            assert logged[name] == pytest.approx(score, abs=1e-6)
            assert evaluated[name] == pytest.approx(score, abs=1e-6)
    assert answer["values"] == pytest.approx(compiled_values(), abs=1e-6)
