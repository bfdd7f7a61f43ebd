"""What a search leaves to read: conclusions, tables, the leaderboard."""

import csv
import io
import math

import pytest
from rich.console import Console
from search_cases import made_up_confirmation, made_up_trials

from keras_seg.tuner import report
from keras_seg.tuner.conclusions import against, conclusions, on_test_cases
from keras_seg.tuner.trial import Trial

TRIALS = [
    Trial(1, "dice", "dice", {}, 0.5, 2, 4, 3.2),
    Trial(2, "focal", "focal(gamma=2)", {"focal.gamma": 2.0}, reason="ValueError: no [memory] | left"),
    Trial(3, "dice", "dice(class_weights=[1, 2])", {}, 0.75, 4, 4, 3.0),
    Trial(4, "ce", "ce", {}, 0.6, 1, 2, 1.0, stopped=True),
]
MARKUP = str.maketrans("", "", "`*")


def said(trials, confirmation=None):
    return " ".join(conclusions(trials, confirmation)).translate(MARKUP)


def shown(table, width=100):
    console = Console(file=io.StringIO(), width=width)
    console.print(table)
    return console.file.getvalue()


def confirmed(means, **options):
    return made_up_confirmation({"dice_ce": 0.8, **means}, **options)


def test_without_confirmation_the_number_is_said_to_be_optimistic():
    text = said(TRIALS)
    assert "4 trials of 3 losses: 1 stopped early and 1 failed." in text
    assert "The best trial of the search is number 3, dice(class_weights=[1, 2]): Dice 0.750 in epoch 4." in text
    assert "nothing was confirmed: this number is optimistic" in text
    assert "1 trial failed: ValueError: no [memory] | left." in text


def test_nothing_and_nothing_but_failures():
    assert conclusions([]) == ["No trial came to its end."]
    failed = [*TRIALS[1:2], *made_up_trials(5, ["a", "b"], failed=2.0)]
    text = said(failed)
    assert "All 6 trials failed: TrainingDiverged: the loss is NaN (5 times) and ValueError" in text
    assert "(1 time)" in text
    assert "no best loss" in text


def test_what_is_better_than_the_default_is_said_to_be():
    text = said(TRIALS, confirmed({"dice": 0.9, "ce": 0.6}, cases=20, trials={"dice": 3}))
    assert "dice has the highest Dice of the confirmation round: 0.9" in text
    assert "It is better than dice_ce (difference +0.09" in text
    assert "keep the default" not in text
    # 0.75 in the search, 0.9 in the confirmation round.
    assert "In the confirmation round, with fresh seeds and on other cases, it had 0.9" in text
    assert "flatters" not in text


def test_what_is_alike_is_said_plainly():
    confirmation = confirmed({"dice": 0.801, "ce": 0.8}, seed=4)
    winner = confirmation.winner.loss
    assert winner != "dice_ce"
    text = said(TRIALS, confirmation)
    assert "It is not distinguishable from dice_ce (difference +0.0" in text
    assert "keep the default, unless more rounds or cases tell the two apart" in text


def test_nothing_beat_the_default():
    text = said(TRIALS, confirmed({"dice": 0.6, "ce": 0.5}))
    assert "Nothing beat the default. dice_ce has the highest Dice, 0.8" in text
    assert "before dice (difference -0.2" in text


def test_one_round_does_not_vary_seeds():
    text = said(TRIALS, confirmed({"dice": 0.9}, rounds=1))
    assert "trained once: seeds were not varied" in text
    assert "seeds were not varied" not in said(TRIALS, confirmed({"dice": 0.9}))


def test_failures_of_the_confirmation_round_are_said():
    text = said(TRIALS, confirmed({"dice": 0.9}, reasons={"dice_ce": "it diverged"}))
    assert "Only dice was confirmed" in text
    assert "dice_ce failed in the confirmation round: it diverged." in text
    text = said(TRIALS, confirmed({"dice": 0.9, "ce": 0.8}, reasons={"dice_ce": "it diverged"}))
    assert "dice_ce, the default, has no result" in text
    text = said(TRIALS, confirmed({"dice": 0.9}, reasons={"dice_ce": "no", "dice": "no"}))
    assert "nothing was confirmed" in text


@pytest.mark.parametrize(("mean", "verdict"), [(0.9, "better"), (0.803, "not distinguishable")])
def test_winner_and_default_on_the_test_cases(mean, verdict):
    confirmation = confirmed({"dice": mean}, test=12, seed=4)
    assert confirmation.winner.loss == "dice"
    text = said(TRIALS, confirmation)
    assert "On 12 test cases, which no choice has seen, dice has Dice" in text
    assert f"each the mean of 3 trainings. There it is {verdict} (difference" in text


def test_differences_have_the_sign_of_the_loss_minus_the_default():
    confirmation = confirmed({"dice": 0.9, "ce": 0.6}, test=8)
    for loss, sign in (("dice", 1), ("ce", -1)):
        for compared in (against(confirmation, loss), on_test_cases(confirmation, loss, "dice_ce")):
            _, difference, low, high = compared
            assert math.copysign(1, difference) == sign
            assert low < difference < high
    assert against(confirmation, "dice_ce") is None
    assert on_test_cases(confirmation, "dice_ce", "dice_ce") is None


def test_leaderboard_shows_the_best_first_and_what_is_hidden():
    text = shown(report.leaderboard_table(TRIALS, rows=2))
    assert text.index("0.750") < text.index("0.600")
    assert "class_weights=[1, 2]" in text
    assert "1, stopped at 2" in text
    assert "and 2 more in leaderboard.csv" in text
    text = shown(report.leaderboard_table(TRIALS))
    assert text.index("0.500") < text.index("failed")
    assert "ValueError: no [memory]" in text


def test_confirmation_table_has_rounds_differences_and_failures():
    confirmation = confirmed({"dice": 0.9, "bad": 0.5}, reasons={"bad": "it [diverged]"})
    text = shown(report.confirmation_table(confirmation), 120)
    assert text.index("dice") < text.index("dice_ce (default)") < text.index("bad")
    assert "it [diverged]" in text
    assert f"{confirmation.means['dice']:.3f}" in text
    assert "+0." in text
    wide = [len(line.rstrip()) for line in shown(report.confirmation_table(confirmation), 80).splitlines()]
    assert max(wide) <= 80
    shown(report.confirmation_table(confirmed({}, reasons={"dice_ce": "no"})))


def test_csv_has_a_column_for_all_that_was_searched():
    rows = list(csv.DictReader(report.to_csv(TRIALS).splitlines()))
    assert [row["number"] for row in rows] == ["3", "4", "1", "2"]
    assert [row["rank"] for row in rows] == ["1", "2", "3", ""]
    assert [row["stopped"] for row in rows] == ["False", "True", "False", "False"]
    assert rows[3]["focal.gamma"] == "2"
    assert rows[3]["val_dice"] == rows[0]["focal.gamma"] == ""
    assert list(rows[0])[:10] == ["rank", *report.COLUMNS]
    number = Trial(1, "dice", "dice", {"lr": 0.00123456789}, 0.123456789)
    assert report.to_csv([number]).splitlines()[1].startswith("1,1,dice,dice,0.123457,0,0,0,False,,0.00123457")


def test_markdown_is_whole_and_breaks_no_table():
    confirmation = confirmed({"dice": 0.9, "a | b": 0.5}, test=4)
    facts = {"data": "phantoms", "command": "keras-seg search phantoms"}
    text = report.to_markdown(TRIALS, confirmation, ["One **sentence**."], facts)
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == [
        "# Search over 3 losses",
        "## Confirmation",
        "## Test",
        "## Leaderboard",
        "## How",
    ]
    assert "- One **sentence**." in text
    assert "](trials.png)" in text
    assert "- data: phantoms" in text
    assert "```console\nkeras-seg search phantoms\n```" in text
    assert "| `a \\| b` |" in text
    assert "| - | 2 | `focal(gamma=2)` | - | - | 0 | failed: `ValueError: no [memory] \\| left` |" in text
    assert (
        f"| **all cases** | **{_test_dice(confirmation, 'dice')}** | **{_test_dice(confirmation, 'dice_ce')}** |"
        in text
    )
    for block in text.split("\n\n"):
        widths = {line.replace("\\|", "").count("|") for line in block.splitlines() if line.startswith("|")}
        assert len(widths) <= 1


def _test_dice(confirmation, loss):
    return f"{confirmation.test_scores(loss).mean():.3f}"


def test_markdown_without_a_confirmation_round():
    text = report.to_markdown(TRIALS, None, conclusions(TRIALS), {})
    assert "## Confirmation" not in text
    assert "## Leaderboard" in text
    assert "```" not in text
