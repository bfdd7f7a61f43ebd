"""A comparison: the folder, what is done in it by now, and its report."""

import math
import pathlib

from keras_seg import data as datasets
from keras_seg.comparison import contenders as contending
from keras_seg.comparison import figures, panel, report, tables
from keras_seg.comparison.conclusions import conclusions
from keras_seg.comparison.record import RECORD, read_record
from keras_seg.comparison.results import Results
from keras_seg.experiments.experiment import Experiment
from keras_seg.experiments.jobs import Job
from keras_seg.experiments.measures import read_mask
from keras_seg.experiments.running import outcome_of
from keras_seg.files import write_text
from keras_seg.terminal import clock_face, open_console
from keras_seg.training.folder import RunFolder
from keras_seg.training.options import Options
from keras_seg.training.setup import read_setup

PAGE, TEXT = "report.html", "report.md"
TABLES = ("cases.csv", "per_case.csv", "summary.csv", "pairs.csv")
PICTURES = DICE, CURVES, GRADIENTS, PANEL = "dice.png", "curves.png", "gradients.png", "panel.png"
SWEEP = "sweep-{}.png"


class Comparison:
    """A comparison of losses, complete or under way.

    Attributes:
        folder: `pathlib.Path` of the comparison.
        losses: `{label: text}` of all losses ever compared in this folder.
        sweeps: List of `keras_seg.comparison.contenders.Sweep`.
        learning_rates: Learning rates that each loss was tried with; empty for the recipe's alone.
        interrupted: Whether Ctrl-C ended the call of `compare` that returned this.
    """

    def __init__(self, experiment, record):
        self._experiment = experiment
        self._record = record
        self.folder = experiment.folder
        self.losses = dict(record["losses"])
        self.sweeps = [contending.sweep(text)[0] for text in record["sweeps"]]
        self.learning_rates = tuple(record["learning_rates"])
        self.interrupted = False

    def __repr__(self):
        return f"<Comparison {self.folder}: {len(self.losses)} losses, {len(self.results.outcomes)} trainings>"

    @property
    def results(self):
        """`Results` of what is done by now: arrays by loss, seed, case and class."""
        setup = self._experiment.setup
        outcomes = {}
        for label, text in self.losses.items():
            for seed in range(self._record["seeds"][label]):
                outcome = outcome_of(self._experiment, Job(label, text, seed, self._rate_of(label)))
                if outcome is not None:
                    outcomes[label, seed] = outcome
        ignored = setup.recipe.loss.ignore_class
        names = [name for index, name in enumerate(setup.class_names, start=1) if index != ignored]
        seeds = tuple(range(max(self._record["seeds"].values(), default=0)))
        return Results(tuple(self.losses), seeds, tuple(setup.split.test), tuple(names), outcomes, setup.recipe.rank)

    @property
    def compared(self):
        """`Results` without the losses of the sweeps, where there are others.

        A sweep asks another question: what a parameter does. Its losses among the others would have every difference
        corrected for many more pairs.
        """
        results = self.results
        swept = {label for one in self.sweeps for label in one.labels}
        return results.only([label for label in results.labels if label not in swept] or list(results.labels))

    @property
    def conclusions(self):
        """Sentences made from the tests."""
        return conclusions(self.compared)

    @property
    def chosen_rates(self):
        """`{label: learning rate}` with the best validation Dice, of the losses that were tried with all of them."""
        found = {label: self._rate_of(label) for label in self.losses}
        return {label: rate for label, rate in found.items() if rate is not None}

    def table(self, console=None):
        """Print the conclusions and the summary.

        Args:
            console: `rich.console.Console`, or `None` for the terminal.
        """
        from rich.markdown import Markdown

        results = self.compared
        text = "\n".join([*(f"- {sentence}" for sentence in conclusions(results)), "", *tables.summary_table(results)])
        open_console("auto" if console is None else console).print(Markdown(text))

    def write(self):
        """Write the report, its tables and its pictures into the folder.

        Returns:
            List of the paths written.
        """
        everything, results, folder = self.results, self.compared, self.folder
        texts = (
            tables.to_csv(everything),
            tables.table_to_csv(tables.case_table(results)),
            tables.summary_to_csv(everything),
            tables.table_to_csv(tables.pair_table(results)),
        )
        for name, text in zip(TABLES, texts):
            write_text(folder / name, text)
        pictures = self._draw(results)
        swept = self._draw_sweeps(everything)
        markdown = report.to_markdown(results, self._facts(everything), pictures, self.losses, swept)
        write_text(folder / TEXT, markdown)
        write_text(folder / PAGE, report.to_html(markdown, folder))
        return [folder / name for name in (PAGE, TEXT, *TABLES, *pictures, *(name for name, *_ in swept))]

    def pending(self, labels, seeds):
        """Return the jobs that are to be done for some losses and seeds, the same for the same state of the folder.

        With several learning rates the first seed is trained with each of them, and the others with the best.

        Args:
            labels: Labels of the losses.
            seeds: Number of seeds.
        """
        rates = self.learning_rates or (None,)
        tried = [Job(label, self.losses[label], 0, rate) for label in labels for rate in rates]
        if any(outcome_of(self._experiment, job) is None for job in tried):
            return tried
        others = [(seed, label) for seed in range(1, seeds) for label in labels]
        return tried + [Job(label, self.losses[label], seed, self._rate_of(label)) for seed, label in others]

    def _rate_of(self, label):
        """Return the learning rate with the best validation Dice on the first seed; `None` for the recipe's."""
        if not self.learning_rates:
            return None
        found = {}
        for rate in self.learning_rates:
            outcome = outcome_of(self._experiment, Job(label, self.losses[label], 0, rate))
            if outcome is not None and not outcome.reason:
                found[rate] = -math.inf if math.isnan(outcome.best_dice) else outcome.best_dice
        return max(found, key=found.get) if found else self.learning_rates[0]

    def _draw(self, results):
        """Draw all pictures; return `{name: caption}`."""
        n = f"n = {len(results.cases)} test cases"
        seeds = max((len(results.trained(label)) for label in results.labels), default=0)
        if not seeds:
            return {}
        trainings = f"{seeds} seed{'s' * (seeds > 1)}"
        figures.plot_dice(self.folder / DICE, results)
        figures.plot_curves(self.folder / CURVES, results)
        figures.plot_gradients(self.folder / GRADIENTS, results)
        band = ", the band their range" if seeds > 1 else ""
        cases = len(self._experiment.setup.split.validation)
        captions = {
            DICE: f"Dice of each case, mean over classes and {trainings} ({n}): quartiles, whiskers to 1.5 times their "
            "distance; points are cases, diamonds the mean Dice of each training.",
            CURVES: f"Whole-case Dice of {cases} validation cases while training, by steps and by minutes; lines are "
            f"means over {trainings}{band}.",
            GRADIENTS: "Norm of the gradient before it is cut, mean of each epoch, over the steps; lines are means of "
            f"{trainings}{band}.",
        }
        if self._draw_panel(results):
            captions[PANEL] = (
                "Test cases: image, truth, and what the first training of each loss makes of it, with its Dice. The "
                "first is the case on which losses differ most, then the worst one, then a middle one; the white line "
                "is the outline of the truth."
            )
        return captions

    def _draw_sweeps(self, results):
        """Draw a picture of each sweep; return `(name, caption, lines of its table)` of each."""
        found = []
        for number, swept in enumerate(self.sweeps, start=1):
            if any(results.trained(label) for label in swept.labels):
                name = SWEEP.format(number)
                figures.plot_sweep(self.folder / name, results, swept)
                caption = (
                    f"Mean Dice over {swept.parameter}: n = {len(results.cases)} test cases, a point is a training, "
                )
                found.append((name, f"{caption}the line their mean.", tables.sweep_table(results, swept)))
        return found

    def _draw_panel(self, results):
        """Draw the panel; return whether there is one: images that are no longer there are no reason to fail."""
        setup = self._experiment.setup
        first = {label: next(iter(found.values())) for label in results.labels if (found := results.trained(label))}
        cases, masks = [], []
        for name in panel.chosen_cases(results):
            if name not in setup.pairs:
                continue
            cases.append(datasets.read_case(setup.pairs[name], setup.label_map))
            runs = {label: self._experiment.run_of(outcome.job) for label, outcome in first.items()}
            masks.append({label: read_mask(run, name) for label, run in runs.items()})
        if not cases:
            return False
        panel.draw_panel(self.folder / PANEL, results, cases, masks)
        return True

    def _facts(self, results):
        """Return what was done, for the report."""
        setup = self._experiment.setup
        recipe, split = setup.recipe, setup.split
        network, training = recipe.network, recipe.training
        versions = RunFolder(self.folder / "setup").read("versions")
        steps = training.epochs * training.steps_per_epoch
        seconds = [row["seconds"] for outcome in results.outcomes.values() for row in outcome.log]
        facts = {
            "command": self._record["command"],
            "data": f"{setup.path.name}: {len(split.train)} cases train, {len(split.validation)} validate, "
            f"{len(split.test)} test (drawn by seed {self._experiment.options.split_seed})",
            "network": f"{network.model}, filters {', '.join(map(str, network.filters))}, patches of "
            f"{' x '.join(map(str, training.patch))}, batches of {training.batch_size}",
            "training": f"{training.epochs} epochs of {training.steps_per_epoch} steps ({steps}), "
            f"{training.optimizer}, highest rate {training.learning_rate:g}; the best epoch by validation Dice",
            "equal": f"initial weights, batches, augmentation and steps; seeds 0 to {max(len(results.seeds) - 1, 0)}",
            "machine": versions["device"],
            "versions": f"keras_seg {versions['keras_seg']}, keras {versions['keras']}, {versions['backend']} "
            f"{versions[versions['backend']]}, Python {versions['python']}",
            "time": f"{clock_face(sum(seconds))} of training in all, {len(results.outcomes)} trainings",
        }
        if self.chosen_rates:
            rates = ", ".join(f"{label} {rate:g}" for label, rate in self.chosen_rates.items())
            tried = ", ".join(f"{rate:g}" for rate in self.learning_rates)
            facts["learning rates"] = f"the best of {tried} by validation Dice of seed 0: {rates}"
        return facts


def load_comparison(folder, data=None):
    """Open the folder of a comparison, complete or under way.

    Args:
        folder: Path of the folder.
        data: Path of the data, if they have moved.

    Returns:
        A `Comparison`.

    Raises:
        ValueError: If it is none, or the data are not there or have changed.
    """
    folder = pathlib.Path(folder)
    shared = RunFolder(folder / "setup")
    if not shared.is_set_up or not (folder / RECORD).is_file():
        raise ValueError(f"{folder}: this is no comparison. Give the folder that `compare` wrote (`--out`).")
    setup = read_setup(data or shared.read("data")["path"], shared)
    options = Options(**{**shared.read("options"), "minutes": None})
    return Comparison(Experiment(folder, setup, options, None), read_record(folder))
