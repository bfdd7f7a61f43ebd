"""What a user sees of a run: a bar with the time left, or a line per epoch where there is no terminal."""

import math
import time

import keras

from keras_seg.terminal import clock_face, say


class Display(keras.callbacks.Callback):
    """Shows the training on a console; a context manager around `fit`.

    Args:
        console: `rich.console.Console`, or `None` for silence.
        epochs: Epochs of the training.
        steps: Steps of an epoch.
        state: `TrainingState`.
        clock: `Clock`.
    """

    def __init__(self, console, epochs, steps, state, clock):
        super().__init__()
        self.console = console
        self.epochs = epochs
        self.steps = steps
        self.state = state
        self.clock = clock
        self._bar = None
        self._task = None
        self._first = state.epoch * steps
        self._began = time.monotonic()
        self._done = self._first
        self._epoch = state.epoch
        self._what = ""

    def __enter__(self):
        if self.console is not None and self.console.is_terminal:
            from rich import progress

            columns = [progress.TextColumn("{task.fields[what]}", markup=False), progress.BarColumn(bar_width=None)]
            columns += [progress.TextColumn("{task.fields[left]}", markup=False)]
            self._bar = progress.Progress(*columns, console=self.console, transient=True, refresh_per_second=2)
            self._task = self._bar.add_task("", total=self.epochs * self.steps, completed=self._first, what="", left="")
            self._bar.start()
        return self

    def __exit__(self, *error):
        if self._bar is not None:
            self._bar.stop()

    def on_train_begin(self, logs=None):
        self._began = time.monotonic()
        self._update("compiling")

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        self._done = self._epoch * self.steps + batch + 1
        if self._bar is not None:
            self._what = f"loss {float(logs['loss']):.3f}"
            self._update(self._what)

    def on_epoch_end(self, epoch, logs=None):
        if self.console is None or self.console.is_terminal:
            self._update(self._what)
            return
        parts = [f"epoch {epoch + 1:>{len(str(self.epochs))}}/{self.epochs}", f"loss {logs['loss']:.4f}"]
        if not math.isnan(logs.get("val_dice", math.nan)):
            parts.append(f"val_dice {logs['val_dice']:.4f}" + ("*" if self.state.best_epoch == epoch + 1 else ""))
        say(self.console, "  ".join([*parts, self._left()]))

    def validating(self, done, total):
        """Show how far a whole-case validation is."""
        if self._bar is not None:
            self._update(f"validating {done}/{total}")

    def _update(self, what):
        parts = [f"epoch {min(self._epoch + 1, self.epochs)}/{self.epochs}", what]
        if self.state.best_epoch:
            parts.append(f"best Dice {self.state.best_dice:.3f} (epoch {self.state.best_epoch})")
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, what="  ".join(parts), left=self._left())

    def _left(self):
        """Time left if steps go on taking what they took, validation included; never more than the budget leaves."""
        done = self._done - self._first
        if not done:
            return ""
        seconds = (time.monotonic() - self._began) * (self.epochs * self.steps - self._done) / done
        if self.clock.left is not None:
            seconds = max(0.0, min(seconds, self.clock.left))
        return f"{clock_face(seconds)} left"
