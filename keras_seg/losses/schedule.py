"""Weights that change with the epoch and reach the compiled step.

A number that Python changes between epochs is a constant of the compiled step. A variable is not, on TensorFlow; on JAX
it must also be part of the training state, or it is baked in when the step is traced. A metric's variables are, so the
epoch is a variable that a metric owns and the loss reads. `keras_seg.compile` and the zoo add that metric by
themselves.
"""

import functools
import warnings

import keras
from keras import ops

from keras_seg.losses import backend


@functools.cache
def epoch_variable():
    """Return the epoch that is being trained: one variable per process, shared by losses, metrics and the callback."""
    return keras.Variable(0.0, dtype="float32", trainable=False, name="epoch")


class Ramp:
    """A weight that grows evenly with the epoch: `min(stop, start + step * epoch)`.

    Args:
        start: Weight in epoch 0.
        step: Growth per epoch.
        stop: Largest weight (smallest, if `step` is negative).
        name: Name of the weight in the logs.
    """

    adjustable = ("start", "step", "stop")

    def __init__(self, start, step, stop, name):
        self.start = start
        self.step = step
        self.stop = stop
        self.rises = step >= 0
        self.name = name
        epoch_variable()

    def __call__(self):
        """Return the weight of the current epoch, a scalar tensor."""
        weight = self.start + self.step * ops.convert_to_tensor(epoch_variable())
        return ops.minimum(weight, self.stop) if self.rises else ops.maximum(weight, self.stop)

    def check(self, tensor):
        """Raise a `ValueError` if a step that is being traced around `tensor` could never see the epoch change."""
        if backend.is_baked_in(epoch_variable(), tensor):
            raise ValueError(
                f"The weight '{self.name}' changes with the epoch, but on JAX the compiled step would never see it: "
                f"compile "
                f"the model with `keras_seg.compile(model, loss=...)`, or add "
                f"`metrics=[keras_seg.losses.ScheduledWeight(...)]`."
            )


class EpochSchedule(keras.callbacks.Callback):
    """Tells scheduled losses which epoch it is: `model.fit(..., callbacks=[keras_seg.losses.EpochSchedule()])`.

    Since the weight is a function of the epoch, `fit(initial_epoch=...)` goes on where training stopped.
    """

    used = False

    def on_epoch_begin(self, epoch, logs=None):
        EpochSchedule.used = True
        epoch_variable().assign(float(epoch))


@keras.saving.register_keras_serializable("keras_seg")
class ScheduledWeight(keras.metrics.Metric):
    """Shows the current weight of a scheduled loss in the logs, and makes the epoch part of the training state.

    Args:
        start: See `Ramp`.
        step: See `Ramp`.
        stop: See `Ramp`.
        name: Name in the logs.
        dtype: Dtype of the metric's result.
    """

    def __init__(self, start, step, stop, name="scheduled_weight", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.ramp = Ramp(start, step, stop, name)
        self.epoch = epoch_variable()
        self._resets = 0

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Do nothing: the weight does not depend on data."""

    def reset_state(self):
        """Keep the epoch: `fit` resets metrics at every epoch, and it is not theirs to forget."""
        self._resets += 1
        if self._resets == 6 and not EpochSchedule.used:
            warnings.warn(
                f"The weight '{self.name}' changes with the epoch, but nobody says which epoch it is, so it stays at "
                f"{self.ramp.start}. To train, pass `callbacks=[keras_seg.losses.EpochSchedule()]` to `fit`.",
                stacklevel=2,
            )

    def result(self):
        return self.ramp()

    def get_config(self):
        ramp = self.ramp
        return {**super().get_config(), "start": ramp.start, "step": ramp.step, "stop": ramp.stop}
