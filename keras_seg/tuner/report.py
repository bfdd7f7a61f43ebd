"""What a search leaves to read: tables for a terminal, the leaderboard as CSV, and a report in Markdown."""

import csv
import io
import math

import numpy as np

from keras_seg.comparison.tables import markdown_table
from keras_seg.evaluation.statistics import nan_mean
from keras_seg.experiments.statistics import mean_score
from keras_seg.experiments.wording import code, dice, interval, p_value
from keras_seg.terminal import shorten
from keras_seg.tuner import files
from keras_seg.tuner.conclusions import against
from keras_seg.tuner.trial import ranked

COLUMNS = ("number", "name", "loss", "val_dice", "best_epoch", "epochs", "seconds", "stopped", "reason")


def leaderboard_table(trials, rows=12):
    """Return the best trials of a search as a `rich.table.Table`.

    Args:
        trials: List of `Trial`.
        rows: How many to show.
    """
    table = _table("Leaderboard, by validation Dice")
    table.add_column("rank", justify="right")
    table.add_column("loss", overflow="fold")
    for column in ("Dice", "epoch", "seconds"):
        table.add_column(column, justify="right")
    for rank, trial in enumerate(ranked(trials)[:rows], start=1):
        seconds = f"{trial.seconds:.0f}"
        if trial.failed:
            text = f"{trial.loss}\n{shorten(trial.reason, 60)}"
            table.add_row("-", _plain(text), "failed", "", seconds, style="dim")
        else:
            epoch = f"{trial.best_epoch}, stopped at {trial.epochs}" if trial.stopped else str(trial.best_epoch)
            style = "bold" if rank == 1 else "dim" if trial.stopped else None
            table.add_row(str(rank), _plain(trial.label), dice(trial.val_dice), epoch, seconds, style=style)
    hidden = len(trials) - rows
    if hidden > 0:
        table.caption = f"and {hidden} more in {files.LEADERBOARD}"
    return table


def confirmation_table(confirmation):
    """Return the confirmation round as a `rich.table.Table`, the winner in bold.

    Args:
        confirmation: `Confirmation`.
    """
    heading, rows = _confirmation_rows(confirmation)
    table = _table("Confirmation, by mean Dice")
    table.add_column(heading[0], overflow="fold")
    # Three rounds a line, and the interval below the difference: losses need the room.
    table.padding = (0, 1, 0, 0)
    table.add_column("rounds", justify="right", max_width=17)
    for column in ("mean", "difference", "p"):
        table.add_column(column, justify="right", no_wrap=True)
    for loss, (*rounds, mean, difference, span, p) in rows:
        winner = confirmation.winner is not None and confirmation.winner.loss == loss
        reason = confirmation.failed.get(loss, "")
        text = _labelled(confirmation, loss) + (f"\n{shorten(reason, 60)}" if reason else "")
        cells = ("" if reason else " ".join(rounds), mean, difference if span == "-" else f"{difference}\n{span}", p)
        table.add_row(_plain(text), *cells, style="bold" if winner else "dim" if reason else None)
    if confirmation.pairs and confirmation.default is not None:
        table.caption = "difference to the default, 95 % interval; p corrected by Holm"
    return table


def to_csv(trials):
    """Return the leaderboard as CSV: a column for everything that was searched, empty where a loss has it not.

    Args:
        trials: List of `Trial`.
    """
    searched = list(dict.fromkeys(key for trial in trials for key in trial.hyperparameters))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["rank", *COLUMNS, *searched])
    for rank, trial in enumerate(ranked(trials), start=1):
        cells = [_cell(getattr(trial, name)) for name in COLUMNS]
        cells += [_cell(trial.hyperparameters.get(key, "")) for key in searched]
        writer.writerow(["" if trial.failed else rank, *cells])
    return text.getvalue()


def to_markdown(trials, confirmation, conclusions, facts):
    """Return the report as Markdown.

    Args:
        trials: List of `Trial`.
        confirmation: `Confirmation`, or `None`.
        conclusions: List of sentences in Markdown, such as `keras_seg.tuner.conclusions.conclusions` returns.
        facts: What was done, `{name: short text}`; `"command"` is shown as code.
    """
    names = len({trial.name for trial in trials})
    parts = [f"# Search over {names} {'loss' if names == 1 else 'losses'}", ""]
    parts += [f"- {sentence}" for sentence in conclusions]
    parts += ["", f"![Dice of the trials in order, over epochs, per loss and per parameter]({files.PLOT})"]
    if confirmation is not None:
        parts += _confirmation_parts(confirmation)
        parts += _test_parts(confirmation)
    parts += ["", "## Leaderboard", "", *_leaderboard_lines(trials), ""]
    parts += ["*Validation Dice of each trial's best epoch; all parameters stand in "]
    parts[-1] += f"[{files.LEADERBOARD}]({files.LEADERBOARD}).*"
    parts += ["", "## How", "", *(f"- {name}: {text}" for name, text in facts.items() if name != "command")]
    if facts.get("command"):
        parts += ["", "```console", facts["command"], "```"]
    return "\n".join(parts) + "\n"


def _confirmation_parts(confirmation):
    heading, rows = _confirmation_rows(confirmation)
    rows = [[_labelled(confirmation, loss, code), *cells] for loss, cells in rows]
    seeds = "Each round has fresh seeds"
    cases = ", and validates on cases of its own." if confirmation.folds else ", and the same validation cases."
    parts = ["", "## Confirmation", "", *markdown_table(heading, rows), "", f"*{seeds}{cases}"]
    if confirmation.pairs:
        parts[-1] += (
            " The difference is that to the default, with its 95 % interval; p is the larger of two: Wilcoxon's test "
            "takes the trainings as they are, the other takes rounds as what another draw would bring anew. Holm "
            "corrects it for the number of losses that are compared with the default."
        )
    parts[-1] += "*"
    return parts


def _confirmation_rows(confirmation):
    """Return the heading, and for each loss its text and cells, the best first and what failed last."""
    rounds = confirmation.rounds
    heading = ["loss", *(f"round {number + 1}" for number in rounds), "mean", "difference", "95 % interval", "p"]
    means, failed = confirmation.means, confirmation.failed
    rows = []
    for loss, mean in means.items():
        compared = against(confirmation, loss)
        cells = ["-", "-", "-"]
        if compared is not None:
            test, difference, low, high = compared
            cells = [f"{difference:+.3f}", interval(low, high), p_value(test.holm)]
        rows.append((loss, [*map(dice, confirmation.round_means[loss]), dice(mean), *cells]))
    for candidate in confirmation.candidates:
        if candidate.loss not in means:
            state = "failed" if candidate.loss in failed else "-"
            rows.append((candidate.loss, [*["-"] * len(rounds), state, "-", "-", "-"]))
    return heading, rows


def _test_parts(confirmation):
    """Return the lines of the table of test cases: winner and default, each the mean over its trainings."""
    losses = [one.loss for one in (confirmation.winner, confirmation.default) if one is not None]
    scores = {loss: confirmation.test_scores(loss) for loss in dict.fromkeys(losses)}
    scores = {loss: table for loss, table in scores.items() if table is not None}
    if not scores:
        return []
    tested = next(entry.test for entry in confirmation.entries if entry.test and entry.loss in scores)
    of_cases = [nan_mean(nan_mean(table, axis=-1), axis=0) for table in scores.values()]
    rows = [[case, *map(dice, row)] for case, row in zip(tested, np.transpose(of_cases))]
    rows.append(["**all cases**", *(f"**{dice(float(mean_score(table)))}**" for table in scores.values())])
    lines = markdown_table(["case", *(_labelled(confirmation, loss, code) for loss in scores)], rows)
    explained = "*Dice of a case: mean over its classes and the trainings. All cases: each class over the cases first.*"
    return ["", "## Test", "", *lines, "", explained]


def _leaderboard_lines(trials):
    heading = ["rank", "trial", "loss", "Dice", "epoch", "seconds", "remark"]
    rows = []
    for rank, trial in enumerate(ranked(trials), start=1):
        remark = f"stopped at epoch {trial.epochs}" if trial.stopped else ""
        remark = f"failed: {code(trial.reason)}" if trial.failed else remark
        shown = ["-", "-", "-"] if trial.failed else [rank, dice(trial.val_dice), trial.best_epoch]
        rows.append([shown[0], trial.number, code(trial.label), *shown[1:], f"{trial.seconds:.0f}", remark])
    return markdown_table(heading, rows)


def _labelled(confirmation, loss, shown=str):
    """Return the text of a loss, marked if it is the default."""
    default = confirmation.default
    return f"{shown(loss)}{' (default)' if default is not None and default.loss == loss else ''}"


def _cell(value):
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    return value


def _table(title):
    from rich import box
    from rich.table import Table

    return Table(title=title, title_justify="left", title_style="bold", caption_justify="left", box=box.SIMPLE_HEAD)


def _plain(text):
    """Text whose square brackets are no markup."""
    from rich.text import Text

    return Text(text)
