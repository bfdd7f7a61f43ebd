"""Networks of the zoo as functions that a search can build from."""

import keras
import numpy as np

from keras_seg import zoo


def zoo_builder(model, input_shape, num_classes, learning_rate=None, **arguments):
    """Make a function for `search` that builds a network of the zoo and compiles it with the loss it is given.

    Args:
        model: Name of the network, `"unet"` or `"vnet"`, or its builder.
        input_shape: As in the builder.
        num_classes: As in the builder: the background counted.
        learning_rate: Of Adam. `None`: Keras's.
        **arguments: More arguments of the builder, such as `filters`.

    Returns:
        A function `build(loss, hp)` that returns a compiled `keras.Model`.

    Raises:
        ValueError: If there is no such network.
    """
    builder = zoo.get(model)

    def build(loss, hp):
        optimizer = "adam" if learning_rate is None else keras.optimizers.Adam(learning_rate)
        return builder(input_shape, num_classes, loss=loss, optimizer=optimizer, **arguments)

    return build


def builder_for_arrays(model, data):
    """Make a `build(loss, hp)` for a network of the zoo whose channels and classes are those of arrays `(x, y)`.

    Raises:
        ValueError: If `data` are not arrays, or there is no such network.
    """
    is_arrays = isinstance(data, (tuple, list)) and len(data) >= 2 and all(hasattr(part, "shape") for part in data[:2])
    if not is_arrays or not 3 <= len(data[0].shape) <= 5:
        raise ValueError(
            f"The channels and classes of '{model}' are read off arrays `(x, y)`: images `[cases, *spatial, channels]` "
            "and labels. For other data give `keras_seg.tuner.zoo_builder(...)`, or your own `build(loss, hp)`."
        )
    x, y = data[:2]
    one_hot = len(y.shape) == len(x.shape) and y.shape[-1] > 1
    num_classes = y.shape[-1] if one_hot else max(2, int(np.max(y)) + 1)
    return zoo_builder(model, (None,) * (len(x.shape) - 2) + (x.shape[-1],), num_classes)
