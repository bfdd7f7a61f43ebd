"""The outcomes of a comparison as arrays: every measure by loss, seed, case and class."""

import dataclasses
import functools

import numpy as np

from keras_seg.evaluation.statistics import nan_mean
from keras_seg.experiments import statistics


@dataclasses.dataclass(frozen=True, eq=False)
class Results:
    """What was measured, in arrays whose first axes are `[losses, seeds]`; NaN where a training is missing or failed.

    Attributes:
        labels: Labels of the losses.
        seeds: Seeds.
        cases: Names of the test cases.
        class_names: Names of the foreground classes that are measured.
        outcomes: `{(label, seed): Outcome}`, at the learning rate that was chosen.
        rank: Number of spatial axes.
    """

    labels: tuple[str, ...]
    seeds: tuple[int, ...]
    cases: tuple[str, ...]
    class_names: tuple[str, ...]
    outcomes: dict
    rank: int = 3

    def only(self, labels):
        """Return the `Results` of some of the losses."""
        outcomes = {key: outcome for key, outcome in self.outcomes.items() if key[0] in labels}
        return dataclasses.replace(self, labels=tuple(labels), outcomes=outcomes)

    def scores(self, measure):
        """Return a measure of `keras_seg.evaluation.case.MEASURES`, `[losses, seeds, cases, classes]`."""
        return self._collect(lambda measures: measures.score(measure))

    @property
    def dice(self):
        """Dice, `[losses, seeds, cases, classes]`."""
        return self.scores("dice")

    @property
    def dice_at_best_threshold(self):
        """Dice at the thresholds that are best on the validation cases, `[losses, seeds, cases, classes]`."""
        return self._collect(lambda measures: measures.dice_at_best_threshold)

    @property
    def thresholds(self):
        """Those thresholds, `[losses, seeds, classes]`."""
        return self._collect(lambda measures: measures.thresholds, (len(self.class_names),))

    @property
    def calibration_errors(self):
        """Expected calibration error of each training, `[losses, seeds]`."""
        return self._collect(lambda measures: measures.calibration_error, ())

    @property
    def false_positives(self):
        """Volume predicted where the truth lacks the class, NaN where it has it: `[losses, seeds, cases, classes]`.

        In ml, of images with two axes in mm^2.
        """
        predicted = self.scores("volume_prediction")
        return np.where(self.scores("volume_truth") == 0, predicted, np.nan)

    @functools.cached_property
    def means(self):
        """Mean Dice of each training, `[losses, seeds]`: each class over its cases, then the classes."""
        return training_means(self.dice)

    def mean(self, label):
        """Mean Dice of a loss over its seeds; NaN if all of its trainings failed."""
        return float(nan_mean(self.means[self.labels.index(label)]))

    @functools.cached_property
    def order(self):
        """Labels from the highest mean Dice to the lowest; those without one last."""
        return tuple(sorted(self.labels, key=lambda label: -np.nan_to_num(self.mean(label), nan=-1.0)))

    def per_case(self):
        """Return the mean Dice of each case over its classes and the seeds, `[losses, cases]`."""
        return nan_mean(nan_mean(self.dice, axis=-1), axis=1)

    def interval(self, label):
        """Return the 95 % bootstrap interval of a loss's mean Dice, over cases and seeds."""
        return statistics.interval(self.dice[self.labels.index(label)])

    @functools.cached_property
    def pairs(self):
        """`keras_seg.experiments.statistics.PairTest` of all pairs of losses that were trained."""
        dice = paired_scores(self.dice)
        tables = {label: table for label, table in zip(self.labels, dice) if not np.isnan(table).all()}
        return statistics.compare_pairs(tables) if len(tables) > 1 else []

    def pair(self, one, other):
        """Return the `PairTest` of two losses, or `None`."""
        return next((test for test in self.pairs if {test.first, test.second} == {one, other}), None)

    @property
    def failures(self):
        """`{(label, seed): reason}` of the trainings that failed."""
        return {key: outcome.reason for key, outcome in self.outcomes.items() if outcome.reason}

    def trained(self, label):
        """Return the outcomes of a loss that did not fail, by seed."""
        found = {seed: self.outcomes.get((label, seed)) for seed in self.seeds}
        return {seed: outcome for seed, outcome in found.items() if outcome is not None and not outcome.reason}

    def _collect(self, read, shape=None):
        shape = (len(self.cases), len(self.class_names)) if shape is None else shape
        found = np.full((len(self.labels), len(self.seeds), *shape), np.nan)
        for row, label in enumerate(self.labels):
            for seed, outcome in self.trained(label).items():
                found[row, self.seeds.index(seed)] = read(outcome.measures)
        return found


def training_means(scores):
    """Return the pinned mean of each training, `[losses, seeds]`, of scores `[losses, seeds, cases, classes]`."""
    return nan_mean(nan_mean(scores, axis=2), axis=-1)


def paired_scores(dice):
    """Return one number per case for tests of pairs, `[losses, seeds, cases]`.

    Where a case does not have a class, a training that predicts none of it has no Dice, and one that does has 0. Beside
    each other the first is right, so it counts 1 if any training predicts the class there. Where all are right, the
    class does not count in that case.

    Args:
        dice: Array `[losses, seeds, cases, classes]`; trainings that are missing are all NaN.
    """
    missing = np.isnan(dice).all(axis=(2, 3), keepdims=True)
    counted = ~np.isnan(np.where(missing, np.nan, dice)).all(axis=(0, 1))
    filled = np.where(np.isnan(dice) & counted & ~missing, 1.0, dice)
    return nan_mean(filled, axis=-1)
