"""A whole comparison on tiny phantoms: equal starts, what accumulates, what goes on, what is refused."""

import csv
import functools
import io
import shutil

import numpy as np
import pytest
from comparison_cases import TINY
from rich.console import Console

import keras_seg
from keras_seg import data as datasets
from keras_seg.comparison import comparing, load_comparison
from keras_seg.experiments import running
from keras_seg.training import fitting

LOSSES = {"Dice": "dice(include_background=False)", "CE": "cross_entropy"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("comparison")
    datasets.write_phantoms(path / "data", 9, shape=(20, 18, 16), num_classes=2, foreground=0.1)
    return path


@pytest.fixture(scope="module")
def compare(folder):
    options = {"test": 3, "validation": 2, "cache": folder / "cache", "console": None, **TINY}
    return functools.partial(keras_seg.compare, folder / "data", **options)


@pytest.fixture(scope="module")
def starts():
    """The weights that each training began with, and its first batch, in order."""
    return []


@pytest.fixture(scope="module")
def compared(folder, compare, starts):
    """Two losses with one seed; then with two; then a third loss with one."""
    begin = fitting.Training.begin

    def noted(self):
        begin(self)
        patches = self.patches(0)
        batch = patches.batch(0, 0)
        starts.append((str(self.model.loss), self.model.get_weights(), np.array(batch[0]), len(patches)))

    fitting.Training.begin = noted
    try:
        compare(folder / "out", losses=LOSSES, seeds=1)
        compare(folder / "out", seeds=2)
        return compare(folder / "out", losses=["odd=tversky"], seeds=1)
    finally:
        fitting.Training.begin = begin


def test_all_but_the_loss_is_equal(compared, starts):
    first, second, third = starts[0], starts[1], starts[4]
    assert first[0] != second[0]
    for other in (second, third):
        for one, two in zip(first[1], other[1], strict=True):
            np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(first[2], other[2])
        assert first[3] == other[3] == 2
    seed_one = starts[2]
    assert any((one != two).any() for one, two in zip(first[1], seed_one[1]))
    assert (first[2] != seed_one[2]).any()


def test_nothing_is_trained_twice(compared, starts):
    assert len(starts) == 5


def test_results_accumulate(compared):
    results = compared.results
    assert results.labels == ("Dice", "CE", "odd")
    assert [len(results.trained(label)) for label in results.labels] == [2, 2, 1]
    assert results.dice.shape == (3, 2, 3, 1)
    assert np.isnan(results.dice[2, 1]).all()
    assert not np.isnan(results.dice[:, 0]).any()


def test_the_folder_holds_the_report(compared):
    names = {path.name for path in compared.folder.iterdir()}
    assert {"report.html", "report.md", "cases.csv", "per_case.csv", "summary.csv", "pairs.csv"} <= names
    assert {"dice.png", "curves.png", "gradients.png", "panel.png", "comparison.json", "setup", "runs"} <= names
    text = (compared.folder / "report.md").read_text()
    for part in ("## Summary", "## Dice per case", "## Pairs", "| odd | `tversky` |", "not distinguishable"):
        assert part in text, part
    with (compared.folder / "per_case.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert sorted(rows[0]) == ["CE", "Dice", "case", "odd"]
    assert [row[0] for row in rows[1:]] == [*compared.results.cases, "mean"]


def test_a_run_of_it_is_a_run(compared, folder):
    run = keras_seg.load_run(compared.folder / "runs" / "odd" / "seed-0")
    assert run.finished
    assert run.recipe.loss.loss == "tversky"
    assert all("gradient_norm" in row and row["gradient_norm"] > 0 for row in run.log)
    evaluation = run.evaluate(folder / "data")
    np.testing.assert_allclose(evaluation.scores("dice"), compared.results.dice[2, 0], atol=1e-6)
    # The same at a threshold of 0.5, counted from the histograms.
    measures = compared.results.outcomes["odd", 0].measures
    assert measures.histograms[..., :].sum() == sum(np.prod((20, 18, 16)) for _ in run.split.test)


def test_it_opens_again(compared, folder):
    again = load_comparison(compared.folder)
    np.testing.assert_array_equal(again.results.dice, compared.results.dice)
    assert again.conclusions == compared.conclusions
    console = Console(file=io.StringIO(), width=160)
    again.table(console)
    assert "highest mean Dice" in console.file.getvalue()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"test": 2}, "test: 3 in the run, 2 now"),
        ({"epochs": 5}, "training.epochs: 2 in the run, 5 now"),
        ({"losses": {"odd": "focal"}}, "Give it another label"),
        ({"learning_rates": (0.1,)}, "other learning rates"),
        ({"loss": "dice"}, "give `losses`"),
        ({"seed": 3}, "give `seeds`"),
        ({"seeds": 0}, "`seeds` must be"),
        ({"losses": ["focal(alpha=[1, 2, 3, 4])"]}, "alpha"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_lost(compared, compare, options, message):
    before = (compared.folder / "comparison.json").read_text()
    with pytest.raises(ValueError, match=message):
        compare(compared.folder, **options)
    assert (compared.folder / "comparison.json").read_text() == before


@pytest.mark.parametrize("mistake", [{"losses": ["focal(alpha=[1, 2, 3, 4])"]}, {"data": "NOWHERE"}, {"test": 99}])
def test_a_mistake_does_not_cost_what_was_to_be_overwritten(compared, compare, folder, mistake):
    def files():
        return sorted(str(path) for path in compared.folder.rglob("*"))

    before = files()
    mistake = dict(mistake)
    data = mistake.pop("data", folder / "data")
    with pytest.raises(ValueError):
        keras_seg.compare(data, compared.folder, overwrite=True, **{**compare.keywords, **mistake})
    assert files() == before


def test_a_folder_of_something_else_is_left_alone(compare, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(ValueError, match="holds something else"):
            compare(tmp_path, overwrite=overwrite)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_data_that_have_changed_are_refused(compared, compare, folder, tmp_path):
    moved = shutil.copytree(folder / "data", tmp_path / "data")
    name = compared.results.cases[0]
    (moved / "labels" / f"{name}.nii.gz").unlink()
    with pytest.raises(ValueError, match=name):
        keras_seg.compare(moved, compared.folder, console=None, cache=tmp_path / "cache", test=3, validation=2)


def test_a_stopped_comparison_goes_on_and_a_failing_loss_is_a_row(compare, folder, monkeypatch):
    out = folder / "stopped"
    train = running.train_prepared
    calls = []

    def trained(setup, *arguments):
        calls.append(setup.recipe.loss.loss)
        if len(calls) == 2:
            raise KeyboardInterrupt
        if setup.recipe.loss.loss == "jaccard":
            raise RuntimeError("out of memory\nand much more")
        return train(setup, *arguments)

    monkeypatch.setattr(running, "train_prepared", trained)
    losses = ["dice", "jaccard"]
    stopped = compare(out, losses=losses, seeds=1)
    assert stopped.interrupted
    assert (out / "report.html").is_file()
    whole = compare(out, losses=losses, seeds=1)
    assert calls == ["dice", "jaccard", "jaccard"]
    assert not whole.interrupted
    assert whole.results.failures == {("jaccard", 0): "RuntimeError: out of memory"}
    assert "jaccard failed with seed 0" in (out / "report.md").read_text()
    assert np.isnan(whole.results.mean("jaccard"))


def test_each_loss_gets_the_best_of_several_learning_rates(compare, folder, monkeypatch):
    found = {}

    def outcome(experiment, job):
        return found.get(job)

    def run(experiment, job, display):
        dice = {"dice": {0.1: 0.3, 0.01: 0.7}, "focal": {0.1: 0.6, 0.01: 0.2}}[job.label][job.learning_rate]
        found[job] = running.Outcome(job, best_dice=dice)
        return found[job]

    monkeypatch.setattr(running, "outcome_of", outcome)
    monkeypatch.setattr(running, "_run", run)
    monkeypatch.setattr("keras_seg.comparison.comparison.outcome_of", outcome)
    monkeypatch.setattr(comparing.Comparison, "write", lambda self: [self.folder])
    monkeypatch.setattr(comparing.Comparison, "conclusions", [])
    compared = compare(folder / "rates", losses=["dice", "focal"], seeds=2, learning_rates=(0.1, 0.01))
    done = [(job.label, job.seed, job.learning_rate) for job in found]
    assert done == [
        ("dice", 0, 0.1),
        ("dice", 0, 0.01),
        ("focal", 0, 0.1),
        ("focal", 0, 0.01),
        ("dice", 1, 0.01),
        ("focal", 1, 0.1),
    ]
    assert compared.chosen_rates == {"dice": 0.01, "focal": 0.1}
