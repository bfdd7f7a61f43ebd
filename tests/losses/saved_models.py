"""Models compiled with every loss at values that are not its defaults, saved here and loaded in a new process.

    python tests/losses/saved_models.py FOLDER

writes `FOLDER/saved.json`, then runs itself with `--load` in a new process, which writes `FOLDER/loaded.json`. Both
hold, for each loss, its configuration, its text and the value that `evaluate` gives.
"""

import json
import pathlib
import subprocess
import sys

import keras
import numpy as np

import keras_seg

CLASSES = 3
SHAPE = (6, 5)
# A model that is evaluated once as users do, compiled; the others eagerly, which is quicker.
COMPILED = "tversky"
# Overlapping classes would need another truth, and a convolution with channels first is not for CPUs.
LEFT_OUT = ("multilabel", "data_format")


def batch():
    """Return features `[4, *SHAPE, 2]`, labels `[4, *SHAPE]`, some of them ignored, and sample weights `[4]`."""
    rng = np.random.default_rng(6)
    features = rng.normal(size=(4, *SHAPE, 2)).astype("float32")
    labels = np.where(rng.random((4, *SHAPE)) < 0.2, 255, rng.integers(0, CLASSES, (4, *SHAPE)))
    return features, labels.astype("uint8"), np.array([1, 2, 0, 0.5], "float32")


def every_loss():
    """Yield a name and a loss of which no argument has its default."""
    from loss_cases import COMPOUNDS, other_options

    for name in keras_seg.losses.names():
        yield name, keras_seg.losses.get(name, **other_options(name, leave_out=LEFT_OUT))
    shared = {"from_logits": True, "class_weights": [1, 2, 0.5], "ignore_class": 255, "reduction": "sum"}
    for number, text in enumerate(COMPOUNDS):
        yield f"compound_{number}", keras_seg.losses.get(text, **shared)
    dice = keras_seg.losses.DiceLoss(from_logits=True, ignore_class=255, smooth=0.3)
    yield "deep_supervision", keras_seg.losses.DeepSupervisionLoss(dice, weights=[2, 1], reduction="sum")


def report(name, model):
    """Return what must be the same after loading."""
    model.run_eagerly = name != COMPILED
    features, labels, weight = batch()
    value = model.evaluate(features, labels, sample_weight=weight, batch_size=3, verbose=0)
    return {
        "config": keras.saving.serialize_keras_object(model.loss),
        "text": str(model.loss) if hasattr(model.loss, "registered_name") else None,
        "value": float(np.ravel(value)[0]),
        "weight": float(weight.sum()),
    }


def save(folder):
    keras.utils.set_random_seed(4)
    reports = {}
    for name, loss in every_loss():
        inputs = keras.Input((*SHAPE, 2))
        model = keras.Model(inputs, keras.layers.Dense(CLASSES)(inputs))
        model.compile("adam", loss=loss)
        reports[name] = report(name, model)
        model.save(folder / f"{name}.keras")
    (folder / "saved.json").write_text(json.dumps(reports))


def load(folder):
    reports = {}
    for path in sorted(folder.glob("*.keras")):
        # Half of them as a Keras user would, half by our own function.
        read = keras_seg.load_model if len(reports) % 2 else keras.saving.load_model
        reports[path.stem] = report(path.stem, read(path))
    (folder / "loaded.json").write_text(json.dumps(reports))


if __name__ == "__main__":
    if sys.argv[1] == "--load":
        load(pathlib.Path(sys.argv[2]))
    else:
        save(pathlib.Path(sys.argv[1]))
        subprocess.run([sys.executable, __file__, "--load", sys.argv[1]], check=True)
