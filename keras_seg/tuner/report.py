"""Tables for a terminal: the leaderboard, and the Dice of the test cases."""

import numpy as np


def leaderboard_table(result, rows=12):
    """Return the best trials of a search as a `rich.table.Table`.

    Args:
        result: `SearchResult`.
        rows: How many to show.
    """
    table = _table("Leaderboard, by validation Dice")
    table.add_column("rank", justify="right")
    table.add_column("loss", overflow="fold")
    for column in ("Dice", "epoch", "seconds"):
        table.add_column(column, justify="right")
    for rank, trial in enumerate(result.leaderboard[:rows], start=1):
        if trial.failed:
            table.add_row("-", _plain(trial.loss), "failed", "", f"{trial.seconds:.0f}", style="dim")
        else:
            cells = f"{trial.val_dice:.3f}", str(trial.best_epoch), f"{trial.seconds:.0f}"
            table.add_row(str(rank), _plain(trial.loss), *cells, style="bold" if rank == 1 else None)
    hidden = len(result.trials) - rows
    if hidden > 0:
        table.caption = f"and {hidden} more in leaderboard.csv"
    return table


def dice_table(report):
    """Return the Dice of each test case and class as a `rich.table.Table`, the means in the last row.

    Args:
        report: `TestReport`.
    """
    table = _table("Test: Dice per case and class")
    table.add_column("case", overflow="fold")
    for name in (*report.class_names, "mean"):
        table.add_column(_plain(name), justify="right")
    for case, row, mean in zip(report.cases, report.table, report.case_means):
        table.add_row(_plain(case.name), *map(_number, row), _number(mean))
    table.add_section()
    table.add_row("all cases", *map(_number, report.class_means), _number(report.dice), style="bold")
    return table


def _table(title):
    from rich import box
    from rich.table import Table

    return Table(title=title, title_justify="left", title_style="bold", caption_justify="left", box=box.SIMPLE_HEAD)


def _plain(text):
    """Text whose square brackets are no markup."""
    from rich.text import Text

    return Text(text)


def _number(value):
    return "-" if np.isnan(value) else f"{value:.3f}"
