"""What a search notes of a training epoch by epoch, and how it ends one that can hardly win."""

import math

import keras


class Watch(keras.callbacks.Callback):
    """Writes each epoch's Dice into a trial, and stops it where the rule says so.

    Args:
        trial: `Trial` to write into.
        rule: `MedianRule`, or `None`.
        dice_of: Function from the logs of an epoch to its validation Dice.
    """

    def __init__(self, trial, rule, dice_of=lambda logs: logs.get("val_dice", math.nan)):
        super().__init__()
        self.trial = trial
        self.rule = rule
        self.dice_of = dice_of

    def on_epoch_end(self, epoch, logs=None):
        self.trial.note(epoch + 1, self.dice_of(logs))
        if self.rule is not None and self.rule.hopeless(self.trial):
            self.trial.stopped = True
            self.model.stop_training = True


class BestWeights(keras.callbacks.Callback):
    """Keeps the weights of a trial's best epoch. It comes after `Watch`.

    Args:
        trial: `Trial`.
    """

    def __init__(self, trial):
        super().__init__()
        self.trial = trial
        self.weights = None

    def on_epoch_end(self, epoch, logs=None):
        if self.trial.best_epoch == epoch + 1:
            self.weights = self.model.get_weights()

    def restore(self):
        """Give the model these weights, if an epoch had a Dice."""
        if self.weights is not None:
            self.model.set_weights(self.weights)
