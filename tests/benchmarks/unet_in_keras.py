"""The Keras side of `unet_training_step.py`: `keras_seg.zoo.unet` on TensorFlow."""

import json
import os
import sys
import time

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import tensorflow as tf

import keras_seg


def main():
    setting = json.loads(sys.argv[1])
    tf.config.threading.set_intra_op_parallelism_threads(setting["threads"])
    rng = np.random.default_rng(setting["seed"])
    x = rng.normal(size=(setting["batch"], *setting["size"], 1)).astype("float32")
    y = rng.integers(0, setting["classes"], size=x.shape[:-1]).astype("int32")
    first = network(setting)
    np.savez(setting["weights"], x=x, y=y, **{f"w{i:03}": weight for i, weight in enumerate(first.get_weights())})
    steps = {
        "Keras, graph": plain(network(setting)),
        "keras_seg.compile(jit_compile='auto') + Dice": ours(network(setting)),
    }
    for model in steps.values():
        model.set_weights(first.get_weights())
    data = tf.data.Dataset.from_tensors((x, y)).cache().repeat()
    for model in steps.values():
        model.make_train_function()
    running = {name: (model.train_function, iter(data)) for name, model in steps.items()}
    losses = {name: float(step(batches)["loss"]) for name, (step, batches) in running.items()}
    for step, batches in running.values():
        step(batches)
    about = {
        "version": f"Keras {keras.__version__} on TensorFlow {tf.__version__}",
        "parameters": first.count_params(),
        "first_losses": losses,
        "variants": list(running),
    }
    print(json.dumps(about), flush=True)
    for line in sys.stdin:
        wish = json.loads(line)
        print(json.dumps(list(measure(*running[wish["variant"]], wish["steps"]))), flush=True)


def network(setting):
    return keras_seg.zoo.unet(
        (*setting["size"], 1),
        setting["classes"],
        setting["filters"],
        normalization="instance",
        hidden_activation="leaky_relu",
        down=setting["down"],
        up="transposed",
        activation=None,
    )


def plain(model):
    """Compile with Keras's own loss and no metric: what PyTorch computes."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=loss, jit_compile=False)
    return model


def ours(model):
    """Compile as a user of this library does: with its loss, its metric, its choice of compiler."""
    return keras_seg.compile(model, "cross_entropy", optimizer=keras.optimizers.Adam(1e-3))


def measure(step, batches, count):
    for _ in range(count):
        start = time.perf_counter()
        float(step(batches)["loss"])
        yield time.perf_counter() - start


if __name__ == "__main__":
    main()
