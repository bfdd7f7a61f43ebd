"""An evaluation in a terminal: a line for each class, and the worst cases."""

import numpy as np

from keras_seg.evaluation.statistics import nan_mean

# Columns of Dice that a terminal has room for.
CLASSES = 6


def dice_table(evaluation):
    """Return the Dice of each class with its interval as a `rich.table.Table`, the mean in the last row."""
    table = _table(f"Dice of {len(evaluation.cases)} case{'s' * (len(evaluation.cases) != 1)}, 95 % interval")
    table.add_column("class", overflow="fold")
    for heading in ("cases", "mean", "interval", "median", "worst"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("worst case", overflow="fold")
    *classes, mean = evaluation.summary()
    for row in (*classes, mean):
        if row is mean:
            table.add_section()
        cells = _number(row.dice), _interval(row.dice_low, row.dice_high), _number(row.dice_median)
        table.add_row(
            _plain(row.name),
            str(row.cases),
            *cells,
            _number(row.dice_worst),
            _plain(row.worst_case),
            style="bold" if row is mean else None,
        )
    table.caption = f"mean of the cases' means: {_number(mean.dice_per_case)}"
    return table


def distance_table(evaluation):
    """Return IoU, distances and volumes of each class as a `rich.table.Table`, the means in the last row."""
    unit = _unit(evaluation)
    table = _table(f"Means over the cases; volumes in {unit}" if evaluation.rank == 3 else "Means over the cases")
    table.add_column("class", overflow="fold")
    volume = "volume" if evaluation.rank == 3 else "area"
    headings = ("IoU", "HD95 mm", f"surface Dice {evaluation.tolerance:g} mm", f"{volume} error", "its absolute")
    for heading in headings:
        table.add_column(heading, justify="right")
    *classes, mean = evaluation.summary()
    for row in (*classes, mean):
        if row is mean:
            table.add_section()
        cells = _number(row.iou), _distance(row.hd95, row.hd95_infinite), _number(row.surface_dice)
        volumes = f"{row.volume_difference:+.4g}", f"{row.volume_error:.4g}"
        table.add_row(_plain(row.name), *cells, *volumes, style="bold" if row is mean else None)
    if mean.hd95_infinite:
        table.caption = "+n: in n cases truth or prediction lacks the class; HD95 is infinite and not in the mean"
    return table


def absent_table(evaluation):
    """Return what is predicted in cases without the class as a `rich.table.Table`; `None` if all have every class."""
    *classes, mean = evaluation.summary()
    if not mean.absent:
        return None
    table = _table("False positives in cases without the class")
    table.add_column("class", overflow="fold")
    for heading in ("cases without", "predicted there", f"mean {_unit(evaluation)} there"):
        table.add_column(heading, justify="right")
    for row in classes:
        if row.absent:
            cells = str(row.absent), str(row.false_positive_cases), f"{row.false_positive_volume:.4g}"
            table.add_row(_plain(row.name), *cells)
    return table


def case_table(evaluation, worst):
    """Return the cases of the lowest mean Dice as a `rich.table.Table`.

    Args:
        evaluation: `Evaluation`.
        worst: How many to show.
    """
    dice, distance = evaluation.scores("dice"), evaluation.scores("hd95")
    means = nan_mean(dice, axis=1)
    order = np.argsort(means, kind="stable")[:worst]  # NaN comes last
    hidden = len(means) - len(order)
    shown = dice.shape[1] if dice.shape[1] <= CLASSES else 0
    table = _table("Dice per case" if not hidden else f"Dice of the {len(order)} worst cases")
    table.add_column("case", overflow="fold")
    for name in ("mean", *evaluation.names[:shown], "largest HD95 mm"):
        table.add_column(_plain(name), justify="right")
    for place in order:
        distances = distance[place][~np.isnan(distance[place])]
        farthest = f"{distances.max():.1f}" if distances.size else "-"
        cells = _number(means[place]), *map(_number, dice[place][:shown]), farthest
        table.add_row(_plain(evaluation.cases[place]), *cells)
    if hidden:
        table.caption = f"and {hidden} more in cases.csv"
    return table


def _table(title):
    from rich import box
    from rich.table import Table

    return Table(title=title, title_justify="left", title_style="bold", caption_justify="left", box=box.SIMPLE_HEAD)


def _plain(text):
    """Text whose square brackets are no markup."""
    from rich.text import Text

    return Text(str(text))


def _number(value):
    return "-" if np.isnan(value) else f"{value:.3f}"


def _interval(low, high):
    return "-" if np.isnan(low) else f"{low:.3f} - {high:.3f}"


def _distance(value, infinite):
    shown = "-" if np.isnan(value) else f"{value:.2f}"
    return f"{shown} +{infinite}" if infinite else shown


def _unit(evaluation):
    return "ml" if evaluation.rank == 3 else "mm²"
