"""What a search takes beside building, training and scoring its networks, and whether its memory grows.

    python tests/benchmarks/search_overhead.py WORK [--trials 30]

A search over many small trials on phantoms. From the beginning of one trial to that of the next, what its run takes
(building, tracing, training, scoring and the files of a run) is taken off; what is left is the search's own: drawing
the next values, log, leaderboard, KerasTuner's records, letting go of graphs. The resident memory after each trial is
printed.
"""

import argparse
import gc
import pathlib
import shutil
import statistics
import time

import psutil

from keras_seg import data, tuner
from keras_seg.tuner import running, runs

RECIPE = {"filters": (4, 8), "patch": (16, 16, 16), "batch_size": 2, "steps_per_epoch": 10, "validation.every": 1}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--trials", type=int, default=30)
    options = parser.parse_args()
    folder = options.work / "phantoms"
    if not folder.exists():
        data.write_phantoms(folder, 20, shape=(16, 16, 16), num_classes=2, foreground=0.1, seed=0)
    inside, whole, memory = [], [], []
    train, run_trial, end = runs.RunTrainer._train, running.LossTuner.on_trial_begin, running.LossTuner.on_trial_end

    def timed(self, *arguments):
        started = time.monotonic()
        train(self, *arguments)
        inside.append(time.monotonic() - started)

    def begin(self, trial):
        now = time.monotonic()
        if whole:
            whole[-1] = now - whole[-1]
        whole.append(now)
        run_trial(self, trial)

    def ended(self, trial):
        end(self, trial)
        gc.collect()
        memory.append(psutil.Process().memory_info().rss / 2**20)

    runs.RunTrainer._train, running.LossTuner.on_trial_begin, running.LossTuner.on_trial_end = timed, begin, ended
    shutil.rmtree(options.work / "search", ignore_errors=True)
    tuner.tune(
        folder,
        options.work / "search",
        losses=["tversky", "focal_tversky"],
        trials=options.trials,
        seeds=0,
        early_stopping=False,
        epochs=3,
        cache=options.work / "cache",
        console=None,
        **RECIPE,
    )
    whole[-1] = time.monotonic() - whole[-1]
    rest = [one - other for one, other in zip(whole[:-1], inside[:-1])]
    print(f"{len(whole)} trials: building, training and scoring {statistics.median(inside):.2f} s (median)")
    print(f"beside that {statistics.median(rest):.2f} s (median), {max(rest):.2f} s (most)")
    third = len(memory) // 3
    print(f"resident memory in MB after trial 1, 2, ...: {', '.join(f'{value:.0f}' for value in memory)}")
    growth = (statistics.mean(memory[-third:]) - statistics.mean(memory[third : 2 * third])) / third
    print(f"growth from the second to the last third: {growth:.1f} MB a trial")


if __name__ == "__main__":
    main()
