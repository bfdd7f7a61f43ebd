"""Trains trials as runs on a folder of cases: prepared, validated on whole cases, killed and gone on with at will."""

import dataclasses
import shutil

from keras_seg import data as datasets
from keras_seg import losses
from keras_seg.compiling import compile
from keras_seg.experiments.jobs import slug
from keras_seg.files import replacing
from keras_seg.inference.probabilities import probability_model
from keras_seg.overlay import COLUMNS, overlay
from keras_seg.training.recipes import partial
from keras_seg.training.run import load_run, read_log
from keras_seg.training.sessions import session
from keras_seg.training.trainings import train_prepared
from keras_seg.tuner import files
from keras_seg.tuner.progress import TrainingDisplay
from keras_seg.tuner.ranges import values_of
from keras_seg.tuner.trial import Trial
from keras_seg.tuner.watching import Watch

# So many folds at least, each a round's.
FEWEST_FOLDS = 5
# Draws of folds until each holds only classes that its training part has.
MOST_DRAWS = 20
# Test cases in the picture.
MOST_SHOWN = 4


class RunTrainer:
    """Trains what a search asks for as runs of `keras_seg.training`.

    Args:
        experiment: `Experiment`: data, split, recipe and prepared cases that all trainings share.
        data: Path of the data.
        ranges: Parts of the recipe that are searched, `{"training.learning_rate": range}`.
        progress: `Progress`.
        tensorboard: Whether each run writes a log for TensorBoard.
    """

    def __init__(self, experiment, data, ranges, progress, tensorboard=False):
        self.experiment = experiment
        self.data = data
        self.ranges = ranges
        self.progress = progress
        self.tensorboard = tensorboard
        self.folder = experiment.folder
        self.epochs = experiment.setup.recipe.training.epochs
        self.seed = experiment.setup.recipe.training.seed
        self.splits = []
        self.has_folds = True

    def train(self, trial, loss, hp, first, last, rule):
        """Train a trial from one epoch to another; a run that was interrupted goes on where it stands.

        Args:
            trial: `Trial`, which is written into.
            loss: Its loss.
            hp: KerasTuner's hyperparameters.
            first: Number of epochs that are trained already, by an earlier trial with the same values.
            last: Number of epochs at the end.
            rule: `MedianRule`, or `None`.
        """
        folder = self.run_of(trial)
        # Where it was interrupted the rule wants to know what came before.
        self._note(trial, folder, last)
        setup = self._setup(str(loss), hp.values, self.seed, f"trial {trial.number} of the search")
        self._train(setup, folder, trial, first, last, rule)
        self._note(trial, folder, last)

    def run_of(self, trial):
        """Return the folder of a trial's run."""
        return self.folder / files.RUNS / f"{slug(trial.name)}-{trial.identity}"

    def prepare_rounds(self, rounds):
        """Deal the training and validation cases into folds, others than those of the search."""
        self.splits = self._deal(rounds)

    def confirm(self, candidate, number, place):
        """Train a candidate with the seed and on the fold of a round.

        Args:
            candidate: `Candidate`.
            number: Number of the round, from 0.
            place: What the display calls it.

        Returns:
            Tuple of the seed and the Dice of each validation case, `{case: [Dice of each class]}`.
        """
        seed, trial = self.seed + 1 + number, Trial(number + 1, candidate.text, candidate.text)
        self.progress.begin(place, candidate.loss)
        setup = self._setup(candidate.text, candidate.values, seed, "confirmed with other seeds and folds")
        setup = dataclasses.replace(setup, split=self.splits[number])
        with session():
            self._train(setup, self._run(candidate, number), trial, 0, self.epochs, None)
            return seed, self._judge(candidate, number, "validation")

    def test(self, candidate, number):
        """Return the Dice of each test case of a candidate's run, or an empty dict if there are none."""
        if not self.experiment.setup.split.test:
            return {}
        with session():
            return self._judge(candidate, number, "test")

    def keep(self, candidate, number):
        """Make the run of a round the best one of the search: `best/`, `best.keras`, the recipe and a picture."""
        self._keep(self._run(candidate, number), candidate.loss)

    def keep_trial(self, trial):
        """Make a trial's run the best one, where nothing was confirmed."""
        self._keep(self.run_of(trial), trial.loss)

    def _keep(self, folder, title):
        """Copy a run into `best/`, and write what is made of it."""
        best, unfinished = self.folder / files.BEST, self.folder / f".{files.BEST}"
        shutil.rmtree(unfinished, ignore_errors=True)
        # Its state is for going on with the training, and several times as large as all the rest.
        shutil.copytree(folder, unfinished, ignore=shutil.ignore_patterns("state", "tensorboard", ".*"))
        if best.exists():
            shutil.rmtree(best)
        unfinished.rename(best)
        run = load_run(best)
        with replacing(self.folder / files.RECIPE) as temporary:
            shutil.copyfile(best / "recipe.toml", temporary)
        with session():
            model = probability_model(run.model)
            compile(model, losses.get(run.recipe.loss.loss, **run.recipe.loss.options))
            with replacing(self.folder / files.MODEL) as temporary:
                model.save(temporary)
            self._draw(run, title)

    def _draw(self, run, title):
        """Show a few cases that the run has not seen."""
        names = (run.split.test or run.split.validation)[:MOST_SHOWN]
        predictor, pairs = run.predictor(), self.experiment.setup.pairs
        cases = [datasets.read_case(pairs[name], run.label_map) for name in names]
        masks = [predictor.labels(case.image, case.frame) for case in cases]
        names = run.class_names[1:]
        overlay(self.folder / files.OVERLAY, cases, masks, columns=COLUMNS, title=title, class_names=names)

    def _train(self, setup, folder, trial, first, last, rule):
        complete = train_prepared(
            setup,
            self.experiment.cases,
            folder,
            self.experiment.options,
            TrainingDisplay(self.progress, first, last),
            until=last if last < self.epochs else None,
            callbacks=[Watch(trial, rule)],
            tensorboard=self.tensorboard,
        )
        if not complete:
            raise KeyboardInterrupt

    def _note(self, trial, folder, last):
        """Take the epochs of a run's log into a trial."""
        for row in read_log(folder / "log.csv"):
            if row["epoch"] <= last:
                trial.note(row["epoch"], row.get("val_dice"))

    def _judge(self, candidate, number, part):
        """Let a run predict a part of its split; the tables are kept in its folder."""
        folder = self._run(candidate, number)

        def watched(pairs):
            for done, pair in enumerate(pairs):
                self.progress.update(self.epochs, f"{part} {done}/{len(pairs)}")
                yield pair

        found = load_run(folder).evaluate(self.data, part, folder / f"evaluation-{part}", progress=watched)
        return dict(zip(found.cases, found.scores("dice").tolist()))

    def _run(self, candidate, number):
        return self.folder / files.CONFIRMATION / f"{candidate.folder}-{number}"

    def _setup(self, text, values, seed, reason):
        """Return the `Setup` of a training: that of all with its loss, its seed, and what else was searched."""
        base = self.experiment.setup
        # The default loss, where no trial had it, has the recipe's own values.
        searched = values_of(values, {name: spec for name, spec in self.ranges.items() if name in values})
        tables = partial.merge(base.recipe.to_dict(), partial.overrides(searched))
        tables["loss"]["loss"], tables["training"]["seed"] = text, seed
        reasons = {**base.reasons, "loss.loss": reason, "training.seed": reason, **dict.fromkeys(searched, reason)}
        return dataclasses.replace(base, recipe=type(base.recipe).from_dict(tables), reasons=reasons)

    def _deal(self, rounds):
        setup, options = self.experiment.setup, self.experiment.options
        pool = sorted([*setup.split.train, *setup.split.validation])
        groups = None if options.groups is None else datasets.read_groups(options.groups, list(setup.pairs))
        groups = None if groups is None else {name: groups[name] for name in pool}
        # Whatever the number of rounds, so that more of them later leave the first ones as they are.
        units = len(pool) if groups is None else len(set(groups.values()))
        count = max(2, min(units, max(FEWEST_FOLDS, round(len(pool) / len(setup.split.validation)))))
        for draw in range(MOST_DRAWS):
            # Never the search's own seed. Rounds beyond the last fold begin with folds of another draw.
            seeds = [options.split_seed + 1 + draw + MOST_DRAWS * (number // count) for number in range(rounds)]
            places = zip(range(rounds), seeds)
            dealt = [datasets.folds(pool, count, number % count, seed, groups) for number, seed in places]
            dealt = [datasets.Split(one.train, one.validation, list(setup.split.test)) for one in dealt]
            try:
                for one in dealt:
                    setup.fingerprint.check_split(one)
                return dealt
            except ValueError as error:
                reason = error
        raise ValueError(
            f"No way was found to deal the cases into {count} folds so that each trains on all classes ({reason}). "
            "Leave the confirmation round out (`--seeds 0`), or add cases of the rare class."
        )
