"""Our Lovász losses, exact and by buckets, against segmentation_models.pytorch's, in one run.

    python tests/benchmarks/lovasz.py [--repeats 7] [--size 96] [--peer /path/to/python]

A step is value and gradient by the logits of 2 volumes, on the same random logits and masks (10 % foreground, seed 0).
Exact it is sorted by XLA ("jitted") and, on TensorFlow, in a plain graph as well, which is what a network that is not
jitted has on a CPU; by buckets it is compiled. All take turns, `repeats` times, and medians are compared. The peer
needs PyTorch, which must not share a process with TensorFlow, so it runs in one of its own; `--peer` names a Python
that has it. `KERAS_BACKEND` chooses ours.
"""

import argparse
import os
import subprocess
import sys
import time

import numpy as np

CLASSES = (1, 3)


def batch(size, classes):
    """Return logits `[2, size, size, size, classes]` and labels `[2, size, size, size]`, float32 and int32."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2, size, size, size, classes)).astype("float32")
    labels = rng.choice(
        max(classes, 2), p=[0.9, *[0.1 / max(classes - 1, 1)] * max(classes - 1, 1)], size=(2, *[size] * 3)
    )
    return logits, labels.astype("int32")


def our_step(classes, size, bins=None, jitted=True):
    """Return a step of ours that takes nothing and waits for its result."""
    import keras

    from keras_seg.losses import LovaszLoss

    loss = LovaszLoss(bins=bins, from_logits=True)
    logits, labels = batch(size, classes)
    if keras.backend.backend() == "jax":
        import jax

        function = jax.jit(jax.value_and_grad(lambda x, y: loss(y, x)))
        x, y = jax.numpy.asarray(logits), jax.numpy.asarray(labels)
        return lambda: jax.block_until_ready(function(x, y))
    import tensorflow as tf

    @tf.function(autograph=False, jit_compile=jitted)
    def function(x, y):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(y, x)
        return value, tape.gradient(value, x)

    x, y = tf.constant(logits), tf.constant(labels)
    return lambda: function(x, y)[1].numpy()


def serve_peer(size):
    """Run a step of the peer for every line read, and answer with its seconds."""
    import segmentation_models_pytorch.losses as peers
    import torch

    steps = []
    for classes in CLASSES:
        logits, labels = batch(size, classes)
        x = torch.tensor(np.moveaxis(logits, -1, 1).copy(), requires_grad=True)
        y = torch.tensor(labels, dtype=torch.int64)
        steps.append((peers.LovaszLoss("binary" if classes == 1 else "multiclass", per_image=True), x, y))
    for line in sys.stdin:
        loss, x, y = steps[CLASSES.index(int(line))]
        x.grad = None
        start = time.perf_counter()
        loss(x, y).backward()
        print(time.perf_counter() - start, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--peer", default=sys.executable, help="a Python that has segmentation_models.pytorch")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve_peer(arguments.size)
        return
    command = [arguments.peer, os.path.abspath(__file__), "--serve", "--size", str(arguments.size)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as peer:

        def ask(classes):
            print(classes, file=peer.stdin, flush=True)
            return float(peer.stdout.readline())

        ways = {"jitted": {}, "plain": {"jitted": False}, "buckets": {"bins": 1024}}
        if os.environ.get("KERAS_BACKEND") == "jax":
            del ways["plain"]
        print(f"classes; ms of the peer, {', '.join(ways)}; how many times faster than the peer each of ours is")
        for classes in CLASSES:
            steps = [our_step(classes, arguments.size, **way) for way in ways.values()]
            ask(classes)
            for step in steps:
                step()
            rows = [[ask(classes), *map(seconds, steps)] for _ in range(arguments.repeats)]
            times = np.median(rows, axis=0) * 1e3
            ratios = " ".join(f"{times[0] / own:7.2f}x" for own in times[1:])
            print(f"{classes:8}", " ".join(f"{one:9.1f}" for one in times), ratios, flush=True)
        peer.stdin.close()


def seconds(step):
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
