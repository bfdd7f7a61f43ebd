"""Runs the trials that an oracle asks for. Imports KerasTuner: load it inside functions."""

import contextlib
import copy
import errno
import gc
import logging
import math
import os
import time
import traceback
import warnings

import keras_tuner
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import TrialStatus
from keras_tuner.src.engine import conditions

from keras_seg.terminal import one_line, shorten
from keras_seg.training.sessions import session
from keras_seg.tuner.files import RECORDS
from keras_seg.tuner.oracles import OBJECTIVE
from keras_seg.tuner.space import LOSS, choose_loss, explicit_text
from keras_seg.tuner.trial import EPOCHS, FIRST_EPOCH, Trial, searched_values

# Errors of a disk; those that `keras_seg.files` has explained have no number any more.
DISK = (None, errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class LossTuner(BaseTuner):
    """KerasTuner's loop over trials: a loss from its branch, a training, a file of the log.

    The space is declared in the oracle beforehand, so that making the tuner builds no network. A trial that stands in
    the log is not trained again: oracles are deterministic, so the same call asks for the same trials, and goes on
    where the log ends.

    Args:
        oracle: An oracle of `keras_seg.tuner.oracles`.
        trainer: What trains: `train(trial, loss, hp, first, last, rule)`.
        branch_options: Arguments of `choose_loss`.
        log: `TrialLog`.
        progress: `Progress`.
        rule: `MedianRule`, or `None`.
        folder: Folder of the search.
        ended: Function that is called after each trial that was trained.
    """

    def __init__(self, oracle, trainer, branch_options, log, progress, rule, folder, ended=lambda: None):
        self.trainer = trainer
        self.branch_options = branch_options
        self.log = log
        self.progress = progress
        self.rule = rule
        self.ended = ended
        self.row = None
        self.known = False
        self.declared = set()
        # A worker must not throw away what its chief has written.
        super().__init__(oracle, directory=str(folder), project_name=RECORDS, overwrite=not self._is_worker())
        self.oracle.verbose = 0

    def on_trial_begin(self, trial):
        """Open the trial's row, or find it in the log."""
        hp = trial.hyperparameters
        number, name = int(trial.trial_id) + 1, hp.values[LOSS]
        row = Trial(number, name, name, searched_values(hp.values), values=dict(hp.values))
        found = self.log.find(row.key)
        self.known, self.row = found is not None, found or row
        self.declared = {parameter.name for parameter in hp.space}
        if self.known and found.space:
            # What its network drew then, the oracle has to know now, though no network is built.
            # KerasTuner turns the conditions in what it is given into objects.
            trial.hyperparameters = keras_tuner.HyperParameters.from_config(copy.deepcopy(found.space))

    def run_trial(self, trial):
        """Build and train a network; what goes wrong is the row's reason."""
        if self.known:
            if self.row.failed:
                raise keras_tuner.errors.FailedTrialError(self.row.reason)
            return {OBJECTIVE: self.row.val_dice}
        hp, row = trial.hyperparameters, self.row
        started = time.monotonic()
        try:
            with session():
                loss = choose_loss(hp, **self.branch_options)
                row.loss = explicit_text(loss)
                self.progress.begin(self.progress.place(row.number), row.loss)
                self.trainer.train(row, loss, hp, *self._epochs(hp), self.rule)
            if math.isnan(row.val_dice):
                raise keras_tuner.errors.FailedTrialError(
                    "val_dice was NaN in every epoch: no validation case has a foreground class"
                )
        except keras_tuner.errors.FatalError:
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in DISK:
                # The next trial could not be written either.
                raise
            row.reason, row.val_dice, row.best_epoch = reason_of(error), math.nan, 0
            raise keras_tuner.errors.FailedTrialError(row.reason) from error
        finally:
            row.seconds = time.monotonic() - started
            # The network may have searched more than was declared.
            row.hyperparameters = searched_values(hp.values)
            if {parameter.name for parameter in hp.space} != self.declared:
                row.space = hp.get_config()
        return {OBJECTIVE: row.val_dice}

    def _try_run_and_update_trial(self, trial):
        # KerasTuner's own prints the traceback of every failure; here it stands in the trial's record.
        try:
            self.oracle.update_trial(trial.trial_id, self.run_trial(trial), step=self.row.best_epoch)
            trial.status = TrialStatus.COMPLETED
        except keras_tuner.errors.FailedTrialError:
            trial.status = TrialStatus.FAILED
            trial.message = traceback.format_exc()

    def on_trial_end(self, trial):
        """Close the trial in our log, and then in KerasTuner's records: a kill in between has it found in the log."""
        first, last = self._epochs(trial.hyperparameters)
        if self.known:
            self.progress.skip(last - first)
        else:
            self.log.add(self.row)
            self.ended()
            self.progress.end(self.row, last - first)
        super().on_trial_end(trial)

    def save(self):
        """Keep no state beside the oracle's."""

    def _epochs(self, hp):
        """Return the epochs that are trained already, and those at the end; Hyperband sets both."""
        return hp.values.get(FIRST_EPOCH, 0), hp.values.get(EPOCHS, self.trainer.epochs)


def is_chief():
    """Whether this process hands out trials, and others train them."""
    from keras_tuner.src.distribute import utils

    return utils.is_chief_oracle()


def is_worker():
    """Whether this process trains what a chief hands out."""
    from keras_tuner.src.distribute import utils

    return utils.has_chief_oracle() and not utils.is_chief_oracle()


def tuner_id():
    """Return the name of this process among those that search together."""
    return os.environ.get("KERASTUNER_TUNER_ID", "")


@contextlib.contextmanager
def quiet():
    """Silence what KerasTuner, scikit-learn and TensorFlow say about themselves during a search."""
    logger = logging.getLogger("tensorflow")
    level = logger.level
    # What exists by now outlives the search; the collection before each trial need not look through it.
    gc.freeze()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"keras_tuner\.")
        warnings.filterwarnings("ignore", module=r"sklearn\.")
        # A search traces many networks on purpose.
        logger.setLevel(logging.ERROR)
        # Whatever is sent between chief and workers, KerasTuner 1.4 prints the conditions of.
        conditions.print = lambda *values: None
        try:
            yield
        finally:
            del conditions.print
            logger.setLevel(level)
            gc.unfreeze()


def reason_of(error):
    """Return why a trial failed, as one line."""
    if isinstance(error, keras_tuner.errors.FailedTrialError):
        return shorten(" ".join(str(error).split()), 200)
    return one_line(error)
