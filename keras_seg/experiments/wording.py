"""Numbers and lists as they stand in sentences."""

import math


def count(number, noun):
    """Return a number with its noun.

    >>> count(1, "trial"), count(2, "trial")
    ('1 trial', '2 trials')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(items):
    """Return texts as a list within a sentence.

    >>> listed(["dice", "focal", "ce"])
    'dice, focal and ce'
    """
    items = [str(item) for item in items]
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def code(text):
    """Return a text as code in Markdown."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}"


def p_value(value):
    """Return a p-value, of which tiny ones are not told apart."""
    return "-" if math.isnan(value) else f"{value:.2g}" if value >= 0.001 else "0.001 or less"


def dice(value):
    """Return a Dice with three digits."""
    return "-" if math.isnan(value) else f"{value:.3f}"


def interval(low, high):
    """Return an interval of a difference, or `-` if there is none."""
    return "-" if math.isnan(low) else f"{low:+.3f} to {high:+.3f}"


def difference(value, low, high):
    """Return a signed difference with its interval.

    >>> difference(0.004, -0.01, 0.02)
    'difference +0.004, 95 % interval -0.010 to +0.020'
    """
    span = "" if math.isnan(low) else f", 95 % interval {interval(low, high)}"
    return f"difference {value:+.3f}{span}"
