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


def read_outputs(model):
    """Describe the outputs of a model.

    Args:
        model: A `keras.Model`. Of a subclassed model nothing can be read: one output of unknown kind is returned.

    Returns:
        A list of `Output`.
    """
    if not getattr(model, "outputs", None) or not getattr(model, "output_names", None):
        return [Output(name=model.name, classes=None, from_logits=None, multilabel=None)]
    channels_first = keras.config.image_data_format() == "channels_first"
    outputs = []
    for name, tensor in zip(model.output_names, model.outputs, strict=True):
        classes = tensor.shape[1 if channels_first else -1]
        activation = _last_activation(tensor)
        multilabel = None
        if activation == "softmax":
            multilabel = False
        elif activation == "sigmoid" and classes is not None:
            multilabel = classes > 1
        logits = {"softmax": False, "sigmoid": False, "hard_sigmoid": False, "linear": True}.get(activation)
        outputs.append(Output(name=name, classes=classes, from_logits=logits, multilabel=multilabel))
    return outputs


def _last_activation(tensor):
    """Return the name of the activation that made a tensor, `"linear"` for none, `None` where it cannot be told."""
    while True:
        operation = tensor._keras_history.operation
        if isinstance(operation, keras.layers.Softmax):
            return "softmax"
        name = _activation_name(operation)
        if name not in (None, "linear"):
            return name
        is_passed_on = isinstance(operation, _TRANSPARENT) or (
            name == "linear" and isinstance(operation, keras.layers.Activation)
        )
        if is_passed_on:
            tensor = operation.input
        elif name == "linear":
            return "linear"
        elif isinstance(operation, keras.Model) and getattr(operation, "outputs", None):
            tensor = operation.outputs[0]
        else:
            return {"Softmax": "softmax", "Sigmoid": "sigmoid"}.get(type(operation).__name__)


def _activation_name(operation):
    activation = getattr(operation, "activation", None)
    return getattr(activation, "__name__", None) if callable(activation) else None
