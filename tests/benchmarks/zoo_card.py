"""Train a network of the zoo on real data and write its card: `zoo/NAME/recipe.toml`, `card.md` and `overlay.png`.

    python tests/benchmarks/zoo_card.py hippocampus-unet "$KERAS_SEG_DATA/hippocampus" --minutes 25 --work WORK
    python tests/benchmarks/zoo_card.py nuclei-vnet "$KERAS_SEG_DATA/nuclei" --work WORK \\
        --recipe zoo/nuclei-vnet/recipe.toml

The 20 test cases are `numpy.random.default_rng(0).choice(sorted(names), 20, replace=False)`; neither training nor any
choice sees them. With `--recipe` the epochs are those of the recipe, without it they are chosen for `--minutes`.
"""

import argparse
import csv
import json
import pathlib
import shutil

import numpy as np
from command import measured

import keras_seg
from keras_seg.overlay import overlay

ZOO = pathlib.Path(__file__).parents[2] / "zoo"
TEST, PICTURES = 20, 4

CARD = """# {name}

{model} with {parameters:,} parameters on {data}, {train} cases to train, {validation} to validate, {test} to test.

```console
{command}
keras-seg evaluate RUN DATA
```

| class | mean Dice | 95 % interval | lowest | HD95, mean in {unit} | surface Dice at 1 {unit} |
| --- | --- | --- | --- | --- | --- |
{rows}

The interval is a bootstrap over the {test} test cases ({seeds}; it says nothing about other seeds). The best epoch by
whole-case validation Dice is {best_epoch} of {epochs}, with {best_dice:.4f}.

| | |
| --- | --- |
| split | `default_rng(0)`: {test} test cases, then {validation} validation cases (`split.json` of the run) |
| time | {minutes:.1f} minutes of wall time, everything from start to last file |
| memory | {memory:.2f} GB resident at the peak |
| machine | {device} |
| versions | {versions} |

![image, truth, prediction and error of {pictures} test cases](overlay.png)
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="DATA-MODEL, such as nuclei-unet")
    parser.add_argument("data")
    parser.add_argument("--recipe", type=pathlib.Path)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--validation", type=int, default=10)
    parser.add_argument("--set", nargs="+", default=[], metavar="TABLE.KEY=VALUE")
    parser.add_argument("--work", type=pathlib.Path, required=True)
    options = parser.parse_args()
    model = options.name.rpartition("-")[2]
    out, card = options.work / options.name, ZOO / options.name
    split = ["--test", TEST, "--validation", options.validation]
    chosen = [] if options.recipe else ["--model", model]
    chosen += ["--minutes", options.minutes] if options.minutes else []
    chosen += ["--set", *options.set] if options.set else []
    start = [options.recipe] if options.recipe else []
    cache = ["--cache", options.work / "cache", "--overwrite"]
    memory, seconds = measured("train", *start, options.data, "--out", out, *split, *chosen, *cache)
    measured("evaluate", out, options.data)
    run = keras_seg.load_run(out)
    card.mkdir(parents=True, exist_ok=True)
    shutil.copy(out / "recipe.toml", card)
    draw(run, options.data, card / "overlay.png")
    recipe = f"zoo/{options.name}/recipe.toml"
    command = f"keras-seg train {recipe} DATA --test {TEST} --validation {options.validation} --out RUN"
    (card / "card.md").write_text(write(run, options, command, memory, seconds), encoding="utf-8")
    print((card / "card.md").read_text(encoding="utf-8"))


def draw(run, data, path):
    """Draw test cases spread over the range of their Dice, the worst first."""
    with (run.folder / "evaluation-test" / "cases.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = run.split.test
    means = {name: np.nanmean([float(row["dice"] or "nan") for row in rows if row["case"] == name]) for name in names}
    chosen = sorted(names, key=means.get)[:: max(1, len(names) // PICTURES)][:PICTURES]
    pairs = {pair.name: pair for pair in keras_seg.data.find_cases(data)}
    cases = [keras_seg.data.read_case(pairs[name], run.label_map) for name in chosen]
    found = run.predict([pairs[name].image for name in chosen])
    overlay(
        path,
        cases,
        [found[name] for name in chosen],
        columns=("image", "truth", "prediction", "error"),
        scores=[means[name] for name in chosen],
        class_names=run.class_names[1:],
    )


def write(run, options, command, memory, seconds):
    """Return the text of the card."""
    with (run.folder / "evaluation-test" / "summary.csv").open(newline="") as file:
        summary = list(csv.DictReader(file))
    versions = json.loads((run.folder / "versions.json").read_text())
    three = run.recipe.rank == 3
    # Of a single class the mean is the class.
    rows = "\n".join(row_of(row) for row in (summary if len(summary) > 2 else summary[:1]))
    listed = ("keras_seg", "keras", versions["backend"], "python")
    return CARD.format(
        name=options.name,
        model={"unet": "U-Net", "vnet": "V-Net"}[run.recipe.network.model],
        parameters=run.model.count_params(),
        data=pathlib.Path(options.data).name,
        train=len(run.split.train),
        validation=len(run.split.validation),
        test=len(run.split.test),
        command=command,
        unit="mm" if three else "pixel",
        rows=rows,
        seeds=f"one training, seed {run.recipe.training.seed}",
        best_epoch=run.best_epoch,
        epochs=run.recipe.training.epochs,
        best_dice=run.best_dice,
        minutes=seconds / 60,
        memory=memory,
        device=versions["device"],
        versions=", ".join(f"{key} {versions[key]}" for key in listed),
        pictures=PICTURES,
    )


def row_of(row):
    """Return the row of a class."""
    interval = f"{float(row['dice_low']):.3f} to {float(row['dice_high']):.3f}"
    distance = f"{float(row['hd95_mm']):.2f}" if row["hd95_mm"] else ""
    surface = f"{float(row['surface_dice']):.3f}" if row["surface_dice"] else ""
    cells = (row["name"], f"{float(row['dice']):.4f}", interval, f"{float(row['dice_worst']):.3f}", distance, surface)
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
