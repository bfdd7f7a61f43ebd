"""Does the search find the losses that are known to win? On lesions of 0.2 % of the voxels those of the overlap.

    python tests/benchmarks/planted_truth.py WORK [--seeds 5] [--epochs 9]

Phantoms with small lesions, on which a short training by cross-entropy, or by focal loss, ends with empty masks; losses
of the overlap (Dice, Tversky and their like) find some. For each seed there is a full search of nine trials, each to
its end, one with the median rule, and one by Hyperband, whose first bracket begins nine trials too, goes on with the
better three, and trains the best of these to its end. The winner of each, whether it is of the overlap, and the steps
that its trials took are printed, and the share of the steps of the full search. Killed at any moment, the same command
goes on.
"""

import argparse
import pathlib

from keras_seg import data, losses, tuner
from keras_seg.terminal import open_console

OVERLAP = ("dice", "tversky", "focal_tversky", "jaccard")
OTHERS = ("cross_entropy", "focal", "topk_cross_entropy", "poly_cross_entropy")
KINDS = {
    "full": {"oracle": "random", "trials": 9, "early_stopping": False},
    "median rule": {"oracle": "random", "trials": 9, "early_stopping": True},
    "Hyperband": {"oracle": "hyperband", "trials": 9 + 3 + 1},
}
PHANTOMS = {"shape": (32, 32, 32), "num_classes": 4, "foreground": 0.014, "seed": 0}
RECIPE = {"filters": (8, 16, 32), "patch": (32, 32, 32), "batch_size": 2, "steps_per_epoch": 40, "validation.every": 1}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=9)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    options = parser.parse_args()
    folder = lesions(options.work)
    for seed in range(options.seeds):
        steps = {}
        for kind in options.kinds:
            result = tuner.tune(
                folder,
                options.work / f"{kind.replace(' ', '-')}-{seed}",
                losses=[*OVERLAP, *OTHERS],
                seeds=0,
                seed=seed,
                epochs=options.epochs,
                cache=options.work / "cache",
                console=open_console("auto"),
                **KINDS[kind],
                **RECIPE,
            )
            steps[kind] = RECIPE["steps_per_epoch"] * trained(result.trials)
            best = result.best
            verdict = "of the overlap" if best.name in OVERLAP else "NOT of the overlap"
            share = steps[kind] / steps["full"] if "full" in steps else float("nan")
            print(
                f"seed {seed}, {kind}: {len(result.trials)} trials, {steps[kind]} steps ({share:.0%}), winner "
                f"{best.loss} ({verdict}), Dice {best.val_dice:.3f}",
                flush=True,
            )
            for name in (*OVERLAP, *OTHERS):
                own = [trial.val_dice for trial in result.trials if trial.name == name and not trial.failed]
                print(f"    {name}: {len(own)} trials, best {max(own, default=float('nan')):.3f}", flush=True)


def trained(trials):
    """Return the epochs that all networks of a search were trained; Hyperband goes on with some."""
    longest = {}
    for trial in trials:
        longest[trial.identity] = max(longest.get(trial.identity, 0), trial.epochs)
    return sum(longest.values())


def lesions(work):
    """Write the phantoms, and those lesions alone as labels."""
    whole, folder = work / "phantoms", work / "lesions"
    if not folder.exists():
        if not whole.exists():
            data.write_phantoms(whole, 50, **PHANTOMS)
        data.derive(whole, work / "lesions-unfinished", keep=[3])
        (work / "lesions-unfinished").rename(folder)
    return folder


if __name__ == "__main__":
    assert {*OVERLAP, *OTHERS} <= set(losses.names())
    main()
