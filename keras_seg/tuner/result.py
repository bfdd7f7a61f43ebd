"""What a search found: its trials, the confirmation round, the best loss and model, and the files that say so."""

import pathlib

from keras_seg.files import replacing, to_toml, write_text
from keras_seg.tuner import files
from keras_seg.tuner.conclusions import conclusions
from keras_seg.tuner.log import TrialLog
from keras_seg.tuner.report import confirmation_table, leaderboard_table, to_csv, to_markdown
from keras_seg.tuner.space import loss_of
from keras_seg.tuner.trial import ranked


class SearchResult:
    """The outcome of a search.

    Attributes:
        folder: Folder of the search.
        facts: What was searched on and how, `{"data": "...", "network": "..."}`, for the report.
        options: Arguments that every loss was given, such as `{"ignore_class": 255}`.
        confirmation: `Confirmation`: the best few and the default trained anew, or `None`.
        interrupted: Whether Ctrl-C ended it before its end.
        is_partial: Whether this process was a worker, so that its chief has the whole result.
    """

    def __init__(self, folder, facts=None, options=None, log=None):
        self.folder = pathlib.Path(folder)
        self.facts = facts or {}
        self.options = options or {}
        self.confirmation = None
        self.interrupted = False
        self.is_partial = False
        self._log = TrialLog(self.folder) if log is None else log
        self._best_model = None

    @property
    def trials(self):
        """The trials that ended, a list of `Trial` in the order of their numbers."""
        return self._log.trials()

    @property
    def leaderboard(self):
        """The trials from the best to the worst; of equal ones the earlier first, and what failed last."""
        return ranked(self.trials)

    @property
    def best(self):
        """The best `Trial` of the search, confirmed or not.

        Raises:
            ValueError: If there is none.
        """
        trials = self.trials
        if not trials:
            raise ValueError("The search has not finished a single trial, so there is no best one.")
        first = ranked(trials)[0]
        if first.failed:
            raise ValueError(f"All {len(trials)} trials failed, so there is no best one. The last: {trials[-1].reason}")
        return first

    @property
    def winner(self):
        """Text of the loss that was chosen: the best of the confirmation round, without one that of the best trial.

        Raises:
            ValueError: If every trial failed.
        """
        confirmed = None if self.confirmation is None else self.confirmation.winner
        return self.best.loss if confirmed is None else confirmed.text

    @property
    def best_loss(self):
        """The chosen loss with its parameters. Errors of `winner`."""
        return loss_of(self.winner, self.options)

    @property
    def best_model(self):
        """The network of the chosen loss at its best epoch, compiled. Errors of `best`."""
        from keras_seg.saving import load_model

        if self._best_model is None and self.best:
            self._best_model = load_model(self.folder / files.MODEL)
        return self._best_model

    @property
    def conclusions(self):
        """What the search says, a list of sentences."""
        return conclusions(self.trials, self.confirmation)

    def tables(self, rows=12):
        """Return the leaderboard, and the table of the confirmation round if there was one, for `rich`.

        Args:
            rows: How many trials to show.
        """
        confirmed = [] if self.confirmation is None else [confirmation_table(self.confirmation)]
        return [leaderboard_table(self.trials, rows), *confirmed]

    def write_leaderboard(self):
        """Bring `leaderboard.csv` up to date."""
        write_text(self.folder / files.LEADERBOARD, to_csv(self.trials))

    def write(self):
        """Write `leaderboard.csv`, `leaderboard.md` and `trials.png`."""
        from keras_seg.tuner.plot import plot_trials

        trials = self.trials
        self.write_leaderboard()
        if trials:
            plot_trials(self.folder / files.PLOT, trials, self.confirmation)
            text = to_markdown(trials, self.confirmation, self.conclusions, self.facts)
            write_text(self.folder / files.MARKDOWN, text)

    @property
    def written(self):
        """Paths of what the search leaves for its user, as far as it is there."""
        names = (files.MARKDOWN, files.LEADERBOARD, files.PLOT, files.MODEL, files.RECIPE, files.OVERLAY, files.BEST)
        return [self.folder / name for name in names if (self.folder / name).exists()]

    def write_recipe(self):
        """Write what `keras-seg train` needs to know of the chosen loss, for a search on data of the user's own."""
        table = {"loss": self.winner} | ({"options": self.options} if self.options else {})
        heading = f"# The loss that won among {len(self.trials)} trials; `keras-seg train` chooses the rest.\n\n"
        with replacing(self.folder / files.RECIPE) as temporary:
            temporary.write_text(heading + to_toml({"loss": table}), encoding="utf-8")
