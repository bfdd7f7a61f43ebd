"""What the confirmation round found: the best few and the default, trained anew, and how sure their order is."""

import dataclasses
import functools
import math

import numpy as np

from keras_seg import metrics
from keras_seg.experiments.jobs import slug
from keras_seg.experiments.rounds import compare_rounds


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A loss of the confirmation round.

    Attributes:
        loss: What tables call it: its text, with its parameters and whatever else was searched.
        values: All values of KerasTuner's hyperparameters that it is built with.
        trial: Number of the trial that it was, or `None` for the default loss that no trial had.
        is_default: Whether it is the loss that a user has without a search, `dice_ce`.
        text: The loss alone, as `keras_seg.losses.get` takes it.
    """

    loss: str
    values: dict = dataclasses.field(default_factory=dict, hash=False)
    trial: int | None = None
    is_default: bool = False
    text: str = ""

    @property
    def folder(self):
        """Name of its files."""
        return slug(self.loss)


@dataclasses.dataclass(frozen=True)
class Entry:
    """One training of the confirmation round.

    Attributes:
        loss: Text of its loss.
        number: Number of the round, from 0.
        seed: Seed of the weights and batches.
        dice: `{case: list of the Dice of each foreground class}` of the round's validation cases; NaN where a class
            does not count.
        test: The same of the test cases; empty if they were not touched.
        reason: Why it failed; empty if it did not.
        seconds: What it took.
    """

    loss: str
    number: int
    seed: int
    dice: dict = dataclasses.field(default_factory=dict)
    test: dict = dataclasses.field(default_factory=dict)
    reason: str = ""
    seconds: float = 0.0


@dataclasses.dataclass
class Confirmation:
    """The round of trainings with fresh seeds and folds.

    Attributes:
        candidates: List of `Candidate`.
        entries: List of `Entry`.
        folds: Whether each round validates on cases of its own.
    """

    candidates: list
    entries: list
    folds: bool = True

    @property
    def rounds(self):
        """Numbers of the rounds in which every candidate that did not fail was trained, sorted."""
        failed = self.failed
        wanted = {candidate.loss for candidate in self.candidates if candidate.loss not in failed}
        done = {}
        for entry in self.entries:
            if not entry.reason:
                done.setdefault(entry.number, set()).add(entry.loss)
        return sorted(number for number, losses in done.items() if losses >= wanted)

    @property
    def failed(self):
        """Why a loss failed, `{loss: reason}`."""
        return {entry.loss: entry.reason for entry in self.entries if entry.reason}

    @functools.cached_property
    def scores(self):
        """Mean Dice of each case over its classes, `{loss: [array [cases] of each round]}`."""
        return {
            loss: [np.array(list(map(_mean, one.values()))) for one in tables] for loss, tables in self.tables.items()
        }

    @property
    def tables(self):
        """`{loss: [{case: Dice of each class} of each round]}` of what did not fail."""
        found = {(entry.loss, entry.number): entry.dice for entry in self.entries}
        names = [candidate.loss for candidate in self.candidates if candidate.loss not in self.failed]
        return {loss: [found[loss, number] for number in self.rounds] for loss in names}

    @property
    def round_means(self):
        """Dice of each round as `keras_seg.metrics.mean_dice` has it, `{loss: [Dice]}`."""
        return {loss: [metrics.mean_dice(list(one.values())) for one in tables] for loss, tables in self.tables.items()}

    @property
    def means(self):
        """Mean over the rounds, `{loss: Dice}`, the best first."""
        found = {loss: float(np.mean(means)) for loss, means in self.round_means.items() if means}
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    @property
    def winner(self):
        """The `Candidate` with the highest mean, or `None` if no round is complete."""
        best = next(iter(self.means), None)
        return next((candidate for candidate in self.candidates if candidate.loss == best), None)

    @property
    def default(self):
        """The `Candidate` that a user has without a search."""
        return next((candidate for candidate in self.candidates if candidate.is_default), None)

    @functools.cached_property
    def pairs(self):
        """`PairTest` of each loss and the default, Holm-corrected; empty if there is nothing to compare.

        That is what a search is asked: a loss against another would cost the answer power.
        """
        scores = {loss: rounds for loss, rounds in self.scores.items() if rounds}
        if self.default is None or self.default.loss not in scores or len(scores) < 2:
            return []
        return compare_rounds(scores, separate=self.folds, against=self.default.loss)

    def test_scores(self, loss):
        """Dice of the test cases, an array `[rounds, cases, classes]`, or `None` if a loss was not tested."""
        tables = [entry.test for entry in self.entries if entry.loss == loss and entry.test]
        return np.array([list(table.values()) for table in tables]) if tables else None


def _mean(values):
    counted = [value for value in values if not math.isnan(value)]
    return float(np.mean(counted)) if counted else math.nan
