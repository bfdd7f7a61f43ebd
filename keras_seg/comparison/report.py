"""The report of a comparison: one text in Markdown, and the same as a page that opens without a network."""

import base64
import html
import re

import numpy as np

from keras_seg.comparison import tables
from keras_seg.comparison.conclusions import conclusions, size_of

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


def to_markdown(results, facts, pictures, texts, sweeps=()):
    """Return the report as Markdown.

    Args:
        results: `Results`.
        facts: Rows of the table of what was done, `{name: text}`; `"command"` is shown as code.
        pictures: `{path of a picture: caption}`, relative to the report.
        texts: `{label: text of its loss}`.
        sweeps: Of each sweep its picture, the caption of that, and the lines of its table.
    """
    parts = [f"# Comparison of {len(results.labels)} losses", ""]
    parts += [f"- {sentence}" for sentence in conclusions(results)]
    parts += ["", "## Summary", "", *tables.summary_table(results), "", _explained(results)]
    parts += ["", "## Dice per case", "", *tables.case_table(results)]
    parts += ["", f"*Mean over the classes and the seeds; {size_of(results)}.*"]
    for path, caption in pictures.items():
        parts += ["", f"![{_plain(caption)}]({path})", "", f"*{tables.cell(caption)}*"]
    if results.pairs:
        parts += ["", "## Pairs", "", *tables.pair_table(results), "", _pairs_explained()]
    for path, caption, lines in sweeps:
        parts += ["", "## Sweep", "", *lines, "", f"![{_plain(caption)}]({path})", "", f"*{tables.cell(caption)}*"]
    named = [[label, f"`{text}`"] for label, text in texts.items()]
    parts += ["", "## What was compared", "", *tables.markdown_table(["label", "loss"], named, numbers=False)]
    command = facts.get("command")
    rows = [[name, text] for name, text in facts.items() if name != "command"]
    parts += ["", "## How", "", *tables.markdown_table(["", ""], rows, numbers=False)]
    if command:
        parts += ["", "```console", command, "```"]
    return "\n".join(parts) + "\n"


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


def _plain(text):
    return re.sub(r"[\[\]*`]", "", text)
