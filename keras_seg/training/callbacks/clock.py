"""Time at work: what a run has taken over all its starts, and what is left of its budget."""

import time


class Clock:
    """Counts the seconds of a run, those of earlier starts included.

    Args:
        minutes: Budget of the whole run, or `None` for none.
        before: Seconds that earlier starts of the run took.
        started: `time.monotonic()` at the start. `None`: now.
    """

    def __init__(self, minutes=None, before=0.0, started=None):
        self.set_budget(minutes)
        self.before = before
        self.started = time.monotonic() if started is None else started
        # Kept back for what comes after the last epoch: whole-case scores, files and pictures.
        self.reserve = 0.0
        self.training_from = before

    def set_budget(self, minutes):
        """Set the budget of the whole run in minutes, or `None` for none."""
        self.budget = None if minutes is None else 60.0 * minutes

    @property
    def elapsed(self):
        """Seconds of work so far."""
        return self.before + time.monotonic() - self.started

    @property
    def left(self):
        """Seconds that training may still take, or `None` without a budget."""
        return None if self.budget is None else self.budget - self.reserve - self.elapsed

    def begin_training(self, seconds=None):
        """Note that what comes before the first step is over.

        Args:
            seconds: What `elapsed` was at that moment, if it was in an earlier start.
        """
        self.training_from = self.elapsed if seconds is None else seconds
        return self.training_from

    @property
    def share(self):
        """How much of the time for training is over, from 0 to 1; 0 without a budget."""
        if self.budget is None:
            return 0.0
        whole = self.budget - self.reserve - self.training_from
        return 1.0 if whole <= 0 else min(1.0, max(0.0, (self.elapsed - self.training_from) / whole))
