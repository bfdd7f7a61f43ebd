"""A picture of a search: its trials in order, over epochs, per loss, and against what was searched."""

import dataclasses
import math

from keras_seg.files import replacing
from keras_seg.terminal import shorten
from keras_seg.tuner.dice_axis import GREY, DiceAxis, is_known
from keras_seg.tuner.trial import ranked

# Paul Tol's bright colours and black, told apart with every kind of colour vision; then again with other marks.
COLORS = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377", "#000000")
# No diamond, which marks what was confirmed, and no other triangle, which marks what lies below the axis.
MARKERS = ("o", "s", "^", "P", "*")
WIDTH, DPI = 10.0, 110
COLUMNS, MOST_PANELS = 4, 12
# Learning curves in colour: the best trial of that many losses.
COLORED = 5
# Values that span more than this factor stand on a logarithmic axis.
LOG_SPAN = 30


def plot_trials(path, trials, confirmation=None):
    """Draw a search in panels: trials in order, learning curves, Dice per loss, Dice against each parameter.

    A loss has the same colour and mark in all panels. Where a few trials would squash all others, the axis of Dice
    leaves them out, and they stand as triangles at its end.

    Args:
        path: Path of the PNG file.
        trials: List of `Trial`, at least one.
        confirmation: `Confirmation`, or `None`.

    Returns:
        The path.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    picture = _Picture(trials, confirmation)
    grid_rows = -(-len(picture.shown) // COLUMNS)
    heights = [0.4, 3.3, 0.95 + 0.25 * len(picture.names)] + ([0.4 + 1.95 * grid_rows] if grid_rows else [])
    figure = Figure(figsize=(WIDTH, sum(heights)), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    parts = figure.subfigures(len(heights), 1, height_ratios=heights)
    axes = parts[1].subplots(1, 2)
    picture.draw_order(axes[0])
    picture.draw_curves(axes[1])
    picture.draw_losses(parts[2].subplots())
    if grid_rows:
        picture.draw_parameters(parts[3], grid_rows)
    picture.draw_legend(parts[0])
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")
    return path


@dataclasses.dataclass(frozen=True)
class _Confirmed:
    """A loss of the confirmation round, and the row in which it stands."""

    name: str
    mean: float
    rounds: list
    is_default: bool


class _Picture:
    """What all panels share: the range of Dice, the losses in their order, and how each of them looks."""

    def __init__(self, trials, confirmation):
        self.trials = sorted(trials, key=lambda trial: trial.number)
        self.best_first = ranked(self.trials)
        self.confirmed = [] if confirmation is None else list(_confirmed(confirmation, self.trials))
        self.folds = confirmation is not None and confirmation.folds
        names = [trial.name for trial in self.best_first] + [entry.name for entry in self.confirmed]
        self.names = list(dict.fromkeys(names))
        values = [trial.val_dice for trial in self.trials if is_known(trial)]
        self.scale = DiceAxis.of(values + [value for entry in self.confirmed for value in (entry.mean, *entry.rounds)])
        # The best losses' parameters first.
        varied = _varied(self.trials)
        self.parameters = sorted(varied, key=lambda key: -max(t.val_dice for t in varied[key] if is_known(t)))
        self.shown = self.parameters[:MOST_PANELS]

    def look(self, name):
        """Return colour and mark of a loss: no two of the first 35 agree in both."""
        place = self.names.index(name)
        return COLORS[place % len(COLORS)], MARKERS[place // len(COLORS) % len(MARKERS)]

    def draw_order(self, axis):
        from matplotlib.ticker import MaxNLocator

        numbers = [trial.number for trial in self.trials]
        best, so_far = [], math.nan
        for trial in self.trials:
            if is_known(trial) and not trial.val_dice <= so_far:  # which may be NaN
                so_far = trial.val_dice
            best.append(so_far)
        axis.step(numbers, best, where="post", color="#BBBBBB", linewidth=1.5, zorder=1)
        for name in self.names:
            own = [trial for trial in self.trials if trial.name == name]
            self.scale.points(axis, own, [trial.number for trial in own], *self.look(name))
        self.scale.apply(axis)
        axis.set_xlim(min(numbers) - 0.7, max(numbers) + 0.7)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        _name(axis, "Trials in their order", "trial", "validation Dice")

    def draw_curves(self, axis):
        from matplotlib.ticker import MaxNLocator

        drawn = [trial for trial in self.best_first if trial.curve]
        scale = DiceAxis.of([dice for trial in drawn for dice in trial.curve.values()])
        firsts = {}
        for trial in drawn:
            if is_known(trial):
                firsts.setdefault(trial.name, trial)
        best = list(firsts.values())[:COLORED]
        for trial in reversed(drawn):
            epochs, values = zip(*sorted(trial.curve.items()))
            colored = trial in best
            color = self.look(trial.name)[0] if colored else "#BBBBBB"
            order = 3 if colored else 2
            axis.plot(epochs, values, color=color, linewidth=1.7 if colored else 0.7, zorder=order)
            # A stopped one ends with a dot, one that failed with a cross; a single epoch is no line at all.
            mark = "x" if trial.failed else "o" if trial.stopped else "." if len(epochs) == 1 else None
            if mark:
                axis.plot(epochs[-1:], values[-1:], mark, color=color, markersize=4, zorder=order)
        scale.apply(axis)
        axis.set_xlim(0.5, max([1, *(epoch for trial in drawn for epoch in trial.curve)]) + 0.5)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        title = "Learning curves"
        if len(drawn) > len(best):
            title += f"; in colour: {f'the best {len(best)} losses' if len(best) > 1 else 'the best'}"
        _name(axis, title, "epoch", f"validation Dice{f', from {scale.low:.2g} on' if scale.cut else ''}")
        if not drawn:
            axis.text(0.5, 0.5, "no epoch was validated", transform=axis.transAxes, ha="center", color=GREY)
            axis.set_xticks([])

    def draw_losses(self, axis):
        for row, name in enumerate(self.names):
            own = [trial for trial in self.trials if trial.name == name]
            self.scale.points(axis, own, [row] * len(own), *self.look(name), across=True)
            entries = [entry for entry in self.confirmed if entry.name == name]
            for place, entry in enumerate(entries):
                height = row + (0.36 * (place / (len(entries) - 1) - 0.5) if len(entries) > 1 else 0)
                ticks = {"marker": "|", "s": 70, "color": "black", "linewidths": 1.0, "zorder": 4}
                axis.scatter(entry.rounds, [height] * len(entry.rounds), **ticks)
                color = "white" if entry.is_default else "black"
                axis.scatter([entry.mean], [height], marker="D", s=34, color=color, edgecolors="black", zorder=5)
        self.scale.apply(axis, across=True)
        axis.set_yticks(range(len(self.names)), [shorten(name, 40) for name in self.names], parse_math=False)
        axis.set_ylim(len(self.names) - 0.4, -0.6)
        others = bool(self.confirmed) and self.folds
        title = f"Dice per loss, the best first{'; confirmed on other cases' if others else ''}"
        _name(axis, title, "validation Dice")

    def draw_parameters(self, part, rows):
        left_out = len(self.parameters) - len(self.shown)
        title = "Dice against each searched parameter"
        title += f": {len(self.shown)} of {len(self.parameters)}, those of the best losses" if left_out else ""
        part.suptitle(title, fontsize=10, x=0.01, ha="left")
        axes = part.subplots(rows, COLUMNS, squeeze=False, sharey=True).flat
        for place, axis in enumerate(axes):
            if place >= len(self.shown):
                axis.axis("off")
                continue
            key = self.shown[place]
            having = [trial for trial in self.trials if key in trial.hyperparameters]
            values = _put_values(axis, [trial.hyperparameters[key] for trial in having])
            for name in self.names:
                chosen = [index for index, trial in enumerate(having) if trial.name == name]
                own = [having[index] for index in chosen]
                self.scale.points(axis, own, [values[index] for index in chosen], *self.look(name), size=18)
            self.scale.apply(axis)
            axis.set_title(_parameter_title(key), fontsize=8, parse_math=False)
            axis.tick_params(labelsize=7)
            if place % COLUMNS == 0:
                axis.set_ylabel("validation Dice", fontsize=8)

    def draw_legend(self, part):
        from matplotlib.lines import Line2D

        known = [trial for trial in self.trials if is_known(trial)]
        below = any(trial.val_dice < self.scale.low for trial in known)
        hollow = {"markerfacecolor": "white"}
        entries = [
            (bool(known), "best so far", {"color": "#BBBBBB"}),
            (bool(known), "trial, coloured by its loss", {"marker": "o"}),
            (any(trial.stopped for trial in known), "stopped early", {"marker": "o", **hollow}),
            (len(known) < len(self.trials), "failed", {"marker": "x"}),
            (below, f"Dice below {self.scale.low:.3g}", {"marker": "v"}),
            (any(not e.is_default for e in self.confirmed), "confirmed, mean", {"marker": "D", "color": "black"}),
            (any(e.is_default for e in self.confirmed), "default, mean", {"marker": "D", "color": "black", **hollow}),
            (bool(self.confirmed), "its rounds", {"marker": "|", "color": "black", "markersize": 9}),
        ]
        handles = []
        for shown, label, options in entries:
            if shown:
                line = "none" if "marker" in options else "-"
                handles.append(Line2D([], [], **{"color": GREY, "linestyle": line, "markersize": 5.5, **options}))
                handles[-1].set_label(label)
        part.legend(handles=handles, loc="center", ncols=len(handles), fontsize=8, frameon=False, columnspacing=1.4)


def _confirmed(confirmation, trials):
    """Yield what a confirmation round found of each loss, in the row of what it was chosen from."""
    names = {trial.number: trial.name for trial in trials}
    for candidate in confirmation.candidates:
        mean = confirmation.means.get(candidate.loss, math.nan)
        if math.isfinite(mean):
            name = names.get(candidate.trial, candidate.loss)
            yield _Confirmed(name, mean, list(confirmation.round_means[candidate.loss]), candidate.is_default)


def _varied(trials):
    """Return the trials that have a parameter, `{parameter: trials}`, of those that were varied and got a Dice."""
    having = {}
    for trial in trials:
        for key in trial.hyperparameters:
            having.setdefault(key, []).append(trial)
    return {
        key: own
        for key, own in having.items()
        if len({str(trial.hyperparameters[key]) for trial in own}) > 1 and any(map(is_known, own))
    }


def _put_values(axis, values):
    """Prepare the horizontal axis for the values of a parameter, and return their places on it."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    if not all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        texts = [str(value) for value in values]
        choices = sorted(set(texts))
        labels = [shorten(text, 14) for text in choices]
        slanted = {"rotation": 25, "ha": "right", "rotation_mode": "anchor"} if sum(map(len, labels)) > 22 else {}
        axis.set_xticks(range(len(choices)), labels, parse_math=False, **slanted)
        axis.set_xlim(-0.6, len(choices) - 0.4)
        return [choices.index(text) for text in texts]
    low, high = min(values), max(values)
    if low > 0 and high / low > LOG_SPAN:
        axis.set_xscale("log")
        axis.set_xlim(low / (high / low) ** 0.08, high * (high / low) ** 0.08)
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 3) if high / low < 100 else (1,), numticks=5))
        axis.xaxis.set_minor_locator(NullLocator())
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        margin = 0.08 * (high - low) or 0.5
        axis.set_xlim(low - margin, high + margin)
        axis.xaxis.set_major_locator(MaxNLocator(4, integer=all(isinstance(value, int) for value in values)))
    return values


def _parameter_title(key, width=34):
    """Return the name of a parameter, cut where it is the least missed: in the text of its compound."""
    head, _, tail = key.rpartition(": ")
    return shorten(f"{shorten(head, max(width - len(tail) - 2, 6))}: {tail}" if head else key, width)


def _name(axis, title, below, beside=None):
    axis.set_title(title, fontsize=10, loc="left")
    axis.set_xlabel(below, fontsize=9)
    axis.set_ylabel(beside or "", fontsize=9)
    axis.tick_params(labelsize=8)
