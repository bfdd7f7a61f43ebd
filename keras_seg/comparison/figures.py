"""The pictures of a comparison: Dice per case, learning curves, gradient norms, sweeps."""

import math

import numpy as np

from keras_seg.comparison.contenders import default_of
from keras_seg.evaluation.statistics import nan_mean
from keras_seg.files import replacing
from keras_seg.terminal import shorten

# Paul Tol's bright colours and black, told apart with every kind of colour vision; then again with other dashes.
COLORS = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#AA3377", "#66CCEE", "#000000")
DASHES = ("-", "--", ":", "-.")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
WIDTH = 8.0
LABEL = 34
LEGEND_COLUMNS = 3
# A picture of less Dice than this would make a landscape of noise.
SHORTEST = 0.1


def style_of(place):
    """Return colour, dash and marker of a loss by its place: no two of the first 28 agree in all."""
    return COLORS[place % len(COLORS)], DASHES[place // len(COLORS) % len(DASHES)], MARKERS[place % len(MARKERS)]


def plot_dice(path, results):
    """Draw a box for each loss, the cases as points and the mean of each training as a diamond.

    Args:
        path: Path of the PNG file.
        results: `Results`.

    Returns:
        The path.
    """
    labels = [label for label in results.order if results.trained(label)]
    figure = _figure(0.9 + 0.42 * len(labels))
    axis = figure.subplots()
    table = results.per_case()
    jitter = np.random.default_rng(0).uniform(-0.17, 0.17, len(results.cases))
    for place, label in enumerate(labels):
        row = results.labels.index(label)
        color, _, _ = style_of(row)
        known = ~np.isnan(table[row])
        axis.boxplot(
            table[row][known],
            positions=[place],
            orientation="horizontal",
            widths=0.6,
            showfliers=False,
            medianprops={"color": color, "linewidth": 2},
            boxprops={"color": color},
            whiskerprops={"color": color},
            capprops={"color": color},
        )
        axis.scatter(table[row][known], place + jitter[known], s=11, color=color, alpha=0.55, linewidths=0, zorder=3)
        means = results.means[row]
        axis.scatter(means, [place] * len(means), marker="D", s=26, color="white", edgecolors="black", zorder=4)
    axis.set_yticks(range(len(labels)), [shorten(label, LABEL) for label in labels], parse_math=False)
    axis.invert_yaxis()
    axis.set_xlabel("Dice of a test case, mean over classes and seeds")
    axis.grid(axis="x", color="#EEEEEE")
    return _save(figure, path)


def plot_curves(path, results):
    """Draw the validation Dice of every loss over steps, and over the time that its trainings took.

    Args:
        path: Path of the PNG file.
        results: `Results`.

    Returns:
        The path.
    """
    figure = _figure(3.7 + _legend_height(results))
    axes = figure.subplots(1, 2, sharey=True)
    for axis, key, unit in ((axes[0], "steps", "steps"), (axes[1], "elapsed", "minutes of training")):
        _draw_lines(axis, results, key, "val_dice")
        axis.set_xlabel(unit)
    axes[0].set_ylabel("validation Dice, whole cases")
    _legend(figure, axes[0])
    return _save(figure, path)


def plot_gradients(path, results):
    """Draw the norm of the gradient of every loss over the steps.

    Args:
        path: Path of the PNG file.
        results: `Results`.

    Returns:
        The path.
    """
    figure = _figure(3.1 + _legend_height(results))
    axis = figure.subplots()
    _draw_lines(axis, results, "steps", "gradient_norm")
    axis.set_yscale("log")
    axis.set_xlabel("steps")
    axis.set_ylabel("gradient norm, mean of an epoch")
    _legend(figure, axis)
    return _save(figure, path)


def plot_sweep(path, results, swept):
    """Draw the mean test Dice over the values of a parameter, a point per training.

    Args:
        path: Path of the PNG file.
        results: `Results`.
        swept: `Sweep`.

    Returns:
        The path.
    """
    figure = _figure(3.4)
    axis = figure.subplots()
    values, means = [], []
    for value, label in zip(swept.values, swept.labels):
        row = results.means[results.labels.index(label)]
        points = row[~np.isnan(row)]
        axis.scatter([value] * len(points), points, s=22, color=COLORS[0], alpha=0.6, linewidths=0, zorder=3)
        if len(points):
            values.append(value)
            means.append(points.mean())
    order = np.argsort(values)
    axis.plot(np.array(values)[order], np.array(means)[order], color=COLORS[0], linewidth=1.5, label="mean over seeds")
    default = default_of(swept)
    if default is not None:
        axis.axvline(default, color="#999999", linestyle="--", linewidth=1, label=f"default, {default:g}")
    low, high = axis.get_ylim()
    axis.set_ylim(low, max(high, low + SHORTEST))
    axis.set_xlabel(f"{swept.parameter} of {swept.text}", parse_math=False)
    axis.set_ylabel("mean Dice of the test cases")
    axis.grid(axis="y", color="#EEEEEE")
    axis.legend(fontsize=8, frameon=False)
    return _save(figure, path)


def _draw_lines(axis, results, x, y):
    """Draw the mean of a column of the logs over the seeds, and the range of the seeds as a band."""
    for place, label in enumerate(results.labels):
        curves = [_curve(outcome, x, y) for outcome in results.trained(label).values()]
        curves = [curve for curve in curves if len(curve)]
        if not curves:
            continue
        color, dash, _ = style_of(place)
        length = min(map(len, curves))
        stacked = np.array([curve[:length] for curve in curves])
        places, values = nan_mean(stacked[..., 0], axis=0), stacked[..., 1]
        axis.plot(places, nan_mean(values, axis=0), dash, color=color, linewidth=1.6, label=shorten(label, LABEL))
        if len(curves) > 1:
            axis.fill_between(places, values.min(axis=0), values.max(axis=0), color=color, alpha=0.15, linewidth=0)
    axis.grid(axis="y", color="#EEEEEE")


def _curve(outcome, x, y):
    """Return the points of a column of a run's log, `[epochs, 2]`."""
    start = outcome.log[0]["elapsed"] - outcome.log[0]["seconds"] if outcome.log else 0.0
    points = []
    for row in outcome.log:
        if math.isfinite(row.get(y, math.nan)):
            place = row["epoch"] * outcome.steps_per_epoch if x == "steps" else (row["elapsed"] - start) / 60
            points.append((place, row[y]))
    return np.array(points)


def _figure(height):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _legend_height(results):
    """Return the inches that the legend below a figure takes."""
    return 0.2 * -(-len(results.labels) // LEGEND_COLUMNS)


def _legend(figure, axis):
    handles, labels = axis.get_legend_handles_labels()
    if handles:
        legend = figure.legend(
            handles, labels, loc="outside lower center", ncols=LEGEND_COLUMNS, fontsize=8, frameon=False
        )
        for text in legend.get_texts():
            text.set_parse_math(False)


def _save(figure, path):
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")
    return path
