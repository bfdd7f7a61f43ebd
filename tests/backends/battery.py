"""Values and gradients of every loss on whatever backend runs this, written to a file for another one to compare.

    KERAS_BACKEND=jax python tests/backends/battery.py FOLDER

writes `FOLDER/battery.npz` with an array for each loss, case and result, such as `dice|volume|gradient`.
"""

import functools
import pathlib
import sys

import keras
import numpy as np
from keras import ops

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "losses"))

from loss_cases import EVERY, batch_of, differentiated, make, one_hot
from loss_corners import corners

from keras_seg import losses
from keras_seg.losses import stream
from keras_seg.losses.schedule import epoch_variable

EPOCHS = 3


def cases():
    """Yield the name of a case, its truth, prediction and weight, the options of the loss, and whether in slabs."""
    volume = batch_of("multiclass", samples=2)
    labels = volume.labels.copy()
    labels[0][labels[0] == 2] = 1
    yield "volume", labels, volume.logits, None, {"from_logits": True}, False
    image = batch_of("binary", (9, 8))
    weight = np.random.default_rng(0).random((3, 9, 8)).astype("float32")
    weight[1, :4] = 0
    yield "weights", image.labels, image.probabilities, weight, {}, False
    maps = batch_of("multilabel", (9, 8))
    options = {"from_logits": True, "multilabel": True, "class_weights": [1, 0.5, 2]}
    yield "overlap", maps.truth, maps.logits, None, options, False
    ignored = np.random.default_rng(1).random(volume.labels.shape) < 0.2
    rows = one_hot(np.where(ignored, 255, volume.labels))
    options = {"ignore_class": 255, "include_background": False}
    yield "slabs", rows, volume.probabilities, np.array([1, 0.5], "float32"), options, True
    truth, probabilities = corners("multiclass")
    yield "corners", truth, 200 * probabilities - 100, None, {"from_logits": True}, False


def jitted(loss):
    """Return value and gradient of a loss as JAX meets it in a training step: compiled, the epoch part of the state."""
    import jax

    @jax.jit
    def step(epoch, *arrays):
        with keras.StatelessScope(state_mapping=[(epoch_variable(), epoch)]):
            return differentiated(loss, *arrays)

    return functools.partial(step, epoch_variable().value)


def run(text):
    """Return the arrays of one loss by name."""
    results, elements = {}, stream.SLAB_ELEMENTS
    for name, truth, prediction, weight, options, in_slabs in cases():
        stream.SLAB_ELEMENTS = 64 if in_slabs else elements
        loss = make(text, **options)

        step = jitted(loss) if keras.backend.backend() == "jax" else functools.partial(differentiated, loss)
        values, gradient = step(truth, ops.convert_to_tensor(prediction), weight)
        results[f"{text}|{name}|values"] = ops.convert_to_numpy(values)
        results[f"{text}|{name}|gradient"] = ops.convert_to_numpy(gradient)
    stream.SLAB_ELEMENTS = elements
    return results


def scheduled_training():
    """Train with a weight that grows and a learning rate of 0, once through and once resumed at its last epoch.

    Returns:
        The weights in the logs and the losses, one per epoch.
    """
    batch = batch_of("binary", (6, 5), samples=4)
    results = {}
    for name, start in (("through", 0), ("resumed", EPOCHS - 1)):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((6, 5, 1))
        model = keras.Model(inputs, keras.layers.Conv2D(1, 1, activation="sigmoid")(inputs))
        loss = losses.DiceBoundaryLoss(start=0.1, step=0.2, stop=0.4)
        shown = losses.ScheduledWeight(0.1, 0.2, 0.4, name="boundary_weight")
        model.compile(keras.optimizers.SGD(0.0), loss=loss, metrics=[shown])
        history = model.fit(
            batch.logits,
            batch.truth,
            batch_size=2,
            epochs=EPOCHS,
            initial_epoch=start,
            shuffle=False,
            verbose=0,
            callbacks=[losses.EpochSchedule()],
        ).history
        results[f"schedule|{name}|weights"] = np.array(history["boundary_weight"])
        results[f"schedule|{name}|losses"] = np.array(history["loss"])
    epoch_variable().assign(0.0)
    prediction = model.predict(batch.logits, verbose=0)
    for part in ("dice", "boundary"):
        value = losses.get(part)(batch.truth, prediction)
        results[f"schedule|expected|{part}"] = ops.convert_to_numpy(value)
    return results


def main(folder):
    results = {}
    for text in EVERY:
        results |= run(text)
    np.savez(pathlib.Path(folder) / "battery.npz", **results, **scheduled_training())


if __name__ == "__main__":
    main(sys.argv[1])
