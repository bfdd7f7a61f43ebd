"""Cases in a table: means by the pinned rule, intervals that SciPy gives, CSV that reads back, a table that fits."""

import csv
import io
import math

import numpy as np
import pytest
from rich.console import Console
from scipy import stats

from keras_seg import metrics
from keras_seg.evaluation import Evaluation, Summary, evaluate_cases
from keras_seg.evaluation.statistics import interval

NAMES = ("background", "liver", "lesion")


def cases(count=12):
    """Every third case has no lesion; in the first of those one voxel of it is predicted."""
    generator = np.random.default_rng(0)
    for number in range(count):
        truth = np.zeros((20, 24, 16), "uint8")
        truth[5:12, 6:14, 4:10] = 1
        if number % 3:
            truth[12:15, 6:14, 4:10] = 2
        prediction = np.roll(truth, generator.integers(-2, 3, 3), (0, 1, 2))
        if number == 0:
            prediction[0, 0, 0] = 2
        yield f"case_{number:02d}", truth, prediction, (1.0, 1.0, 3.0)


@pytest.fixture(scope="module")
def evaluation():
    return evaluate_cases(cases(), 3, class_names=NAMES)


def test_dice_of_cases_is_that_of_the_metrics(evaluation):
    table = np.array([metrics.dice_per_class(truth, prediction, 3)[1:] for _, truth, prediction, _ in cases()])
    np.testing.assert_array_equal(evaluation.scores("dice"), table)
    assert evaluation.mean_dice == metrics.mean_dice(table)
    assert evaluation.cases == tuple(f"case_{number:02d}" for number in range(12))
    assert evaluation.names == ("liver", "lesion")
    *classes, mean = evaluation.summary()
    assert [row.dice for row in classes] == pytest.approx(np.nanmean(table, axis=0).tolist())
    assert mean.dice == evaluation.mean_dice
    assert mean.dice_per_case == pytest.approx(np.nanmean(table, axis=1).mean())
    assert mean.dice_per_case != pytest.approx(mean.dice)  # not the same where a class is missing from some cases


def test_summary_of_a_class(evaluation):
    dice, difference = (evaluation.scores(name)[:, 1] for name in ("dice", "volume_difference"))
    distance = evaluation.scores("hd95")[:, 1]
    row = evaluation.summary()[1]
    assert row.name == "lesion"
    assert row.cases == 9  # in 8 truths, and in the prediction of a ninth
    assert row.dice_median == np.nanmedian(dice)
    assert row.dice_worst == 0
    assert row.worst_case == "case_00"
    assert row.hd95 == pytest.approx(distance[np.isfinite(distance)].mean())
    assert row.hd95_infinite == 1
    assert row.volume_error == pytest.approx(np.abs(difference).mean())


def test_false_positives_in_cases_without_the_class(evaluation):
    liver, lesion, mean = evaluation.summary()
    assert (lesion.absent, lesion.false_positive_cases) == (4, 1)
    assert lesion.false_positive_volume == pytest.approx(0.003 / 4)
    assert (liver.absent, liver.false_positive_cases) == (0, 0)
    assert math.isnan(liver.false_positive_volume)
    assert (mean.absent, mean.false_positive_cases) == (4, 1)


def test_interval_of_a_class_is_that_of_scipy(evaluation):
    dice = evaluation.scores("dice")[:, 0]
    expected = stats.bootstrap((dice,), np.mean, n_resamples=9999, random_state=np.random.default_rng(0))
    row = evaluation.summary()[0]
    assert (row.dice_low, row.dice_high) == pytest.approx(tuple(expected.confidence_interval), abs=1e-12)
    assert row.dice_low < row.dice < row.dice_high


def test_interval_keeps_the_classes_of_a_case_together():
    generator = np.random.default_rng(0)
    same = np.repeat(generator.normal(0.8, 0.05, (30, 1)), 2, axis=1)
    other = np.stack([same[:, 0], 1.6 - same[:, 0]], axis=1)  # what one class gains, the other loses
    low, high = interval(same)
    alone = interval(same[:, :1])
    assert (low, high) == pytest.approx(alone)
    assert interval(other) == pytest.approx((0.8, 0.8))


def test_interval_holds_the_true_mean_about_as_often_as_it_says():
    generator = np.random.default_rng(0)
    held = 0
    for seed in range(200):
        low, high = interval(generator.beta(8, 2, (20, 1)), seed=seed)
        held += low <= 0.8 <= high
    assert 0.9 <= held / 200 <= 0.98


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ([[0.5], [0.5], [0.5]], (0.5, 0.5)),
        ([[0.5]], (math.nan, math.nan)),
        ([[math.nan], [math.nan]], (math.nan, math.nan)),
        ([[0.5], [math.nan]], (math.nan, math.nan)),
    ],
)
def test_interval_of_next_to_nothing(table, expected):
    assert interval(table) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("table", [[[0.0], [1.0]], [[0.9, math.nan], [0.8, math.nan], [0.7, 0.2]], [[0.0]] * 9 + [[1]]])
def test_interval_is_finite_where_scipy_has_none(table):
    low, high = interval(table)
    assert 0 <= low <= metrics.mean_dice(table) <= high <= 1


def test_same_seed_same_interval(evaluation):
    assert interval(evaluation.scores("dice")) == interval(evaluation.scores("dice"))
    assert interval(evaluation.scores("dice"), seed=1) != interval(evaluation.scores("dice"))


def read(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_holds_every_case_and_class(evaluation, tmp_path):
    paths = evaluation.write(tmp_path / "evaluation")
    assert [path.name for path in paths] == ["cases.csv", "summary.csv"]
    rows = read(paths[0].read_text())
    assert len(rows) == 24
    assert list(rows[0])[:6] == ["case", "class", "name", "dice", "iou", "hd95_mm"]
    assert rows[1]["hd95_mm"] == "inf"
    assert rows[1]["volume_prediction_ml"] == "0.003"
    assert rows[7]["dice"] == ""  # no lesion, and none predicted
    for place, measure in enumerate(("dice", "iou", "hd95")):
        column = [float(row[list(row)[3 + place]] or "nan") for row in rows]
        np.testing.assert_allclose(column, evaluation.scores(measure).ravel(), rtol=1e-5)
    summary = read(paths[1].read_text())
    assert [row["name"] for row in summary] == ["liver", "lesion", "mean"]
    assert float(summary[2]["dice"]) == pytest.approx(evaluation.mean_dice, abs=1e-6)
    assert len(summary[0]) == len(Summary.__dataclass_fields__)


def shown(evaluation, width=80, **options):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    evaluation.table(console, **options)
    return console.file.getvalue()


def test_table_fits_a_terminal(evaluation):
    text = shown(evaluation, worst=3)
    assert max(map(len, text.splitlines())) <= 80
    for part in ("liver", "lesion", "mean", "0.421", "Dice of the 3 worst cases", "and 9 more in cases.csv", "+1"):
        assert part in text
    assert "False positives in cases without the class" in text
    assert "worst cases" not in shown(evaluation, worst=0)


def test_table_of_images_and_notes():
    square = np.zeros((9, 9), "uint8")
    square[2:6, 2:6] = 1
    options = {"notes": ("Left out: [b]",), "class_names": ("background", "[red]")}
    evaluation = evaluate_cases([("[i]", square, square, (1, 1))], 1, **options)
    text = shown(evaluation)
    for part in ("[i]", "[red]", "Left out: [b]", "area error", "1.000", "Dice of 1 case"):
        assert part in text
    assert "False positives" not in text
    assert "mm2" in evaluation.to_csv().splitlines()[0]


def test_many_classes_are_not_squeezed_into_one_line():
    names = ["background"] + [f"organ {number}" for number in range(1, 14)]
    truth = np.random.default_rng(0).integers(0, 14, (12, 12))
    text = shown(evaluate_cases([("one", truth, truth, (1, 1))], 14, class_names=names))
    assert max(map(len, text.splitlines())) <= 80
    assert "organ 13" in text


def test_nothing_to_count():
    empty = np.zeros((4, 4), "uint8")
    evaluation = evaluate_cases([("a", empty, empty, (1, 1)), ("b", empty, empty, (1, 1))], 3)
    assert math.isnan(evaluation.mean_dice)
    assert evaluation.summary()[-1].worst_case == ""
    assert "class 2" in shown(evaluation)
    assert read(evaluation.summary_to_csv())[0]["dice"] == ""


def test_cases_are_measured_one_by_one():
    alive = []

    def stream():
        for number, case in enumerate(cases(3)):
            alive.append(number)
            yield case

    seen = []
    evaluate_cases(stream(), 3, progress=lambda items: (seen.append(list(alive)) or item for item in items))
    assert seen == [[0], [0, 1], [0, 1, 2]]


def test_what_is_refused():
    square = np.zeros((4, 4), "uint8")
    with pytest.raises(ValueError, match="At least one case"):
        evaluate_cases([], 2)
    with pytest.raises(ValueError, match="Two cases are called 'a'"):
        evaluate_cases([("a", square, square, (1, 1))] * 2, 2)
    with pytest.raises(ValueError, match=r"Case 'b': .*labels from 0 to 1"):
        evaluate_cases([("a", square, square, (1, 1)), ("b", square, square + 2, (1, 1))], 2)
    with pytest.raises(ValueError, match="Case 'b' has 3 spatial axes"):
        evaluate_cases([("a", square, square, (1, 1)), ("b", square[None], square[None], (1, 1, 1))], 2)
    with pytest.raises(ValueError, match="must name every class"):
        evaluate_cases([("a", square, square, (1, 1))], 3, class_names=("background", "cell"))
    evaluation = evaluate_cases([("a", square, square, (1, 1))], 2)
    with pytest.raises(ValueError, match="`measure` must be one of dice, iou"):
        evaluation.scores("Dice")
    with pytest.raises(ValueError, match="same classes"):
        Evaluation({**evaluation.rows, "b": {}})
