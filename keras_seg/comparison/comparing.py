"""`compare`: one network, trained once per loss and seed, on the same cases; tables, pictures and tests."""

import pathlib

import numpy as np

from keras_seg.comparison.comparison import PAGE, PICTURES, SWEEP, TABLES, TEXT, Comparison
from keras_seg.comparison.record import RECORD, asked_of, call_text, merged, write_record
from keras_seg.experiments.experiment import open_experiment
from keras_seg.experiments.jobs import Job
from keras_seg.experiments.progress import JobsDisplay
from keras_seg.experiments.running import run_jobs
from keras_seg.terminal import open_console, say
from keras_seg.training.options import Options
from keras_seg.training.trainings import given_recipe

# What differs from training to training, and is no part of the recipe that they share.
OWN = {"loss": "losses", "loss.loss": "losses", "seed": "seeds", "training.seed": "seeds"}


def compare(
    data,
    out,
    *,
    losses=None,
    sweeps=(),
    seeds=3,
    test=10,
    learning_rates=(),
    recipe=None,
    minutes=None,
    validation=None,
    split_seed=0,
    groups=None,
    deterministic=False,
    overwrite=False,
    cache=None,
    console="auto",
    command=None,
    **overrides,
):
    """Train the same network once per loss and seed, and say how losses differ, and how sure that is.

    Everything but the loss is equal: with the same seed the initial weights, the batches, the augmentation and the
    number of steps. Test cases are seen by none of the trainings. Whenever the process ends, the same call goes on
    where it stood; with more losses or seeds it adds them to what is there.

    Args:
        data: Folder of the cases, as in `keras_seg.train`.
        out: Folder of the comparison.
        losses: What to compare: texts, each with a label if it is to have one (`"mine=dice + focal"`), or
            `{label: text}`. `"original"` stands for the five of the original comparison,
            `keras_seg.comparison.ORIGINAL_FIVE`. `None`: those five, or in a folder with a comparison, or with
            `sweeps`, no others.
        sweeps: Losses with several values of a parameter, `"focal(gamma=0|1|2|4)"`; each gets a picture.
        seeds: Number of trainings of each loss; their seeds are 0, 1, ...
        test: Number of test cases.
        learning_rates: Learning rates that each loss is tried with on the first seed; the one with the best validation
            Dice trains the other seeds. Empty: the recipe's.
        recipe: As in `keras_seg.train`.
        minutes: Time that one training may take here; the number of epochs follows from it, once and for all.
        validation: Number of validation cases. `None`: a fifth, at most 20.
        split_seed: Seed of the split.
        groups: As in `keras_seg.train`.
        deterministic: As in `keras_seg.train`.
        overwrite: Throw away the comparison in `out`.
        cache: Folder of the prepared cases.
        console: `rich.console.Console` for what is said meanwhile, `"auto"` for one, `None` for silence.
        command: What the report names as the command that made it. `None`: this call.
        **overrides: Single values of the recipe: `model="vnet"`, `filters=(8, 16, 32)`, `epochs=20`.

    Returns:
        A `Comparison`. The folder holds `report.html`, `report.md`, tables as CSV, pictures, and every run.

    Raises:
        ValueError: If the data, a loss or an option are not what they should be, or the folder holds a comparison with
            other options.
        OSError: If the disk is full or the folder cannot be written to.

    ```python
    comparison = keras_seg.compare("DATA", "OUT", losses=["dice_ce", "tversky", "dice + focal"], model="vnet", seeds=3)
    comparison.table()
    ```
    """
    console, folder = open_console(console), pathlib.Path(out)
    _check(seeds, test, learning_rates, overrides)
    new, swept = asked_of(folder, losses, sweeps, overwrite)
    options = Options(minutes, test, validation, split_seed, groups=None if groups is None else str(groups))
    fixed = given_recipe(recipe, {**overrides, "deterministic": deterministic or None})
    own = (RECORD, PAGE, TEXT, *TABLES, *PICTURES, *(SWEEP.format(number) for number in range(1, 100)))
    jobs = [Job(label, text, 0) for label, text in new.items()]
    settings = {"cache": cache, "console": console, "overwrite": overwrite, "own": own}
    experiment = open_experiment(folder, data, options, fixed, jobs=jobs, **settings)
    record = merged(folder, new, swept, seeds, tuple(learning_rates), command or call_text(data, out, losses))
    labels = list(new) or list(record["losses"])
    write_record(folder, record)
    comparison = Comparison(experiment, record)
    comparison.interrupted = _run(comparison, experiment, labels, seeds, console)
    written = comparison.write()
    for sentence in comparison.conclusions:
        say(console, sentence.replace("**", ""))
    what = "Interrupted; the same command goes on. So far" if comparison.interrupted else "Written"
    say(console, f"{what}: {written[0]}, and {', '.join(path.name for path in written[1:])}")
    return comparison


def _run(comparison, experiment, labels, seeds, console):
    """Do what is to be done; return whether Ctrl-C ended it."""
    training = experiment.setup.recipe.training
    rates = max(1, len(comparison.learning_rates))
    total = len(labels) * (rates + seeds - 1)
    say(
        console,
        f"{total} trainings of {training.epochs} epochs of {training.steps_per_epoch} steps: {len(labels)} losses, "
        f"{seeds} seed{'s' * (seeds > 1)}" + (f", {rates} learning rates" if rates > 1 else "") + ".",
    )
    done = set()
    with JobsDisplay(console, total, training.epochs * training.steps_per_epoch) as display:
        try:
            # What is left changes once, when the learning rates are chosen.
            while todo := [job for job in comparison.pending(labels, seeds) if job not in done]:
                for outcome in run_jobs(experiment, todo, display):
                    done.add(outcome.job)
        except KeyboardInterrupt:
            return True
    return False


def _check(seeds, test, learning_rates, overrides):
    for name, value in (("seeds", seeds), ("test", test)):
        if not hasattr(value, "__index__") or isinstance(value, bool) or value < 1:
            raise ValueError(f"`{name}` must be a whole number of 1 or more. Received: {value!r}.")
    rates = np.asarray(learning_rates, "float64")
    if rates.ndim != 1 or not (np.isfinite(rates) & (rates > 0)).all():
        raise ValueError(f"`learning_rates` must be numbers above 0. Received: {learning_rates!r}.")
    for key, instead in OWN.items():
        if overrides.get(key) is not None:
            raise ValueError(f"`{key}` differs from training to training here: give `{instead}`.")
