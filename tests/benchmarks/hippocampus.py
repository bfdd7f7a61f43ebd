"""Train a small 3D network on real MRI with a loss by name, and score it on 20 cases that it has not seen.

    python tests/benchmarks/hippocampus.py "$KERAS_SEG_DATA/hippocampus" --model unet --minutes 9

Prints the Dice of both classes on the 20 test cases, chosen by `default_rng(0)`; writes `hippocampus-MODEL.keras` and
`hippocampus-MODEL.png` into `--out`.
"""

import argparse
import pathlib
import time

import keras
import numpy as np

import keras_seg
from keras_seg.overlay import overlay

FILTERS = {"unet": (16, 32, 64, 128), "vnet": (8, 16, 32, 64)}
# Three halvings of the resolution: sizes are multiples of 8.
TRAIN_SHAPE, BATCH = (40, 56, 40), 4


class Budget(keras.callbacks.Callback):
    """Stop when the time is up, and let the learning rate fall to 0 by then along a cosine."""

    def __init__(self, seconds, rate):
        super().__init__()
        self.start, self.seconds, self.rate = time.monotonic(), seconds, rate

    def on_train_batch_begin(self, batch, logs=None):
        share = min(1.0, (time.monotonic() - self.start) / self.seconds)
        self.model.optimizer.learning_rate = self.rate * 0.5 * (1 + np.cos(np.pi * share))
        self.model.stop_training = share >= 1.0

    def on_train_batch_end(self, batch, logs=None):
        if time.monotonic() - self.start > self.seconds:
            self.model.stop_training = True


class Batches(keras.utils.PyDataset):
    """Batches in an order of their own in each epoch, half of them mirrored left to right."""

    def __init__(self, x, y, seed):
        super().__init__()
        self.x, self.y, self.rng = x, y, np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self):
        return len(self.x) // BATCH

    def __getitem__(self, k):
        part = self.order[k * BATCH : (k + 1) * BATCH]
        mirror = slice(None, None, -1 if self.flips[k] else 1)
        return self.x[part][:, mirror], self.y[part][:, mirror]

    def on_epoch_end(self):
        self.order = self.rng.permutation(len(self.x))
        self.flips = self.rng.random(len(self)) < 0.5


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--model", choices=sorted(FILTERS), default="unet")
    parser.add_argument("--loss", default="dice_ce")
    parser.add_argument("--minutes", type=float, default=9)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("runs/hippocampus"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()

    cases = keras_seg.data.read_cases(options.data)
    split = keras_seg.data.split([case.name for case in cases], test=20, validation=0, seed=0)
    train = [case for case in cases if case.name in set(split.train)]
    test = [case for case in cases if case.name in set(split.test)]
    x, y = keras_seg.data.stack(train, shape=TRAIN_SHAPE)

    keras.utils.set_random_seed(options.seed)
    model = getattr(keras_seg.zoo, options.model)(
        (None, None, None, 1),
        num_classes=3,
        filters=FILTERS[options.model],
        normalization="instance",
        loss=options.loss,
        optimizer=keras.optimizers.AdamW(2e-3),
    )
    seconds = options.minutes * 60 - (time.monotonic() - start) - 20
    budget = Budget(seconds, 2e-3)
    steps = len(x) // BATCH
    history = model.fit(Batches(x, y, options.seed), epochs=1000, callbacks=[budget], verbose=2, shuffle=False)

    x, _ = keras_seg.data.stack(test, divisor=8)
    labels = [keras_seg.metrics.harden(scores) for scores in model.predict(x, batch_size=4, verbose=0)]
    labels = [keras_seg.data.unfit_shape(part, case.shape) for part, case in zip(labels, test)]
    table = np.array([keras_seg.metrics.dice_per_class(case.label, part, 3)[1:] for case, part in zip(test, labels)])
    model.save(options.out / f"hippocampus-{options.model}.keras")
    scores = table.mean(axis=1)
    overlay(options.out / f"hippocampus-{options.model}.png", test, labels, scores=scores, max_cases=4)
    print(f"{options.model}, {options.loss}, {model.count_params()} parameters, seed {options.seed}")
    print(f"{len(history.epoch)} epochs of {steps} steps, {(time.monotonic() - start) / 60:.1f} minutes in all")
    print(f"Dice on {len(test)} test cases: anterior {table[:, 0].mean():.4f}, posterior {table[:, 1].mean():.4f}")
    print(f"mean {keras_seg.metrics.mean_dice(table):.4f}, worst case {scores.min():.4f}")


if __name__ == "__main__":
    main()
