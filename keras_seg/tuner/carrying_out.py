"""From a plan to a result: trials, confirmation round, files. Imports KerasTuner: load it inside functions."""

import dataclasses
import math
import time

import keras_tuner

from keras_seg.tuner import oracles, running
from keras_seg.tuner.confirming import CONTENDERS, confirm, seconds_of
from keras_seg.tuner.log import TrialLog
from keras_seg.tuner.progress import Progress
from keras_seg.tuner.ranges import declare
from keras_seg.tuner.result import SearchResult
from keras_seg.tuner.space import branch_texts, choose_loss
from keras_seg.tuner.stopping import MedianRule
from keras_seg.tuner.trial import ranked


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a search does, whatever it trains.

    Attributes:
        losses: What to choose from, as in `choose_loss`.
        loss_options: Arguments for every loss that takes them.
        ranges: Ranges of arguments of losses that replace their own.
        others: Ranges of everything else that is searched, and `defaults` for them.
        defaults: Values of the first trials, by the names of `others`.
        oracle: Name of the oracle.
        trials: Number of trials, or `None`.
        seeds: Rounds of the confirmation; 0 for none.
        early_stopping: Whether trials that can hardly win are stopped.
        seed: Seed of the draws.
        minutes: Time that everything may take, or `None`.
        started: `time.monotonic()` at the start.
    """

    losses: object = None
    loss_options: dict = dataclasses.field(default_factory=dict)
    ranges: dict = dataclasses.field(default_factory=dict)
    others: dict = dataclasses.field(default_factory=dict)
    defaults: dict = dataclasses.field(default_factory=dict)
    oracle: str = "random"
    trials: int | None = None
    seeds: int = 3
    early_stopping: bool = True
    seed: int = 0
    minutes: float | None = None
    started: float = dataclasses.field(default_factory=time.monotonic)

    @property
    def branch_options(self):
        """Arguments of `choose_loss`."""
        options = {"names": branch_texts(self.losses), "grid": self.oracle == "grid", "ranges": self.ranges}
        return {**options, **self.loss_options}

    def space(self):
        """Return the whole space, known before any network is built."""
        hyperparameters = keras_tuner.HyperParameters()
        choose_loss(hyperparameters, **self.branch_options)
        declare(hyperparameters, self.others, self.defaults, grid=self.oracle == "grid")
        return hyperparameters

    def make_oracle(self, epochs):
        """Return the oracle, and the epochs that all its trials take."""
        return oracles.make_oracle(self.oracle, self.space(), self.trials, epochs, self.seed)

    def trainings(self, epochs):
        """Return how many full trainings the search takes at most, confirmation included."""
        return self.make_oracle(epochs)[1] / epochs + self.seeds * (CONTENDERS + 1)


def carry_out(plan, make_trainer, folder, *, facts, console=None):
    """Search, confirm, and write what was found.

    Args:
        plan: `Plan`.
        make_trainer: Function from a `Progress` and `is_best` to a `FitTrainer` or `RunTrainer`.
        folder: `pathlib.Path` of the search.
        facts: What the report says of data and network.
        console: `rich.console.Console`, or `None`.

    Returns:
        `SearchResult`. In a worker of a chief it holds what the workers have done so far.
    """
    with running.quiet(), Progress(None, 0, console) as progress:
        log = TrialLog(folder, progress.say)
        result = SearchResult(folder, facts, plan.loss_options, log)
        progress.best = max((trial.val_dice for trial in log.trials() if not trial.failed), default=math.nan)

        def is_best(trial):
            others = ranked(log.trials())
            return not others or others[0].failed or not trial.val_dice <= others[0].val_dice

        trainer = make_trainer(progress, is_best)
        oracle, epochs = plan.make_oracle(trainer.epochs)
        progress.trials, progress.epochs = oracle.max_trials, epochs + plan.seeds * (CONTENDERS + 1) * trainer.epochs
        time_left = _budget(plan, log, folder)
        oracle.out_of_time = lambda: _is_over(plan, trainer, log, time_left())
        rule = MedianRule(log, trainer.epochs) if plan.early_stopping and plan.oracle != "hyperband" else None
        tuner = running.LossTuner(
            oracle, trainer, plan.branch_options, log, progress, rule, folder, ended=result.write_leaderboard
        )
        if running.is_chief():
            progress.say("Handing out trials; start the workers. This process confirms and reports at the end.")
        try:
            tuner.search()
            if not running.is_worker():
                progress.epochs = progress.done + plan.seeds * (CONTENDERS + 1) * trainer.epochs
                result.confirmation = confirm(
                    trainer, result.trials, plan.seeds, folder, progress, time_left, plan.loss_options
                )
        except KeyboardInterrupt:
            result.interrupted = True
        result.is_partial = running.is_worker()
        if not result.is_partial:
            _keep(trainer, result)
            result.write()
    return result


def _keep(trainer, result):
    """Make the chosen network the best model; after Ctrl-C that of the best trial."""
    confirmation = result.confirmation
    if confirmation is not None and confirmation.winner is not None:
        # The first round, which nobody has chosen: its score on the test cases flatters nobody.
        trainer.keep(confirmation.winner, confirmation.rounds[0])
    elif any(not trial.failed for trial in result.trials):
        trainer.keep_trial(result.best)


def _budget(plan, log, folder):
    """Return a function that tells the seconds left, those of earlier calls counted, or `None` without a limit."""
    before = sum(trial.seconds for trial in log.trials()) + seconds_of(folder)

    def left():
        if plan.minutes is None:
            return None
        return 60 * plan.minutes - before - (time.monotonic() - plan.started)

    return left


def _is_over(plan, trainer, log, left):
    """Whether another trial would take the time that the confirmation round needs."""
    trials = [trial for trial in log.trials() if not trial.failed and trial.epochs]
    if left is None or not trials:
        return False
    full = max(trial.seconds / trial.epochs for trial in trials) * trainer.epochs
    return left < full * (1 + plan.seeds * (CONTENDERS + 1))
