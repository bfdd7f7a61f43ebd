"""Which trials are ended early: the median rule, by itself and in a search."""

import math

import keras
import pytest
from small_search import network, search

from keras_seg.tuner.stopping import MedianRule
from keras_seg.tuner.trial import Trial
from keras_seg.tuner.watching import Watch


class Log:
    """A log of trials with these curves."""

    def __init__(self, *curves, reasons=()):
        self.made = [made(curve) for curve in curves]
        for one, reason in zip(self.made, reasons):
            one.reason = reason

    def trials(self):
        return self.made


def made(curve):
    trial = Trial(1, "dice", "dice")
    for epoch, dice in enumerate(curve, 1):
        trial.note(epoch, dice)
    return trial


THREE = Log([0.2, 0.4, 0.6, 0.8], [0.1, 0.3, 0.5, 0.7], [0.3, 0.2, 0.1, 0.9])


def test_below_the_median_of_the_best_so_far():
    rule = MedianRule(THREE, epochs=10, share=0.2)
    # By the second epoch the others had 0.4, 0.3 and 0.3.
    assert rule.hopeless(made([0.1, 0.29]))
    assert not rule.hopeless(made([0.1, 0.3]))
    # Its own best counts too, and not what it has now.
    assert not rule.hopeless(made([0.35, 0.0]))


@pytest.mark.parametrize(("epochs", "first"), [(10, 3), (4, 2), (11, 4), (100, 30)])
def test_nothing_before_its_share_of_the_epochs(epochs, first):
    log = Log(*[[0.5] * epochs] * 3)
    hopeless = [MedianRule(log, epochs).hopeless(made([0.1] * epoch)) for epoch in range(1, epochs + 1)]
    # The last epoch is over when the rule is asked.
    assert hopeless == [first <= epoch < epochs for epoch in range(1, epochs + 1)]


def test_three_others_must_have_come_to_an_end():
    curves = [[0.5] * 10] * 4
    rules = [MedianRule(Log(*curves[:count], reasons=[""] * (count - 1) + ["no"]), 10) for count in (3, 4)]
    assert [rule.hopeless(made([0.1] * 5)) for rule in rules] == [False, True]


def test_stopped_trials_count_with_what_they_had():
    stopped = Log([0.1, 0.2], [0.1, 0.2], [0.5] * 10)
    assert not MedianRule(stopped, 10).hopeless(made([0.2] * 5))
    assert MedianRule(stopped, 10).hopeless(made([0.19] * 5))


def test_what_has_no_dice_yet_neither_stops_nor_counts():
    nan = math.nan
    assert not MedianRule(THREE, 10, share=0).hopeless(made([nan, nan]))
    late = Log([nan, nan, 0.5], [nan, nan, 0.5], [0.5, 0.5, 0.5])
    assert not MedianRule(late, 10, share=0).hopeless(made([0.1, 0.1]))
    assert MedianRule(late, 10, share=0).hopeless(made([0.1, 0.1, 0.1]))


def test_watch_marks_and_stops():
    watch = Watch(Trial(1, "dice", "dice"), MedianRule(THREE, epochs=4, share=0.5))
    watch.set_model(network("dice"))
    watch.model.stop_training = False
    ended = []
    for epoch in range(2):
        watch.on_epoch_end(epoch, {"val_dice": 0.1})
        ended.append(watch.model.stop_training)
    assert ended == [False, True]
    assert watch.trial.stopped


def build(loss, hp):
    """Right by nature, but for focal."""
    return network(loss, weight=-5.0 if "focal" in str(loss) else 5.0)


FOUR = {"losses": ["dice", "jaccard", "dice_ce", "focal"], "trials": 4, "epochs": 2}


def test_a_hopeless_trial_of_a_search_is_stopped_and_said(tmp_path):
    epochs = []

    class Note(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            epochs.append(epoch)

    result = search(build, folder=tmp_path, callbacks=[Note()], **FOUR)
    assert [trial.stopped for trial in result.trials] == [False, False, False, True]
    last = result.trials[-1]
    # 30 % of two epochs are over after the first.
    assert (last.epochs, last.failed, last.reason) == (1, False, "")
    assert len(epochs) == 3 * 2 + 1
    assert "1 stopped early" in result.conclusions[0]


def test_without_early_stopping_all_go_on():
    result = search(build, early_stopping=False, **FOUR)
    assert [trial.epochs for trial in result.trials] == [2] * 4
