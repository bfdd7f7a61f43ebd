"""Trainings that are killed at all kinds of moments, each in a process forked off one that has imported everything.

    python killing.py FOLDER

writes `whole` (a run that nobody disturbed), `killed` (the same run, killed again and again), `interrupted` (Ctrl-C),
`compared` (a comparison that was killed), `report.json` and the cases themselves, `data`, into FOLDER.
"""

import csv
import functools
import json
import os
import pathlib
import random
import signal
import sys
import time
import zipfile

import numpy as np
from training_cases import write_phantoms

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from forking import die, forked, wait

# Everything is imported here; nothing is computed before the fork.
from keras_seg import comparison, training
from keras_seg.experiments import measures
from keras_seg.training import fitting
from keras_seg.training.callbacks import checkpoint

OPTIONS = {
    "test": 1,
    "validation": 2,
    "filters": (4, 8),
    "strides": (2,),
    "patch": (16, 16, 16),
    "batch_size": 2,
    "steps_per_epoch": 3,
    "epochs": 5,
    "ema": 0.9,
    "loss": "dice + 0.5 * cross_entropy",
    "network.options": {"dropout": 0.1},
    "validation.every": 1,
}


def train(folder, name, **options):
    return training.train(
        folder / "data", folder / name, cache=folder / "cache", console=None, **{**OPTIONS, **options}
    )


def train_and_die(folder, epoch, place):
    """Go on with the run, and die in the given epoch: while the state is written, or between two of its files."""
    places = {
        "before the state is renamed": (pathlib.Path, "rename"),
        "before the best model": (checkpoint.Checkpoint, "save_best"),
        "before the log": (checkpoint, "to_csv"),
    }
    owner, name = places[place]
    original = getattr(owner, name)

    def deadly(*arguments, **options):
        found = pathlib.Path(folder / "killed" / "state")
        epochs = [int(path.name[6:]) for path in found.glob("epoch-*")] if found.is_dir() else []
        # The state of an epoch is written before its best model and its row of the log.
        if epochs and max(epochs) + (name == "rename") >= epoch:
            die()
        return original(*arguments, **options)

    setattr(owner, name, deadly)
    train(folder, "killed", deterministic=True, resume=True)


def unreadable(run):
    """Return what cannot be read of a run that was killed."""
    bad = []
    for path in sorted((run / "state").glob("epoch-*")):
        try:
            json.loads((path / "record.json").read_text())
            with np.load(path / "variables.npz") as file:
                [file[name] for name in file.files]
        except Exception as error:
            bad.append(f"{path}: {error}")
    if (run / "best.keras").exists() and (
        not zipfile.is_zipfile(run / "best.keras") or zipfile.ZipFile(run / "best.keras").testzip()
    ):
        bad.append("best.keras")
    for path in run.glob("[a-z]*.json"):
        json.loads(path.read_text())
    if (run / "log.csv").is_file():
        list(csv.reader((run / "log.csv").open()))
    return bad


def whole(folder):
    run = train(folder, "whole", deterministic=True)
    scores = run.predict(folder / "data" / "images" / "phantom_0000.nii.gz", probabilities=True)
    np.save(folder / "scores.npy", scores)


def interrupted(folder):
    """Press Ctrl-C in the third epoch."""
    original = fitting.training_patches

    def patches(*arguments, **options):
        made = original(*arguments, **options)
        batch = made.batch

        def pressed(epoch, index):
            if (epoch, index) == (2, 10):  # made a few steps ahead of its own
                os.kill(os.getpid(), signal.SIGINT)
            return batch(epoch, index)

        made.batch = pressed
        return made

    fitting.training_patches = patches
    run = train(folder, "interrupted", epochs=50, steps_per_epoch=20)
    label = run.predict(folder / "data" / "images" / "phantom_0000.nii.gz")
    values = {"interrupted": run.interrupted, "epochs": len(run.log), "shape": list(label.shape)}
    (folder / "interrupted.json").write_text(json.dumps(values))


def compare(folder):
    options = {key: value for key, value in OPTIONS.items() if key not in ("loss", "network.options")}
    options |= {"epochs": 2, "losses": ["dice", "focal"], "seeds": 1, "console": None, "cache": folder / "cache"}
    comparison.compare(folder / "data", folder / "compared", **options)


def compare_and_die(folder):
    """Go on with the comparison, and die while the measures of the second loss are written."""
    original = measures.Measures.write

    def deadly(self, run):
        if run.parent.name == "focal":
            (run / ".1.measures.npz").write_bytes(b"half of it")
            die()
        return original(self, run)

    measures.Measures.write = deadly
    compare(folder)


def kill_comparison(folder, generator):
    """Kill a comparison in the training of its first loss, then at the end of its second; then let it end."""
    number = forked(lambda: compare(folder))
    limit = time.monotonic() + 120
    state = folder / "compared" / "runs" / "dice" / "seed-0" / "state" / "epoch-0001"
    while not state.is_dir() and time.monotonic() < limit:
        time.sleep(0.002)
    time.sleep(generator.uniform(0.0, 0.4))
    os.kill(number, signal.SIGKILL)
    found = {"kills": [wait(number), wait(forked(lambda: compare_and_die(folder)))]}
    first = folder / "compared" / "runs" / "dice" / "seed-0" / "measures.npz"
    before = first.stat().st_mtime_ns
    found["end"] = wait(forked(lambda: compare(folder)))
    found["trained once"] = first.stat().st_mtime_ns == before
    return found


def kill_after(folder, epoch, seconds):
    """Go on with the run, and kill it so long after it has completed an epoch (0: has begun its first)."""
    number = forked(lambda: train(folder, "killed", deterministic=True, resume=True))
    limit = time.monotonic() + 120
    while not (folder / "killed" / "state" / f"epoch-{epoch:04d}").is_dir() and time.monotonic() < limit:
        time.sleep(0.002)
    time.sleep(seconds)
    os.kill(number, signal.SIGKILL)
    return wait(number)


def main(folder):
    folder = pathlib.Path(folder)
    write_phantoms(folder / "data")
    report = {"whole": wait(forked(lambda: whole(folder))), "unreadable": [], "kills": []}
    generator = random.Random()

    def note(place, status):
        report["kills"].append([place, status])
        report["unreadable"] += unreadable(folder / "killed")

    number = forked(lambda: train(folder, "killed", deterministic=True, resume=True))
    moment = generator.uniform(0.0, 1.0)
    time.sleep(moment)
    os.kill(number, signal.SIGKILL)
    note(f"{moment:.3f} s after the start", wait(number))
    moment = generator.uniform(0.0, 0.4)
    note(f"{moment:.3f} s after epoch 1", kill_after(folder, 1, moment))
    places = ("before the state is renamed", "before the best model", "before the log")
    for epoch, place in zip((3, 4), generator.sample(places, 2)):
        note(place, wait(forked(functools.partial(train_and_die, folder, epoch, place))))
    report["resumed"] = wait(forked(lambda: train(folder, "killed", deterministic=True, resume=True)))
    report["interrupt"] = wait(forked(lambda: interrupted(folder)))
    report["comparison"] = kill_comparison(folder, generator)
    (folder / "report.json").write_text(json.dumps(report))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main(sys.argv[1])
