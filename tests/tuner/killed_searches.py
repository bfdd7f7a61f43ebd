"""Searches that are killed, and searches of several processes, forked off one that has imported everything.

    python killed_searches.py FOLDER

writes `whole` (a search that nobody disturbed), `killed` (the same, killed in a trial, between two files, and in the
confirmation round), `shared` (a chief and two workers, one of them killed and restarted), `report.json` and the cases
themselves, `data`, into FOLDER.
"""

import json
import os
import pathlib
import socket
import sys
import time

from pictures import write_pngs

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from forking import die, forked, wait

# Everything is imported here; nothing is computed before the fork.
from keras_seg import tuner
from keras_seg.tuner import carrying_out, log, runs, watching  # noqa: F401

OPTIONS = {
    "losses": ["dice_ce", "tversky"],
    "trials": 2,
    "seeds": 1,
    "test": 2,
    "validation": 2,
    "filters": (2, 3),
    "strides": (2,),
    "patch": (8, 8),
    "batch_size": 2,
    "steps_per_epoch": 2,
    "epochs": 2,
    "validation.every": 1,
    "deterministic": True,
    "console": None,
}


def search(folder, name, **options):
    return tuner.tune(folder / "data", folder / name, cache=folder / "cache", **{**OPTIONS, **options})


def die_in_trial(trial, epoch):
    """Have this process die after an epoch of a trial."""
    original = watching.Watch.on_epoch_end

    def deadly(self, at, logs=None):
        original(self, at, logs)
        if self.trial.number == trial and at + 1 == epoch:
            die()

    watching.Watch.on_epoch_end = deadly


def killed_in_a_trial(folder):
    """Die in the second trial, after its first epoch."""
    die_in_trial(2, 1)
    search(folder, "killed")


def killed_between_files(folder):
    """Die when a trial stands in the log that KerasTuner does not know of yet, and another file is half there."""
    original = log.TrialLog.add

    def deadly(self, trial):
        original(self, trial)
        if trial.number == 2:
            (self.folder / ".1.0003-half.json").write_text('{"number": 3, "na')
            die()

    log.TrialLog.add = deadly
    search(folder, "killed")


def killed_while_confirming(folder):
    """Die when the second loss of the round is trained, before its scores are written."""
    original = runs.RunTrainer.confirm
    trained = []

    def deadly(self, candidate, number, place):
        found = original(self, candidate, number, place)
        trained.append(candidate)
        return die() if len(trained) == 2 else found

    runs.RunTrainer.confirm = deadly
    search(folder, "killed")


def with_damage(folder):
    """Go on where a trial's file was damaged by something else, and KerasTuner's files are rubbish."""
    (path,) = (folder / "killed" / "trials").glob("0001-*.json")
    path.write_text(path.read_text()[:40])
    (folder / "killed" / "keras_tuner" / "oracle.json").write_text("{")
    search(folder, "killed")


def member(folder, name, port, prepare=lambda: None):
    """Run a chief or worker of a search."""
    os.environ.update(KERASTUNER_TUNER_ID=name, KERASTUNER_ORACLE_IP="127.0.0.1", KERASTUNER_ORACLE_PORT=str(port))
    prepare()
    sleep = time.sleep
    # KerasTuner's chief looks every 20 seconds whether all have left.
    time.sleep = lambda seconds: sleep(min(seconds, 0.5))
    search(folder, "shared", trials=3)


def shared(folder):
    """Search with a chief and two workers; the second is killed in its first trial and started again."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]

    def prepare():
        original = watching.Watch.on_epoch_end

        def deadly(self, at, logs=None):
            original(self, at, logs)
            die()

        watching.Watch.on_epoch_end = deadly

    chief = forked(lambda: member(folder, "chief", port))
    second = forked(lambda: member(folder, "worker-2", port, prepare))
    first = forked(lambda: member(folder, "worker-1", port))
    found = {"killed": wait(second)}
    again = forked(lambda: member(folder, "worker-2", port))
    return {**found, "first": wait(first), "again": wait(again), "chief": wait(chief)}


def killed(folder):
    """Search without a disturbance, and with several; returns how the processes ended."""
    found = {"whole": wait(forked(lambda: search(folder, "whole"))), "kills": []}
    for work in (killed_in_a_trial, killed_between_files, killed_while_confirming):
        found["kills"].append(wait(forked(lambda work=work: work(folder))))
    return {**found, "damaged": wait(forked(lambda: with_damage(folder)))}


def main(folder):
    folder = pathlib.Path(folder)
    write_pngs(folder / "data", count=10)
    # Both wait for processes most of the time.
    other = forked(lambda: (folder / "shared.json").write_text(json.dumps(shared(folder))))
    report = killed(folder)
    wait(other)
    report["shared"] = json.loads((folder / "shared.json").read_text())
    (folder / "report.json").write_text(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1])
