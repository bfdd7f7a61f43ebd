"""What a value of a recipe may be: its type, its range, and the words for both."""

import dataclasses
import difflib
import math
import numbers


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of value.

    Attributes:
        expected: What is expected, in words that follow "must be".
        read: Takes a value and returns it in the form that recipes keep (tuples, plain numbers), or raises a
            `ValueError` if it is none of this kind.
    """

    expected: str
    read: object

    def __call__(self, key, value):
        """Return the value in the form that recipes keep.

        Raises:
            ValueError: If it is not of this kind; the message names `key`, what is expected and what came.
        """
        try:
            return self.read(value)
        except (TypeError, ValueError):
            raise ValueError(f"`{key}` must be {self.expected}. Received: {value!r}.") from None


def count(low=1):
    """A whole number of at least `low`."""

    def read(value):
        if isinstance(value, bool) or not hasattr(value, "__index__") or value < low:
            raise ValueError
        return int(value)

    return Kind(f"a whole number of at least {low}", read)


def number(low, high=math.inf, *, open_low=False, open_high=False):
    """A finite number from `low` to `high`; `open_low` and `open_high` leave the ends out."""
    above = f"above {low:g}" if open_low else f"of at least {low:g}"
    below = "" if math.isinf(high) else f" and {'below' if open_high else 'at most'} {high:g}"

    def read(value):
        if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value):
            raise ValueError
        too_low = value <= low if open_low else value < low
        too_high = value >= high if open_high else value > high
        if too_low or too_high:
            raise ValueError
        return float(value)

    return Kind(f"a number {above}{below}", read)


def flag():
    """True or false."""

    def read(value):
        if not isinstance(value, bool):
            raise ValueError
        return value

    return Kind("true or false", read)


def text():
    """A text that is not empty."""

    def read(value):
        if not isinstance(value, str) or not value.strip():
            raise ValueError
        return value

    return Kind("a text", read)


def choice(names):
    """One of `names`, a tuple or a function that returns one; the nearest is named."""

    class Choice(Kind):
        def __call__(self, key, value):
            known = names() if callable(names) else names
            if value in known:
                return value
            listed = ", ".join(f'"{name}"' for name in known)
            raise ValueError(f"`{key}` must be one of {listed}. Received: {value!r}.{nearest(value, known)}")

    return Choice("one of several names", None)


def sequence(entry, low, high, expected):
    """A list of `low` to `high` (`None`: any number of) entries of the kind `entry`; kept as a tuple."""

    def read(value):
        if isinstance(value, (str, dict)) or not hasattr(value, "__len__"):
            raise TypeError
        if len(value) < low or (high is not None and len(value) > high):
            raise ValueError
        return tuple(entry.read(item) for item in (value.tolist() if hasattr(value, "tolist") else value))

    return Kind(expected, read)


def spacing():
    """`"stored"`, or a size in millimetres per spatial axis."""
    sizes = sequence(number(0, open_low=True), 1, 3, "")

    def read(value):
        return value if value == "stored" else sizes.read(value)

    return Kind('"stored" (as in the files), or one size in mm above 0 per spatial axis, such as [1.0, 1.0, 3.0]', read)


def strides():
    """For each halving a whole number, or one per spatial axis."""
    one = count()
    each = sequence(one, 1, 3, "")

    def read(value):
        if isinstance(value, (str, dict)) or not hasattr(value, "__len__") or not len(value):
            raise TypeError
        return tuple(each.read(entry) if hasattr(entry, "__len__") else one.read(entry) for entry in value)

    return Kind(
        "a list with one entry per step down in resolution, each a whole number or one per spatial axis, such as "
        "[[2, 2, 1], 2, 2]",
        read,
    )


def table():
    """A table of options by name. A file has no empty value: the text `"none"` stands for `None`."""

    def plain(value):
        if isinstance(value, dict):
            return {str(key): plain(entry) for key, entry in value.items()}
        if hasattr(value, "tolist"):
            value = value.tolist()
        if isinstance(value, (list, tuple)):
            return tuple(plain(entry) for entry in value)
        if isinstance(value, str) and value == "none":
            return None
        if value is None or isinstance(value, (str, bool, int, float)):
            return value
        raise TypeError

    def read(value):
        if not isinstance(value, dict):
            raise TypeError
        return plain(value)

    return Kind("a table of options, such as {ignore_class = 2}", read)


def closest(name, known):
    """Return the entry of `known` that is written most like `name`, or `None` if none is."""
    near = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.6)
    return near[0] if near else None


def nearest(name, known):
    """Return ` Did you mean "x"?` for the closest entry of `known`, or an empty text."""
    near = closest(name, known)
    return f' Did you mean "{near}"?' if near else ""
