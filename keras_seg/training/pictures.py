"""Pictures of a run: its curves, and some validation cases beside their predictions."""

import math

import numpy as np

from keras_seg.files import replacing

# Paul Tol's bright colours, told apart with every kind of colour vision.
COLORS = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377")
GREY = "#999999"
# More classes than this cannot be told apart; the log has them all.
MOST_CLASSES = len(COLORS) - 1
MOST_CASES = 4


def plot_curves(path, rows, title=None):
    """Draw the whole-case validation Dice, that of the training patches and the loss over the epochs.

    Args:
        path: Path of the PNG file.
        rows: Rows of the log, dicts; without one, nothing is drawn.
        title: Text above the picture.

    Returns:
        The path.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    if not rows:
        return path
    figure = Figure(figsize=(7.5, 5.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    _draw_dice(above, rows)
    _draw_loss(below, rows)
    for axis in (above, below):
        axis.grid(axis="y", color="#EEEEEE")
        for text in axis.legend(loc="center left", bbox_to_anchor=(1.11, 0.5), fontsize=8, frameon=False).get_texts():
            text.set_parse_math(False)
    below.set_xlabel("epoch")
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    if title:
        figure.suptitle(title, fontsize=10, parse_math=False)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")
    return path


def overlay_cases(path, cases, names, table, predict, class_names, title=None):
    """Write `overlay.png`: of the cases named, some from the worst to the best beside their predictions.

    Args:
        path: Path of the PNG file.
        cases: Sequence of prepared cases.
        names: Names of the cases to choose from.
        table: `{case: Dice per foreground class}`.
        predict: Function from a prepared case to its predicted labels.
        class_names: Names of the foreground classes.
        title: Text above the picture.

    Returns:
        The path.
    """
    from keras_seg.data import Case
    from keras_seg.overlay import overlay

    chosen = worst_to_best(names, table)
    shown, predictions = [], []
    for name in chosen:
        case = cases.by_name(name)
        image, label = np.array(case.image, "float32"), np.array(case.label)
        shown.append(Case(name, image, label, tuple(case.spacing)))
        predictions.append(predict(case))
    scores = [table[name] for name in chosen]
    return overlay(
        path,
        shown,
        predictions,
        columns=("image", "truth", "prediction", "error"),
        title=title,
        scores=scores,
        class_names=class_names,
    )


def worst_to_best(names, table, count=MOST_CASES):
    """Return up to `count` names from the lowest to the highest mean Dice, the worst and the best among them.

    >>> worst_to_best(["a", "b", "c"], {"a": [0.9], "b": [0.5], "c": [0.7]}, count=2)
    ['b', 'a']
    """
    order = sorted(names, key=lambda name: (_mean(table[name]), name))
    places = np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int)
    return [order[place] for place in places]


def _mean(values):
    known = [value for value in values if not math.isnan(value)]
    # A case without any class says least: last.
    return sum(known) / len(known) if known else math.inf


def _draw_dice(axis, rows):
    classes = [key for key in dict.fromkeys(key for row in rows for key in row) if key.startswith("val_dice_")]
    for color, key in zip(COLORS[1:], classes[:MOST_CLASSES]):
        _line(axis, rows, key, key.removeprefix("val_dice_"), color=color, linewidth=1, alpha=0.8)
    _line(axis, rows, "val_dice", "validation cases", color=COLORS[0], linewidth=2, marker="o", markersize=2.5)
    _line(axis, rows, "dice", "training patches", color=GREY, linewidth=1, linestyle="--")
    scored = [row for row in rows if math.isfinite(row.get("val_dice", math.nan))]
    if scored:
        best = max(scored, key=lambda row: row["val_dice"])
        label = f"best: {best['val_dice']:.3f}, epoch {best['epoch']}"
        axis.plot(best["epoch"], best["val_dice"], color="black", marker="*", markersize=9, linestyle="", label=label)
    axis.set_ylabel("Dice")


def _draw_loss(axis, rows):
    _line(axis, rows, "loss", "loss (left)", color="black", linewidth=1.2)
    axis.set_ylabel("training loss")
    other = axis.twinx()
    _line(other, rows, "learning_rate", "", color=COLORS[3], linewidth=1)
    other.set_ylabel("learning rate", color=COLORS[3])
    other.set_ylim(bottom=0)
    other.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    axis.plot([], [], color=COLORS[3], linewidth=1, label="learning rate (right)")


def _line(axis, rows, key, label, **style):
    """Draw a column of the log over the epochs that have it."""
    points = [(row["epoch"], row[key]) for row in rows if math.isfinite(row.get(key, math.nan))]
    if points:
        # A line of one point is invisible.
        style = {"marker": "o", "markersize": 2.5, **style} if len(points) == 1 else style
        axis.plot(*zip(*points), label=label, **style)
