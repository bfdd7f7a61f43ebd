"""`tune`: which loss, with which parameters, for a folder of cases."""

import dataclasses
import os
import pathlib
import shutil
import time

from keras_seg import data as datasets
from keras_seg.data.phantom import KINDS
from keras_seg.experiments.experiment import open_experiment
from keras_seg.experiments.wording import count
from keras_seg.files import make_folder
from keras_seg.terminal import open_console, say
from keras_seg.training.options import Options
from keras_seg.training.trainings import given_recipe
from keras_seg.tuner import files
from keras_seg.tuner.log import Record
from keras_seg.tuner.ranges import split_ranges
from keras_seg.tuner.searching import check, plain

# What a search chooses from if nothing is said: one of each kind of idea.
LOSSES = ("dice_ce", "dice", "tversky", "focal_tversky", "lovasz", "cross_entropy")
# What is searched on where no data are given: 3D scans of a trunk with an organ and vessels, 6 % of the voxels.
PHANTOMS = {"shape": (32, 32, 32), "num_classes": 3, "foreground": 0.06}
NUM_PHANTOMS = 36
# What a search on them trains, where nothing else is said: small enough for a few minutes on two cores.
SMALL = {"filters": (8, 16, 32), "patch": (32, 32, 32), "batch_size": 1, "steps_per_epoch": 20, "epochs": 8}
SMALL |= {"validation.every": 2}
# Where a search stands if nothing is said.
FOLDER = pathlib.Path("runs") / "tune"
# Test and validation cases: a fifth each, at most this many.
MOST_TEST_CASES = 20
# Where nothing is said: rounds of the confirmation and minutes; on the phantoms fewer rounds, and these trials.
ROUNDS, MINUTES = 3, 60
FEW_ROUNDS, FEW_TRIALS = 2, 7
# Part of the time that is not counted on: files, pictures, scores of whole cases.
RESERVE = 0.1
# A worker waits this many seconds for its chief.
PATIENCE = 3600


def tune(
    data=None,
    out=None,
    *,
    losses=None,
    ranges=None,
    oracle="random",
    trials=None,
    seeds=None,
    early_stopping=True,
    minutes=None,
    test=None,
    validation=None,
    split_seed=0,
    groups=None,
    seed=0,
    recipe=None,
    tensorboard=False,
    overwrite=False,
    cache=None,
    console="auto",
    command=None,
    started=None,
    **overrides,
):
    r"""Search the loss, and its parameters, that segment a folder of cases best.

    Every trial is a run: the same network, weights, patches and steps with another loss, judged by Dice on whole
    validation cases. Trials that can hardly win are stopped early. The best of many on the same cases is partly luck:
    so the best three and `dice_ce` are trained anew, in each round with another seed on another fold, and only that
    round is tested. The test cases are segmented once, by the winner and by `dice_ce`. Whenever the process ends, the
    same call goes on where it stood.

    Args:
        data: Folder of the cases, as in `keras_seg.train`. `None`: phantoms, made in `out`.
        out: Folder of the search. `None`: `runs/tune`.
        losses: Names and texts to choose from, as in `keras_seg.tuner.choose_loss`; `"all"` for every loss. `None`:
            `keras_seg.tuner.LOSSES`.
        ranges: What is searched besides, or in other ranges: `{"tversky.alpha": (0.2, 0.8), "training.learning_rate":
            (1e-4, 1e-2, "log"), "network.filters": [[8, 16, 32], [16, 32, 64]]}`, or texts `"tversky.alpha=0.2:0.8"`. A
            single value is not searched but taken.
        oracle: `"random"`, `"bayesian"`, `"hyperband"` or `"grid"`.
        trials: Number of trials. `None`: two per loss (on the phantoms 7); for Hyperband and the grid what they take by
            themselves.
        seeds: Rounds of the confirmation; 0 for none. `None`: 3 (on the phantoms 2).
        early_stopping: Stop trials whose best Dice so far is below the median of the others' at the same epoch.
        minutes: Time that everything may take; the epochs of a training follow from it, if they are not given. `None`:
            an hour where neither is given.
        test: Number of test cases. `None`: a fifth, at most 20.
        validation: Number of validation cases. `None`: a fifth, at most 20.
        split_seed: Seed of the split.
        groups: As in `keras_seg.train`.
        seed: Seed of the search, of the weights and the patches. The rounds of the confirmation take the next ones.
        recipe: As in `keras_seg.train`.
        tensorboard: Write a log for TensorBoard into each run.
        overwrite: Throw away the search in `out`.
        cache: Folder of the prepared cases.
        console: `rich.console.Console` for what is said meanwhile, `"auto"` for one, `None` for silence.
        command: What the report names as the command. `None`: this call.
        started: Time, by `time.monotonic()`, from which the minutes count. `None`: now.
        **overrides: Single values of the recipe: `model="vnet"`, `filters=(8, 16, 32)`, `epochs=20`.

    Returns:
        A `keras_seg.tuner.SearchResult`. The folder holds `leaderboard.md` and `.csv`, `trials.png`, the best run in
        `best/`, its network as `best.keras`, and `recipe.toml` for `keras_seg.train`.

    Raises:
        ValueError: If the data, a loss or an option are not what they should be, or another search is in the folder.
        OSError: If the disk is full or the folder cannot be written to.

    ```python
    result = keras_seg.tune("DATA", "OUT", losses=["dice_ce", "tversky", "dice + focal"], trials=12, minutes=60)
    print(*result.conclusions, sep="\n")
    ```
    """
    started = time.monotonic() if started is None else started
    console = open_console(console)
    if seeds is None:
        seeds = ROUNDS if data is not None else FEW_ROUNDS
    if trials is None and data is None and oracle in ("random", "bayesian"):
        trials = FEW_TRIALS
    check(oracle, trials, seeds, seed, minutes)
    # KerasTuner and what it brings are loaded here, and not by importing keras_seg.
    from keras_seg.tuner import running
    from keras_seg.tuner.carrying_out import Plan, carry_out
    from keras_seg.tuner.runs import RunTrainer

    loss_ranges, others, values = split_ranges(ranges or {})
    small = SMALL if data is None and recipe is None else {}
    fixed = given_recipe(recipe, {**small, **values, **overrides, "seed": seed})
    has_epochs = "epochs" in fixed.get("training", {})
    if minutes is None and not has_epochs:
        minutes = MINUTES
        say(console, f"Neither epochs nor minutes are given: the search takes {minutes} minutes.")
    plan = Plan(
        losses=list(LOSSES) if losses is None else losses,
        ranges=loss_ranges,
        others=others,
        oracle=oracle,
        trials=trials,
        seeds=seeds,
        early_stopping=early_stopping,
        seed=seed,
        minutes=minutes,
        started=started,
    )
    # A loss that is none should be known before a folder is touched.
    names = list(plan.branch_options["names"])
    plan.space()
    asked = {"losses": names, "ranges": plain(loss_ranges), "others": plain(others), "oracle": oracle}
    asked |= {"trials": trials, "seeds": seeds, "early_stopping": early_stopping, "minutes": minutes, "seed": seed}
    asked |= {"test": test, "validation": validation, "split_seed": split_seed, "recipe": fixed}
    worker, out = running.is_worker(), pathlib.Path(FOLDER if out is None else out)
    if worker:
        if overwrite:
            raise ValueError("A worker cannot throw a search away: give `--overwrite` to the chief alone.")
        _await(out, console)
    out, known = files.open_search(out, asked, overwrite)
    data, source = _data(data, out, console)
    pairs = len(datasets.open_folder(data).pairs)
    share = min(MOST_TEST_CASES, max(1, pairs // 5))
    options = Options(None, share if test is None else test, validation, split_seed, groups=_text(groups))

    def minutes_each():
        if minutes is None or has_epochs:
            return None
        left = minutes - (time.monotonic() - started) / 60
        # Hyperband's share of full trainings hardly depends on their length.
        return max(left, 0.0) * (1 - RESERVE) / plan.trainings(27)

    settings = {"cache": cache, "console": console, "own": files.OWN, "minutes": minutes_each}
    experiment = open_experiment(out, data, options, fixed, **settings)
    recipe = experiment.setup.recipe
    try:
        plan = _with_defaults(plan, recipe)
    except ValueError:
        if not known:
            # Nothing was trained with it, and the next call gives other options.
            shutil.rmtree(out / files.SETUP)
        raise
    if not worker:
        # Each time: more may be asked for than before.
        Record(out / files.RECORD).write(asked)
    facts = _facts(experiment, source, plan, command)
    say(console, f"{facts['data']}; {facts['split']}")
    say(console, f"{facts['network']}; a full training: {facts['training']}")
    result = carry_out(
        plan,
        lambda progress, is_best: RunTrainer(experiment, data, others, progress, tensorboard),
        out,
        facts=facts,
        console=console,
    )
    result.options = dict(recipe.loss.options)
    return result


def _with_defaults(plan, recipe):
    """Let the first trials have the recipe's own values.

    Raises:
        ValueError: If the recipe does not take something that is to be searched, such as widths for another depth.
    """
    tables = recipe.to_dict()
    for name, spec in plan.others.items():
        for value in spec if isinstance(spec, list) else spec[:2]:
            try:
                recipe.replace(**{name: value})
            except ValueError as error:
                raise ValueError(f"`{name}` cannot be {value!r} in this search: {error}") from error
    values = {name: tables[name.split(".")[0]][name.split(".", 1)[1]] for name in plan.others}
    return dataclasses.replace(plan, defaults=values)


def _data(data, out, console):
    """Return the folder of the cases, and what it is called; phantoms are made where there is none."""
    if data is not None:
        return pathlib.Path(data), str(data)
    folder = out / files.DATA
    if not folder.exists():
        say(console, f"No data are given: {NUM_PHANTOMS} phantoms ({', '.join(KINDS[: PHANTOMS['num_classes'] - 1])}).")
        make_folder(out)
        # Under another name first: a data set that is half there must not look whole.
        unfinished = out / f".{files.DATA}"
        shutil.rmtree(unfinished, ignore_errors=True)
        datasets.write_phantoms(unfinished, NUM_PHANTOMS, seed=0, **PHANTOMS)
        unfinished.rename(folder)
    return folder, "phantoms"


def _await(out, console):
    """Wait until the chief has set the search up."""
    record, began = Record(out / files.RECORD), time.monotonic()
    if not record.exists():
        say(console, f"Waiting for the chief to set up {out}.")
    while not record.exists():
        if time.monotonic() - began > PATIENCE:
            raise ValueError(
                f"{out}: no search was set up here within {PATIENCE // 60} minutes. Start the chief with the same "
                "folder, which all machines must see."
            )
        time.sleep(1)


def _facts(experiment, source, plan, command):
    """Return what the report says of data, network and search."""
    from keras_seg import __version__

    setup, recipe = experiment.setup, experiment.setup.recipe
    parts, training = setup.split, recipe.training
    shown = "-".join(map(str, recipe.network.filters))
    searched = f"; searched too: {', '.join(plan.others)}" if plan.others else ""
    facts = {
        "data": f"{len(setup.fingerprint.names)} cases ({source}), {setup.fingerprint.num_classes} classes",
        "split": f"{len(parts.train)} train, {len(parts.validation)} validate, {len(parts.test)} are the test",
        "network": f"{recipe.network.model} {shown}, patches of {' x '.join(map(str, training.patch))}, batches of "
        f"{training.batch_size}{searched}",
        "training": f"{count(training.epochs, 'epoch')} of {count(training.steps_per_epoch, 'step')}",
        "search": f"{plan.oracle}, {len(plan.branch_options['names'])} losses, seed {plan.seed}"
        + (", trials that can hardly win are stopped" if plan.early_stopping and plan.oracle != "hyperband" else ""),
    }
    if command:
        facts["command"] = command
    return {**facts, "version": f"keras_seg {__version__}"}


def _text(groups):
    return None if groups is None else os.fspath(groups)
