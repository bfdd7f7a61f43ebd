"""`search`: KerasTuner over losses, for any network and any data that `fit` takes."""

import inspect
import shutil
import tempfile
import weakref

from keras_seg.losses import registry
from keras_seg.tuner.files import prepare_folder
from keras_seg.tuner.networks import builder_for_arrays
from keras_seg.tuner.progress import Progress
from keras_seg.tuner.result import SearchResult
from keras_seg.tuner.space import branch_texts, choose_loss

ORACLES = ("random", "bayesian", "hyperband", "grid")


def search(
    build,
    data,
    validation_data,
    *,
    losses=None,
    loss_options=None,
    oracle="random",
    trials=None,
    epochs=10,
    batch_size=None,
    seed=0,
    folder=None,
    overwrite=False,
    callbacks=(),
    console="auto",
):
    """Search the loss, and its parameters, that give the best validation Dice.

    Every trial trains the same network from the same weights, on the same batches in the same order; only the loss
    differs, and what `build` searches itself. Losses live on different scales, so trials are never compared by
    `val_loss`. The first round gives every loss its default parameters (the grid oracle goes its own way). A trial that
    fails, by an exception or because its loss is no longer finite, is a row with its reason, and the search goes on.
    Ctrl-C ends the search and keeps the trials that ended.

    Args:
        build: Function `build(loss, hp)` that returns a `keras.Model`, compiled by `keras_seg.compile(model, loss)` or
            not compiled (that is done here then, with Adam). `hp` are KerasTuner's hyperparameters: what it draws from
            them, such as `hp.Float("learning_rate", 1e-4, 1e-2, sampling="log")`, is searched too. Or the name of a
            network of the zoo, `"unet"` or `"vnet"`; `data` are arrays then.
        data: What `fit` takes: `(x, y)` or `(x, y, sample_weight)` arrays, a `PyDataset`, a `tf.data.Dataset`, a
            `DataLoader`. It is read once per epoch and trial, so a generator will not do.
        validation_data: What `fit` takes as `validation_data`. In arrays a case is a sample.
        losses: What to choose from, as in `choose_loss`. `None`: every loss that trains a network by itself.
        loss_options: Dict of arguments for every loss that takes them, such as `{"ignore_class": 255}`.
        oracle: `"random"`, `"bayesian"`, `"hyperband"` (many short trials, the better ones go on) or `"grid"` (each
            loss with the ends and the default of each range).
        trials: Number of trials. `None`: two per loss; for Hyperband and the grid what they take by themselves.
        epochs: Epochs of a trial; for Hyperband of the longest.
        batch_size: As in `fit`.
        seed: Seed of the search, the weights and the batches. Python's, NumPy's and the backend's seeds are set to it.
        folder: Where `leaderboard.csv` and `best.keras` stand from the first trial on, and KerasTuner's own records.
            `None`: a temporary folder; `result.write(folder)` keeps what is in it.
        overwrite: Whether the folder may hold an earlier search.
        callbacks: Callbacks of `fit`; each trial gets copies of its own.
        console: `rich.console.Console` on which a line per trial appears, `"auto"` for one, `None` for silence.

    Returns:
        A `SearchResult`.

    Raises:
        ValueError: If an argument does not fit, or the network logs no `val_dice`.

    ```python
    result = keras_seg.tuner.search("unet", (x, y), (xv, yv), losses=["dice_ce", "tversky", "dice + focal"])
    print(result.best_loss)
    result.write("RUN")
    ```
    """
    _check(build, data, validation_data, oracle, trials, epochs, seed)
    branch_options = {"names": branch_texts(losses), "grid": oracle == "grid", **(loss_options or {})}
    hyperparameters = _declare(branch_options)
    if isinstance(build, str):
        build = builder_for_arrays(build, data)
    # KerasTuner and what it brings are loaded here, and not by importing keras_seg.
    from keras_seg.tuner import oracles, running

    with running.quiet():
        chooser, total_epochs = oracles.make_oracle(oracle, hyperparameters, trials, epochs, seed)
        is_temporary = folder is None
        folder = tempfile.mkdtemp(prefix="keras_seg_search_") if is_temporary else prepare_folder(folder, overwrite)
        settings = {"oracle": oracle, "losses": list(branch_options["names"]), "options": loss_options, "seed": seed}
        result = SearchResult(folder, {"search": settings, "training": {"epochs": epochs, "batch_size": batch_size}})
        if is_temporary:
            weakref.finalize(result, shutil.rmtree, folder, ignore_errors=True)
        fit_options = {"epochs": epochs, "callbacks": list(callbacks), "validation_data": validation_data}
        fit_options |= _as_fit_takes(data, batch_size)
        with Progress(chooser.max_trials, total_epochs, _console(console)) as progress:
            tuner = running.LossTuner(chooser, build, branch_options, fit_options, seed, result, progress)
            try:
                tuner.search()
            except KeyboardInterrupt:
                result.interrupted = True
    result.recipe["search"] |= {"trials": len(result.trials), "interrupted": result.interrupted}
    return result


def _declare(branch_options):
    """Return the whole space, known before any network is built."""
    import keras_tuner

    hyperparameters = keras_tuner.HyperParameters()
    choose_loss(hyperparameters, **branch_options)
    return hyperparameters


def _check(build, data, validation_data, oracle, trials, epochs, seed):
    if not callable(build) and not isinstance(build, str):
        raise ValueError(
            f"`build` must be a function `build(loss, hp)` that returns a `keras.Model`, or the name of a network of "
            f"the zoo. Received: {build!r}."
        )
    if oracle not in ORACLES:
        raise ValueError(f"`oracle` is unknown: {oracle!r}. {registry.nearest(str(oracle), ORACLES)}")
    for name, value, least in (("trials", trials, 1), ("epochs", epochs, 1), ("seed", seed, 0)):
        is_integer = hasattr(value, "__index__") and not isinstance(value, bool)
        if not (name == "trials" and value is None) and (not is_integer or value < least):
            raise ValueError(f"`{name}` must be a whole number of {least} or more. Received: {value!r}.")
    for name, value in (("data", data), ("validation_data", validation_data)):
        if value is None:
            raise ValueError(f"`{name}` is missing: losses are compared by their Dice on validation cases.")
        if inspect.isgenerator(value):
            raise ValueError(
                f"`{name}` is a generator, which can be read only once, but every trial reads it anew. Give arrays, a "
                "`keras.utils.PyDataset` or a `tf.data.Dataset`."
            )


def _as_fit_takes(data, batch_size):
    """Return the arguments of `fit` that hold the training data."""
    if isinstance(data, (tuple, list)):
        if not 2 <= len(data) <= 3:
            raise ValueError(f"`data` must be `(x, y)` or `(x, y, sample_weight)`. Received {len(data)} parts.")
        return {**dict(zip(("x", "y", "sample_weight"), data)), "batch_size": batch_size}
    if batch_size is not None:
        raise ValueError("`batch_size` goes with arrays; a data set has its own batches. Leave it out.")
    return {"x": data}


def _console(console):
    if console == "auto":
        from rich.console import Console

        return Console()
    return console
