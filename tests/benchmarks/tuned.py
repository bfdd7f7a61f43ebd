"""Is the loss that a search chooses nearly the best it could have chosen? Searches of an hour, and the cards of them.

    python tests/benchmarks/tuned.py "$KERAS_SEG_DATA" WORK [--only lesions] [--minutes 60]

For each data set the command `keras-seg tune` is run as a user would. After that, for hindsight, trials that were
stopped early are trained to their ends, and the run of every trial segments the test cases: which loss would have been
the best choice, what is lost against it, and what a choice at random, each loss with its defaults, has on average. That
is looked at here alone; the search has not seen it. The card of each is written to `zoo/tuned-NAME`.

Killed at any moment, the same command goes on.
"""

import argparse
import json
import pathlib
import shutil
import statistics
import time

from command import processor, run
from data_sets import data_set

from keras_seg import losses
from keras_seg.comparison.tables import markdown_table
from keras_seg.experiments.experiment import open_experiment
from keras_seg.files import write_text
from keras_seg.metrics import mean_dice
from keras_seg.training.options import Options
from keras_seg.training.recipes.recipe import Recipe
from keras_seg.training.run import load_run
from keras_seg.training.sessions import session
from keras_seg.tuner import files
from keras_seg.tuner.log import TrialLog
from keras_seg.tuner.progress import Progress
from keras_seg.tuner.runs import RunTrainer

ROOT = pathlib.Path(__file__).parents[2]
ZOO = ROOT / "zoo"
LOSSES = ["dice_ce", "dice", "tversky", "focal_tversky", "cross_entropy", "lovasz", "cross_entropy + dice"]
SHARED = ["--losses", *LOSSES, "--trials", "10", "--seeds", "3", "--set", "validation.every=2"]

# What each data set is, and the options of `keras-seg tune` on it.
SETS = {
    "hippocampus": (
        "3D T1 MRI, anterior and posterior hippocampus (Medical Segmentation Decathlon, Task04)",
        ["--filters", "8", "16", "32", "--batch-size", "2", "--validation", "15"],
        ["training.steps_per_epoch=25"],
    ),
    "borders": (
        "2D fluorescence microscopy, nuclei and their borders, 2 pixels wide (BBBC038, stage 1)",
        ["--filters", "8", "16", "32", "64", "--patch", "128", "128", "--batch-size", "8", "--validation", "15"],
        ["training.steps_per_epoch=20"],
    ),
    "lesions": (
        "3D phantoms of 48 x 48 x 48 voxels (`keras-seg derive phantoms`, seed 0), of which the smallest class is kept",
        ["--filters", "8", "16", "32", "--patch", "32", "32", "32", "--batch-size", "4", "--validation", "10"],
        ["training.steps_per_epoch=25"],
    ),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--only", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--no-card", action="store_true", help="print the card and write none")
    options = parser.parse_args()
    for name in options.only:
        description, settings, values = SETS[name]
        folder, out = data_set(name, options.data, options.work), options.work / name
        arguments = ["tune", folder, "--out", out, "--cache", options.work / "cache", "--test", 20, *settings, *SHARED]
        arguments += [*values, "--minutes", f"{options.minutes:g}"]
        started = time.monotonic()
        run(*arguments)
        # Over all calls: the minutes of the search, and the test Dice of each trial.
        path = options.work / f"{name}.json"
        notes = {"minutes": 0, "dice": {}, **(json.loads(path.read_text()) if path.exists() else {})}
        notes["minutes"] += (time.monotonic() - started) / 60
        write_text(path, json.dumps(notes))
        for _ in hindsight(folder, out, options.work / "cache", notes["dice"]):
            write_text(path, json.dumps(notes))
        text = card(name, description, out, arguments, notes)
        print(text)
        if not options.no_card:
            entry = ZOO / f"tuned-{name}"
            write_text(entry / "card.md", text)
            for one in (files.RECIPE, files.PLOT, files.OVERLAY):
                shutil.copy(out / one, entry / one)


def card(name, description, out, arguments, notes):
    """Return the card of a search: what it says, and what hindsight says of it."""
    report = (out / files.MARKDOWN).read_text(encoding="utf-8")
    said = report.split("\n\n")[1]
    confirmation = report[report.index("## Confirmation") : report.index("## Test")]
    trials = [(trial, notes["dice"][trial.identity]) for trial in finished(out)]
    chosen = spelled(Recipe.load(out / files.RECIPE).loss.loss)
    of_loss = {spelled(trial.loss): score for trial, score in trials}
    best = max(of_loss, key=of_loss.get)
    first = {}
    for trial, score in trials:
        first.setdefault(trial.name, score)
    rows = [[f"`{trial.label}`", f"{trial.val_dice:.3f}", f"{score:.3f}"] for trial, score in trials]
    rows.sort(key=lambda row: row[-1], reverse=True)
    at_random = statistics.mean(first.values())
    regret = f"The chosen loss, `{chosen}`, is the best in hindsight too, with {of_loss[best]:.3f}."
    if chosen != best:
        regret = (
            f"The best in hindsight is `{best}` with {of_loss[best]:.3f}; the chosen loss, `{chosen}`, has "
            f"{of_loss[chosen]:.3f}: {of_loss[best] - of_loss[chosen]:.3f} less."
        )
    texts = [f'"{text}"' if " " in text else text for text in map(shown, arguments)]
    command = " ".join(["keras-seg", *texts])
    lines = [f"# {name}, tuned", "", f"{description}.", "", said, "", f"![trials]({files.PLOT})", "", confirmation]
    lines += [
        "## Hindsight",
        "",
        "Test Dice of one training of every trial with seed 0, those stopped early trained to their ends. "
        f"{regret} `dice_ce` has {of_loss['dice_ce']:.3f}, and a loss at random, with its defaults, {at_random:.3f} on "
        "average.",
        "",
        *markdown_table(["loss", "validation Dice in the search", "test Dice"], rows),
        "",
        f"![test cases]({files.OVERLAY})",
        "",
        "```console",
        command,
        f'python tests/benchmarks/tuned.py "$KERAS_SEG_DATA" WORK --only {name} --minutes {arguments[-1]}',
        "```",
        "",
        f"{notes['minutes']:.0f} minutes for the search, without the hindsight, on {machine(out)}. Seed 0, the rounds "
        "have seeds 1 to 3; 20 test cases by `default_rng(0)`.",
    ]
    return "\n".join(lines) + "\n"


def machine(out):
    """Return what the search ran on, in words."""
    versions = json.loads((out / files.BEST / "versions.json").read_text(encoding="utf-8"))
    return f"{processor()}, {versions['device']}"


def shown(argument):
    """Return an argument without the places of this machine."""
    if isinstance(argument, pathlib.Path):
        return {"cache": "CACHE"}.get(argument.name, "OUT" if argument.parent.name != "data" else "DATA")
    return str(argument)


def spelled(loss):
    """Return the text of a loss as its run has it: without what is the default."""
    return str(losses.get(loss))


def finished(out):
    return [trial for trial in TrialLog(out).trials() if not trial.failed]


def hindsight(folder, out, cache, dice):
    """Put the test Dice of each trial's run, trained to its end, into `dice`; yield each trial when it is there."""
    options = json.loads((out / files.SETUP / "options.json").read_text())
    given = Options(**{**options, "minutes": None})
    experiment = open_experiment(out, folder, given, {}, cache=cache, own=files.OWN)
    trainer = RunTrainer(experiment, folder, {}, Progress(None, 0))
    for trial in finished(out):
        if trial.identity in dice:
            continue
        print(f"hindsight: {trial.label}", flush=True)
        with session():
            run = trainer.run_of(trial)
            if trial.stopped:
                setup = trainer._setup(spelled(trial.loss), trial.values, trainer.seed, f"trial {trial.number}")
                trainer._train(setup, run, trial, trial.epochs, trainer.epochs, None)
            table = load_run(run).evaluate(folder, "test").scores("dice")
        dice[trial.identity] = mean_dice(table)
        yield trial


if __name__ == "__main__":
    main()
