"""A trial: one training of a search, and how it is told from the others."""

import dataclasses
import hashlib
import json
import math

from keras_seg.tuner.space import LOSS

EPOCHS, FIRST_EPOCH = "tuner/epochs", "tuner/initial_epoch"


@dataclasses.dataclass
class Trial:
    """One trial of a search, a row of its leaderboard.

    Attributes:
        number: Number of the trial, from 1.
        name: What was chosen from: the name of a loss, or a text.
        loss: The loss with its parameters, as a text that `keras_seg.losses.get` takes.
        hyperparameters: Values of everything that was searched, the name of the loss apart.
        val_dice: Validation Dice of its best epoch; NaN if the trial failed.
        best_epoch: Number of that epoch, from 1; 0 if there is none.
        epochs: Number of epochs that the network has trained.
        seconds: What it took, building included.
        stopped: Whether it was stopped early, because it could hardly win.
        reason: Why the trial failed, one line; empty if it did not.
        curve: Validation Dice of each validated epoch, `{epoch: Dice}`.
        values: All values of KerasTuner's hyperparameters, its own entries included, as it was asked for.
        space: Configuration of KerasTuner's hyperparameters at its end, if the network has drawn some of its own.
    """

    number: int
    name: str
    loss: str
    hyperparameters: dict = dataclasses.field(default_factory=dict)
    val_dice: float = math.nan
    best_epoch: int = 0
    epochs: int = 0
    seconds: float = 0.0
    stopped: bool = False
    reason: str = ""
    curve: dict = dataclasses.field(default_factory=dict)
    values: dict = dataclasses.field(default_factory=dict)
    space: dict = dataclasses.field(default_factory=dict)

    @property
    def failed(self):
        """Whether there is no Dice to speak of."""
        return bool(self.reason)

    @property
    def label(self):
        """What tables call it: the loss with its parameters, and whatever else was searched."""
        parts = [self.loss]
        for key, value in self.hyperparameters.items():
            # Parameters of a loss, which its text shows, begin with its name, or with the text of its compound.
            if not key.startswith((f"{self.name}.", f"{self.name}: ")):
                parts.append(f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}")
        return ", ".join(parts)

    @property
    def identity(self):
        """What is trained, as eight characters; trials that go on with the same network have the same."""
        return identity_of(self.values or {LOSS: self.loss, **self.hyperparameters})

    @property
    def key(self):
        """What is trained, and how far: no two trials of a search have the same."""
        return f"{self.identity}-{self.values.get(EPOCHS, 'all')}"

    def note(self, epoch, dice):
        """Take in an epoch that ended; `dice` is NaN or `None` where it was not validated."""
        self.epochs = epoch
        if dice is None or math.isnan(dice):
            return
        self.curve[epoch] = float(dice)
        if math.isnan(self.val_dice) or dice > self.val_dice:
            self.val_dice, self.best_epoch = float(dice), epoch

    def best_until(self, epoch):
        """Return the best Dice of the epochs up to one; NaN if none was validated."""
        return max((dice for at, dice in self.curve.items() if at <= epoch), default=math.nan)

    def to_json(self):
        """Return the trial as a text."""
        values = dataclasses.asdict(self)
        values["val_dice"] = None if math.isnan(self.val_dice) else self.val_dice
        return json.dumps(values, indent=1) + "\n"

    @classmethod
    def from_json(cls, text):
        """Read what `to_json` wrote.

        Raises:
            ValueError, TypeError: If it is something else.
        """
        values = json.loads(text)
        values["val_dice"] = math.nan if values["val_dice"] is None else float(values["val_dice"])
        values["curve"] = {int(epoch): float(dice) for epoch, dice in values["curve"].items()}
        return cls(**values)


def searched_values(values):
    """Return what was searched as `{name: value}`, without the choice of the loss and KerasTuner's own entries."""
    return {key: value for key, value in values.items() if key != LOSS and not key.startswith("tuner/")}


def identity_of(values):
    """Return eight characters that tell values of hyperparameters from all others; KerasTuner's own do not count.

    Numbers count to six digits: on their way between machines KerasTuner rounds them.
    """
    plain = {key: value for key, value in values.items() if not key.startswith("tuner/")}
    shown = {key: f"{value:.6g}" if isinstance(value, float) else value for key, value in sorted(plain.items())}
    return hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:8]


def ranked(trials):
    """Return trials from the best to the worst; of equal ones the earlier first, and what failed last."""
    return sorted(trials, key=lambda t: (t.failed, 0 if t.failed else -t.val_dice, t.number))
