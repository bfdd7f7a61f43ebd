"""Trains trials by `fit`: any network and any data."""

import copy
import dataclasses
import math
import shutil

import keras
import keras_tuner
import numpy as np

from keras_seg import losses, metrics
from keras_seg.compiling import compile
from keras_seg.files import replacing
from keras_seg.reading import read_outputs
from keras_seg.saving import load_model
from keras_seg.training.sessions import session
from keras_seg.tuner import files
from keras_seg.tuner.oracles import OBJECTIVE
from keras_seg.tuner.progress import TrainingDisplay
from keras_seg.tuner.space import loss_of
from keras_seg.tuner.trial import EPOCHS, Trial, identity_of
from keras_seg.tuner.watching import BestWeights, Watch


@dataclasses.dataclass
class FitData:
    """What trainings see.

    Attributes:
        train: Arguments of `fit` that hold the training data, `{"x": ..., "y": ...}`.
        validation: What `fit` takes as `validation_data`.
        test: The same of the test cases, or `None`.
        batch_size: As in `fit`.
    """

    train: dict
    validation: object
    test: object = None
    batch_size: int | None = None

    @property
    def is_arrays(self):
        """Whether training and validation cases are arrays that can be dealt anew."""
        parts = list(self.train.values())
        if not isinstance(self.validation, (tuple, list)) or len(self.validation) != len(parts):
            return False
        pairs = list(zip(parts, self.validation))
        is_arrays = all(isinstance(part, np.ndarray) for pair in pairs for part in pair)
        return is_arrays and all(one.shape[1:] == other.shape[1:] for one, other in pairs)

    def folds(self, rounds, seed):
        """Deal the training and validation cases anew: in each round others validate.

        Args:
            rounds: Number of rounds.
            seed: Seed of the draw.

        Returns:
            List of `FitData`, or `None` where that cannot be done: for data sets, or too few cases.
        """
        if not self.is_arrays:
            return None
        keys = list(self.train)
        pooled = [np.concatenate([self.train[key], part]) for key, part in zip(keys, self.validation)]
        held, count = len(self.validation[0]), len(pooled[0])
        if held * rounds > count:
            return None
        order = np.random.default_rng(seed + 1).permutation(count)
        dealt = []
        for number in range(rounds):
            chosen = np.sort(order[number * held : (number + 1) * held])
            rest = np.setdiff1d(order, chosen)
            train = {key: part[rest] for key, part in zip(keys, pooled)}
            dealt.append(dataclasses.replace(self, train=train, validation=tuple(part[chosen] for part in pooled)))
        return dealt


class FitTrainer:
    """Trains a network of the user's on data of the user's.

    Args:
        build: Function `build(loss, hp)` that returns a `keras.Model`.
        data: `FitData`.
        epochs: Epochs of a full training.
        seed: Seed of the initial weights and of the order of the batches, the same for every trial.
        folder: Folder of the search.
        progress: `Progress`.
        callbacks: Callbacks of `fit`; each training gets copies of its own.
        tensorboard: Whether to write a log for TensorBoard.
        is_best: Function that tells of a `Trial` whether it is the best so far.
        loss_options: Arguments that every loss was given that takes them.
    """

    def __init__(
        self,
        build,
        data,
        epochs,
        seed,
        folder,
        progress,
        callbacks=(),
        tensorboard=False,
        is_best=None,
        loss_options=None,
    ):
        self.build = build
        self.data = data
        self.epochs = epochs
        self.seed = seed
        self.folder = folder
        self.progress = progress
        self.callbacks = list(callbacks)
        self.tensorboard = tensorboard
        self.is_best = is_best
        self.loss_options = loss_options or {}
        self.rounds = None
        self.has_folds = False

    def train(self, trial, loss, hp, first, last, rule):
        """Train a trial from one epoch to another, and keep its network if it is the best so far.

        Args:
            trial: `Trial`, which is written into.
            loss: Its loss.
            hp: KerasTuner's hyperparameters.
            first: Number of epochs that are trained already, by an earlier trial with the same values.
            last: Number of epochs at the end.
            rule: `MedianRule`, or `None`.
        """
        model = self._build(loss, hp, self.seed)
        if first:
            # The optimizer's state is in the file too, and is read if there is something to read it into.
            model.optimizer.build(model.trainable_variables)
            model.load_weights(self._weights(hp, first))
        best = self._fit(model, trial, self.data, first, last, rule, f"trial-{trial.number:04d}", self.seed)
        if EPOCHS in trial.values:
            with replacing(self._weights(hp, last)) as temporary:
                model.save_weights(temporary)
        if not math.isnan(trial.val_dice) and self.is_best(trial):
            best.restore()
            with replacing(self._best) as temporary:
                model.save(temporary)
            self._keep(self._best)

    def prepare_rounds(self, rounds):
        """Deal the cases for the confirmation round."""
        dealt = self.data.folds(rounds, self.seed)
        self.has_folds = dealt is not None
        self.rounds = dealt or [self.data] * rounds

    def confirm(self, candidate, number, place):
        """Train a candidate with the seed and on the cases of a round; the network is kept.

        Args:
            candidate: `Candidate`.
            number: Number of the round, from 0.
            place: What the display calls it.

        Returns:
            Tuple of the seed and the Dice of each validation case, `{case: [Dice of each class]}`.
        """
        seed, data = self.seed + 1 + number, self.rounds[number]
        hp = keras_tuner.HyperParameters()
        hp.values = dict(candidate.values)
        trial = Trial(number + 1, candidate.text, candidate.text)
        self.progress.begin(place, candidate.loss)
        with session():
            model = self._build(loss_of(candidate.text, self.loss_options), hp, seed)
            self._fit(model, trial, data, 0, self.epochs, None, f"{candidate.folder}-{number}", seed).restore()
            table = case_table(model, data.validation, data.batch_size)
            with replacing(self._model(candidate, number)) as temporary:
                model.save(temporary)
        return seed, table

    def test(self, candidate, number):
        """Return the Dice of each test case of a candidate's network, or an empty dict if there are none."""
        if self.data.test is None:
            return {}
        with session():
            return case_table(load_model(self._model(candidate, number)), self.data.test, self.data.batch_size)

    def keep(self, candidate, number):
        """Make the network of a round the best model of the search."""
        self._keep(self._model(candidate, number))

    def keep_trial(self, trial):
        """Make the network of the best trial the best model, if an earlier call has put another one there."""
        self._keep(self._best)

    @property
    def _best(self):
        return self.folder / files.WEIGHTS / "best-trial.keras"

    def _keep(self, path):
        with replacing(self.folder / files.MODEL) as temporary:
            shutil.copyfile(path, temporary)

    def _build(self, loss, hp, seed):
        keras.utils.set_random_seed(seed)
        model = self.build(loss, hp)
        if not isinstance(model, keras.Model):
            raise keras_tuner.errors.FatalTypeError(
                f"`build(loss, hp)` must return a `keras.Model`. Received: {type(model).__name__}."
            )
        if not getattr(model, "compiled", False):
            compile(model, loss=loss)
        return model

    def _fit(self, model, trial, data, first, last, rule, name, seed):
        best = BestWeights(trial)
        names = [OBJECTIVE, *(f"val_{head}_dice" for head in list(getattr(model, "output_names", None) or ())[:1])]
        callbacks = [losses.EpochSchedule(), Diverged(), Watch(trial, rule, lambda logs: dice_in(logs, names)), best]
        callbacks += [*copy.deepcopy(self.callbacks), TrainingDisplay(self.progress, first, last)]
        if self.tensorboard:
            place = str(self.folder / files.TENSORBOARD / name)
            callbacks.append(keras.callbacks.TensorBoard(place, write_graph=False))
        # Once more: a loss may have drawn numbers while the network was built, and the batches must not notice.
        keras.utils.set_random_seed(seed)
        options = {**data.train, "validation_data": data.validation}
        if data.batch_size is not None:
            options["batch_size"] = data.batch_size
        model.fit(**options, epochs=last, initial_epoch=first, callbacks=callbacks, verbose=0)
        return best

    def _weights(self, hp, epochs):
        # Not the trial's own identity: what the network draws is not known before it is built for the first time.
        return self.folder / files.WEIGHTS / f"{identity_of(hp.values)}-{epochs}.weights.h5"

    def _model(self, candidate, number):
        return self.folder / files.CONFIRMATION / f"{candidate.folder}-{number}.keras"


class Diverged(keras.callbacks.Callback):
    """Ends a training whose loss is no longer finite."""

    def on_epoch_end(self, epoch, logs=None):
        if not math.isfinite(logs["loss"]):
            raise keras_tuner.errors.FailedTrialError(f"the loss became {logs['loss']:g} in epoch {epoch + 1}")


def dice_in(logs, names):
    """Return the validation Dice of an epoch; with several outputs Keras puts the name of the first before it."""
    for name in names:
        if name in logs:
            return float(logs[name])
    raise keras_tuner.errors.FatalValueError(
        f"The network logs no `{OBJECTIVE}`, by which the search chooses, only {', '.join(sorted(logs))}. Compile it "
        f"with `keras_seg.compile(model, loss=loss)`, return it uncompiled, or add "
        f"`metrics=[keras_seg.metrics.Dice()]`."
    )


def case_table(model, data, batch_size=None):
    """Return the Dice of each case, `{"case 1": [Dice of each counted class]}`, NaN where a class does not count.

    Args:
        model: A compiled model; with several outputs the first counts.
        data: What `fit` takes as `validation_data`; a case is a sample.
        batch_size: As in `fit`.
    """
    metric = _metric(model)
    table = {}
    for x, y, weight in _batches(data, batch_size or 32):
        scores = model.predict_on_batch(x)
        scores = scores[0] if isinstance(scores, (list, tuple)) else scores
        y = y[0] if isinstance(y, (list, tuple)) else y
        for index in range(len(scores)):
            one = slice(index, index + 1)
            metric.reset_state()
            metric.update_state(y[one], scores[one], None if weight is None else weight[one])
            row = np.asarray(keras.ops.convert_to_numpy(metric.per_class()), "float64")
            table[f"case {len(table) + 1}"] = row[_counted(metric, len(row))].tolist()
    return table


def _metric(model):
    """Return the Dice of a model: how it reads its output is what its loss says, else its last layer."""
    loss = model.loss
    if isinstance(loss, (list, tuple, dict)):
        loss = loss.get(model.output_names[0]) if isinstance(loss, dict) else loss[0]
    if isinstance(loss, losses.SegmentationLoss):
        given = {key: bool(getattr(loss, key)) for key in ("from_logits", "multilabel")}
        return metrics.Dice(**given, ignore_class=loss.ignore_class, data_format=loss.data_format)
    output = read_outputs(model)[0]
    return metrics.Dice(from_logits=bool(output.from_logits), multilabel=bool(output.multilabel))


def _counted(metric, classes):
    """Return which classes can count at all: the background of exclusive classes cannot."""
    is_background = np.arange(classes) == 0
    keep = ~is_background if classes > 1 and not metric.multilabel else np.ones(classes, bool)
    if metric.ignore_class is not None and 0 <= metric.ignore_class < classes:
        keep[metric.ignore_class] = False
    return keep


def _batches(data, batch_size):
    """Yield `(x, y, weight)` of arrays or of a data set."""
    if isinstance(data, (tuple, list)):
        x, y, *rest = data
        count = len(x[0] if isinstance(x, (list, tuple)) else x)
        for start in range(0, count, batch_size):
            part = slice(start, start + batch_size)
            cut = [
                [entry[part] for entry in one] if isinstance(one, (list, tuple)) else one[part] for one in (x, y, *rest)
            ]
            yield (*cut, None)[:3]
        return
    batches = (data[index] for index in range(len(data))) if isinstance(data, keras.utils.PyDataset) else iter(data)
    for batch in batches:
        yield (*batch, None)[:3]
