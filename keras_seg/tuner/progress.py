"""What a terminal shows while a search runs: a live line for the training under way, and a line for each that ended."""

import math
import time

import keras

from keras_seg.terminal import clock_face, say, shorten


class Progress:
    """Reports the trainings of a search on a terminal; a context manager around all of them.

    Args:
        trials: Number of trials, or `None` if it is not known.
        epochs: Epochs of everything that is to come, from which the time left is told.
        console: `rich.console.Console`, or `None` for silence. Without a terminal there is a line per training.
        best: Best Dice so far, of trials that ended in an earlier call.
    """

    def __init__(self, trials, epochs, console=None, best=math.nan):
        self.trials = trials
        self.epochs = epochs
        self.console = console
        self.best = best
        self.done = 0
        self.started = time.monotonic()
        self.live = None
        self._head = ""
        self._line = ""

    def __enter__(self):
        if self.console is not None and self.console.is_terminal:
            from rich.live import Live

            self.live = Live(
                get_renderable=self._render, console=self.console, transient=True, refresh_per_second=2
            ).__enter__()
        return self

    def __exit__(self, *error):
        if self.live is not None:
            self.live.__exit__(*error)

    def begin(self, place, loss):
        """Show that a training begins.

        Args:
            place: Which one it is, such as `"trial 3/7"`.
            loss: Text of its loss.
        """
        self._head = f"{place}  {self._loss(loss, room=66)}"
        self.update(0, "building")

    def update(self, epochs, what):
        """Show where the training under way is.

        Args:
            epochs: Number of epochs that it has trained in this call, in parts of one.
            what: What it does.
        """
        parts = [self._head, what]
        parts += [] if math.isnan(self.best) else [f"best {self.best:.3f}"]
        self._line = "  ".join([*parts, self._left(epochs)])

    def place(self, number):
        """Return what a trial is called, such as `"trial 3/7"`."""
        digits = len(str(self.trials or 100))
        return f"trial {number:>{digits}}" + (f"/{self.trials}" if self.trials else "")

    def end(self, trial, planned):
        """Print the line of a trial that ended, and count its epochs, of which `planned` were to come."""
        is_best = not trial.failed and not trial.val_dice <= self.best
        if is_best:
            self.best = trial.val_dice
        if trial.failed:
            what = f"failed: {trial.reason}"
        else:
            what = f"Dice {trial.val_dice:.3f} in epoch {trial.best_epoch:<3} {clock_face(trial.seconds):>5}"
            what += f"  stopped in epoch {trial.epochs}" if trial.stopped else " *" if is_best else ""
        self.finish(self.place(trial.number), trial.label, what, planned)

    def finish(self, place, loss, what, planned):
        """Print the line of a training that ended, and count the epochs that were planned for it."""
        self.done += planned
        self._line = ""
        say(self.console, f"{place}  {self._loss(loss, 48)}  {what}")

    def skip(self, planned):
        """Take epochs out of what is to come: they were trained by an earlier call."""
        self.epochs = max(self.epochs - planned, 0)

    def say(self, text):
        """Print a line."""
        say(self.console, text)

    def _loss(self, loss, room):
        """Text of a loss, cut so that it leaves `room` columns of the terminal to the rest of the line."""
        # A file takes lines of any length.
        is_narrow = self.console is not None and self.console.is_terminal
        width = max(16, min(48, self.console.width - room)) if is_narrow else 48
        return f"{shorten(loss, width):<{width}}"

    def _left(self, epochs):
        """Time left, if epochs go on taking what they took so far, building and scoring included."""
        done = self.done + epochs
        if not done:
            return ""
        seconds = (time.monotonic() - self.started) * max(self.epochs - done, 0) / done
        return f"{clock_face(seconds)} left"

    def _render(self):
        from rich.text import Text

        return Text(self._line, overflow="ellipsis", no_wrap=True)


class TrainingDisplay(keras.callbacks.Callback):
    """Shows one training on a `Progress`; used as `keras_seg.training`'s `Display` is.

    Args:
        progress: `Progress`.
        first: Epochs that are trained already.
        last: Epochs at the end.
    """

    def __init__(self, progress, first, last):
        super().__init__()
        self.progress = progress
        self.first = first
        self.last = last
        self._epoch = first
        self._share = 0.0
        self._best = math.nan

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
        self._share = 0.0

    def on_train_batch_end(self, batch, logs=None):
        self._share = (batch + 1) / self.params["steps"] if self.params["steps"] else 0.0
        self._show(f"loss {float(logs['loss']):.3f}")

    def on_epoch_end(self, epoch, logs=None):
        for name in ("val_dice", f"val_{next(iter(getattr(self.model, 'output_names', None) or ['']))}_dice"):
            dice = logs.get(name, math.nan)
            if not math.isnan(dice) and not dice <= self._best:
                self._best = float(dice)
        self._show("")

    def validating(self, done, total):
        """Show how far a whole-case validation is."""
        self._show(f"validating {done}/{total}")

    def _show(self, what):
        parts = [f"epoch {min(self._epoch + 1, self.last)}/{self.last}"]
        parts += [what] if what else []
        parts += [] if math.isnan(self._best) else [f"Dice {self._best:.3f}"]
        self.progress.update(self._epoch - self.first + self._share, "  ".join(parts))
