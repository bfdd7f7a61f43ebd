"""The range of Dice that a picture shows, and the marks of trials on it."""

import dataclasses
import math

import numpy as np

# How far the axis reaches below the best, in units of what lies between the best and the median, and of Dice at least.
REACH, SHORTEST_REACH = 6, 0.1
SHORTEST = 0.03
# Where marks stand that have no place on the axis, as a share of its length.
EDGE = 0.035
GREY = "#888888"


@dataclasses.dataclass(frozen=True)
class DiceAxis:
    """A range of Dice in which the better half of all values can be told apart.

    Attributes:
        low: Lower end.
        high: Upper end.
        cut: Whether there are values below the lower end.
    """

    low: float = 0.0
    high: float = 1.0
    cut: bool = False

    @classmethod
    def of(cls, values):
        """Choose the range: everything, or without the few values that would squash all others.

        Args:
            values: Numbers; what is not finite does not count.

        >>> axis = DiceAxis.of([0.0, 0.02, 0.81, 0.82, 0.83, 0.84])
        >>> axis.cut, round(axis.low, 2)
        (True, 0.81)
        """
        values = np.asarray([value for value in values if math.isfinite(value)], "float64")
        if not len(values):
            return cls()
        top, lowest = values.max(), values.min()
        kept = values[values >= top - max(REACH * (top - np.median(values)), SHORTEST_REACH)].min()
        # An axis is cut only where that makes it much shorter.
        cut = bool(top - lowest > 1.5 * max(top - kept, SHORTEST))
        bottom = kept if cut else lowest
        span = max(top - bottom, SHORTEST)
        return cls(float(max(bottom - 0.15 * span, -0.06)), float(top + 0.08 * span), cut)

    def apply(self, axis, across=False):
        """Give a `matplotlib` axis this range, horizontally if `across`."""
        (axis.set_xlim if across else axis.set_ylim)(self.low, self.high)
        axis.grid(axis="x" if across else "y", color="#EEEEEE")
        axis.set_axisbelow(True)

    def points(self, axis, trials, places, color, marker, across=False, size=26):
        """Draw trials: hollow if they were stopped, a cross at the edge if they failed, a triangle if they are below.

        Args:
            axis: A `matplotlib` axis.
            trials: List of `Trial`.
            places: Where they stand in the other direction.
            color: Colour of their loss.
            marker: Mark of their loss.
            across: Whether Dice runs from left to right.
            size: Size of the marks.
        """
        kinds = {}
        for trial, place in zip(trials, places):
            kinds.setdefault(self._kind(trial), []).append((place, trial.val_dice))
        for (kind, stopped), found in kinds.items():
            other, dice = zip(*found)
            options = {"s": size, "color": color, "linewidths": 1.0, "zorder": 3, "marker": marker}
            if kind == "inside":
                options |= {"facecolor": "white" if stopped else color, "edgecolor": color, "alpha": 0.85}
            else:
                dice = [EDGE] * len(other)
                options["transform"] = axis.get_yaxis_transform() if across else axis.get_xaxis_transform()
                options["clip_on"] = False
            if kind == "below":
                options |= {"marker": "<" if across else "v", "facecolor": "white" if stopped else color}
            elif kind == "failed":
                options |= {"marker": "x", "color": GREY}
            axis.scatter(*((dice, other) if across else (other, dice)), **options)

    def _kind(self, trial):
        """Tell what a trial is drawn as, and whether hollow."""
        if not is_known(trial):
            return "failed", False
        return "below" if trial.val_dice < self.low else "inside", trial.stopped


def is_known(trial):
    """Return whether a trial has a Dice."""
    return not trial.failed and math.isfinite(trial.val_dice)
