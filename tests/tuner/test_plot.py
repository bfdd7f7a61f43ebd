"""The picture of a search: what stands where, and that it is drawn for every kind of search."""

import math

import pytest
from PIL import Image
from search_cases import made_up_confirmation, made_up_trials

from keras_seg.tuner import plot
from keras_seg.tuner.dice_axis import DiceAxis
from keras_seg.tuner.trial import Trial

LONG = "0.5 * weighted_cross_entropy(class_weights=[1, 2]) + 0.25 * boundary + $tversky$"
FIVE = ["tversky", "dice_ce", LONG, "lovasz", "boundary"]


def searches():
    """A picture's arguments, by name."""
    some = made_up_trials(7, FIVE, stopped=0.3, collapsed=0.2)
    one = [Trial(1, "dice", "dice", {"dice.square": True}, 0.5, 1, 1, curve={1: 0.5})]
    rounds = made_up_confirmation({some[0].loss: 0.85, "dice_ce": 0.84}, trials={some[0].loss: 1})
    return {
        "some": (some,),
        "confirmed": (some, rounds),
        "confirmed apart": (some[:1], made_up_confirmation({"dice_ce": 0.84, "other": 0.8}, rounds=1, folds=False)),
        "nothing confirmed": (some, made_up_confirmation({"dice_ce": 0.84}, reasons={"dice_ce": "no memory"})),
        "many": (made_up_trials(60, [f"loss {k}" for k in range(40)], 1, failed=0.1, collapsed=0.1),),
        "all failed": (made_up_trials(3, FIVE, failed=2.0),),
        "one": (one,),
    }


@pytest.mark.parametrize("kind", searches())
def test_every_search_has_a_picture(tmp_path, kind):
    path = plot.plot_trials(tmp_path / "trials.png", *searches()[kind])
    with Image.open(path) as picture:
        assert picture.size[0] == plot.WIDTH * plot.DPI
        assert len(picture.convert("L").getcolors()) > 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["trials.png"]


def test_collapsed_trials_do_not_squash_the_axis():
    axis = DiceAxis.of([0.0, 0.01, 0.8, 0.82, 0.85, 0.86, math.nan])
    assert axis.cut
    assert 0.7 < axis.low < 0.8
    assert axis.high > 0.86


@pytest.mark.parametrize("values", [[0.3, 0.5, 0.6, 0.8], [0.0, 0.0, 0.0, 0.8], [0.8], [0.84, 0.85]])
def test_the_axis_holds_all_that_can_be_told_apart(values):
    axis = DiceAxis.of(values)
    assert not axis.cut
    assert axis.low < min(values) <= max(values) < axis.high


def test_without_any_dice_the_axis_is_whole():
    assert DiceAxis.of([math.nan]) == DiceAxis(0.0, 1.0, False)


def test_losses_look_different_and_the_best_comes_first():
    trials = made_up_trials(35, [f"loss {k}" for k in range(35)])
    picture = plot._Picture(trials, None)
    assert len({picture.look(name) for name in picture.names}) == 35
    assert picture.names[0] == max(trials, key=lambda trial: trial.val_dice).name


def test_parameters_of_the_best_losses_come_first_and_constant_ones_not_at_all():
    trials = [
        Trial(1, "dice", "dice", {"dice.a": 1.0, "lr": 0.1, "fixed": 3}, 0.5),
        Trial(2, "dice", "dice", {"dice.a": 2.0, "lr": 0.2, "fixed": 3}, 0.6),
        Trial(3, "ce", "ce", {"ce.a": 1.0, "lr": 0.3, "fixed": 3}, 0.8),
        Trial(4, "ce", "ce", {"ce.a": 2.0, "lr": 0.4, "fixed": 3}, 0.7),
        Trial(5, "bad", "bad", {"bad.a": 1.0}, reason="NaN"),
        Trial(6, "bad", "bad", {"bad.a": 2.0}, reason="NaN"),
    ]
    assert plot._Picture(trials, None).parameters == ["lr", "ce.a", "dice.a"]


def test_a_confirmed_loss_stands_in_the_row_of_what_it_was_chosen_from():
    trials = made_up_trials(5, FIVE)
    means = {trials[0].loss: 0.85, "dice_ce": 0.84, "unknown": 0.8}
    picture = plot._Picture(trials, made_up_confirmation(means, trials={trials[0].loss: 1}))
    assert [entry.name for entry in picture.confirmed] == ["tversky", "dice_ce", "unknown"]
    assert [entry.is_default for entry in picture.confirmed] == [False, True, False]
    assert picture.names[-1] == "unknown"


def test_values_stand_on_the_axis_that_suits_them():
    from matplotlib.figure import Figure

    axes = Figure().subplots(1, 3)
    assert plot._put_values(axes[0], [1e-4, 1e-2]) == [1e-4, 1e-2]
    assert plot._put_values(axes[1], [1, 2, 4]) == [1, 2, 4]
    assert plot._put_values(axes[2], [True, "mean", True]) == [0, 1, 0]
    assert [axis.get_xscale() for axis in axes] == ["log", "linear", "linear"]
    assert [text.get_text() for text in axes[2].get_xticklabels()] == ["True", "mean"]


def test_titles_of_parameters_keep_the_parameter():
    assert plot._parameter_title("tversky.alpha") == "tversky.alpha"
    assert plot._parameter_title(f"{LONG}: tversky.alpha").endswith("…: tversky.alpha")
    assert len(plot._parameter_title(f"{LONG}: tversky.alpha")) <= 34
