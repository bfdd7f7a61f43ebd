"""The report of a comparison: one text in Markdown, and the same as a page that opens without a network."""

import base64
import csv
import html
import io
import re

import numpy as np

from keras_seg.comparison.conclusions import conclusions, size_of
from keras_seg.evaluation.case import MEASURES, TOLERANCE
from keras_seg.evaluation.statistics import nan_mean

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --line: #d5d9de; --soft: #f3f5f7; }}
@media (prefers-color-scheme: dark) {{ :root {{ --line: #444b53; --soft: #22272d; }} img {{ background: white; }} }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 0 auto; padding: 1.5rem; }}
h1 {{ font-size: 1.6rem; }} h2 {{ font-size: 1.2rem; margin-top: 2.2rem; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-size: .86rem; font-variant-numeric: tabular-nums; margin: .8rem 0; }}
th, td {{ padding: .28rem .65rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: bottom; }}
th:first-child, td:first-child {{ text-align: left; }}
thead th {{ background: var(--soft); }}
img {{ max-width: 100%; height: auto; }}
code, pre {{ background: var(--soft); border-radius: 3px; padding: .1em .3em; font-size: .9em; overflow-x: auto; }}
pre {{ padding: .7em; }} pre code {{ padding: 0; }}
em {{ font-size: .9rem; font-style: normal; opacity: .8; }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def to_markdown(results, facts, pictures, texts):
    """Return the report as Markdown.

    Args:
        results: `Results`.
        facts: Rows of the table of what was done, `{name: text}`; `"command"` is shown as code.
        pictures: `{path of a picture: caption}`, relative to the report.
        texts: `{label: text of its loss}`.
    """
    parts = [f"# Comparison of {len(results.labels)} losses", ""]
    parts += [f"- {sentence}" for sentence in conclusions(results)]
    parts += ["", "## Summary", "", *summary_table(results), "", _explained(results)]
    parts += ["", "## Dice per case", "", *case_table(results)]
    parts += ["", f"*Mean over the classes and the seeds; {size_of(results)}.*"]
    for path, caption in pictures.items():
        parts += ["", f"![{_plain(caption)}]({path})", "", f"*{_cell(caption)}*"]
    if results.pairs:
        parts += ["", "## Pairs", "", *pair_table(results), "", _pairs_explained()]
    named = [[label, f"`{text}`"] for label, text in texts.items()]
    parts += ["", "## What was compared", "", *_table(["label", "loss"], named, numbers=False)]
    command = facts.get("command")
    rows = [[name, text] for name, text in facts.items() if name != "command"]
    parts += ["", "## How", "", *_table(["", ""], rows, numbers=False)]
    if command:
        parts += ["", "```console", command, "```"]
    return "\n".join(parts) + "\n"


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
        cells += [_distance(distance), _number(_pinned(results.scores("surface_dice")[row]))]
        cells += [_number(_pinned(at_best[row])), _number(nan_mean(results.calibration_errors[row]))]
        cells += [_number(nan_mean(results.false_positives[row]), 4)] if absent else []
        rows.append(cells)
    return _table(heading, rows)


def case_table(results):
    """Return the lines of the table with a row per case and a column per loss, as the original comparison had it."""
    table = results.per_case()
    order = [results.labels.index(label) for label in results.order]
    rows = [[case, *(_number(table[row, place]) for row in order)] for place, case in enumerate(results.cases)]
    rows.append(["**mean**", *(f"**{_number(nan_mean(table[row]))}**" for row in order)])
    return _table(["case", *results.order], rows)


def pair_table(results):
    """Return the lines of the table of tests."""
    heading = ["better", "worse", "difference", "95 % interval", "Wilcoxon, Holm", "with trainings, Holm", "differ"]
    rows = []
    for test in results.pairs:
        cells = [test.first, test.second, _number(test.difference), _span(test.low, test.high, sign="+")]
        rows.append([*cells, _p(test.holm_wilcoxon), _p(test.holm), "yes" if test.distinguishable else "no"])
    return _table(heading, rows)


def to_html(markdown, folder):
    """Return the report as a page that holds its pictures.

    Args:
        markdown: What `to_markdown` returned.
        folder: Folder of the pictures.
    """
    from markdown_it import MarkdownIt

    # A label is a text of the user and no HTML.
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    body = body.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")

    def embedded(match):
        data = base64.b64encode((folder / html.unescape(match[1])).read_bytes()).decode()
        return f'<img src="data:image/png;base64,{data}"'

    body = re.sub(r'<img src="([^"]+\.png)"', embedded, body)
    title = re.search(r"<h1>(.*?)</h1>", body)
    return PAGE.format(title=title[1] if title else "Comparison", body=body)


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


def table_to_csv(lines):
    """Return the lines of a table in Markdown as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for number, line in enumerate(lines):
        if number != 1:
            cells = re.split(r"(?<!\\)\|", line.strip())[1:-1]
            writer.writerow([cell.strip().strip("*`").replace("\\|", "|") for cell in cells])
    return text.getvalue()


def _explained(results):
    volume = "ml" if results.rank == 3 else "mm²"
    text = (
        "*Mean Dice: each class over the test cases, then the classes, then the seeds, ± the standard deviation of the "
        "seeds' means; the interval is a bootstrap over cases and seeds. HD95 in mm where it is finite; "
        "+n: in n tests truth or prediction lacks the class. The threshold is chosen for each class on the validation "
        "cases, so that no loss is credited for shifting it. Calibration error: 15 bins, within 8 voxels of the "
        "foreground."
    )
    if not np.isnan(results.false_positives).all():
        text += f" False positives: mean {volume} predicted in cases without the class."
    return text + "*"


def _pairs_explained():
    return (
        "*Both tests are two-sided and corrected by Holm for the number of pairs. Wilcoxon's takes the trainings as "
        "they are; the other lets them vary as well as the cases, and the larger p of the two decides. Where a case "
        "lacks a class, predicting none of it counts 1 if another training predicts some.*"
    )


def _table(heading, rows, numbers=True):
    lines = [heading, ["---", *["---:" if numbers else "---"] * (len(heading) - 1)], *rows]
    return [f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines]


def _cell(text):
    return str(text).replace("|", "\\|").replace("\n", " ")


def _plain(text):
    return re.sub(r"[\[\]*`]", "", text)


def _pinned(scores):
    return nan_mean(nan_mean(nan_mean(scores, axis=1), axis=-1))


def _spread(means):
    """Return the mean over seeds, and their standard deviation where there are several."""
    known = means[~np.isnan(means)]
    return _number(nan_mean(means)) + (f" ± {known.std(ddof=1):.3f}" if len(known) > 1 else "")


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
