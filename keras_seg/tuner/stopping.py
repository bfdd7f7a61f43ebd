"""Ending trials that can hardly win: the median rule."""

import math
import statistics

# A trial shows what it is worth after this share of its epochs; before that, losses that begin slowly would be lost.
FIRST_SHARE = 0.3
# So many trials must have got as far.
FEWEST = 3


class MedianRule:
    """Stops a trial whose best Dice so far is below the median of what the others had by the same epoch.

    Reference: [Golovin et al., 2017](https://doi.org/10.1145/3097983.3098043), section 3.2.

    Args:
        log: `TrialLog`.
        epochs: Epochs of a full trial.
        fewest: Number of trials that must have ended.
        share: Share of the epochs before which nothing is stopped.
    """

    def __init__(self, log, epochs, fewest=FEWEST, share=FIRST_SHARE):
        self.log = log
        self.epochs = epochs
        self.fewest = fewest
        self.share = share

    def hopeless(self, trial):
        """Whether a trial under way, which has just ended an epoch, should stop."""
        epoch = trial.epochs
        if epoch < math.ceil(self.share * self.epochs) or epoch >= self.epochs or math.isnan(trial.val_dice):
            return False
        # One that was stopped itself had at least its Dice then: without it the bar would rise with every stop.
        others = [other.best_until(epoch) for other in self.log.trials() if not other.failed]
        others = [dice for dice in others if not math.isnan(dice)]
        return len(others) >= self.fewest and trial.val_dice < statistics.median(others)
