"""A step of `hausdorff_dt`, compiled, against MONAI's `HausdorffDTLoss`, in one run.

    python tests/benchmarks/hausdorff_step.py [--shape 2 96 96 96] [--repeats 7]

A step is the loss from logits and its gradient. TensorFlow and PyTorch do not share a process, so each has its own;
they take turns, `repeats` times, on the same arrays (blobs of noise, a prediction that knows them roughly, seed 0),
and medians are compared. Needs the `oracles` extra; `--peer-python` names an interpreter that has it.
"""

import argparse
import os
import subprocess
import sys
import time

import numpy as np
from scipy import ndimage


def arrays(shape, seed=0):
    """Return logits and truth, `[batch, *spatial]`: about 7 % foreground, and much the same with blurred noise."""
    rng = np.random.default_rng(seed)
    sigma = (0, *[4] * (len(shape) - 1))
    body, noise = (ndimage.gaussian_filter(rng.normal(size=shape), sigma) for _ in range(2))
    body, noise = body / body.std(), noise / noise.std()
    return (3 * (body - 1.5 + 0.5 * noise)).astype("float32"), body > 1.5


def our_step(logits, truth):
    import tensorflow as tf

    from keras_seg.losses import HausdorffDTLoss

    loss = HausdorffDTLoss(from_logits=True)
    x, y = tf.constant(logits[..., None]), tf.constant(truth.astype("uint8"))

    @tf.function(jit_compile=True, autograph=False)
    def step(x, y):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(y, x)
        return value, tape.gradient(value, x)

    return lambda: step(x, y)[0].numpy()


def peer_step(logits, truth):
    import torch
    from monai.losses import HausdorffDTLoss

    loss = HausdorffDTLoss(sigmoid=True, include_background=True)
    x, y = torch.tensor(logits[:, None], requires_grad=True), torch.tensor(truth[:, None].astype("float32"))

    def step():
        x.grad = None
        value = loss(x, y)
        value.backward()
        return value.item()

    return step


def work(make_step, shape):
    """Answer every line of the input with the seconds that a step took and its value."""
    step = make_step(*arrays(shape))
    step()
    for _ in sys.stdin:
        start = time.perf_counter()
        value = step()
        print(time.perf_counter() - start, float(value), flush=True)


def worker(python, name, shape):
    command = [python, __file__, "--worker", name, "--shape", *map(str, shape)]
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, "PYTHONWARNINGS": "ignore", "KERAS_BACKEND": "tensorflow"}
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def turn(process):
    process.stdin.write("step\n")
    process.stdin.flush()
    return [float(number) for number in process.stdout.readline().split()]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", type=int, nargs="+", default=[2, 96, 96, 96])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--worker", choices=["ours", "MONAI"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work({"ours": our_step, "MONAI": peer_step}[arguments.worker], arguments.shape)
        sys.exit()
    interpreters = {"ours": sys.executable, "MONAI": arguments.peer_python}
    processes = {name: worker(python, name, arguments.shape) for name, python in interpreters.items()}
    turns = {name: [] for name in processes}
    for _ in range(arguments.repeats):
        for name, process in processes.items():
            turns[name].append(turn(process))
    for process in processes.values():
        process.stdin.close()
        process.wait()
    ours, peer = (np.median(turns[name], axis=0) for name in ("ours", "MONAI"))
    print(
        f"{arguments.shape}: ours {ours[0] * 1e3:.0f} ms (value {ours[1]:.6f}), MONAI {peer[0] * 1e3:.0f} ms ", end=""
    )
    print(f"(value {peer[1]:.6f}), ratio {peer[0] / ours[0]:.1f}x")
