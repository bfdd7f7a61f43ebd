"""The learning rate over a training: a warm-up, a decay, and the clock of a budget."""

import math

import keras

DECAYS = ("cosine", "poly", "constant")


def decay(schedule, progress):
    """Return the share of the learning rate that is left.

    Args:
        schedule: `"cosine"`, `"poly"` (`(1 - progress)^0.9`, nnU-Net's) or `"constant"`.
        progress: How much of the training is over, from 0 to 1.

    >>> round(decay("cosine", 0.25), 3)
    0.854
    """
    progress = min(1.0, max(0.0, progress))
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * progress))
    if schedule == "poly":
        return (1 - progress) ** 0.9
    if schedule == "constant":
        return 1.0
    raise ValueError(f"The schedule of the learning rate must be one of {DECAYS}. Received: {schedule!r}.")


class LearningRate(keras.callbacks.Callback):
    """Sets the learning rate of every step, and ends the training when its time is over.

    The decay follows the steps or, where it is ahead, the clock: a machine that turns out slower than planned still
    ends with a small learning rate within the budget.

    Args:
        peak: The highest learning rate.
        schedule: See `decay`.
        warmup_steps: Steps over which the rate grows from 0.
        epochs: Epochs of the whole training.
        steps: Steps of an epoch.
        clock: A `Clock`.
    """

    def __init__(self, peak, schedule, warmup_steps, epochs, steps, clock):
        super().__init__()
        decay(schedule, 0.0)
        self.peak = peak
        self.schedule = schedule
        self.warmup_steps = warmup_steps
        self.epochs = epochs
        self.steps = steps
        self.clock = clock
        self.rate = peak
        self.out_of_time = False
        self._epoch = 0

    def rate_of(self, step, share=0.0):
        """Return the learning rate of a step, when this share of the time is over."""
        warm = min(1.0, (step + 1) / self.warmup_steps) if self.warmup_steps else 1.0
        return self.peak * warm * decay(self.schedule, max(step / (self.epochs * self.steps), share))

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        self.rate = self.rate_of(self._epoch * self.steps + batch, self.clock.share)
        if keras.backend.backend() == "jax":
            # There the step works on values that were taken out of the variables; they are fetched anew after this.
            self.model.jax_state_sync()
        self.model.optimizer.learning_rate = self.rate

    def on_train_batch_end(self, batch, logs=None):
        if self.clock.share >= 1.0:
            self.out_of_time = self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        logs["learning_rate"] = self.rate
