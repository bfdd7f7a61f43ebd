"""From the last features to a model: one map per class, auxiliary heads, the compiled loss."""

import math

import keras

from keras_seg.compiling import compile
from keras_seg.zoo import arguments, blocks
from keras_seg.zoo.sizes import check_size, explain_sizes


def open_network(input_shape, num_classes, filters, strides):
    """Check what every network has, and return the input tensor, the filters, and the strides of each step down.

    Raises:
        ValueError: If one is not what it should be, or a given size cannot be divided at every level.
    """
    shape = arguments.check_input_shape(input_shape)
    filters = arguments.check_filters(filters)
    arguments.check_count("num_classes", num_classes)
    steps = arguments.per_halving(strides, len(filters) - 1, len(shape) - 1)
    check_size(shape[:-1], tuple(map(math.prod, zip(*steps))), f"A network of {len(filters)} levels")
    return keras.Input(shape, name="image"), filters, steps


def output_activation(activation, num_classes, multilabel):
    """Return the name of the activation of the last layer.

    Args:
        activation: `"auto"` for probabilities: a softmax over classes that exclude each other, a sigmoid for one class
            or `multilabel=True`. `None` for logits. Else an activation of Keras, by name or as a function.
        num_classes: Number of maps.
        multilabel: Whether classes may overlap.

    Raises:
        ValueError: If the activation is unknown, or contradicts the classes.
    """
    if activation == "auto":
        return "sigmoid" if multilabel or num_classes == 1 else "softmax"
    if activation == "softmax" and (multilabel or num_classes == 1):
        what = "`multilabel=True`" if multilabel else "`num_classes=1`"
        raise ValueError(
            f"`activation='softmax'` contradicts {what}: a softmax makes the classes of a voxel sum to 1, a single "
            f"class always 1. Leave `activation` out, or count the background as a class."
        )
    if activation == "sigmoid" and num_classes > 1 and not multilabel:
        raise ValueError(
            f"`activation='sigmoid'` with {num_classes} classes means that classes may overlap: say `multilabel=True`, "
            f"or leave `activation` out for a softmax."
        )
    try:
        keras.activations.get(activation)
    except ValueError as error:
        raise ValueError(
            f"`activation={activation!r}` is unknown. Expected 'auto' (probabilities), None (logits), or an activation "
            f"of Keras by its name."
        ) from error
    return activation


def add_heads(features, num_classes, activation="auto", multilabel=False, deep_supervision=False):
    """Turn features into class maps: `main`, and with deep supervision `aux_1`, `aux_2`, ... at 1/2, 1/4, ... the size.

    Args:
        features: What `encoder_decoder` returns.
        num_classes: Number of maps.
        activation: See `output_activation`.
        multilabel: Whether classes may overlap.
        deep_supervision: Whether every level of the decoder has a head. The lowest level has none.

    Returns:
        One tensor, or a list of them, the main one first; `[batch, *spatial, num_classes]`, float32.
    """
    activation = output_activation(activation, num_classes, multilabel)

    def head(x, name):
        # In float32 also under mixed precision: half a precision would be lost just before the loss takes logarithms.
        return blocks.spatial_layer("Conv{}D", x, num_classes, 1, activation=activation, dtype="float32", name=name)

    if not deep_supervision:
        return head(features[0], "main")
    decoder = features[:-1]
    return [head(x, f"aux_{level}" if level else "main") for level, x in enumerate(decoder)]


def main_head(model):
    """Return the network with its main output alone, as it predicts; it shares the weights of `model`.

    Args:
        model: A network of the zoo, or any functional model whose first output is the main one.

    Returns:
        A `keras.Model` with one output, not compiled. A model that has one output only comes back itself.

    Example:
    >>> model = keras_seg.zoo.unet(filters=(4, 8, 16, 32), deep_supervision=True)
    >>> model.output_names, keras_seg.zoo.main_head(model).output_names
    (['main', 'aux_1', 'aux_2'], ['main'])
    """
    if len(model.outputs) == 1:
        return model
    return explain_sizes(keras.Model(model.input, model.outputs[0], name=model.name))


def finish(model, loss, optimizer, metrics, multilabel, jit_compile):
    """Compile the network by `keras_seg.compile` if it has a loss, and have it explain sizes that do not fit.

    Args:
        model: The network.
        loss: What `keras_seg.losses.get` takes, or `None` for a network that is not compiled.
        optimizer: As in `keras.Model.compile`.
        metrics: Metrics besides the hard Dice.
        multilabel: Whether classes may overlap; logits do not tell.
        jit_compile: As in `keras_seg.compile`.

    Returns:
        The model.
    """
    if loss is not None:
        overlapping = multilabel and model.outputs[0].shape[-1] > 1
        compile(
            model,
            loss,
            optimizer,
            metrics,
            multilabel=overlapping,
            data_format="channels_last",
            jit_compile=jit_compile,
        )
    return explain_sizes(model)
