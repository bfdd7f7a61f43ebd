"""What a terminal shows while a search runs: a live line for the trial under way, and one line for each that ended."""

import time

from keras_seg.terminal import clock_face, shorten


class Progress:
    """Reports trials on a terminal.

    Args:
        trials: Number of trials, or `None` if it is not known.
        epochs: Epochs of the whole search, from which the time left is told.
        console: `rich.console.Console`, or `None` for silence.
    """

    def __init__(self, trials, epochs, console=None):
        self.trials = trials
        self.epochs = epochs
        self.console = console
        self.done = 0
        self.best = None
        self.started = time.monotonic()
        self.live = None
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

    def epoch(self, trial, epoch, epochs):
        """Show where a trial is.

        Args:
            trial: `Trial`, with what is known so far.
            epoch: Number of epochs trained.
            epochs: Number of epochs it is to train.
        """
        parts = [self._head(trial, room=66), f"epoch {epoch}/{epochs}"]
        parts += [f"Dice {trial.val_dice:.3f}"] if trial.best_epoch else []
        parts += [f"best {self.best:.3f}"] if self.best is not None else []
        self._line = "  ".join([*parts, self._left(epoch)])

    def end(self, trial, planned):
        """Print the line of a trial that ended, and count its epochs, of which `planned` were to come."""
        self.done += planned
        self._line = ""
        if not trial.failed and (self.best is None or trial.val_dice > self.best):
            self.best = trial.val_dice
        if trial.failed:
            what = f"failed: {trial.reason}"
        else:
            mark = " *" if trial.val_dice == self.best else ""
            what = f"Dice {trial.val_dice:.3f} in epoch {trial.best_epoch:<3} {trial.seconds:5.0f} s{mark}"
        if self.console is not None:
            self.console.print(f"{self._head(trial, 48)}  {what}", markup=False, highlight=False, soft_wrap=True)

    def _head(self, trial, room):
        """Number and loss of a trial, which leave `room` columns of the terminal to the rest of the line."""
        total = f"/{self.trials}" if self.trials else ""
        digits = len(str(self.trials or 100))
        # A file takes lines of any length.
        is_narrow = self.console is not None and self.console.is_terminal
        width = max(16, min(48, self.console.width - room)) if is_narrow else 48
        return f"trial {trial.number:>{digits}}{total}  {shorten(trial.loss, width):<{width}}"

    def _left(self, epochs):
        """Time left, if epochs go on taking what they took so far."""
        done = self.done + epochs
        if not done:
            return ""
        seconds = (time.monotonic() - self.started) * max(self.epochs - done, 0) / done
        return f"{clock_face(seconds)} left"

    def _render(self):
        from rich.text import Text

        return Text(self._line, overflow="ellipsis", no_wrap=True)
