"""A training step with the input pipeline, against the same step on a batch that is kept, in one run.

    python tests/benchmarks/input_pipeline.py [--rank 3] [--preset default] [--threads 2] [--rounds 7] [DATA]

Trains a U-Net in short epochs, in turn on augmented `Patches` and on one batch of them again and again, and compares
the medians; then times the making of batches alone, in CPU time. DATA is a folder of images and labels, prepared on
disk and read from there; without it there are 30 phantoms in memory, of the sizes of hippocampus MRI (`--rank 3`,
patches 40 x 56 x 40, batch 4) or of micrographs (`--rank 2`, patches 256 x 256, batch 16).
"""

import argparse
import tempfile
import time

import keras
import numpy as np

import keras_seg
from keras_seg.data import Augmentation, Case, Patches

SHAPES = {2: (256, 256), 3: (40, 56, 40)}
BATCHES = {2: 16, 3: 4}
PHANTOMS = {2: (256, 256), 3: (36, 51, 36)}
# Steps at the start of an epoch that are not counted: they wait for the first batch and the first trace.
WARM_UP = 2


class Kept(keras.utils.PyDataset):
    """One batch, again and again."""

    def __init__(self, batch, steps):
        super().__init__()
        self.batch, self.steps = batch, steps

    def __len__(self):
        return self.steps

    def __getitem__(self, index):
        return self.batch


class Clock(keras.callbacks.Callback):
    """Wall and CPU time from the end of one step to the end of the next, milliseconds."""

    def on_epoch_begin(self, epoch, logs=None):
        self.times = []

    def on_train_batch_end(self, batch, logs=None):
        self.times.append((time.perf_counter(), time.process_time()))

    def steps(self):
        return np.diff(self.times, axis=0)[WARM_UP:] * 1e3


def read_cases(folder, rank, cache):
    if folder:
        return keras_seg.data.prepare(keras_seg.data.find_cases(folder), cache=cache)
    phantoms = keras_seg.data.phantoms(30, shape=PHANTOMS[rank])
    return [Case(case.name, keras_seg.data.zscore(case.image), case.label, case.spacing) for case in phantoms]


def make_model(cases, rank):
    case = cases[0]
    network = keras_seg.zoo.unet(
        (*[None] * rank, case.image.shape[-1]), num_classes=3, filters=(16, 32, 64, 128), loss="dice_ce"
    )
    network.optimizer.learning_rate = 1e-3
    return network


def cpu_milliseconds(patches, count=60):
    """CPU time of one batch made in this thread alone, milliseconds."""
    for index in range(10):
        patches.batch(0, index)
    start = time.process_time()
    for index in range(count):
        patches.batch(1, index)
    return (time.process_time() - start) / count * 1e3


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="?")
    parser.add_argument("--rank", type=int, choices=(2, 3), default=3)
    parser.add_argument("--preset", default="default")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=12)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        cases = read_cases(options.data, options.rank, cache)
        rank = cases[0].label.ndim
        patches = Patches(
            cases,
            SHAPES[rank],
            BATCHES[rank],
            options.steps,
            augmentation=Augmentation.preset(options.preset, rank),
            threads=options.threads,
        )
        alone = cpu_milliseconds(patches)
        model, clock = make_model(cases, rank), Clock()
        found = {"pipeline": [], "kept": []}
        data = {"pipeline": patches, "kept": Kept(patches[0], options.steps)}
        for number in range(options.rounds + 1):
            # Whoever comes first in one round comes second in the next: the cores' own drift meets both.
            for name in sorted(data, reverse=number % 2 == 0):
                model.fit(data[name], epochs=1, shuffle=False, verbose=0, callbacks=[clock])
                if number:
                    found[name].append(clock.steps())
    print(
        f"{keras.backend.backend()}, patches {patches.shape}, batch {patches.batch_size}, {options.preset!r}, ", end=""
    )
    print(f"{options.threads} threads, {options.rounds} rounds of {options.steps} steps")
    print(f"making a batch alone: {alone:.1f} ms of CPU time")
    # The median of all steps; the mean of each round, of which the median; and the CPU time of all threads together.
    numbers = {name: summary(np.array(rounds)) for name, rounds in found.items()}
    print(f"{'':12} {'step, median':>15} {'step, mean':>15} {'CPU time':>15}")
    for name, row in numbers.items():
        print(f"{name:12}" + "".join(f" {each:12.1f} ms" for each in row))
    print(f"{'ratio':12}" + "".join(f" {a / b:15.3f}" for a, b in zip(numbers["pipeline"], numbers["kept"])))


def summary(rounds):
    """Median wall time of a step, median over rounds of its mean, and the same of its CPU time."""
    wall, cpu = np.moveaxis(rounds, -1, 0)
    return np.median(wall), np.median(wall.mean(1)), np.median(cpu.mean(1))


if __name__ == "__main__":
    main()
