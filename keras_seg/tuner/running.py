"""Runs the trials that an oracle asks for. Imports KerasTuner: load it inside functions."""

import contextlib
import copy
import gc
import logging
import math
import time
import traceback
import warnings

import keras
import keras_tuner
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import TrialStatus

from keras_seg.compiling import compile
from keras_seg.losses import EpochSchedule
from keras_seg.terminal import one_line, shorten
from keras_seg.training.sessions import session
from keras_seg.tuner.files import RECORDS
from keras_seg.tuner.oracles import OBJECTIVE
from keras_seg.tuner.result import Trial, searched_values
from keras_seg.tuner.space import LOSS, choose_loss, explicit_text

WEIGHTS = "best.weights.h5"


class LossTuner(BaseTuner):
    """KerasTuner's loop over trials: a loss from its branch, a network, `fit`, a row of the leaderboard.

    The space is declared in the oracle beforehand, so that making the tuner builds no network.

    Args:
        oracle: An oracle of `keras_seg.tuner.oracles`.
        build: Function `build(loss, hp)`.
        branch_options: Arguments of `choose_loss`.
        fit_options: Arguments of `keras.Model.fit`: data, `epochs`, `batch_size`, `callbacks`.
        seed: Seed of the initial weights and of the order of the batches, the same for every trial.
        result: `SearchResult` that takes the trials in.
        progress: `Progress`.
    """

    def __init__(self, oracle, build, branch_options, fit_options, seed, result, progress):
        self.build = build
        self.branch_options = branch_options
        self.fit_options = fit_options
        self.seed = seed
        self.result = result
        self.progress = progress
        self.row = None
        self.loss = None
        self.model = None
        self.started = 0.0
        super().__init__(oracle, directory=str(result.folder), project_name=RECORDS, overwrite=True)
        oracle.verbose = 0

    def on_trial_begin(self, trial):
        """Open the trial's row."""
        hp = trial.hyperparameters
        number, name = len(self.result.trials) + 1, hp.values[LOSS]
        self.row = Trial(number=number, name=name, loss=name, hyperparameters=searched_values(hp))
        self.loss = self.model = None
        self.started = time.monotonic()

    def run_trial(self, trial):
        """Build and train a network; what goes wrong is the row's reason."""
        try:
            with session():
                return {OBJECTIVE: self._train(trial)}
        except keras_tuner.errors.FatalError:
            raise
        except Exception as error:
            self.row.reason = reason_of(error)
            self.row.val_dice = math.nan
            raise keras_tuner.errors.FailedTrialError(self.row.reason) from error

    def _try_run_and_update_trial(self, trial):
        # KerasTuner's own prints the traceback of every failure; here it stands in the trial's record.
        try:
            self.oracle.update_trial(trial.trial_id, self.run_trial(trial), step=self.row.best_epoch)
            trial.status = TrialStatus.COMPLETED
        except keras_tuner.errors.FailedTrialError:
            trial.status = TrialStatus.FAILED
            trial.message = traceback.format_exc()

    def on_trial_end(self, trial):
        """Close the trial in KerasTuner's records and in ours."""
        super().on_trial_end(trial)
        first, last = self._epochs(trial.hyperparameters)
        self.row.seconds = time.monotonic() - self.started
        # The network may have searched more than was declared.
        self.row.hyperparameters = searched_values(trial.hyperparameters)
        self.result.add(self.row, self.loss, None if self.row.failed else self.model)
        self.progress.end(self.row, last - first)
        self.model = None

    def save(self):
        """Keep no state beside the oracle's."""

    def _train(self, trial):
        hp = trial.hyperparameters
        self.loss = choose_loss(hp, **self.branch_options)
        self.row.loss = explicit_text(self.loss)
        model = self._build(hp)
        if "tuner/trial_id" in hp.values:
            # The optimizer's state is in the file too, and is read if there is something to read it into.
            model.optimizer.build(model.trainable_variables)
            model.load_weights(self._weights_path(hp.values["tuner/trial_id"]))
        first, last = self._epochs(hp)
        watch = Watch(self.row, lambda epoch: self.progress.epoch(self.row, epoch - first, last - first))
        options = dict(self.fit_options)
        callbacks = [EpochSchedule(), watch, *copy.deepcopy(options.pop("callbacks"))]
        # Once more: a loss may have drawn numbers while the network was built, and the batches must not notice.
        keras.utils.set_random_seed(self.seed)
        self.progress.epoch(self.row, 0, last - first)
        model.fit(**{**options, "epochs": last, "initial_epoch": first}, callbacks=callbacks, verbose=0)
        watch.restore()
        if "tuner/epochs" in hp.values:
            model.save_weights(self._weights_path(trial.trial_id))
        self.model = model
        return self.row.val_dice

    def _build(self, hp):
        keras.utils.set_random_seed(self.seed)
        model = self.build(self.loss, hp)
        if not isinstance(model, keras.Model):
            raise keras_tuner.errors.FatalTypeError(
                f"`build(loss, hp)` must return a `keras.Model`. Received: {type(model).__name__}."
            )
        if not getattr(model, "compiled", False):
            compile(model, loss=self.loss)
        return model

    def _epochs(self, hp):
        """Return the epochs that are trained already, and those at the end; Hyperband sets both."""
        return hp.values.get("tuner/initial_epoch", 0), hp.values.get("tuner/epochs", self.fit_options["epochs"])

    def _weights_path(self, trial_id):
        return f"{self.get_trial_dir(trial_id)}/{WEIGHTS}"


class Watch(keras.callbacks.Callback):
    """Writes a trial's row while it trains, keeps the weights of the best epoch, and stops what has diverged.

    Args:
        row: `Trial` to write into.
        report: Function that is called with the number of epochs trained.
    """

    def __init__(self, row, report):
        super().__init__()
        self.row = row
        self.report = report
        self.weights = None

    def on_epoch_end(self, epoch, logs=None):
        if not math.isfinite(logs["loss"]):
            raise keras_tuner.errors.FailedTrialError(f"the loss became {logs['loss']:g} in epoch {epoch + 1}")
        dice = self._dice(logs)
        self.row.epochs = epoch + 1
        if not math.isnan(dice) and (self.weights is None or dice > self.row.val_dice):
            self.row.val_dice, self.row.best_epoch = dice, epoch + 1
            self.weights = self.model.get_weights()
        self.report(epoch + 1)

    def restore(self):
        """Give the model the weights of its best epoch."""
        if self.weights is None:
            raise keras_tuner.errors.FailedTrialError(
                "val_dice was NaN in every epoch: no validation case has a foreground class"
            )
        self.model.set_weights(self.weights)

    def _dice(self, logs):
        # With several outputs Keras puts the name of the first before that of its metric.
        names = [OBJECTIVE, *(f"val_{name}_dice" for name in list(getattr(self.model, "output_names", ()))[:1])]
        for name in names:
            if name in logs:
                return float(logs[name])
        raise keras_tuner.errors.FatalValueError(
            f"The network logs no `{OBJECTIVE}`, by which the search chooses, only {', '.join(sorted(logs))}. Compile "
            f"it with `keras_seg.compile(model, loss=loss)`, return it uncompiled, or add "
            f"`metrics=[keras_seg.metrics.Dice()]`."
        )


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
        try:
            yield
        finally:
            logger.setLevel(level)
            gc.unfreeze()


def reason_of(error):
    """Return why a trial failed, as one line."""
    if isinstance(error, keras_tuner.errors.FailedTrialError):
        return shorten(" ".join(str(error).split()), 200)
    return one_line(error)
