"""`search`: which loss, with which parameters, for any network and any data that `fit` takes."""

import contextlib
import inspect
import math
import numbers
import os
import tempfile
import weakref
import zlib

import numpy as np

from keras_seg.losses import registry
from keras_seg.terminal import open_console
from keras_seg.tuner.files import RECORD, open_search
from keras_seg.tuner.log import Record
from keras_seg.tuner.networks import builder_for_arrays

ORACLES = ("random", "bayesian", "hyperband", "grid")


def search(
    build,
    data=None,
    validation_data=None,
    *,
    test_data=None,
    losses=None,
    loss_options=None,
    ranges=None,
    oracle="random",
    trials=None,
    epochs=10,
    batch_size=None,
    seeds=3,
    early_stopping=True,
    minutes=None,
    seed=0,
    folder=None,
    overwrite=False,
    callbacks=(),
    tensorboard=False,
    console="auto",
    **options,
):
    """Search the loss, and its parameters, that give the best validation Dice.

    Every trial trains the same network from the same weights, on the same batches in the same order; only the loss
    differs, and what `build` searches itself. Losses live on different scales, so trials are never compared by
    `val_loss`. The first round gives every loss its default parameters (the grid oracle goes its own way). The best of
    many on the same cases is partly luck: so the best three and `dice_ce` are trained anew with other seeds, of arrays
    on other cases too, and only these trainings are tested. A trial that fails, by an exception or because its loss is
    no longer finite, is a row with its reason, and the search goes on. Whenever the process ends, by Ctrl-C or
    `kill -9`, the same call with the same folder goes on.

    Args:
        build: Function `build(loss, hp)` that returns a `keras.Model`, compiled by `keras_seg.compile(model, loss)` or
            not compiled (that is done here then, with Adam). `hp` are KerasTuner's hyperparameters: what it draws from
            them, such as `hp.Float("learning_rate", 1e-4, 1e-2, sampling="log")`, is searched too. Or the name of a
            network of the zoo, `"unet"` or `"vnet"`; `data` are arrays then, or the path of a folder of cases.
        data: What `fit` takes: `(x, y)` or `(x, y, sample_weight)` arrays, a `PyDataset`, a `tf.data.Dataset`, a
            `DataLoader`. It is read once per epoch and trial, so a generator will not do. Or the path of a folder of
            cases: then `keras_seg.tune` does the search, which takes more `options`.
        validation_data: What `fit` takes as `validation_data`. In arrays a case is a sample.
        test_data: The same; the winner and `dice_ce` are scored on it once, at the end.
        losses: What to choose from, as in `choose_loss`. `None`: every loss that trains a network by itself.
        loss_options: Dict of arguments for every loss that takes them, such as `{"ignore_class": 255}`.
        ranges: Ranges that replace those of the losses, `{"tversky.alpha": (0.2, 0.8)}`; see `choose_loss`.
        oracle: `"random"`, `"bayesian"`, `"hyperband"` (many short trials, the better ones go on) or `"grid"` (each
            loss with the ends and the default of each range).
        trials: Number of trials. `None`: two per loss; for Hyperband and the grid what they take by themselves.
        epochs: Epochs of a trial; for Hyperband of the longest.
        batch_size: As in `fit`.
        seeds: Rounds of the confirmation; 0 for none.
        early_stopping: Stop trials whose best Dice so far is below the median of the others'. Not with Hyperband.
        minutes: Time after which no trial begins that would leave too little for the confirmation.
        seed: Seed of the search, the weights and the batches. Python's, NumPy's and the backend's seeds are set to it.
        folder: Where everything stands from the first trial on. `None`: a temporary folder.
        overwrite: Throw away a search in the folder.
        callbacks: Callbacks of `fit`; each training gets copies of its own.
        tensorboard: Write a log for TensorBoard, a run per training.
        console: `rich.console.Console` on which a line per training appears, `"auto"` for one, `None` for silence.
        **options: Of `keras_seg.tune`, where `data` is a folder of cases.

    Returns:
        A `SearchResult`.

    Raises:
        ValueError: If an argument does not fit, the network logs no `val_dice`, or another search is in the folder.
        OSError: If the disk is full or the folder cannot be written to.

    ```python
    result = keras_seg.tuner.search("unet", (x, y), (xv, yv), losses=["dice_ce", "tversky", "dice + focal"])
    print(result.best_loss)
    print(*result.conclusions)
    ```
    """
    if isinstance(data, (str, os.PathLike)):
        return _on_folder(locals())
    if options:
        raise TypeError(f"search() got unexpected arguments, which go with a folder of cases: {', '.join(options)}")
    check(oracle, trials, seeds, seed, minutes, epochs)
    _check_data(build, data, validation_data, test_data)
    # KerasTuner and what it brings are loaded here, and not by importing keras_seg.
    from keras_seg.tuner.carrying_out import Plan, carry_out
    from keras_seg.tuner.fitting import FitData, FitTrainer

    plan = Plan(
        losses=losses,
        loss_options=loss_options or {},
        ranges=ranges or {},
        oracle=oracle,
        trials=trials,
        seeds=seeds,
        early_stopping=early_stopping,
        seed=seed,
        minutes=minutes,
    )
    # What does not fit should be known before a folder is touched.
    plan.make_oracle(epochs)
    if isinstance(build, str):
        build = builder_for_arrays(build, data)
    fit_data = FitData(_as_fit_takes(data, batch_size), validation_data, test_data, batch_size)
    names = list(plan.branch_options["names"])
    asked = {"losses": names, "loss_options": loss_options or {}, "ranges": ranges or {}, "oracle": oracle}
    asked |= {"trials": trials, "epochs": epochs, "batch_size": batch_size, "seeds": seeds, "seed": seed}
    asked |= {"early_stopping": early_stopping, "minutes": minutes}
    asked |= {"data": _print_of(data), "validation_data": _print_of(validation_data)}
    asked = plain({**asked, "test_data": _print_of(test_data)})
    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="keras_seg_search_"))
        folder, _ = open_search(folder, asked, overwrite)
        Record(folder / RECORD).write(asked)
        result = carry_out(
            plan,
            lambda progress, is_best: FitTrainer(
                build, fit_data, epochs, seed, folder, progress, callbacks, tensorboard, is_best, loss_options
            ),
            folder,
            facts={"epochs": str(epochs), "oracle": oracle, "seed": str(seed)},
            console=open_console(console),
        )
        if any(not trial.failed for trial in result.trials):
            result.write_recipe()
        # A temporary folder lives as long as the result.
        weakref.finalize(result, stack.pop_all().close)
    return result


def check(oracle, trials, seeds, seed, minutes, epochs=None):
    """Check arguments that every search takes.

    Raises:
        ValueError: If one does not fit.
    """
    if oracle not in ORACLES:
        raise ValueError(f"`oracle` is unknown: {oracle!r}. {registry.nearest(str(oracle), ORACLES)}")
    for name, value, least in (("trials", trials, 1), ("epochs", epochs, 1), ("seeds", seeds, 0), ("seed", seed, 0)):
        is_integer = hasattr(value, "__index__") and not isinstance(value, bool)
        if not (name in ("trials", "epochs") and value is None) and (not is_integer or value < least):
            raise ValueError(f"`{name}` must be a whole number of {least} or more. Received: {value!r}.")
    if minutes is not None and not (isinstance(minutes, numbers.Real) and 0 < minutes < math.inf):
        raise ValueError(f"`minutes` must be a number above 0. Received: {minutes!r}.")


def _on_folder(given):
    """Hand a search on a folder of cases over to `tune`."""
    from keras_seg.tuner.tuning import tune

    refused = [name for name in ("validation_data", "test_data", "loss_options", "callbacks") if given[name]]
    if refused or not isinstance(given["build"], str):
        what = ", ".join(f"`{name}`" for name in refused) or "a function `build`"
        raise ValueError(
            f"On a folder of cases the network is one of the zoo, by its name, and the split is made there: {what} "
            "cannot be given. Read the cases into arrays for a network of your own (`keras_seg.data.read_cases`)."
        )
    shared = ("losses", "ranges", "oracle", "trials", "seeds", "early_stopping", "minutes", "seed", "overwrite")
    shared += ("tensorboard", "console")
    arguments = {name: given[name] for name in shared}
    signature = inspect.signature(search).parameters
    arguments |= {name: given[name] for name in ("epochs", "batch_size") if given[name] != signature[name].default}
    out = {} if given["folder"] is None else {"out": given["folder"]}
    return tune(given["data"], **out, model=given["build"], **arguments, **given["options"])


def _check_data(build, data, validation_data, test_data):
    if not callable(build) and not isinstance(build, str):
        raise ValueError(
            f"`build` must be a function `build(loss, hp)` that returns a `keras.Model`, or the name of a network of "
            f"the zoo. Received: {build!r}."
        )
    for name, value in (("data", data), ("validation_data", validation_data), ("test_data", test_data)):
        if value is None and name != "test_data":
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
        return dict(zip(("x", "y", "sample_weight"), data))
    if batch_size is not None:
        raise ValueError("`batch_size` goes with arrays; a data set has its own batches. Leave it out.")
    return {"x": data}


def _print_of(data):
    """Return a short text that tells arrays from others; of a data set its type alone is known."""
    parts = data if isinstance(data, (tuple, list)) else (data,)
    if not all(isinstance(part, np.ndarray) for part in parts):
        return type(data).__name__
    texts = []
    for part in parts:
        # A sample of large arrays tells them apart as well.
        sample = np.ascontiguousarray(part.reshape(-1)[:: max(1, part.size // 1_000_000)])
        texts.append(f"{list(part.shape)} {part.dtype} {zlib.crc32(sample.tobytes()):08x}")
    return "; ".join(texts)


def plain(value):
    """Return what JSON can hold: lists for tuples, plain numbers for NumPy's, a text for what is neither."""
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
