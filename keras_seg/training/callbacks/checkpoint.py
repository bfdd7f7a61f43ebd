"""After each epoch: the state, the best model and the log, in an order that a kill cannot break."""

import csv
import io
import math
import time

import keras

from keras_seg.files import replacing, write_text
from keras_seg.training.callbacks.averaging import averaged_weights
from keras_seg.training.pictures import plot_curves
from keras_seg.training.state import save_state

# Seconds from one drawing of the curves to the next.
DRAW_EVERY = 120.0


class Checkpoint(keras.callbacks.Callback):
    """Keeps a run's folder up to date.

    The state is written before the best model: whichever of the two a kill prevents, `mend` makes whole.

    Args:
        folder: `RunFolder`.
        trained: The model that is trained. Before `fit` a callback does not know it.
        main: The same network with its main output alone.
        state: `TrainingState`.
        clock: `Clock`.
        validation: `WholeCaseValidation`, which comes before.
        rate: `LearningRate`.
        epochs: Epochs of the training.
    """

    def __init__(self, folder, trained, main, state, clock, validation, rate, epochs):
        super().__init__()
        self.folder = folder
        self.trained = trained
        self.main = main
        self.state = state
        self.clock = clock
        self.validation = validation
        self.rate = rate
        self.epochs = epochs
        self._drawn = time.monotonic()
        self._began = 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self._began = self.clock.elapsed

    def on_epoch_end(self, epoch, logs=None):
        state = self.state
        state.epoch = epoch + 1
        state.elapsed = self.clock.elapsed
        state.finished = state.epoch >= self.epochs or self.rate.out_of_time
        state.rows.append(self._row(logs))
        dice = logs.get("val_dice", math.nan)
        is_best = dice > state.best_dice or (math.isnan(state.best_dice) and not math.isnan(dice))
        # Where no validation case has a foreground class, the last epoch is as good as any.
        is_best = is_best or (state.finished and not state.best_epoch)
        if is_best:
            state.best_epoch, state.best_dice, state.best_table = state.epoch, float(dice), self.validation.table
        save_state(self.folder.state, self.trained, state)
        if is_best:
            self.save_best()
        write_text(self.folder.log, to_csv(state.rows))
        if time.monotonic() - self._drawn > DRAW_EVERY:
            plot_curves(self.folder.curves, state.rows)
            self._drawn = time.monotonic()

    def save_best(self):
        """Write the averaged weights as the best model."""
        with averaged_weights(self.trained), replacing(self.folder.best) as temporary:
            self.main.save(temporary)

    def mend(self):
        """Bring log and best model to what the state says, after a run was killed."""
        write_text(self.folder.log, to_csv(self.state.rows))
        if self.state.best_epoch and (self.state.best_epoch == self.state.epoch or not self.folder.best.exists()):
            self.save_best()

    def _row(self, logs):
        """Return the row of an epoch; Keras puts the head's name before a metric where there are several heads."""
        main = f"{self.trained.output_names[0]}_"
        # The loss of the head keeps its name: `loss` is that of all heads.
        names = {key: key if key.removeprefix(main) in logs else key.removeprefix(main) for key in logs}
        logs = {names[key]: float(value) for key, value in logs.items()}
        seconds = {"seconds": self.clock.elapsed - self._began, "elapsed": self.clock.elapsed}
        return {"epoch": self.state.epoch, **logs, **seconds}


def to_csv(rows):
    """Return rows as CSV, with a column for every key of any row; a cell that a row does not have is empty."""
    text = io.StringIO()
    columns = list(dict.fromkeys(key for row in rows for key in row)) or ["epoch"]
    columns.sort(key=_place)
    writer = csv.DictWriter(text, columns, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
    return text.getvalue()


def _place(column):
    """Put what is read most first; the rest keeps its order."""
    first = ("case", "epoch", "loss", "dice", "val_dice")
    if column in first:
        return first.index(column)
    return len(first) + (not column.startswith("val_dice"))


def _cell(value):
    return f"{value:.6g}" if isinstance(value, float) else value
