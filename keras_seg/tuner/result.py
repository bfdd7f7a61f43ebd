"""What a search found: its trials, the leaderboard, the best loss and model."""

import csv
import dataclasses
import io
import math
import pathlib
import shutil

import keras

from keras_seg.files import replacing, to_toml, write_text
from keras_seg.tuner import files
from keras_seg.tuner.space import LOSS


@dataclasses.dataclass
class Trial:
    """One trial of a search, a row of its leaderboard.

    Attributes:
        number: Number of the trial, from 1.
        name: What was chosen from: the name of a loss, or a text.
        loss: The loss with its parameters, as a text that `keras_seg.losses.get` takes.
        hyperparameters: Values of everything that was searched, the name of the loss apart.
        val_dice: Validation Dice of its best epoch; NaN if the trial failed.
        best_epoch: Number of that epoch, from 1; 0 if there is none.
        epochs: Number of epochs that the network has trained.
        seconds: What it took, building included.
        reason: Why the trial failed, one line; empty if it did not.
    """

    number: int
    name: str
    loss: str
    hyperparameters: dict = dataclasses.field(default_factory=dict)
    val_dice: float = math.nan
    best_epoch: int = 0
    epochs: int = 0
    seconds: float = 0.0
    reason: str = ""

    @property
    def failed(self):
        """Whether there is no model to speak of."""
        return bool(self.reason)


class SearchResult:
    """The outcome of a search.

    Attributes:
        trials: List of `Trial`, in the order in which they ended.
        recipe: Tables of `recipe.toml`, as far as the search knows them.
        interrupted: Whether the search was stopped by Ctrl-C before its end.
        folder: Folder of the search.
    """

    def __init__(self, folder, recipe):
        self.folder = pathlib.Path(folder)
        self.recipe = recipe
        self.trials = []
        self.interrupted = False
        self._losses = {}
        self._best_model = None

    def add(self, trial, loss=None, model=None):
        """Take in a trial that ended, and bring the files of the folder up to date.

        Args:
            trial: `Trial`.
            loss: Its loss, or `None` if it could not be made.
            model: The network with the weights of its best epoch, if the trial did not fail.
        """
        self.trials.append(trial)
        # Its configuration: the loss itself would keep what was compiled for the trial.
        self._losses[trial.number] = None if loss is None else keras.saving.serialize_keras_object(loss)
        if model is not None and self.best is trial:
            with replacing(self.folder / files.MODEL) as temporary:
                model.save(temporary)
        write_text(self.folder / files.LEADERBOARD, self.to_csv())

    @property
    def leaderboard(self):
        """The trials from the best to the worst; of equal ones the earlier first, and what failed last."""
        return sorted(self.trials, key=lambda t: (t.failed, 0 if t.failed else -t.val_dice, t.number))

    @property
    def best(self):
        """The best `Trial`.

        Raises:
            ValueError: If there is none.
        """
        if not self.trials:
            raise ValueError("The search has not finished a single trial, so there is no best one.")
        first = self.leaderboard[0]
        if first.failed:
            raise ValueError(f"All {len(self.trials)} trials failed, so there is no best one. The last: {first.reason}")
        return first

    @property
    def best_loss(self):
        """The loss of the best trial, with its parameters. Errors of `best`."""
        return keras.saving.deserialize_keras_object(self._losses[self.best.number])

    @property
    def best_model(self):
        """The network of the best trial, at its best epoch, compiled. Errors of `best`."""
        from keras_seg.saving import load_model

        if self._best_model is None and self.best:
            self._best_model = load_model(self.folder / files.MODEL)
        return self._best_model

    def to_csv(self):
        """Return the leaderboard as CSV: a column for everything that was searched, empty where a loss has it not."""
        searched = list(dict.fromkeys(key for trial in self.trials for key in trial.hyperparameters))
        own = [field.name for field in dataclasses.fields(Trial) if field.name != "hyperparameters"]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["rank", *own, *searched])
        for rank, trial in enumerate(self.leaderboard, start=1):
            cells = [_cell(getattr(trial, name)) for name in own]
            cells += [_cell(trial.hyperparameters.get(key, "")) for key in searched]
            writer.writerow(["" if trial.failed else rank, *cells])
        return text.getvalue()

    def write(self, folder=None, **tables):
        """Write `leaderboard.csv`, `trials.png`, and of the best trial `best.keras` and `recipe.toml`.

        Args:
            folder: Where to. `None`: the folder of the search.
            **tables: More tables for the recipe, such as `data={"source": "..."}`; one that the search wrote itself is
                extended.

        Returns:
            List of the paths written. If no trial succeeded, there is no model and no recipe.
        """
        from keras_seg.tuner.plot import plot_trials

        folder = self.folder if folder is None else pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / files.LEADERBOARD, self.to_csv())
        written = [folder / files.LEADERBOARD]
        if any(not trial.failed for trial in self.trials):
            written += [self._write_model(folder / files.MODEL), self._write_recipe(folder / files.RECIPE, tables)]
        if self.trials:
            written.append(plot_trials(folder / files.PLOT, self))
        return written

    def _write_model(self, path):
        source = self.folder / files.MODEL
        if path.resolve() != source.resolve():
            with replacing(path) as temporary:
                shutil.copyfile(source, temporary)
        return path

    def _write_recipe(self, path, tables):
        from keras_seg import __version__

        best = self.best
        recipe = {"loss": {"text": best.loss}, "hyperparameters": best.hyperparameters}
        recipe["result"] = {"val_dice": best.val_dice, "best_epoch": best.best_epoch, "trial": best.number}
        recipe |= {name: {**recipe.get(name, {}), **table} for name, table in self.recipe.items()}
        recipe |= {name: {**recipe.get(name, {}), **table} for name, table in tables.items()}
        heading = f"# The best of {len(self.trials)} trials by validation Dice. Written by keras_seg {__version__}.\n\n"
        write_text(path, heading + to_toml(recipe))
        return path


def searched_values(hyperparameters):
    """Return what was searched as `{name: value}`, without the choice of the loss and KerasTuner's own entries."""
    return {key: value for key, value in hyperparameters.values.items() if key != LOSS and not key.startswith("tuner/")}


def _cell(value):
    return f"{value:.6g}" if isinstance(value, float) else value
