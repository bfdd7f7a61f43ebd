"""A picture of a search: the Dice of every trial, and the best so far."""

import math

from keras_seg.files import replacing
from keras_seg.terminal import shorten

# Paul Tol's bright colours and black, told apart with every kind of colour vision.
COLORS = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377", "#000000")
MARKERS = ("o", "s", "^", "D", "v")


def plot_trials(path, result):
    """Draw the validation Dice of each trial, a colour and mark for each loss, and a cross where one failed.

    Args:
        path: Path of the PNG file.
        result: `SearchResult` with at least one trial.

    Returns:
        The path.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(7.5, 4), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    trials = sorted(result.trials, key=lambda trial: trial.number)
    best = [max((t.val_dice for t in trials[: k + 1] if not t.failed), default=math.nan) for k in range(len(trials))]
    numbers = [trial.number for trial in trials]
    axis.step(numbers, best, where="post", color="#BBBBBB", linewidth=1.5, label="best so far", zorder=1)
    # More than these cannot be told apart; the leaderboard names them all.
    names = list(dict.fromkeys(trial.name for trial in result.leaderboard))[: len(COLORS) * len(MARKERS)]
    for index, name in enumerate(names):
        own = [trial for trial in trials if trial.name == name and not trial.failed]
        axis.scatter(
            [trial.number for trial in own],
            [trial.val_dice for trial in own],
            color=COLORS[index % len(COLORS)],
            marker=MARKERS[index // len(COLORS)],
            label=shorten(name, 28),
            zorder=2,
        )
    failed = [trial.number for trial in trials if trial.failed]
    if failed:
        floor = min((trial.val_dice for trial in trials if not trial.failed), default=0.0)
        axis.scatter(failed, [floor] * len(failed), color="#888888", marker="x", label="failed", zorder=2)
    axis.set_xlabel("trial")
    axis.set_ylabel("validation Dice")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(axis="y", color="#EEEEEE")
    legend = figure.legend(loc="outside right upper", fontsize=8, frameon=False)
    for text in legend.get_texts():
        text.set_parse_math(False)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")
    return path
