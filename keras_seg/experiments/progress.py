"""One display for all trainings of an experiment: a bar over everything, and a line for each that ended."""

import math
import time

import keras

from keras_seg.terminal import clock_face, say, shorten

WIDTH = 34


class JobsDisplay:
    """Shows the jobs of an experiment on a console; a context manager around all of them.

    Args:
        console: `rich.console.Console`, or `None` for silence. Without a terminal there is a line per job.
        jobs: Number of jobs.
        steps: Steps of a training.
    """

    def __init__(self, console, jobs, steps):
        self.console = console
        self.jobs = jobs
        self.steps = steps
        self.finished = 0
        self.job = None
        self._bar = self._task = None
        self._began = self._job_began = time.monotonic()
        # What was done by an earlier call says nothing about how long the rest will take.
        self._known = 0
        self._trained = False

    def __enter__(self):
        if self.console is not None and self.console.is_terminal:
            from rich import progress

            columns = [progress.TextColumn("{task.fields[what]}", markup=False), progress.BarColumn(bar_width=None)]
            columns += [progress.TextColumn("{task.fields[left]}", markup=False)]
            self._bar = progress.Progress(*columns, console=self.console, transient=True, refresh_per_second=2)
            self._task = self._bar.add_task("", total=self.jobs * self.steps, what="", left="")
            self._bar.start()
        return self

    def __exit__(self, *error):
        if self._bar is not None:
            self._bar.stop()

    def of(self, job):
        """Return what shows the training of a job."""
        self.job = job
        self._job_began = time.monotonic()
        self._trained = True
        self.update(0, "building")
        return JobDisplay(self)

    def measuring(self, done, total):
        """Show how far the measuring of a trained network is."""
        self.update(self.steps, f"measuring {done}/{total}")

    def done(self, outcome):
        """Print the line of a job that ended, and count it."""
        self.finished += 1
        if not self._trained:
            self._known += 1
            return
        self._trained = False
        job = outcome.job
        if outcome.reason:
            what = f"failed: {outcome.reason}"
        else:
            what = f"val_dice {outcome.best_dice:.4f} in epoch {outcome.best_epoch}"
            what += f"  {clock_face(time.monotonic() - self._job_began)}"
        left = self._left(self.finished * self.steps)
        say(self.console, "  ".join([f"{self._place(self.finished)}  {name_of(job):<{WIDTH}}  {what}", left]).rstrip())

    def update(self, step, what):
        """Show where the job under way is.

        Args:
            step: Steps that it has taken.
            what: What it does.
        """
        if self._bar is not None:
            done = self.finished * self.steps + step
            text = f"{self._place(self.finished + 1)}  {shorten(name_of(self.job), WIDTH)}  {what}"
            self._bar.update(self._task, completed=done, what=text, left=self._left(done))

    def _place(self, number):
        return f"{number:>{len(str(self.jobs))}}/{self.jobs}"

    def _left(self, done):
        """Time left if steps go on taking what they took, building and measuring included."""
        new = done - self._known * self.steps
        if new <= 0 or done >= self.jobs * self.steps:
            return ""
        seconds = (time.monotonic() - self._began) * (self.jobs * self.steps - done) / new
        return f"{clock_face(seconds)} left"


class JobDisplay(keras.callbacks.Callback):
    """Shows one training on the display of all; used as `keras_seg.training`'s `Display` is.

    Args:
        display: `JobsDisplay`.
    """

    def __init__(self, display):
        super().__init__()
        self.display = display
        self._epoch = 0
        self._step = 0
        self._best = math.nan

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        self._step = self._epoch * self.params["steps"] + batch + 1
        self._show(f"loss {float(logs['loss']):.3f}")

    def on_epoch_end(self, epoch, logs=None):
        dice = logs.get("val_dice", math.nan)
        if not math.isnan(dice):
            self._best = dice if math.isnan(self._best) else max(self._best, dice)

    def validating(self, done, total):
        """Show how far a whole-case validation is."""
        self._show(f"validating {done}/{total}")

    def _show(self, what):
        best = "" if math.isnan(self._best) else f"  best Dice {self._best:.3f}"
        self.display.update(self._step, f"epoch {self._epoch + 1}/{self.params['epochs']}  {what}{best}")


def name_of(job):
    """Return what a job is called in a line: its loss, its seed, and its learning rate if that is tried out."""
    rate = "" if job.learning_rate is None else f", rate {job.learning_rate:g}"
    return f"{job.label}, seed {job.seed}{rate}"
