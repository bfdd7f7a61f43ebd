"""The table `[augmentation]`: a preset, and every field of `keras_seg.data.Augmentation`."""

import dataclasses

from keras_seg.training.recipes import kinds

PRESETS = ("none", "light", "default", "strong")


def augmentation_keys():
    """Return the kind of each key of the table, a dict."""
    return {"preset": kinds.choice(PRESETS), **{field.name: _ANY for field in _fields()}}


def make_augmentation(preset, rank, changes):
    """Return the `Augmentation` of a preset with some fields changed.

    Args:
        preset: Name of the preset.
        rank: Number of spatial axes.
        changes: Values by field.

    Raises:
        ValueError: If a field has a value that `Augmentation` does not take; the message names the table.
    """
    from keras_seg.data import Augmentation

    made = Augmentation.preset(preset, rank)
    try:
        return dataclasses.replace(made, **changes)
    except (TypeError, ValueError) as error:
        raise ValueError(f"[augmentation]: {error}") from None


def _fields():
    from keras_seg.data import Augmentation

    return dataclasses.fields(Augmentation)


def _plain(value):
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return tuple(_plain(entry) for entry in value)
    if isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError


# Ranges are the class's own business: it checks them when it is made.
_ANY = kinds.Kind("a number, a text, true or false, or a list of those", _plain)
