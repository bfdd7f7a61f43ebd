"""A network as a function from images to probabilities, whatever its last layer gives."""

import weakref

import keras

from keras_seg.reading import read_outputs

_KNOWN = weakref.WeakKeyDictionary()


def probability_model(model, multilabel=None):
    """Return the network with its main output alone, as probabilities; it shares the weights of `model`.

    A model that returns logits gets a softmax, or a sigmoid for a single class and for classes that overlap, in
    float32. One that returns probabilities keeps its last layer.

    Args:
        model: A functional or sequential `keras.Model`, channels last, whose first output is the main one.
        multilabel: Whether classes may overlap. `None`: what the model's activation or the loss that it is compiled
            with says, else not.

    Returns:
        A `keras.Model` with one output, not compiled.

    Raises:
        ValueError: If it cannot be told what the model returns; the message says what to pass instead.

    Example:
    >>> model = keras_seg.zoo.unet((None, None, 1), num_classes=3, filters=(4, 8), activation=None)
    >>> scores = keras_seg.inference.probability_model(model).predict(np.ones((1, 8, 8, 1)), verbose=0)
    >>> bool(np.allclose(scores.sum(axis=-1), 1))
    True
    """
    main = read_outputs(model, "channels_last")[0]
    if main.classes is None or main.from_logits is None:
        raise ValueError(
            f"Cannot tell whether '{model.name}' gives logits or probabilities. Pass a function in its place that "
            "takes images `[batch, *spatial, channels]` and returns probabilities: "
            "`lambda x: keras.ops.softmax(model(x, training=False))` if it gives logits."
        )
    if len(model.inputs) != 1:
        raise ValueError(
            f"'{model.name}' has {len(model.inputs)} inputs, but images come as one. Pass a function in its place that "
            "takes images `[batch, *spatial, channels]` and returns probabilities."
        )
    outputs = model.outputs[0]
    if main.from_logits:
        overlapping = multilabel if multilabel is not None else _is_multilabel(model)
        single = main.classes == 1 or overlapping
        activation = keras.layers.Activation("sigmoid" if single else "softmax", dtype="float32", name="probabilities")
        outputs = activation(outputs)
    return keras.Model(model.inputs[0], outputs, name=model.name)


def as_function(model, multilabel=None):
    """Return a function from a batch of images to probabilities, both NumPy arrays; the same one for the same model.

    Arguments and errors are those of `probability_model`. What a function compiled for one shape is thus kept for the
    next image.
    """
    if not isinstance(model, keras.Model):
        return model
    known = _KNOWN.setdefault(model, {})
    key = multilabel if multilabel is not None else _is_multilabel(model)
    if key not in known:
        # Never compiled, so it resolves whether to jit by what is fastest here, whatever was chosen for training.
        known[key] = probability_model(model, multilabel).predict_on_batch
    return known[key]


def is_multilabel(model, multilabel=None):
    """Return whether the classes of a model may overlap.

    Args:
        model: A `keras.Model`.
        multilabel: What the user says, or `None`.
    """
    if multilabel is not None:
        return multilabel
    main = read_outputs(model, "channels_last")[0]
    return bool(main.multilabel) if main.multilabel is not None else _is_multilabel(model)


def _is_multilabel(model):
    """Whether the loss that a model is compiled with says that classes overlap; logits do not tell."""
    loss = getattr(model, "loss", None)
    main = loss[0] if isinstance(loss, (list, tuple)) and loss else loss
    return bool(getattr(main, "multilabel", None))
