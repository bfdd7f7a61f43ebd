"""The state of a training on disk, from which it goes on as if it had never stopped."""

import dataclasses
import json
import math
import os
import re
import shutil
import zipfile

import numpy as np
from keras import ops

from keras_seg.files import explained
from keras_seg.training.callbacks import gradient

NAME = re.compile(r"epoch-(\d+)")
VARIABLES = "variables.npz"
RECORD = "record.json"


@dataclasses.dataclass
class TrainingState:
    """What is known of a training besides its variables.

    Attributes:
        epoch: Epochs that are complete.
        best_epoch: The one with the best whole-case validation Dice, from 1; 0 if there is none yet.
        best_dice: That Dice.
        best_table: `{case: Dice per foreground class}` of that epoch; NaN where a class does not count.
        rows: A dict per epoch: the rows of the log.
        elapsed: Seconds of work.
        training_from: Seconds of work before the first step.
        validated: Names of the cases that are validated; empty before the first validation.
        validation_seconds: What all validations took together.
        reserve: Seconds that the end of the run will take.
        finished: Whether the training is over, by its epochs or its budget.
    """

    epoch: int = 0
    best_epoch: int = 0
    best_dice: float = math.nan
    best_table: dict = dataclasses.field(default_factory=dict)
    rows: list = dataclasses.field(default_factory=list)
    elapsed: float = 0.0
    training_from: float = 0.0
    validated: list = dataclasses.field(default_factory=list)
    validation_seconds: float = 0.0
    reserve: float = 0.0
    finished: bool = False

    def to_json(self):
        """Return the state as text; NaN is `null`."""
        return json.dumps(_without_nan(dataclasses.asdict(self)), indent=1, allow_nan=False)

    @classmethod
    def from_json(cls, text):
        """Read what `to_json` wrote."""
        values = json.loads(text)
        values["best_dice"] = _number(values["best_dice"])
        values["best_table"] = {name: [_number(dice) for dice in row] for name, row in values["best_table"].items()}
        values["rows"] = [{key: _number(value) for key, value in row.items()} for row in values["rows"]]
        return cls(**values)


def save_state(folder, model, state):
    """Write the state of a training; what is there of earlier epochs goes when it is complete.

    The state is a folder of its own, which gets its name by one renaming: whenever the process is killed, there is the
    state of this epoch or that of the one before. A state of this epoch that is there already stays.

    Args:
        folder: `state` folder of the run.
        model: Compiled model: its weights, its optimizer with the averaged weights, and the seeds of its dropout.
        state: `TrainingState`.

    Raises:
        OSError: If the disk is full or the folder cannot be written to.
    """
    final = folder / f"epoch-{state.epoch:04d}"
    if final.exists():
        return
    # One name for all: what a killed process left half-written is replaced by the next.
    temporary = folder / "unfinished"
    with explained(folder):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir()
            with (temporary / VARIABLES).open("wb") as file:
                np.savez(file, **{name: ops.convert_to_numpy(value) for name, value in _variables(model).items()})
                _to_disk(file)
            with (temporary / RECORD).open("w", encoding="utf-8") as file:
                file.write(state.to_json())
                _to_disk(file)
            temporary.rename(final)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        for number, path in _states(folder):
            if number != state.epoch:
                shutil.rmtree(path, ignore_errors=True)


def read_state(folder):
    """Return the newest `TrainingState` of a `state` folder and its path, or `None` if there is none.

    Raises:
        ValueError: If no state in it can be read.
    """
    damaged = None
    for _, path in sorted(_states(folder), reverse=True):
        try:
            state = TrainingState.from_json((path / RECORD).read_text(encoding="utf-8"))
            with zipfile.ZipFile(path / VARIABLES):
                return state, path
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            damaged = damaged or f"{path}: this state cannot be read ({type(error).__name__}: {error})."
    if damaged:
        raise ValueError(f"{damaged} Train again from the start: `overwrite=True` (`--overwrite`).")
    return None


def restore_variables(path, model):
    """Give a compiled model the variables of a state.

    Args:
        path: Path of the state, from `read_state`.
        model: The same network, compiled alike.

    Raises:
        ValueError: If the file is damaged, or the variables are not those of this network.
    """
    variables = _variables(model)
    try:
        with np.load(path / VARIABLES, allow_pickle=False) as file:
            values = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path}: this state cannot be read ({type(error).__name__}: {error}). Train again from the start: "
            f"`overwrite=True` (`--overwrite`)."
        ) from error
    found = {name: value.shape for name, value in values.items()}
    expected = {name: tuple(variable.shape) for name, variable in variables.items()}
    if found != expected:
        name = next(key for key in {**found, **expected} if found.get(key) != expected.get(key))
        raise ValueError(
            f"{path}: the state belongs to another network or optimizer: {name} has the shape {found.get(name)} in the "
            f"state and {expected.get(name)} in the network. Resume with the recipe of the run."
        )
    for name, variable in variables.items():
        variable.assign(values[name])


def _variables(model):
    """Return everything that a step changes, by its place; metrics begin anew with each epoch.

    Not by its name: Keras numbers the names of layers on, from one network of a process to the next. The sum of an
    epoch's gradient norms begins anew as metrics do.
    """
    metrics = {id(variable) for variable in model.metrics_variables}
    weights = [variable for variable in model.variables if id(variable) not in metrics]
    own = [variable for variable in model.optimizer.variables if variable.name != gradient.NAME]
    named = {f"model_{index:04d}": variable for index, variable in enumerate(weights)}
    return named | {f"optimizer_{index:04d}": variable for index, variable in enumerate(own)}


def _states(folder):
    """Return the numbers and paths of the states in a folder."""
    if not folder.is_dir():
        return []
    matches = [(NAME.fullmatch(path.name), path) for path in folder.iterdir()]
    return [(int(match[1]), path) for match, path in matches if match]


def _to_disk(file):
    file.flush()
    os.fsync(file.fileno())


def _number(value):
    return math.nan if value is None else value


def _without_nan(value):
    """Return the value with `None` for every number that JSON does not know."""
    if isinstance(value, dict):
        return {key: _without_nan(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
