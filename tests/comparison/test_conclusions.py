"""Sentences, tables and pages made from made-up results."""

import csv
import dataclasses
import io
import re

import numpy as np
import pytest
from comparison_cases import made_up
from PIL import Image

from keras_seg.comparison import Comparison, figures, panel, report, tables
from keras_seg.comparison.conclusions import conclusions
from keras_seg.comparison.contenders import ORIGINAL_FIVE, contenders, sweep
from keras_seg.comparison.results import paired_scores


def said(results):
    return " ".join(conclusions(results))


def test_what_is_alike_is_said_to_be():
    text = said(made_up({"dice": 0.8, "focal": 0.8}))
    assert "are not distinguishable on 12 cases and 3 seeds" in text
    assert "better than" not in text


def test_what_differs_is_said_with_its_size():
    text = said(made_up({"dice": 0.85, "focal": 0.7, "tversky": 0.85}))
    assert re.search(r"is better than focal \(by 0\.1\d\d, p = ", text)
    assert "is not distinguishable from" in text or "are not distinguishable" in text
    assert "focal is better" not in text


def test_collapse_failure_and_thresholds_are_said():
    means, reasons = {"dice": 0.8, "focal": 0.3, "odd": 0.6}, {("odd", 1): "TrainingDiverged: nan"}
    results = made_up(means, at_best={"focal": 0.3}, reasons=reasons)
    results.outcomes["focal", 0].measures.scores[0] = 0.0
    text = said(results)
    assert "Some trainings collapsed: focal with seed 0." in text
    assert "odd failed with seed 1: TrainingDiverged: nan." in text
    assert "focal gains 0.398" in text


def test_all_that_collapsed_stands_in_one_sentence():
    text = said(made_up({"dice": 0.8, "focal": 0.0, "ce": 0.0}, cases=12, spread=0.0))
    assert re.search(r"All trainings with (focal and ce|ce and focal) collapsed", text)


def test_what_more_seeds_would_tell_is_said():
    text = said(made_up({"dice": 0.7, "focal": 0.5, "ce": 0.69}, spread=0.1, seed=3))
    assert "By the cases alone" in text
    assert "more seeds would tell" in text


def test_a_pair_that_contradicts_the_means_is_said_to():
    results = made_up({"dice": 0.8, "focal": 0.6}, seeds=2)
    test = dataclasses.replace(results.pair("dice", "focal"), first="focal", second="dice", holm=0.001)
    results.__dict__["pairs"] = [test]
    text = said(results)
    assert "focal did better than dice, against their means" in text
    assert "not distinguishable" not in text


def test_one_seed_is_said_to_be_one():
    assert "Every loss was trained once" in said(made_up({"dice": 0.8, "focal": 0.7}, seeds=1))


def test_nothing_that_ended_is_no_winner():
    reasons = {("dice", seed): "no" for seed in range(3)}
    assert said(made_up({"dice": 0.8}, reasons=reasons)) == "No training came to its end."


def test_the_table_of_cases_is_the_originals():
    results = made_up({"dice": 0.7, "focal": 0.8})
    lines = tables.case_table(results)
    assert lines[0] == "| case | focal | dice |"
    assert len(lines) == 2 + 12 + 1
    rows = list(csv.reader(io.StringIO(tables.table_to_csv(lines))))
    assert rows[0] == ["case", "focal", "dice"]
    expected = results.per_case()[1, 4]
    assert float(rows[5][1]) == pytest.approx(expected, abs=5e-4)
    assert rows[-1][0] == "mean"


def test_the_summary_holds_numbers():
    results = made_up({"dice": 0.7, "focal": 0.8}, classes=("organ", "vessels"), at_best={"dice": 0.1})
    first, second = csv.DictReader(io.StringIO(tables.summary_to_csv(results)))
    assert (first["loss"], second["loss"], first["trainings"]) == ("focal", "dice", "3")
    assert float(second["dice"]) == pytest.approx(results.mean("dice"), rel=1e-5)
    assert float(second["dice_deviation"]) == pytest.approx(results.means[0].std(ddof=1), rel=1e-5)
    assert float(second["dice_at_best_threshold"]) == pytest.approx(results.mean("dice") + 0.1, abs=2e-3)
    assert float(second["threshold_organ"]) == pytest.approx(0.22, abs=0.03)
    assert second["false_positive_volume_ml"] == ""


def test_everything_measured_is_in_the_long_table():
    results = made_up({"dice": 0.7, "focal": 0.8}, classes=("organ", "vessels"))
    rows = list(csv.DictReader(io.StringIO(tables.to_csv(results))))
    assert len(rows) == 2 * 3 * 12 * 2
    assert {row["class"] for row in rows} == {"organ", "vessels"}
    assert float(rows[0]["dice"]) == pytest.approx(results.dice[0, 0, 0, 0], rel=1e-4)


def test_a_label_cannot_break_a_table_or_the_page(tmp_path):
    results = made_up({"a | b": 0.8, "<script>": 0.7})
    markdown = report.to_markdown(results, {"command": "keras-seg compare"}, {}, {"a | b": "dice", "<script>": "focal"})
    assert "a \\| b" in markdown
    page = report.to_html(markdown, tmp_path)
    assert "<script>" not in page
    assert tables.table_to_csv(tables.case_table(results)).startswith("case,a | b,")


def test_pictures_are_drawn_and_the_page_holds_them(tmp_path):
    results = made_up({f"loss {number}": 0.5 + 0.04 * number for number in range(9)})
    for draw, name in ((figures.plot_dice, "dice"), (figures.plot_curves, "curves"), (figures.plot_gradients, "norms")):
        draw(tmp_path / f"{name}.png", results)
        with Image.open(tmp_path / f"{name}.png") as image:
            assert 900 <= image.width <= 1200
    pictures = {f"{name}.png": "caption | with *marks*" for name in ("dice", "curves", "norms")}
    page = report.to_html(report.to_markdown(results, {"data": "x"}, pictures, {}), tmp_path)
    assert page.count("data:image/png;base64,") == 3
    assert not re.search(r'(src|href)="(?!data:)', page)


def test_losses_are_told_apart_by_colour_or_dash():
    assert len({figures.style_of(place)[:2] for place in range(28)}) == 28


def test_a_sweep_is_drawn_over_its_values(tmp_path):
    swept, losses = sweep("tversky(alpha=0.9|0.1, beta=0.1|0.9)")
    assert swept.values == (0.9, 0.1)
    assert list(losses) == ["tversky(alpha=0.9, beta=0.1)", "tversky(alpha=0.1, beta=0.9)"]
    results = made_up(dict.fromkeys(losses, 0.7))
    assert figures.plot_sweep(tmp_path / "sweep.png", results, swept).is_file()
    lines = tables.sweep_table(results, swept)
    assert [line.split(" | ")[0] for line in lines[2:]] == [f"| {label}" for label in reversed(list(losses))]
    text = report.to_markdown(results, {"data": "x"}, {}, {}, [("sweep.png", "caption", lines)])
    assert "## Sweep" in text
    assert "![caption](sweep.png)" in text


def test_a_sweep_takes_no_part_in_the_tests_of_the_others(monkeypatch):
    swept, losses = sweep("focal(gamma=1|2)")
    found = Comparison.__new__(Comparison)
    found.sweeps = [swept]
    monkeypatch.setattr(Comparison, "results", made_up(dict.fromkeys(["dice", "ce", *losses], 0.7)))
    assert found.compared.labels == ("dice", "ce")
    assert len(found.compared.pairs) == 1
    monkeypatch.setattr(Comparison, "results", made_up(dict.fromkeys(losses, 0.7)))
    assert found.compared.labels == tuple(losses)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("focal(gamma=2)", "is no sweep"),
        ("tversky(alpha=0.1|0.2, beta=0.1)", None),
        ("tversky(alpha=0.1|0.2, beta=0.1|0.2|0.3)", "as many for each"),
        ("focal(gamma=a|b)", "must be numbers"),
        ("nothing(gamma=1|2)", "nothing"),
    ],
)
def test_sweeps_that_are_none(text, message):
    if message is None:
        assert len(sweep(text)[1]) == 2
    else:
        with pytest.raises(ValueError, match=message):
            sweep(text)


def test_labels_stand_before_texts():
    found = contenders(["dice_ce", "mine=dice + 0.5 * focal(gamma=3)", "tversky(alpha=0.4)"])
    assert found == {
        "dice_ce": "dice_ce",
        "mine": "dice + 0.5 * focal(gamma=3)",
        "tversky(alpha=0.4)": "tversky(alpha=0.4)",
    }
    assert contenders(None) == ORIGINAL_FIVE
    assert contenders(["original", "dice_ce"]) == {**ORIGINAL_FIVE, "dice_ce": "dice_ce"}
    assert len(ORIGINAL_FIVE) == 5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["dise"], "dise"),
        ([], "at least one"),
        (["a=dice", "a=focal"], "Two losses are called 'a'"),
        ([3], "name or text"),
    ],
)
def test_losses_that_are_none(given, message):
    with pytest.raises(ValueError, match=message):
        contenders(given)


def test_the_shown_cases_differ_and_the_first_shows_most():
    results = made_up({"dice": 0.8, "focal": 0.8})
    results.outcomes["focal", 0].measures.scores[0, 7] = 0.1
    chosen = panel.chosen_cases(results)
    assert chosen[0] == "case 7"
    assert len(set(chosen)) == len(chosen) == 3


def test_predicting_what_is_not_there_counts_against_a_loss():
    dice = np.full((2, 1, 3, 1), 0.8)
    dice[0, 0, 0], dice[1, 0, 0] = np.nan, 0.0  # absent: the first predicts none of it, the other some
    dice[:, 0, 1] = np.nan  # absent, and both are right
    paired = paired_scores(dice)
    np.testing.assert_array_equal(paired[:, 0], [[1.0, np.nan, 0.8], [0.0, np.nan, 0.8]])
