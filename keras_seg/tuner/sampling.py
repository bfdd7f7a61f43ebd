"""One hyperparameter: what may be searched, and how KerasTuner is asked for a value."""

import math
import numbers

from keras_seg.losses import registry, text


def checked(name, given):
    """Return what somebody wants to search in the form that `sample` takes.

    Args:
        name: What it is of, for messages.
        given: `(low, high)`, `(low, high, "log")`, a list of choices, or one value (a number, a text, true, false).

    Returns:
        A tuple, a range; or a list of choices, each once. One choice: the value is fixed, there is nothing to search.

    Raises:
        ValueError: If it is none of these.
    """
    if isinstance(given, tuple):
        complaint = complaint_about(given)
        if complaint:
            raise ValueError(
                f"The range of `{name}` cannot be searched: {complaint}. Received: {given!r}. Give (low, high), "
                f"(low, high, 'log'), a list of choices, or one value that is not searched."
            )
        return tuple(value if isinstance(value, str) else _plain(value) for value in given)
    if isinstance(given, list) and given:
        choices = list({repr(value): value for value in map(_plain, given)}.values())
        kinds = {type(value) for value in choices}
        return [float(value) for value in choices] if kinds == {int, float} else choices
    if given is None or isinstance(given, (str, numbers.Real)):
        return [_plain(given)]
    raise ValueError(
        f"Cannot search `{name}` in what was given: {given!r}. Expected (low, high), (low, high, 'log'), a list of at "
        f"least one choice, or one value: a number, a text, True or False."
    )


def complaint_about(spec):
    """Return what is wrong with a range, or an empty text."""
    if len(spec) not in (2, 3):
        return "it must have two ends, and 'log' after them for a log scale"
    low, high, *scale = spec
    if not all(is_number(end) and math.isfinite(end) for end in (low, high)):
        return "its ends must be finite numbers"
    if scale not in ([], ["log"], ["linear"]):
        return "what follows its ends may only be 'log'"
    if low >= high:
        return "its low end must be below its high end"
    return "on a log scale both ends must be above 0" if scale == ["log"] and low <= 0 else ""


def is_number(value):
    """Return whether a value is a number; true and false are none."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def inside(spec, default):
    """Return the default that a hyperparameter has in this range: the nearest value, the first of the choices.

    What is no number, such as `None`, is nearest to the low end.
    """
    if isinstance(spec, list):
        return default if default in spec else spec[0]
    if not is_number(default):
        return spec[0]
    nearest = min(max(default, spec[0]), spec[1])
    return float(nearest) if isinstance(default, float) else nearest


def sample(hp, key, spec, default, grid=False):
    """Declare one hyperparameter, and return its value; in a branch that is not chosen, the default.

    Args:
        hp: `keras_tuner.HyperParameters`.
        key: Its name.
        spec: `(low, high)`, `(low, high, "log")` or a list of choices.
        default: Its default, which lies within.
        grid: Whether a range becomes three values, its ends and the default.

    Returns:
        A value of `spec`. Numbers of a range have four digits.

    Raises:
        ValueError: If `spec` does not hold the default.
    """
    if isinstance(spec, list):
        return _sample_choice(hp, key, spec, default)
    low, high, *scale = spec
    if not isinstance(default, numbers.Real) or not low <= default <= high:
        raise ValueError(f"The space of `{key}` is {spec}, which does not hold its default {default!r}. Widen it.")
    number = int if all(isinstance(value, int) for value in (low, high, default)) else float
    if grid:
        return _sample_choice(hp, key, sorted({number(value) for value in (low, default, high)}), number(default))
    declare = hp.Int if number is int else hp.Float
    value = declare(key, low, high, sampling=scale[0] if scale else "linear", default=default)
    # In a branch that is not chosen, KerasTuner gives None for everything.
    return default if value is None else rounded(value, spec)


def rounded(value, spec):
    """Return a number with four digits, so that texts stay readable, unless that would lead out of its range."""
    short = float(f"{value:.4g}") if isinstance(value, float) else value
    return short if spec[0] <= short <= spec[1] else value


def shown(choices):
    """Return what KerasTuner chooses from, as `{what it is shown: choice}`."""
    kinds = {type(value) for value in choices}
    if len(kinds) == 1 and kinds <= {str, int, float}:
        return {value: value for value in choices}
    # KerasTuner chooses among values of one of these types, and makes 0 and 1 of `False` and `True`.
    return {repr(value): value for value in choices}


class GivenRanges:
    """What somebody wants to search instead of the spaces of the losses, and whether all of it was of use."""

    def __init__(self, ranges):
        if not isinstance(ranges or {}, dict):
            raise ValueError(f"`ranges` must be a dict, such as {{'tversky.alpha': (0.2, 0.8)}}. Received: {ranges!r}.")
        self.ranges = {name: checked(name, given) for name, given in (ranges or {}).items()}
        self.used = set()
        self.searched = []
        for name in self.ranges:
            if ": " not in name:
                self._check_name(name)

    def arguments(self, *owners):
        """Return the arguments that have a range under one of these names of a loss, without repetition."""
        pairs = (name.rpartition(".") for name in self.ranges)
        return dict.fromkeys(argument for owner, _, argument in pairs if owner in owners)

    def find(self, *names):
        """Return the range of a hyperparameter under the first of its names that has one, or `None`."""
        self.searched.append(names[0])
        found = [name for name in names if name in self.ranges]
        self.used.update(found)
        return self.ranges[found[0]] if found else None

    def check_used(self, branches):
        """Refuse a range that changed nothing: it would be dropped without a word."""
        for name in self.ranges:
            if name in self.used:
                continue
            if ": " in name:
                known = tuple(key for key in self.searched if ": " in key)
                raise ValueError(
                    f"There is nothing to search named `{name}`. "
                    f"{registry.nearest(name, known) if known else 'No sum of losses is searched here.'}"
                )
            loss, _, argument = name.partition(".")
            if any(loss in text.words(branch) for branch in branches):
                raise ValueError(
                    f"The range of `{name}` changes nothing: every text with '{loss}' gives '{argument}' itself. Leave "
                    f"out one of the two. Texts: {', '.join(branches)}."
                )
            raise ValueError(
                f"The range of `{name}` changes nothing: '{loss}' is none of the losses to choose from, which are "
                f"{', '.join(branches)}. Add '{loss}', or leave the range out."
            )

    def _check_name(self, name):
        loss, _, argument = name.partition(".")
        known = tuple(text.options_of(registry.loss_class(loss)))
        if not argument:
            raise ValueError(f"A range is of an argument, such as `{loss}.{known[0]}`. Received: {name!r}.")
        if argument not in known:
            raise ValueError(f"'{loss}' has no argument '{argument}'. {registry.nearest(argument, known)}")


def _sample_choice(hp, key, values, default):
    if default not in values:
        raise ValueError(f"The space of `{key}` is {values}, which does not hold its default {default!r}. Add it.")
    by_shown = shown(values)
    first = list(by_shown)[values.index(default)]
    value = hp.Choice(key, list(by_shown), default=first)
    return default if value is None else by_shown.get(value, value)


def _plain(value):
    """Return a number of NumPy as one of Python."""
    return value.item() if is_number(value) and hasattr(value, "item") else value
