"""The losses by name. Registering a class is all that look-up, text form, tuner, docs and tests need."""

import difflib
import inspect

import keras

_LOSSES = {}


def register(name):
    """Register a loss class under `name`, literally and for ever.

    The name is what users type (`"tversky"`); the class is also registered with Keras as `keras_seg>ClassName`, so that
    a saved model finds it again.
    """

    def decorate(cls):
        if name in _LOSSES:
            raise ValueError(f"A loss named '{name}' exists already: {_LOSSES[name].__name__}. Choose another name.")
        cls.registered_name = name
        _LOSSES[name] = keras.saving.register_keras_serializable("keras_seg")(cls)
        return cls

    return decorate


def names():
    """Return the names of all losses, sorted.

    Returns:
        A tuple of strings.
    """
    return tuple(sorted(_LOSSES))


def loss_class(name):
    """Return the class registered under `name`.

    Raises:
        ValueError: If there is none; the message names the nearest.
    """
    if name in _LOSSES:
        return _LOSSES[name]
    raise ValueError(f"Unknown loss '{name}'. {nearest(name, names())}")


def defaults(name):
    """Return a loss's own arguments and their defaults, as a dict; shared options are not among them."""
    return signature(loss_class(name))


def signature(cls):
    """Return the arguments of `cls.__init__` and their defaults, as a dict."""
    parameters = inspect.signature(cls.__init__).parameters.values()
    return {p.name: p.default for p in parameters if p.name != "self" and p.kind is not p.VAR_KEYWORD}


def space(name):
    """Return what a search may vary: `{argument: (low, high) | (low, high, "log") | [choices]}`."""
    return dict(loss_class(name).space)


def nearest(word, words):
    """Return a sentence that names what was probably meant."""
    close = difflib.get_close_matches(word, words, n=3, cutoff=0.5)
    if close:
        return "Did you mean " + " or ".join(f"'{name}'" for name in close) + "?"
    return "Known names: " + ", ".join(words) + "."
