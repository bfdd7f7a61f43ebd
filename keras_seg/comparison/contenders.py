"""What is compared: losses by name or text, the five of the original comparison, and sweeps over a parameter."""

import dataclasses
import re

from keras_seg import losses as registered
from keras_seg.losses import registry

# One V-Net, trained once with each of these, was the comparison that this library grew out of. Its formulas see the
# foreground alone; its focal loss was a sum over voxels, here it is the mean, which Adam cannot tell from it.
ORIGINAL_FIVE = {
    "cross-entropy": "cross_entropy",
    "Dice": "dice(include_background=False)",
    "Tversky": "tversky(include_background=False)",
    "focal": "focal(alpha=0.25)",
    "CE + log1p(Dice)": "cross_entropy(include_background=False) + log1p(mean(dice(include_background=False)))",
}
"""The losses that are compared by default, `{label: text}`."""

# Stands for all of them among the losses to compare.
ORIGINAL = "original"

# A label before the text of a loss: "mine=dice + focal"; `=` inside of brackets belongs to an argument.
_LABEL = re.compile(r"\s*([^=()]+?)\s*=\s*(.+)")
_ARGUMENT = re.compile(r"(\w+)\s*=\s*([^,()=]*\|[^,()=]*)")


@dataclasses.dataclass(frozen=True)
class Sweep:
    """Losses that differ in one parameter (and maybe in others that go along with it).

    Attributes:
        text: As it was given, `"tversky(alpha=0.1|0.5|0.9, beta=0.9|0.5|0.1)"`.
        parameter: Name of the first parameter that varies.
        values: Its values, as numbers.
        labels: Label of the loss of each value.
    """

    text: str
    parameter: str
    values: tuple[float, ...]
    labels: tuple[str, ...]


def contenders(given):
    """Return what is compared, `{label: text}`.

    Args:
        given: `None` for the five of the original comparison, `{label: text}`, or texts, each with a label if it is
            to have one: `["dice_ce", "mine=dice + 0.5 * focal(gamma=3)"]`; `"original"` among them stands for the five.

    Raises:
        ValueError: If there is none, a text is no loss, or a label comes twice.
    """
    if given is None:
        return dict(ORIGINAL_FIVE)
    if isinstance(given, str):
        given = [given]
    if isinstance(given, dict):
        pairs = list(given.items())
    else:
        pairs = [pair for text in given for pair in (ORIGINAL_FIVE.items() if text == ORIGINAL else [_labelled(text)])]
    if not pairs:
        raise ValueError("Name at least one loss to compare, or none for the five of the original comparison.")
    found = {}
    for label, text in pairs:
        if not isinstance(text, str) or not isinstance(label, str):
            raise ValueError(
                f"A loss to compare is its name or text, such as 'tversky' or 'dice + focal'. Received: {text!r}."
            )
        if found.get(label, text) != text:
            raise ValueError(f"Two losses are called {label!r}: {found[label]!r} and {text!r}. Give them other labels.")
        found[label] = text
    for text in found.values():
        registered.get(text)
    return found


def sweep(text):
    """Read a sweep: a text in which some arguments have several values, separated by `|`.

    Several arguments vary together, the first value of one with the first of the other.

    Args:
        text: For example `"focal(gamma=0|1|2|4)"` or `"tversky(alpha=0.1|0.5|0.9, beta=0.9|0.5|0.1)"`.

    Returns:
        `Sweep` and `{label: text}` of its losses.

    Raises:
        ValueError: If no argument has several values, or two have different numbers of them, or one is no number.

    >>> sweep("focal(gamma=1|2)")[1]
    {'focal(gamma=1)': 'focal(gamma=1)', 'focal(gamma=2)': 'focal(gamma=2)'}
    """
    varied = {match[1]: [value.strip() for value in match[2].split("|")] for match in _ARGUMENT.finditer(text)}
    counts = {len(values) for values in varied.values()}
    if not varied or len(counts) > 1:
        raise ValueError(
            f"{text!r} is no sweep: expected arguments with several values, as many for each, such as "
            "'focal(gamma=0|1|2|4)' or 'tversky(alpha=0.1|0.5|0.9, beta=0.9|0.5|0.1)'."
        )
    made = []
    for place in range(counts.pop()):
        made.append(_ARGUMENT.sub(lambda match: f"{match[1]}={varied[match[1]][place]}", text))  # noqa: B023
    parameter, values = next(iter(varied.items()))
    try:
        numbers = tuple(map(float, values))
    except ValueError:
        raise ValueError(f"{text!r}: the values of `{parameter}` must be numbers. Received: {values}.") from None
    for one in made:
        registered.get(one)
    return Sweep(text, parameter, numbers, tuple(made)), {one: one for one in made}


def default_of(swept):
    """Return the default of a sweep's parameter where it is a loss of its own and has a number for it, else `None`."""
    name = re.match(r"\s*(\w*)", swept.text)[1]
    if name not in registry.names():
        return None
    value = registered.defaults(name).get(swept.parameter)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _labelled(text):
    match = _LABEL.fullmatch(text) if isinstance(text, str) else None
    return (match[1], match[2]) if match else (text, text)
