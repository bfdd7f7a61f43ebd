"""A picture of predictions beside the truth, one row per case."""

import pathlib

import numpy as np

from keras_seg.files import replacing

# Okabe and Ito's colours, told apart with every kind of colour vision; class 1 first, again from the start after seven.
CLASS_COLORS = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")

ERRORS = (("false positive", "#D55E00"), ("false negative", "#0072B2"), ("wrong class", "#F0E442"))

COLUMNS = ("image", "truth", "prediction", "error")

OPACITY = 0.55
ERROR_OPACITY = 0.85
INCHES = 2.4


def overlay(path, cases, predictions, columns=COLUMNS[:3], max_cases=8, title=None, scores=None, class_names=None):
    """Write a picture of cases: image, truth, prediction and error beside each other.

    A volume is shown by the slice with the most foreground, cut across its coarsest axis (the last of equal ones) and
    drawn at its true proportions. Grey values are cut at the 1st and 99th percentile of the slice.

    Args:
        path: Path of the PNG file to write; an older one is replaced in one step, when the new one is complete.
        cases: List of `Case`.
        predictions: Predicted labels, one integer array per case of the shape of its label.
        columns: Which of `"image"`, `"truth"`, `"prediction"` and `"error"` to show, in this order. The error map
            shows foreground without truth, truth without foreground, and foreground of another class.
        max_cases: Show the first `max_cases` cases only.
        title: Text above the picture.
        scores: Dice of each case, to stand beside its row: one number per case, or one per case and foreground class
            `[cases, classes]`; NaN for a class that does not count.
        class_names: Names of the foreground classes for the legend. Their numbers by default.

    Returns:
        The path.

    Raises:
        ValueError: If lengths or shapes do not fit, a column is unknown, or the path is not a `.png`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    path = pathlib.Path(path)
    predictions = [np.asarray(prediction) for prediction in predictions]
    _check(path, cases, predictions, columns, max_cases, scores)
    cases, predictions = list(cases)[:max_cases], predictions[:max_cases]
    slices = [_slice(case, prediction) for case, prediction in zip(cases, predictions)]
    heights = [INCHES * _height(*views[:1], aspect) for *views, aspect in slices]
    width = 1.3 + INCHES * len(columns)
    figure = Figure(figsize=(width, 0.9 + sum(heights)), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(cases), len(columns), squeeze=False, gridspec_kw={"height_ratios": heights})
    for row, (case, (image, truth, prediction, aspect)) in enumerate(zip(cases, slices)):
        for axis, column in zip(axes[row], columns):
            _draw(axis, column, image, truth, prediction, aspect)
            if row == 0:
                axis.set_title(column, fontsize=9)
        label = case.name if scores is None else f"{case.name}\n{_score_text(scores[row])}"
        axes[row, 0].set_ylabel(label, fontsize=7, parse_math=False)
    if title:
        figure.suptitle(title, fontsize=10, parse_math=False)
    handles = _legend(cases, predictions, columns, class_names)
    if handles:
        figure.legend(
            handles=handles, loc="outside lower center", ncols=max(1, int(width / 1.3)), fontsize=8, frameon=False
        )
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")
    return path


def _check(path, cases, predictions, columns, max_cases, scores):
    """Check the arguments of `overlay`."""
    if path.suffix.lower() != ".png":
        raise ValueError(f"`path` must end in `.png`, but it is {str(path)!r}.")
    if not len(cases) or len(cases) != len(predictions):
        raise ValueError(
            f"One prediction for each case is needed, and at least one case, but there are {len(cases)} cases and "
            f"{len(predictions)} predictions."
        )
    if max_cases < 1:
        raise ValueError(f"`max_cases` must be 1 or more, but it is {max_cases}.")
    unknown = [column for column in columns if column not in COLUMNS]
    if unknown or not columns:
        raise ValueError(f"`columns` must be some of {COLUMNS}, but it is {tuple(columns)!r}.")
    if scores is not None and len(scores) != len(cases):
        raise ValueError(f"`scores` must have one entry per case ({len(cases)}), but it has {len(scores)}.")
    for case, prediction in zip(cases, predictions):
        if prediction.shape != case.shape or prediction.dtype.kind not in "biu":
            raise ValueError(
                f"The prediction of {case.name!r} must be integer labels of the shape {case.shape}, but it is "
                f"{prediction.dtype} of the shape {prediction.shape}. Take the `argmax` of probabilities over the "
                "classes, and `keras_seg.data.unfit_shape` if the case was cropped or padded."
            )


def _slice(case, prediction):
    """Views of image, truth and prediction, each `[rows, columns, ...]`, and the height of a pixel over its width."""
    if len(case.shape) == 2:
        return case.image, case.label, prediction, case.spacing[0] / case.spacing[1]
    across = max(range(3), key=lambda axis: (case.spacing[axis], axis))
    others = tuple(axis for axis in range(3) if axis != across)
    foreground = case.label if case.label.any() else prediction
    counts = np.count_nonzero(foreground, axis=others)
    index = int(counts.argmax()) if counts.any() else case.shape[across] // 2
    # Axes of a volume run to the right, to the front and upwards; a picture's rows run downwards.
    views = [np.take(array, index, axis=across) for array in (case.image, case.label, prediction)]
    views = [np.swapaxes(view, 0, 1)[::-1] for view in views]
    return *views, case.spacing[others[1]] / case.spacing[others[0]]


def _height(view, aspect):
    """Height of a view over its width, kept between what is too thin and too tall to read."""
    return float(np.clip(view.shape[0] * aspect / view.shape[1], 0.4, 2.5))


def _draw(axis, column, image, truth, prediction, aspect):
    """Draw one cell of the picture."""
    axis.imshow(grey_or_color(image), cmap="gray", vmin=0, vmax=1, aspect=aspect, interpolation="nearest")
    layers = {"truth": truth, "prediction": prediction, "error": _errors(truth, prediction)}
    if column in layers:
        colors, opacity = (
            ([color for _, color in ERRORS], ERROR_OPACITY) if column == "error" else (CLASS_COLORS, OPACITY)
        )
        axis.imshow(paint(layers[column], colors, opacity), aspect=aspect, interpolation="nearest")
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set_visible(False)


def grey_or_color(image):
    """Image scaled to 0..1: RGB where it has three channels, the first channel otherwise."""
    shown = image if image.shape[-1] == 3 else image[..., 0]
    low, high = np.percentile(shown, (1, 99))
    return np.clip((shown - low) / max(high - low, np.finfo("float32").tiny), 0, 1)


def _errors(truth, prediction):
    """Map of errors: 1 false positive, 2 false negative, 3 foreground of a wrong class."""
    errors = np.where(prediction > 0, np.where(truth > 0, 3, 1), 2)
    return np.where(truth == prediction, 0, errors)


def paint(labels, colors, opacity):
    """Labels `[rows, columns]` as RGBA: transparent where 0, a colour of the list otherwise."""
    from matplotlib.colors import to_rgba

    palette = np.array([to_rgba(color, opacity) for color in colors])
    painted = palette[(labels.astype("int64") - 1) % len(colors)]
    painted[labels == 0] = 0
    return painted


def _score_text(score):
    """Dice of one case as text: one number, or one per foreground class."""
    numbers = (
        "–" if np.isnan(value) else f"{value:.3f}" for value in np.atleast_1d(np.asarray(score, dtype="float64"))
    )
    return "Dice " + " / ".join(numbers)


def _legend(cases, predictions, columns, class_names):
    """Patches that name the colours in use."""
    from matplotlib.patches import Patch

    handles = []
    if {"truth", "prediction"} & set(columns):
        largest = max(int(array.max(initial=0)) for array in (*(case.label for case in cases), *predictions))
        names = class_names or [f"class {number}" for number in range(1, largest + 1)]
        # More entries than this hide the picture, and the colours repeat.
        colors = [CLASS_COLORS[index % len(CLASS_COLORS)] for index in range(min(largest, len(names), 14))]
        handles += [Patch(color=color, alpha=OPACITY, label=name) for color, name in zip(colors, names)]
    if "error" in columns:
        handles += [Patch(color=color, alpha=ERROR_OPACITY, label=name) for name, color in ERRORS]
    return handles
