"""What a training step pays for each loss, value and gradient, as a multiple of cross-entropy's.

    python tests/benchmarks/loss_cost.py [--losses dice lovasz ...] [--size 64] [--repeats 9] [--write docs/losses.md]

On `[2, size, size, size, classes]` logits and integer labels (blobs of smoothed noise, seed 0), one class and three,
compiled by XLA; losses that sort in a plain graph, as a network on a CPU has them. Each loss takes turns with
cross-entropy, `repeats` times after one step that compiles; the median of the ratios is shown. `--write` puts the
ratios into the page's column `cost` and the machine into the line below it.
"""

import argparse
import os
import pathlib
import re
import time

import numpy as np
import tensorflow as tf
from command import processor
from scipy import ndimage

import keras_seg

CLASSES = (1, 3)
MEASURED = re.compile(r"^<!-- cost -->.*?<!-- end of cost -->", re.MULTILINE | re.DOTALL)


def batch(size, classes):
    """Return logits that are partly right, and labels with about 3 % of the voxels in each class but 0."""
    rng = np.random.default_rng(0)
    labels = np.zeros((2, size, size, size), "int32")
    for kind in range(1, max(classes, 2)):
        noise = ndimage.gaussian_filter(rng.normal(size=labels.shape), (0, 3, 3, 3))
        labels[noise > np.quantile(noise, 0.97)] = kind
    logits = rng.normal(size=(*labels.shape, classes))
    truth = labels[..., None] == (np.arange(classes) if classes > 1 else 1)
    return tf.constant((logits + 2 * truth).astype("float32")), tf.constant(labels)


def step_of(name):
    """Return value and gradient of a loss as a training has them, as a function of labels and logits."""
    loss = keras_seg.losses.get(name, from_logits=True)

    @tf.function(jit_compile=not loss.sorts, autograph=False)
    def step(labels, logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = loss(labels, logits)
        return value, tape.gradient(value, logits)

    return step


def seconds(step, labels, logits):
    start = time.perf_counter()
    value, gradient = step(labels, logits)
    gradient[0, 0, 0, 0].numpy()
    assert np.isfinite(value.numpy())
    return time.perf_counter() - start


def cost(name, size, repeats):
    """Return the ratios of a loss to cross-entropy, one per number of classes, and cross-entropy's milliseconds."""
    ratios, milliseconds = [], []
    for classes in CLASSES:
        logits, labels = batch(size, classes)
        steps = step_of(name), step_of("cross_entropy")
        for step in steps:
            seconds(step, labels, logits)
        pairs = np.array([[seconds(step, labels, logits) for step in steps] for _ in range(repeats)])
        ratios.append(float(np.median(pairs[:, 0] / pairs[:, 1])))
        milliseconds.append(1e3 * float(np.median(pairs[:, 1])))
    return ratios, milliseconds


def written(ratios):
    """Return ratios with two digits, as the page shows them: `0.9 / 12`."""
    return " / ".join(f"{ratio:.1f}" if ratio < 9.95 else f"{ratio:.0f}" for ratio in ratios)


def write(page, costs, milliseconds, size, repeats):
    """Put the ratios into the rows of a page's tables that have a column `cost`."""
    lines, place = page.read_text(encoding="utf-8").split("\n"), None
    for number, line in enumerate(lines):
        cells = [cell.strip() for cell in line.strip()[1:-1].split("|")]
        if line.startswith("| loss |"):
            place = cells.index("cost") if "cost" in cells else None
        elif line.startswith("| `") and place is not None:
            cells[place] = costs.get(cells[0].split("`")[1], cells[place])
            lines[number] = f"| {' | '.join(cells)} |".replace("|  |", "| |")
    about = (
        f"<!-- cost -->\nMeasured by `python tests/benchmarks/loss_cost.py --write docs/losses.md` at "
        f"`[2, {size}, {size}, {size}, 1]` and `[..., 3]`, median of {repeats} pairs, TensorFlow {tf.__version__}, "
        f"{processor()}, {os.cpu_count()} cores; cross-entropy itself takes {milliseconds[0]:.1f} and "
        f"{milliseconds[1]:.1f} ms.\n"
        f"<!-- end of cost -->"
    )
    page.write_text(MEASURED.sub(lambda match: about, "\n".join(lines)), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--losses", nargs="+", default=keras_seg.losses.names())
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--write", type=pathlib.Path)
    options = parser.parse_args()
    costs = {}
    for name in options.losses:
        ratios, milliseconds = cost(name, options.size, options.repeats)
        costs[name] = written(ratios)
        print(
            f"{name:>30} {costs[name]:>12}   cross-entropy {milliseconds[0]:.1f} / {milliseconds[1]:.1f} ms", flush=True
        )
    if options.write:
        write(options.write, costs, milliseconds, options.size, options.repeats)


if __name__ == "__main__":
    main()
