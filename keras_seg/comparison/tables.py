"""The tables of a comparison: as lines of Markdown to read, as CSV to compute with."""

import csv
import io
import re

import numpy as np

from keras_seg.evaluation.case import MEASURES, TOLERANCE
from keras_seg.evaluation.statistics import nan_mean
from keras_seg.experiments.statistics import mean_score


def summary_table(results):
    """Return the lines of the table with a row per loss, the best first."""
    heading = ["loss", "trainings", "mean Dice", "95 % interval"]
    single = len(results.class_names) == 1
    heading += [] if single else list(results.class_names)
    heading += ["HD95", f"surface Dice, {TOLERANCE:g} mm", "Dice at best threshold", "calibration error"]
    absent = not np.isnan(results.false_positives).all()
    heading += ["false positives where absent"] if absent else []
    at_best = results.dice_at_best_threshold
    rows = []
    for label in results.order:
        row = results.labels.index(label)
        low, high = results.interval(label)
        means = results.means[row]
        cells = [label, f"{np.isfinite(means).sum()}", _spread(means), _span(low, high)]
        if not single:
            cells += [_spread(values) for values in nan_mean(results.dice[row], axis=1).T]
        distance = results.scores("hd95")[row]
        cells += [_distance(distance), _number(mean_score(results.scores("surface_dice")[row]))]
        cells += [_number(mean_score(at_best[row])), _number(nan_mean(results.calibration_errors[row]))]
        cells += [_number(nan_mean(results.false_positives[row]), 4)] if absent else []
        rows.append(cells)
    return markdown_table(heading, rows)


def case_table(results):
    """Return the lines of the table with a row per case and a column per loss, as the original comparison had it."""
    table = results.per_case()
    order = [results.labels.index(label) for label in results.order]
    rows = [[case, *(_number(table[row, place]) for row in order)] for place, case in enumerate(results.cases)]
    rows.append(["**mean**", *(f"**{_number(nan_mean(table[row]))}**" for row in order)])
    return markdown_table(["case", *results.order], rows)


def sweep_table(results, swept):
    """Return the lines of the table of a sweep, in the order of its values.

    Args:
        results: `Results`.
        swept: `keras_seg.comparison.contenders.Sweep`.
    """
    rows = []
    for _, label in sorted(zip(swept.values, swept.labels)):
        means = results.means[results.labels.index(label)]
        rows.append([label, f"{np.isfinite(means).sum()}", _spread(means), _span(*results.interval(label))])
    return markdown_table(["loss", "trainings", "mean Dice", "95 % interval"], rows)


def pair_table(results):
    """Return the lines of the table of tests."""
    heading = ["better", "worse", "difference", "95 % interval", "Wilcoxon, Holm", "with trainings, Holm", "differ"]
    rows = []
    for test in results.pairs:
        cells = [test.first, test.second, _number(test.difference), _span(test.low, test.high, sign="+")]
        rows.append([*cells, _p(test.holm_wilcoxon), _p(test.holm), "yes" if test.distinguishable else "no"])
    return markdown_table(heading, rows)


def to_csv(results):
    """Return everything that was measured as CSV: a row per loss, seed, case and class."""
    names = (*MEASURES, "dice_at_best_threshold")
    columns = [results.scores(measure) for measure in MEASURES] + [results.dice_at_best_threshold]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["loss", "seed", "case", "class", *names])
    for row, label in enumerate(results.labels):
        for place, seed in enumerate(results.seeds):
            if seed not in results.trained(label):
                continue
            for number, case in enumerate(results.cases):
                for index, name in enumerate(results.class_names):
                    values = [column[row, place, number, index] for column in columns]
                    writer.writerow([label, seed, case, name, *("" if np.isnan(v) else f"{v:.6g}" for v in values)])
    return text.getvalue()


def summary_to_csv(results):
    """Return the summary as CSV: a row per loss, the best first; numbers alone, empty where there is none."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    per_class = [f"{kind}_{name}" for name in results.class_names for kind in ("dice", "dice_deviation")]
    heading = ["loss", "trainings", "dice", "dice_deviation", "dice_low", "dice_high", *per_class, "hd95_mm"]
    unit = "ml" if results.rank == 3 else "mm2"
    heading += [
        "hd95_infinite",
        "surface_dice",
        "dice_at_best_threshold",
        *(f"threshold_{n}" for n in results.class_names),
    ]
    writer.writerow([*heading, "calibration_error", f"false_positive_volume_{unit}"])
    at_best, hd95, surface = results.dice_at_best_threshold, results.scores("hd95"), results.scores("surface_dice")
    for label in results.order:
        row = results.labels.index(label)
        means, distance = results.means[row], hd95[row]
        of_classes = [
            value for values in nan_mean(results.dice[row], axis=1).T for value in _mean_and_deviation(values)
        ]
        numbers = [*_mean_and_deviation(means), *results.interval(label), *of_classes]
        numbers += [nan_mean(distance[np.isfinite(distance)]), int(np.isinf(distance).sum()), mean_score(surface[row])]
        numbers += [mean_score(at_best[row]), *nan_mean(results.thresholds[row], axis=0)]
        numbers += [nan_mean(results.calibration_errors[row]), nan_mean(results.false_positives[row])]
        cells = ["" if np.isnan(value) else f"{value:.6g}" for value in numbers]
        writer.writerow([label, int(np.isfinite(means).sum()), *cells])
    return text.getvalue()


def table_to_csv(lines):
    """Return the lines of a table in Markdown as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for number, line in enumerate(lines):
        if number != 1:
            cells = re.split(r"(?<!\\)\|", line.strip())[1:-1]
            writer.writerow([cell.strip().strip("*`").replace("\\|", "|") for cell in cells])
    return text.getvalue()


def markdown_table(heading, rows, numbers=True):
    """Return the lines of a table; columns of numbers stand to the right."""
    lines = [heading, ["---", *["---:" if numbers else "---"] * (len(heading) - 1)], *rows]
    return [f"| {' | '.join(cell(text) for text in line)} |" for line in lines]


def cell(text):
    """Return a text that breaks no table."""
    return str(text).replace("|", "\\|").replace("\n", " ")


def _spread(means):
    """Return the mean over seeds, and their standard deviation where there are several, as text."""
    mean, deviation = _mean_and_deviation(means)
    return _number(mean) + ("" if np.isnan(deviation) else f" ± {deviation:.3f}")


def _mean_and_deviation(means):
    known = means[~np.isnan(means)]
    return float(nan_mean(means)), float(known.std(ddof=1)) if len(known) > 1 else float("nan")


def _distance(values):
    infinite = int(np.isinf(values).sum())
    shown = _number(nan_mean(values[np.isfinite(values)]), 2) if np.isfinite(values).any() else "-"
    return f"{shown} +{infinite}" if infinite else shown


def _number(value, digits=3):
    return "-" if np.isnan(value) else f"{value:.{digits}f}"


def _span(low, high, sign=""):
    return "-" if np.isnan(low) else f"{low:{sign}.3f} to {high:{sign}.3f}"


def _p(value):
    return "-" if np.isnan(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"
