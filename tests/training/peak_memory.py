"""Train a network for a few steps in this process, and compare the memory that it held with the estimate.

    python tests/training/peak_memory.py --model unet --filters 16 32 64 128 --patch 40 56 40 --batch 4

Prints JSON: bytes held before the first step, at the peak and at the end, and those of `memory_of` and `PROCESS`.
"""

import argparse
import json
import os
import pathlib
import resource
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import psutil

from keras_seg.training import Recipe, build, memory_of
from keras_seg.training.planning.workload import PROCESS


def peak():
    """Return the largest number of bytes that this process has held."""
    status = pathlib.Path("/proc/self/status")
    if status.is_file():
        # `ru_maxrss` would begin with what the process held that started this one.
        return 1024 * next(int(line.split()[1]) for line in status.read_text().splitlines() if "VmHWM" in line)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


class Data:
    """What `build` has to know of the data."""

    def __init__(self, rank):
        self.rank, self.channels, self.num_classes = rank, 1, 3


class Noise(keras.utils.PyDataset):
    """The same batch again and again."""

    def __init__(self, patch, batch, heads, steps):
        super().__init__()
        generator = np.random.default_rng(0)
        self.x = generator.standard_normal((batch, *patch, 1)).astype("float32")
        y = generator.integers(0, 3, (batch, *patch)).astype("uint8")
        self.y = (y,) * heads if heads > 1 else y
        self.steps = steps

    def __len__(self):
        return self.steps

    def __getitem__(self, index):
        return self.x, self.y


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="unet")
    parser.add_argument("--filters", type=int, nargs="+", default=[16, 32, 64, 128])
    parser.add_argument("--patch", type=int, nargs="+", default=[40, 56, 40])
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--deep-supervision", action="store_true")
    parser.add_argument("--steps", type=int, default=4)
    options = parser.parse_args()
    recipe = Recipe.from_dict(
        {
            "network": {
                "model": options.model,
                "filters": options.filters,
                "strides": [2] * (len(options.filters) - 1),
                "deep_supervision": options.deep_supervision,
            },
            "training": {"patch": options.patch, "batch_size": options.batch, "epochs": 1, "steps_per_epoch": 1},
        }
    )
    model = build(recipe, Data(recipe.rank))
    held = psutil.Process().memory_info().rss
    batches = Noise(options.patch, options.batch, len(model.outputs), options.steps)
    model.fit(batches, epochs=1, shuffle=False, verbose=0)
    found = {
        "before": held,
        "end": psutil.Process().memory_info().rss,
        "peak": peak(),
        "estimate": memory_of(model, options.patch, options.batch),
        "process": PROCESS,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
