"""Compare losses on four data sets, and write the page `docs/compared.md` and the recipes of `zoo/comparison`.

    python tests/benchmarks/compared.py "$KERAS_SEG_DATA" WORK [--only lesions] [--seeds 3]

The data are derived by `keras-seg derive`, the trainings are those of `keras-seg compare`. Killed at any moment, the
same command goes on; `--only` does some of the four. What it writes on the page stands between `<!-- NAME -->` and
`<!-- end of NAME -->`; the rest of the page is written by hand.
"""

import argparse
import pathlib
import re
import shutil
import sys

from command import run
from data_sets import data_set

from keras_seg.comparison import load_comparison, tables
from keras_seg.comparison.conclusions import size_of

ROOT = pathlib.Path(__file__).parents[2]
PAGE, PICTURES, ZOO = ROOT / "docs" / "compared.md", ROOT / "docs" / "compared", ROOT / "zoo" / "comparison"

FIVE_AND_ONE = ["original", "dice_ce"]
TEN = [*FIVE_AND_ONE, "focal_tversky", "lovasz", "unified_focal", "dice_hausdorff"]
SWEEPS = ["tversky(alpha=0.1|0.3|0.5|0.7|0.9, beta=0.9|0.7|0.5|0.3|0.1)", "focal(gamma=0|1|2|3|4)"]
SHARED = ["--set", "validation.every=4"]
# The losses as they are by themselves; where a class is so small the recipe would leave the background out.
WHOLE = "loss.options.include_background=true"

# The options of `keras-seg compare` on each data set.
SETS = {
    "organ": (
        ["--losses", *FIVE_AND_ONE, "--model", "vnet", "--filters", "8", "16", "32", "--batch-size", "2"],
        ["--epochs", "12", "--test", "10", "--validation", "10", *SHARED, "training.steps_per_epoch=20"],
    ),
    "nuclei": (
        ["--losses", *FIVE_AND_ONE, "--filters", "8", "16", "32", "64", "--patch", "128", "128", "--batch-size", "8"],
        ["--epochs", "12", "--test", "20", "--validation", "10", *SHARED, "training.steps_per_epoch=30"],
    ),
    "borders": (
        ["--losses", *TEN, "--filters", "8", "16", "32", "64", "--patch", "128", "128", "--batch-size", "8"],
        ["--epochs", "12", "--test", "20", "--validation", "10", *SHARED, "training.steps_per_epoch=30"],
    ),
    "lesions": (
        ["--losses", *TEN, "--filters", "8", "16", "32", "--patch", "32", "32", "32", "--batch-size", "4"],
        ["--epochs", "12", "--test", "20", "--validation", "10", *SHARED, "training.steps_per_epoch=25", WHOLE],
    ),
}
# Sweeps run on the smallest structures, where a parameter can matter most.
SWEPT = "lesions"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--only", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--no-sweeps", action="store_true")
    options = parser.parse_args()
    for name in options.only:
        for path in (PAGE, ZOO / "card.md"):
            # Before an hour of training, not after it.
            if not place_of(name).search(path.read_text(encoding="utf-8")):
                sys.exit(f"{path}: add a section with <!-- {name} --> and <!-- end of {name} --> first")
    for name in options.only:
        losses, settings = SETS[name]
        data, out = data_set(name, options.data, options.work), options.work / name
        shared = ["--out", out, "--cache", options.work / "cache", "--seeds", options.seeds]
        run("compare", data, *losses, *settings, *shared)
        if name == SWEPT and not options.no_sweeps:
            run("compare", data, "--sweep", *SWEEPS, *settings, *losses[losses.index("--filters") :], *shared)
        write(name, load_comparison(out))


def place_of(name):
    """Return what finds the part of a page that is written here."""
    return re.compile(f"<!-- {name} -->.*?<!-- end of {name} -->", re.DOTALL)


def write(name, comparison):
    """Copy the recipe and the pictures, and write the section of the page."""
    ZOO.mkdir(parents=True, exist_ok=True)
    shutil.copy(comparison.folder / "setup" / "recipe.toml", ZOO / f"{name}.toml")
    PICTURES.mkdir(parents=True, exist_ok=True)
    for path, text in ((PAGE, section(name, comparison)), (ZOO / "card.md", summary(name, comparison))):
        marked = f"<!-- {name} -->\n\n{text}\n\n<!-- end of {name} -->"
        page = path.read_text(encoding="utf-8")
        path.write_text(place_of(name).sub(lambda match: marked, page), encoding="utf-8")  # noqa: B023


def summary(name, comparison):
    """Return what the card shows of a comparison."""
    lines = tables.summary_table(comparison.compared)
    return "\n".join([*lines, "", f"![test cases, each loss's mask](../../docs/compared/{name}-panel.png)"])


def section(name, comparison):
    """Return what the page shows of a comparison."""
    results, folder = comparison.compared, comparison.folder
    parts = [f"- {sentence}" for sentence in comparison.conclusions]
    parts += ["", *tables.summary_table(results)]
    captions = dict(PICTURE.findall((folder / "report.md").read_text(encoding="utf-8")))
    swept = []
    for path, caption in captions.items():
        shutil.copy(folder / path, PICTURES / f"{name}-{path}")
        shown = [f"![{caption.split(':')[0]}](compared/{name}-{path})", "", f"*{caption}*"]
        if path.startswith("sweep"):
            swept.append(shown)
        else:
            parts += ["", *shown]
    parts += ["", f"Dice of each test case, mean over the classes and the seeds ({size_of(results)}):", ""]
    parts += tables.case_table(results)
    if results.pairs:
        parts += ["", "Pairs:", "", *tables.pair_table(results)]
    for one, shown in zip(comparison.sweeps, swept):
        parts += ["", f"Sweep over `{one.parameter}`:", "", *tables.sweep_table(comparison.results, one), "", *shown]
    return "\n".join(parts)


PICTURE = re.compile(r"^!\[.*?\]\((.*?)\)\n\n\*(.*?)\*$", re.MULTILINE)


if __name__ == "__main__":
    main()
