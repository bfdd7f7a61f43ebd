"""A loss taken apart into its form and its numbers: losses of one form share what is compiled.

Compiling takes a second or two, and TensorFlow keeps what XLA compiled for as long as the process lives. A search that
tries a hundred values of `alpha` would wait a hundred times and keep a hundred functions. So the numbers of a loss that
only enter its arithmetic are inputs of the compiled function, and everything else is its form.
"""

import numbers
import types

import keras

# What no formula reads: it acts around the compiled function.
OUTSIDE = ("name", "reduction", "_reduce")
# Stands in a form where a number was.
NUMBER = "a number"
# Their values tell all about them, and two that are equal are the same.
PLAIN = (str, bytes, int, float, bool, type(None), type, types.FunctionType)


def dismantle(loss):
    """Return the form of a loss, which is hashable, and its numbers.

    The numbers are those in the attributes that a class lists in `adjustable`, but for whole ones: a power of 2 or a
    weight of 1 is something that formulas and compilers have shortcuts for.

    Args:
        loss: `SegmentationLoss`.

    Returns:
        Tuple `(form, numbers)`.
    """
    found = []

    def keep(number):
        found.append(float(number))
        return number

    form, _ = _Walk(keep).through(loss)
    return form, found


def assemble(loss, replacements):
    """Return a copy of a loss that calculates with other numbers, or with tensors.

    Args:
        loss: `SegmentationLoss`.
        replacements: As many as `dismantle` returns numbers, in that order.

    Returns:
        `SegmentationLoss`, good for `values` alone.
    """
    rest = iter(replacements)
    return _Walk(lambda number: next(rest)).through(loss)[1]


class _Walk:
    """Walks through a loss, its attributes and its members, always in the same order.

    Args:
        replace: Function that is given each number and returns what takes its place in the copy.
    """

    def __init__(self, replace):
        self.replace = replace
        # A loss may be held in two places; its copy must be one, too.
        self.copies = {}

    def through(self, value, is_adjustable=False):
        """Return the form and the copy of a value."""
        if hasattr(value, "adjustable"):
            return self._through_attributes(value)
        if isinstance(value, (tuple, list)):
            both = [self.through(one, is_adjustable) for one in value]
            return (type(value), *(form for form, _ in both)), type(value)(one for _, one in both)
        if is_adjustable and is_fraction(value):
            return NUMBER, self.replace(value)
        if isinstance(value, keras.DTypePolicy):
            return (keras.DTypePolicy, value.name), value
        return (type(value), value if isinstance(value, PLAIN) else _Same(value)), value

    def _through_attributes(self, whole):
        if id(whole) in self.copies:
            return self.copies[id(whole)]
        # Not `copy.copy`: Keras copies a loss by its configuration.
        forms, changed = [type(whole)], object.__new__(type(whole))
        for name, value in sorted(vars(whole).items()):
            if name not in OUTSIDE:
                form, vars(changed)[name] = self.through(value, name in whole.adjustable)
                forms.append((name, form))
        self.copies[id(whole)] = tuple(forms), changed
        return self.copies[id(whole)]


class _Same:
    """Something of which only its identity is known, such as an array: it equals itself alone."""

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return isinstance(other, _Same) and self.value is other.value

    def __hash__(self):
        return id(self.value)


def is_fraction(value):
    """Whether `value` is a number that is not whole."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return is_number and float(value) % 1 != 0
