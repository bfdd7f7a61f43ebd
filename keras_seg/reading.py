"""Reading off a network what its outputs are: logits or probabilities, of exclusive or overlapping classes."""

import dataclasses

import keras

# Layers that neither make logits into probabilities nor probabilities into logits.
_TRANSPARENT = (
    keras.layers.Reshape,
    keras.layers.Permute,
    keras.layers.Cropping1D,
    keras.layers.Cropping2D,
    keras.layers.Cropping3D,
    keras.layers.ZeroPadding1D,
    keras.layers.ZeroPadding2D,
    keras.layers.ZeroPadding3D,
    keras.layers.UpSampling1D,
    keras.layers.UpSampling2D,
    keras.layers.UpSampling3D,
    keras.layers.Resizing,
    keras.layers.Identity,
)


@dataclasses.dataclass(frozen=True)
class Output:
    """What one output of a network holds.

    Attributes:
        name: Name of the output.
        classes: Number of maps.
        from_logits: Whether they are logits; `None` if that cannot be read off.
        multilabel: Whether each map has a sigmoid of its own; `None` if logits do not tell.
    """

    name: str
    classes: int | None
    from_logits: bool | None
    multilabel: bool | None


def read_outputs(model, data_format=None):
    """Describe the outputs of a model.

    Args:
        model: A `keras.Model`. Of a subclassed model nothing can be read: one output of unknown kind is returned.
        data_format: Where the model has its class axis; `None` means Keras's setting.

    Returns:
        A list of `Output`.
    """
    if isinstance(model, keras.Sequential):
        shape = model.outputs[0].shape if model.built and model.outputs else None
        return [_describe(model.name, shape, reversed(model.layers), data_format)]
    if not getattr(model, "outputs", None) or not getattr(model, "output_names", None):
        return [_describe(model.name, None, (), data_format)]
    return [
        _describe(name, tensor.shape, _backwards(tensor), data_format)
        for name, tensor in zip(model.output_names, model.outputs, strict=True)
    ]


def _describe(name, shape, operations, data_format):
    """Describe an output of this shape from the operations that made it, the last one first."""
    channels_first = (data_format or keras.config.image_data_format()) == "channels_first"
    classes = None if shape is None else shape[1 if channels_first else -1]
    activation = _last_activation(operations)
    multilabel = None
    if activation == "softmax":
        multilabel = False
    elif activation == "sigmoid" and classes is not None:
        multilabel = classes > 1
    from_logits = {"softmax": False, "sigmoid": False, "hard_sigmoid": False, "linear": True}.get(activation)
    return Output(name=name, classes=classes, from_logits=from_logits, multilabel=multilabel)


def _backwards(tensor):
    """Yield the operation that made a tensor, the one that made its input, and so on while there is one input."""
    while True:
        operation = tensor._keras_history.operation
        yield operation
        tensor = getattr(operation, "input", None)
        if tensor is None or isinstance(tensor, (list, tuple, dict)):
            return


def _last_activation(operations):
    """Return the name of the last activation, `"linear"` for none, `None` where it cannot be told."""
    for operation in operations:
        if isinstance(operation, keras.layers.Softmax):
            return "softmax"
        if isinstance(operation, keras.Model):
            inner = read_outputs(operation)[0]
            known = {True: "linear", False: "sigmoid" if inner.multilabel or inner.classes == 1 else "softmax"}
            return known.get(inner.from_logits)
        name = _activation_name(operation)
        is_linear_layer = name == "linear" and isinstance(operation, keras.layers.Activation)
        if isinstance(operation, _TRANSPARENT) or is_linear_layer:
            continue
        return name or {"Softmax": "softmax", "Sigmoid": "sigmoid"}.get(type(operation).__name__)
    return None


def _activation_name(operation):
    activation = getattr(operation, "activation", None)
    return getattr(activation, "__name__", None) if callable(activation) else None
