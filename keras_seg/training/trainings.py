"""`train`: from a folder of cases to a run, by one call."""

import os
import time

from keras_seg.terminal import clock_face, open_console, say
from keras_seg.training.callbacks.clock import Clock
from keras_seg.training.callbacks.validation import AFTERWARDS, score_case
from keras_seg.training.finishing import finish
from keras_seg.training.fitting import Network, Training, training_patches
from keras_seg.training.folder import RunFolder
from keras_seg.training.options import Options, check_same
from keras_seg.training.planning.timing import epochs_for, time_step
from keras_seg.training.recipes import partial
from keras_seg.training.recipes.recipe import Recipe, TrainingTable
from keras_seg.training.setup import new_setup, read_setup
from keras_seg.training.state import TrainingState, read_state

# Steps that are timed to choose the number of epochs.
TIMED_STEPS = 4


def train(
    data,
    out,
    *,
    recipe=None,
    minutes=None,
    test=0,
    validation=None,
    split_seed=0,
    folds=None,
    fold=0,
    groups=None,
    seed=None,
    resume=False,
    overwrite=False,
    deterministic=False,
    tensorboard=False,
    cache=None,
    console="auto",
    started=None,
    **overrides,
):
    """Train a network on a folder of cases: chosen, trained, validated and kept by one call.

    What is not given is chosen from the data, the memory and the time at hand, and written down with its reason in
    `recipe.toml`. The best epoch is the one with the highest whole-case Dice on the validation cases. Whenever the
    process ends, by a crash, `kill -9` or Ctrl-C, `resume=True` goes on after the last complete epoch.

    Args:
        data: Folder of the cases: `images/` and `labels/`, or the layout of the Medical Segmentation Decathlon or of
            nnU-Net.
        out: Folder of the run; it must not hold anything.
        recipe: What of the recipe is given: path of a TOML file, a `Recipe`, or `{table: {key: value}}`.
        minutes: Time that everything may take, from this call (or `started`) to the last file. The number of epochs
            follows from it, and training ends when it is over.
        test: Number of cases that are kept out, for `run.evaluate`.
        validation: Number of validation cases. `None`: a fifth, at most 20.
        split_seed: Seed of the split.
        folds: Number of folds of a cross-validation; `fold` validates then, and the others train.
        fold: Number of the fold, from 0.
        groups: CSV file with the columns `name` and `group`: cases of a group, such as a patient, stay together.
        seed: Seed of the weights, the patches and the augmentation.
        resume: Go on with the run in `out`, if there is one. Options need not be given again; those that are must be
            the ones it was started with.
        overwrite: Throw away the run in `out`.
        deterministic: The same seed gives the same weights, bit by bit, killed and resumed or not. The clock has no
            say then: `minutes` chooses the number of epochs and no more. It holds for the process.
        tensorboard: Write a log for TensorBoard too.
        cache: Folder of the prepared cases; see `keras_seg.data.prepare`.
        console: `rich.console.Console` for what is said meanwhile, `"auto"` for one, `None` for silence.
        started: Time, by `time.monotonic()`, from which the minutes count. `None`: now.
        **overrides: Single values of the recipe: `loss="tversky"`, `model="vnet"`, `epochs=50`, or with its table
            where several have the key: `**{"validation.mirror": (0,)}`.

    Returns:
        A `Run`; its `interrupted` tells whether Ctrl-C ended it.

    Raises:
        ValueError: If the data or an option are not what they should be, the folder holds something, or a run would be
            resumed under other options.
        TrainingDiverged: If the loss is no longer finite; a `ValueError` that names the step and its cases.
        OSError: If the disk is full or a folder cannot be written to.

    ```python
    run = keras_seg.train("DATA", "RUN", loss="tversky", minutes=25, test=20)
    run.evaluate("DATA").table()
    ```
    """
    from keras_seg.training.run import load_run

    clock = Clock(started=time.monotonic() if started is None else started)
    console = open_console(console)
    options = Options(minutes, test, validation, split_seed, folds, fold, None if groups is None else str(groups))
    fixed = given_recipe(recipe, {**overrides, "seed": seed, "deterministic": deterministic or None})
    folder = RunFolder(out)
    if folder.open(resume, overwrite):
        interrupted = _resume(folder, data, options, fixed, clock, console, tensorboard, cache)
    else:
        if resume:
            say(console, f"{folder}: there is no run to go on with yet; it starts now.")
        interrupted = _start(folder, data, options, fixed, clock, console, tensorboard, cache)
    run = load_run(out)
    run.interrupted = interrupted
    return run


def train_prepared(setup, cases, out, options, display=None, *, until=None, callbacks=(), tensorboard=False):
    """Train one of several runs on cases that are prepared already; one that was begun goes on where it stands.

    There is no clock: it takes the epochs of its recipe and validates when the recipe says, on the same cases as the
    others, whatever else the machine does. The run is one as `train` leaves it, without the picture of its validation
    cases.

    Args:
        setup: `Setup` with the recipe of this run.
        cases: `PreparedCases` of the training and validation cases.
        out: Folder of the run.
        options: `Options` that the split was made with.
        display: What shows the training, used as `Display` is.
        until: Epoch after which it pauses, until another call takes it further. `None`: to its end.
        callbacks: Callbacks that see the logs of each epoch, whole-case Dice included, and may end the training.
        tensorboard: Write a log for TensorBoard too.

    Returns:
        Whether it got as far as it should; `False` after Ctrl-C.

    Raises:
        ValueError: If another recipe stands in the folder.
        TrainingDiverged: If the loss is no longer finite.
        OSError: If the disk is full or the folder cannot be written to.
    """
    folder, state, clock = RunFolder(out), TrainingState(), Clock()
    if folder.open(resume=True):
        check_same(folder, [(folder.read_recipe().to_dict(), setup.recipe.to_dict())])
        found = read_state(folder.state)
        state = state if found is None else found[0]
        clock.before = state.elapsed
    else:
        folder.clear()
        setup.write(folder, options)
    network = Network(setup.recipe, setup.fingerprint)
    more = {"display": display, "until": until, "callbacks": callbacks, "tensorboard": tensorboard, "timed": False}
    training = Training(setup, network, cases, folder, state, clock, **more)
    is_there = state.finished or (until is not None and state.epoch >= until)
    if is_there:
        # A kill may have come between the last state and its best model.
        training.begin()
    complete = is_there or training.run()
    finish(setup, cases, folder, state, brief=True)
    return complete


def given_recipe(recipe, options):
    """Return what of a recipe is given, `{table: {key: value}}`.

    Args:
        recipe: See `train`.
        options: Single values; `None` is not given.

    Raises:
        ValueError: If it is none, or holds what a recipe cannot.
    """
    if isinstance(recipe, (str, os.PathLike)):
        recipe = Recipe.load(recipe)
    tables = recipe.to_dict() if isinstance(recipe, Recipe) else partial.check(recipe or {})
    # Of the keys that several tables have, those of the training are meant.
    own = TrainingTable.keys()
    named = {f"training.{key}" if key in own else key: value for key, value in options.items()}
    return partial.merge(tables, partial.overrides(named))


def _start(folder, data, options, fixed, clock, console, tensorboard, cache):
    """Set a run up and train it; return whether it was interrupted."""
    setup = new_setup(data, options, fixed, console)
    _introduce(setup, folder, console)
    # Before the cases are prepared: an option that network or loss refuses need not wait for that.
    network = Network(setup.recipe, setup.fingerprint)
    cases = setup.prepare(cache, console)
    if options.minutes is not None:
        fit_into_time(setup, network, cases, options, fixed, clock, console)
    # Only now: a mistake in what is given must not cost the run that is to be overwritten.
    folder.clear()
    setup.write(folder, options)
    if not setup.recipe.training.deterministic:
        clock.set_budget(options.minutes)
    state = TrainingState(reserve=clock.reserve)
    return _train(setup, network, cases, folder, state, clock, console, tensorboard)


def _resume(folder, data, options, fixed, clock, console, tensorboard, cache):
    """Go on with a run; return whether it was interrupted."""
    recorded = folder.read("options")
    recipe = folder.read_recipe()
    # Apart, for `validation` is the name of an option and of a table.
    check_same(folder, [(recorded, options.given()), (recipe.to_dict(), fixed)])
    found = read_state(folder.state)
    state = TrainingState() if found is None else found[0]
    clock.reserve = state.reserve
    setup = read_setup(data, folder)
    clock.before = state.elapsed
    if not recipe.training.deterministic:
        clock.set_budget(recorded["minutes"])
    network = Network(recipe, setup.fingerprint)
    cases = setup.prepare(cache, console)
    if state.finished:
        say(console, f"{folder}: this run is complete ({state.epoch} epochs).")
        # A kill may have come between the last state and its best model.
        Training(setup, network, cases, folder, state, clock).begin()
        finish(setup, cases, folder, state, console)
        return False
    say(console, f"{folder}: going on after epoch {state.epoch} of {recipe.training.epochs}.")
    return _train(setup, network, cases, folder, state, clock, console, tensorboard)


def _train(setup, network, cases, folder, state, clock, console, tensorboard):
    training = Training(setup, network, cases, folder, state, clock, console, tensorboard)
    if not training.run():
        say(console, f"Interrupted in epoch {state.epoch + 1}. Go on with `resume=True` (`--resume`).")
        finish(setup, cases, folder, state, console, brief=True)
        return True
    if training.rate.out_of_time:
        epochs = setup.recipe.training.epochs
        say(console, f"The time is over in epoch {state.epoch} of {epochs}; the learning rate has fallen to its end.")
    finish(setup, cases, folder, state, console)
    best = f"{state.best_dice:.4f} in epoch {state.best_epoch}" if state.best_table else "none"
    say(console, f"Best validation Dice {best}; {clock_face(clock.elapsed)} in all. The run is in {folder}.")
    return False


def _introduce(setup, folder, console):
    """Say what the data are and what was chosen."""
    parts = setup.split
    for line in setup.label_map.describe():
        say(console, line)
    say(
        console,
        f"{setup.path}: {len(parts.train)} cases train, {len(parts.validation)} validate, {len(parts.test)} are kept "
        "for the test.",
    )
    network, training = setup.recipe.network, setup.recipe.training
    say(
        console,
        f"{network.model} with filters {_shown(network.filters)}, loss {setup.recipe.loss.loss}, patches of "
        f"{_times(training.patch)} in batches of {training.batch_size}, {training.optimizer} at "
        f"{training.learning_rate:g}. Why, and the rest: {folder.recipe}",
    )
    for warning in setup.warnings:
        say(console, f"Note: {warning}")


def fit_into_time(setup, network, cases, options, fixed, clock, console):
    """Time a few steps, and choose the epochs and the validations that fit into the budget: a new `setup.recipe`.

    Args:
        setup: `Setup`; its recipe and reasons are changed.
        network: `Network` of the recipe.
        cases: `PreparedCases` of the training and validation cases.
        options: `Options` with the minutes.
        fixed: What of the recipe is given, `{table: {key: value}}`, and stays.
        clock: `Clock` of what is spent already; its reserve is set.
        console: `rich.console.Console` or `None`.
    """
    validation = cases.select(setup.split.validation)
    batches = training_patches(setup, cases, len(network.model.outputs), steps=1 + TIMED_STEPS)
    timing = time_step(
        network.model,
        setup.recipe,
        batches=batches,
        validate=lambda: score_case(validation[0], network.predict, setup.fingerprint.num_classes),
        steps=TIMED_STEPS,
    )
    count = len(validation)
    schedule = epochs_for(
        setup.recipe, timing, options.minutes, validation_cases=count, spent=clock.elapsed - timing.first_step
    )
    why = f"for {options.minutes:g} minutes here: {timing.step:.2f} s a step, {timing.case:.2f} s a whole case"
    free = schedule.values(fixed)
    setup.recipe = setup.recipe.replace(**free)
    setup.reasons |= dict.fromkeys(free, why)
    clock.reserve = AFTERWARDS + 2 * timing.case * count
    training, every = setup.recipe.training, setup.recipe.validation.every
    often = "each" if every == 1 else f"every {every}"
    say(
        console,
        f"Training: {training.epochs} epochs of {training.steps_per_epoch} steps, validation after {often}, {why}.",
    )


def _times(sizes):
    return " x ".join(map(str, sizes))


def _shown(sizes):
    return "-".join(map(str, sizes))
