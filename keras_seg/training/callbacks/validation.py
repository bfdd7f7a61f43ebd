"""Whole-case validation: the Dice that chooses the best model, from the averaged weights, within its share of time."""

import math
import time

import keras
import numpy as np

from keras_seg import metrics
from keras_seg.training.callbacks.averaging import averaged_weights
from keras_seg.training.pictures import MOST_CASES

# Whole-case validation may take this share of the time of a training.
LARGEST_SHARE = 0.25
FEWEST_CASES = 2
# What comes after the last epoch takes this many seconds besides scoring cases: reading the best model, tracing its
# prediction, files, pictures. Scoring may take longer than it did.
AFTERWARDS = 8.0
SLOWER = 1.25


class WholeCaseValidation(keras.callbacks.Callback):
    """Writes `val_dice`, and that of each class, into the logs before other callbacks read them.

    Whether an epoch is validated depends on `every` and on the clock: what would bring validation above a quarter of
    the time waits for a later epoch. The last epoch is always validated.

    Args:
        predict: Function from a `PreparedCase` to its predicted labels, with the weights that the network has.
        cases: Sequence of prepared validation cases.
        num_classes: Number of classes, the background included.
        class_names: Names of the foreground classes.
        every: Validate after this many epochs.
        max_cases: Validate this many cases at most; 0 for all.
        epochs: Epochs of the training.
        state: `TrainingState`.
        clock: `Clock`.
        ignore_class: Label of voxels that do not count.
        timed: Whether the clock may delay a validation or thin out the cases. `False` where a training must be the
            same again on another machine.
        say: Function that shows a line to the user.
        watch: Function that is called with the number of cases done and of all, while it runs.
    """

    def __init__(
        self,
        predict,
        cases,
        num_classes,
        class_names,
        *,
        every,
        max_cases,
        epochs,
        state,
        clock,
        ignore_class=None,
        timed=True,
        say=lambda line: None,
        watch=lambda done, total: None,
    ):
        super().__init__()
        self.predict = predict
        self.cases = cases
        self.num_classes = num_classes
        self.class_names = class_names
        self.every = max(1, every)
        self.max_cases = max_cases
        self.epochs = epochs
        self.state = state
        self.clock = clock
        self.ignore_class = ignore_class
        self.timed = timed
        self.say = say
        self.watch = watch
        self.table = None
        self.seconds_of_case = None
        self._delayed = False
        self._told = False
        self._epoch_began = None

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch_began = self.clock.elapsed

    def on_epoch_end(self, epoch, logs=None):
        self.table = None
        is_last = epoch + 1 >= self.epochs or self.model.stop_training
        if not is_last and not self._is_due(epoch):
            return
        started = time.monotonic()
        with averaged_weights(self.model):
            self.table = self._score(self._names(epoch))
        self.state.validation_seconds += time.monotonic() - started
        self.clock.reserve = self.state.reserve = self._reserve()
        logs["val_dice"] = metrics.mean_dice(list(self.table.values()))
        if len(self.class_names) > 1:
            logs |= {f"val_dice_{name}": value for name, value in zip(self.class_names, self.class_means())}

    def class_means(self):
        """Dice of each class over the cases of the last validation; NaN where none counts."""
        columns = np.array(list(self.table.values()))
        return [metrics.mean_dice(columns[:, [index]]) for index in range(columns.shape[1])]

    def _reserve(self):
        """Seconds that the last validation and what comes after it will take."""
        number = len(self.state.validated)
        missing = len(self.cases.names) - number
        # The cases of the overlay are predicted once more.
        shown = min(MOST_CASES, len(self.cases.names))
        return AFTERWARDS + SLOWER * self.seconds_of_case * (number + missing + shown)

    def _is_due(self, epoch):
        if (epoch + 1) % self.every and not self._delayed:
            return False
        self._delayed = self.timed and not self._fits()
        if self._delayed and not self._told:
            self._told = True
            how_often = "each epoch" if self.every == 1 else f"every {self.every} epochs"
            self.say(f"Validation: not after {how_often}, so that it takes a quarter of the time at most.")
        return not self._delayed

    def _fits(self):
        """Tell whether another validation stays within its share of the time since the first step, and the budget."""
        if self.seconds_of_case is None:
            return True
        cost = self.seconds_of_case * len(self.state.validated)
        if self.clock.left is not None and cost > self.clock.left:
            return False
        whole = self.clock.elapsed - self.clock.training_from + cost
        return self.state.validation_seconds + cost <= LARGEST_SHARE * whole

    def _names(self, epoch):
        """Return the names of the cases to validate, always the same ones; chosen at the first validation."""
        if self.state.validated:
            return self.state.validated
        names = list(self.cases.names)
        if self.max_cases and self.max_cases < len(names):
            names = spread(names, self.max_cases)
            self.say(
                f"Validation: {len(names)} of {len(self.cases.names)} cases during training (`validation.cases`); all "
                "are scored at the end."
            )
        if self.timed:
            names = self._thin_out(names, epoch)
        self.state.validated = names
        return names

    def _thin_out(self, names, epoch):
        """Return fewer names if all of them would take too long, even if they were validated only twice."""
        if len(names) <= FEWEST_CASES:
            return names
        # Once to compile, once to time.
        self._score(names[:1])
        started = time.monotonic()
        self._score(names[:1])
        seconds = time.monotonic() - started
        training = (self.clock.elapsed - self._epoch_began) * (self.epochs - epoch)
        if self.clock.left is not None:
            training = min(training, max(self.clock.left, 0.0))
        allowed = int(LARGEST_SHARE * training / (2 * seconds)) if seconds else len(names)
        if allowed >= len(names):
            return names
        chosen = spread(names, max(FEWEST_CASES, allowed))
        self.say(
            f"Validation: {len(chosen)} of {len(self.cases.names)} cases during training, since all of them would take "
            f"more than a quarter of the time ({seconds:.1f} s a case); all are scored at the end."
        )
        return chosen

    def _score(self, names):
        """Return `{case: Dice per foreground class}`."""
        table = {}
        started = time.monotonic()
        for done, name in enumerate(names):
            self.watch(done, len(names))
            table[name] = score_case(self.cases.by_name(name), self.predict, self.num_classes, self.ignore_class)
        self.seconds_of_case = (time.monotonic() - started) / len(names)
        self.watch(len(names), len(names))
        return table


def score_case(case, predict, num_classes, ignore_class=None):
    """Return the Dice of each foreground class of a prepared case, a list; NaN where a class does not count."""
    row = metrics.dice_per_class(case.label, predict(case), num_classes, ignore_class=ignore_class)
    return [float(value) for value in (row if num_classes == 1 else row[1:])]


def spread(names, count):
    """Return `count` of the names, spread evenly over their order.

    >>> spread(["a", "b", "c", "d", "e"], 2)
    ['a', 'd']
    """
    return [names[math.ceil(index * len(names) / count)] for index in range(count)]
