"""Runs the jobs of an experiment one after the other; what is done is not done again, whatever happened in between."""

import dataclasses
import json

from keras_seg.experiments.measures import measure, read_measures
from keras_seg.files import write_text
from keras_seg.terminal import one_line
from keras_seg.training.run import load_run
from keras_seg.training.sessions import session
from keras_seg.training.trainings import train_prepared

FAILURE = "failure.json"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a job.

    Attributes:
        job: `Job`.
        measures: `Measures`, or `None` if it failed.
        reason: Why it failed, one line; empty if it did not.
        log: Rows of the run's `log.csv`, dicts.
        best_epoch: Number of the epoch with the best validation Dice, from 1.
        best_dice: That Dice.
        steps_per_epoch: Steps of each epoch.
    """

    job: object
    measures: object = None
    reason: str = ""
    log: tuple = ()
    best_epoch: int = 0
    best_dice: float = float("nan")
    steps_per_epoch: int = 0


def outcome_of(experiment, job):
    """Return the `Outcome` of a job that is done, or `None`."""
    folder = experiment.run_of(job)
    failure = folder / FAILURE
    if failure.is_file():
        return Outcome(job, reason=json.loads(failure.read_text(encoding="utf-8"))["reason"])
    measures = read_measures(folder)
    if measures is None:
        return None
    run = load_run(folder)
    steps = run.recipe.training.steps_per_epoch
    return Outcome(job, measures, "", tuple(run.log), run.best_epoch, run.best_dice, steps)


def run_jobs(experiment, jobs, display):
    """Train and measure what is not done yet.

    A training that fails, because its loss is no longer finite, memory is short, or the loss raises, is a failed
    outcome with its reason, and the others go on. Everything else that goes wrong, such as a full disk, ends it all;
    the same call goes on from there.

    Args:
        experiment: `Experiment`.
        jobs: List of `Job`.
        display: `JobsDisplay`.

    Yields:
        `Outcome` of each job, in their order; after Ctrl-C `KeyboardInterrupt` is raised.
    """
    for job in jobs:
        outcome = outcome_of(experiment, job)
        if outcome is None:
            outcome = _run(experiment, job, display)
        display.done(outcome)
        yield outcome


def _run(experiment, job, display):
    folder = experiment.run_of(job)
    setup = experiment.setup_of(job)
    try:
        with session():
            if not train_prepared(setup, experiment.cases, folder, experiment.options, display.of(job)):
                raise KeyboardInterrupt
            measure(load_run(folder), setup.pairs, display.measuring)
    except OSError:
        raise
    except Exception as error:
        # Whatever a loss or a backend raises: the others are not to be lost for it.
        write_text(folder / FAILURE, json.dumps({"reason": one_line(error)}, indent=1) + "\n")
    return outcome_of(experiment, job)
