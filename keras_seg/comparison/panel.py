"""Slices of test cases, each loss's mask side by side: a person has to see how losses differ."""

import numpy as np

from keras_seg.evaluation.statistics import nan_mean
from keras_seg.files import replacing
from keras_seg.overlay import CLASS_COLORS, grey_or_color, paint
from keras_seg.terminal import shorten

COLUMNS = 5
INCHES = 1.75
MARGIN = 6
OPACITY = 0.45
MOST_CASES = 3


def chosen_cases(results, count=MOST_CASES):
    """Return names of the cases to show: the one with the largest spread between losses, the worst, a middle one.

    Args:
        results: `Results`.
        count: How many at most.
    """
    table = results.per_case()
    table = table[~np.isnan(table).all(axis=1)]
    counted = np.flatnonzero(~np.isnan(table).all(axis=0)) if len(table) else []
    if not len(counted):
        return list(results.cases[:count])
    spread = np.nanmax(table[:, counted], axis=0) - np.nanmin(table[:, counted], axis=0)
    means = nan_mean(table[:, counted], axis=0)
    order = counted[np.argsort(means, kind="stable")]
    places = [counted[np.argmax(spread)], order[0], order[len(order) // 2], order[-1]]
    return [results.cases[place] for place in dict.fromkeys(places)][:count]


def draw_panel(path, results, cases, masks, columns=COLUMNS):
    """Draw cases row by row: image, truth, and the mask of each loss, with the outline of the truth.

    A volume is shown by the slice in which the masks differ most, cut across its coarsest axis, and as much of it as
    truth and masks need.

    Args:
        path: Path of the PNG file.
        results: `Results`, for names and Dice.
        cases: List of `keras_seg.data.Case`.
        masks: For each case a dict from the label of a loss to what its first training made of it.
        columns: How many pictures stand beside each other.

    Returns:
        The path.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    labels = [label for label in results.order if label in masks[0]]
    rows_each = -(-(len(labels) + 2) // columns)
    views = [_View(case, [found[label] for label in labels]) for case, found in zip(cases, masks)]
    heights = [INCHES * np.clip(view.height, 0.45, 1.8) for view in views for _ in range(rows_each)]
    figure = Figure(figsize=(INCHES * columns + 0.4, sum(heights) + 0.3 * len(heights) + 0.35), dpi=130)
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.03)
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(heights), columns, squeeze=False, gridspec_kw={"height_ratios": heights})
    first = {label: results.seeds.index(next(iter(results.trained(label)))) for label in labels}
    dice = nan_mean(results.dice, axis=-1)
    for number, (case, view) in enumerate(zip(cases, views)):
        cells = axes[number * rows_each : (number + 1) * rows_each].ravel()
        place = results.cases.index(case.name)
        titles = [shorten(case.name, 24), "truth"]
        scores = [dice[results.labels.index(label), first[label], place] for label in labels]
        titles += [f"{shorten(label, 18)}  {score:.3f}" for label, score in zip(labels, scores)]
        for axis, title, mask in zip(cells, titles, [None, view.truth, *view.masks]):
            _draw(axis, view, mask, title)
        for axis in cells[len(titles) :]:
            axis.set_axis_off()
    _legend(figure, results.class_names)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")
    return path


class _View:
    """The part of a case that is shown: image, truth and masks as pictures, and the shape of a pixel."""

    def __init__(self, case, masks):
        image, arrays = case.image, [case.label, *masks]
        spacing = case.spacing
        if len(case.shape) == 3:
            across = max(range(3), key=lambda axis: (spacing[axis], axis))
            index = _most_different(case.label, masks, across)
            # Axes of a volume run to the right, to the front and upwards; a picture's rows run downwards.
            turn = lambda array: np.swapaxes(np.take(array, index, axis=across), 0, 1)[::-1]  # noqa: E731
            image, arrays = turn(image), [turn(array) for array in arrays]
            spacing = [spacing[axis] for axis in range(3) if axis != across][::-1]
        box = _box(np.logical_or.reduce([array > 0 for array in arrays]))
        self.image = image[box]
        self.truth, *self.masks = [array[box] for array in arrays]
        self.aspect = spacing[0] / spacing[1]
        self.height = self.truth.shape[0] * self.aspect / self.truth.shape[1]


def _most_different(truth, masks, across):
    """Return the slice in which masks and truth disagree most, of those that show some of the truth if any does."""
    others = tuple(axis for axis in range(3) if axis != across)
    stacked = np.stack([truth, *masks])
    different = np.count_nonzero((stacked != stacked[:1]).any(axis=0), axis=others)
    foreground = np.count_nonzero(truth, axis=others)
    if foreground.any():
        # Half of its largest outline at least, so that a tip of it does not stand for the whole.
        different = np.where(2 * foreground >= foreground.max(), 1 + different, 0)
    return int(different.argmax())


def _box(shown):
    """Return the slices around what is shown, at least a quarter of the picture along each axis."""
    if not shown.any():
        return (slice(None),) * shown.ndim
    box = []
    for axis, size in enumerate(shown.shape):
        places = np.flatnonzero(shown.any(axis=1 - axis))
        low, high = places[0] - MARGIN, places[-1] + 1 + MARGIN
        missing = max(0, size // 4 - (high - low))
        low, high = low - missing // 2, high + missing - missing // 2
        box.append(slice(max(0, low), min(size, high)))
    return tuple(box)


def _draw(axis, view, mask, title):
    axis.imshow(grey_or_color(view.image), cmap="gray", vmin=0, vmax=1, aspect=view.aspect, interpolation="nearest")
    if mask is not None:
        axis.imshow(paint(mask, CLASS_COLORS, OPACITY), aspect=view.aspect, interpolation="nearest")
        if view.truth.any() and not view.truth.all():
            axis.contour(view.truth > 0, levels=[0.5], colors="white", linewidths=0.9)
    axis.set_title(title, fontsize=7, parse_math=False)
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set_visible(False)


def _legend(figure, class_names):
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    colors = [CLASS_COLORS[place % len(CLASS_COLORS)] for place in range(len(class_names))]
    handles = [Patch(color=color, alpha=0.7, label=name) for color, name in zip(colors, class_names)]
    handles.append(Line2D([], [], color="#888888", linewidth=1, label="outline of the truth (white)"))
    figure.legend(handles=handles, loc="outside lower center", ncols=5, fontsize=8, frameon=False)
