"""What the tests of comparisons share: made-up results, and the options of a tiny comparison."""

import types

import numpy as np

from keras_seg.comparison.results import Results
from keras_seg.evaluation.case import MEASURES
from keras_seg.experiments.measures import Measures
from keras_seg.experiments.running import Outcome
from keras_seg.experiments.thresholds import THRESHOLDS

TINY = {
    "filters": (4, 8),
    "strides": (2,),
    "patch": (16, 16, 16),
    "batch_size": 2,
    "steps_per_epoch": 2,
    "epochs": 2,
    "validation.every": 1,
}
BINS = len(THRESHOLDS) + 1


def made_up(means, seeds=3, cases=12, classes=("organ",), spread=0.004, seed=0, at_best=None, reasons=None):
    """Results with given mean Dice by label; cases differ, and trainings by `spread`."""
    generator = np.random.default_rng(seed)
    of_case = generator.normal(0, 0.05, (cases, len(classes)))
    names = tuple(f"case {number}" for number in range(cases))
    outcomes = {}
    for label, mean in means.items():
        for number in range(seeds):
            job = types.SimpleNamespace(label=label, seed=number)
            reason = (reasons or {}).get((label, number), "")
            if reason:
                outcomes[label, number] = Outcome(job, reason=reason)
                continue
            noise = generator.normal(0, spread) + generator.normal(0, 0.01, of_case.shape)
            dice = np.clip(mean + of_case + noise, 0, 1)
            shifted = np.clip(dice + (at_best or {}).get(label, 0.0), 0, 1)
            outcomes[label, number] = Outcome(job, measures_of(names, dice, shifted), "", log_of(number), 2, mean, 5)
    return Results(tuple(means), tuple(range(seeds)), names, tuple(classes), outcomes)


def measures_of(names, dice, shifted):
    """Measures with this Dice at 0.5 and this at the best threshold, which is 0.22."""
    scores = np.stack([dice if name in ("dice", "iou", "surface_dice") else np.ones_like(dice) for name in MEASURES])
    best = int(np.searchsorted(THRESHOLDS, 0.22))
    histograms = np.zeros((*dice.shape, 2, BINS), "int64")
    # 1000 voxels of truth, as many predicted: the hits are the Dice.
    hits = np.rint(1000 * shifted).astype(int)
    histograms[..., 1, best + 1], histograms[..., 1, 0] = hits, 1000 - hits
    histograms[..., 0, best + 1] = 1000 - hits
    bins = np.zeros((len(names), 15, 3))
    bins[:, 7] = 10, 5, 6
    return Measures(names, scores, histograms, histograms[:3], bins)


def log_of(seed):
    return tuple(
        {"epoch": epoch, "val_dice": 0.3 * epoch, "gradient_norm": 2.0 / epoch, "seconds": 3.0, "elapsed": 3.0 * epoch}
        for epoch in (1, 2)
    )
