"""The average of the weights over the last steps: its start, and lending it to the network."""

import contextlib

from keras import ops

# The average covers about a tenth of the steps so far until it has its full length: with the full length at once, the
# random weights of the start would be in it for hundreds of steps.
WARM_UP = 9.0


def warm_up_average(optimizer):
    """Let an optimizer's average of the weights begin short: its momentum is `min(ema_momentum, t / (t + 9))`.

    `t` is the number of the step from 0, so that the average starts at the weights of the first step. It is read inside
    the compiled step from the optimizer's own counter, and is right after training was resumed.

    Args:
        optimizer: A Keras optimizer. One without `use_ema` is left as it is.

    Returns:
        The optimizer.
    """
    inner = inner_optimizer(optimizer)
    if not inner.use_ema:
        return optimizer

    def update(trainable_variables):
        step = ops.cast(inner.iterations, "float32")
        momentum = ops.minimum(float(inner.ema_momentum), step / (step + WARM_UP))
        for variable, average in zip(trainable_variables, inner._model_variables_moving_average, strict=True):
            if average is not None:
                share = ops.cast(momentum, variable.dtype)
                average.assign(share * average + (1 - share) * variable)

    inner._update_model_variables_moving_average = update
    return optimizer


@contextlib.contextmanager
def averaged_weights(model):
    """Give a model the average of its weights for a while; afterwards it has its own again.

    Args:
        model: A compiled model. Without `use_ema`, or before the first step, it keeps its weights.
    """
    optimizer = inner_optimizer(model.optimizer)
    if not optimizer.use_ema or not int(ops.convert_to_numpy(optimizer.iterations)):
        yield model
        return
    # On the device, where there is room for another copy: the optimizer holds three already.
    own = [ops.copy(ops.convert_to_tensor(variable)) for variable in model.trainable_variables]
    try:
        for variable, average in zip(model.trainable_variables, optimizer._model_variables_moving_average, strict=True):
            # A copy: on JAX predicting gives away the memory of the variables, and the average must not go with it.
            variable.assign(ops.copy(ops.convert_to_tensor(average)))
        yield model
    finally:
        for variable, value in zip(model.trainable_variables, own, strict=True):
            variable.assign(value)


def inner_optimizer(optimizer):
    """Return the optimizer that steps: float16 training wraps it into one that scales the loss."""
    return getattr(optimizer, "inner_optimizer", optimizer)
