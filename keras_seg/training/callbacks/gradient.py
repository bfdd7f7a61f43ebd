"""The length of the gradient over a training: summed up inside the compiled step, written into the logs."""

import keras
from keras import ops

from keras_seg.training.callbacks.averaging import inner_optimizer

NAME = "gradient_norm"


def sum_gradient_norms(optimizer):
    """Let an optimizer add up the norms of its gradients, as they are before they are cut.

    The sum is a variable of the optimizer, so that it is part of the compiled step on every backend; reading it once
    per epoch costs nothing, where reading a norm after each step would have the GPU wait.

    Args:
        optimizer: A Keras optimizer.

    Returns:
        The variable.
    """
    inner = inner_optimizer(optimizer)
    total = inner.add_variable((), "zeros", "float32", name=NAME)
    clip = inner._clip_gradients

    def summed(gradients):
        squares = [ops.sum(ops.square(ops.cast(one, "float32"))) for one in gradients if one is not None]
        total.assign_add(ops.sqrt(ops.sum(ops.stack(squares))))
        return clip(gradients)

    inner._clip_gradients = summed
    return total


class GradientNorm(keras.callbacks.Callback):
    """Writes the mean norm of an epoch's gradients into the logs, as `gradient_norm`.

    Args:
        total: What `sum_gradient_norms` returned.
    """

    def __init__(self, total):
        super().__init__()
        self.total = total
        self._steps = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.total.assign(0.0)
        self._steps = 0

    def on_train_batch_end(self, batch, logs=None):
        self._steps += 1

    def on_epoch_end(self, epoch, logs=None):
        if self._steps:
            logs[NAME] = float(ops.convert_to_numpy(self.total)) / self._steps
