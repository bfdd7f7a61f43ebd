"""The confirmation round: who takes part, what is trained again and what not, and who is tested."""

import json
import math

import keras
import numpy as np
import pytest
from small_search import TRAIN, VALIDATION, Counted, X, Y, network, planted, search

from keras_seg import metrics
from keras_seg.tuner import fitting
from keras_seg.tuner.confirming import candidates, confirm
from keras_seg.tuner.progress import Progress
from keras_seg.tuner.trial import Trial

DEFAULT = "dice_ce(cross_entropy_weight=1)"


def trial(number, dice, loss="tversky", text=None, **others):
    values = {f"{loss}.alpha": number / 10, **others}
    text = text or f"{loss}(alpha={number / 10})"
    return Trial(number, loss, text, values, val_dice=dice, values={"loss": loss, **values})


THREE = [trial(1, 0.5), trial(2, 0.7), trial(3, 0.6)]


class Trainer:
    """Trains nothing; the Dice of a candidate is that of its trial."""

    epochs, seed, has_folds = 4, 0, True

    def __init__(self, failing=()):
        self.failing = failing
        self.trained, self.tested, self.rounds = [], [], None

    def prepare_rounds(self, rounds):
        self.rounds = rounds

    def confirm(self, candidate, number, place):
        self.trained.append((candidate.loss, number))
        if (candidate.loss, number) in self.failing:
            raise MemoryError("too\nlarge")
        return number + 1, {"case 1": [0.5 + (candidate.trial or 0) / 100, math.nan], "case 2": [0.5, 0.25]}

    def test(self, candidate, number):
        self.tested.append((candidate.loss, number))
        return {"test 1": [0.5]}


def run(folder, trainer=None, trials=THREE, rounds=2, **options):
    trainer = trainer or Trainer()
    return trainer, confirm(trainer, trials, rounds, folder, Progress(None, 0), **options)


def test_the_three_best_and_the_default():
    trials = [*THREE, trial(4, 0.1), Trial(5, "dice", "dice", reason="no")]
    chosen = candidates(trials)
    assert [(one.loss, one.trial, one.is_default) for one in chosen] == [
        ("tversky(alpha=0.2)", 2, False),
        ("tversky(alpha=0.3)", 3, False),
        ("tversky(alpha=0.1)", 1, False),
        ("dice_ce", None, True),
    ]
    assert chosen[0].values == {"loss": "tversky", "tversky.alpha": 0.2}
    assert chosen[-1].values == {"loss": "dice_ce"}
    assert chosen[-1].text == DEFAULT


def test_each_network_once():
    # Hyperband trains the same one for longer; two draws may differ by less than is shown.
    longer, near = trial(2, 0.8), trial(2, 0.75)
    longer.number, near.number = 7, 8
    longer.values |= {"tuner/epochs": 9}
    near.hyperparameters = {"tversky.alpha": 0.20000001}
    assert [one.trial for one in candidates([*THREE, near, longer])] == [7, 3, 1, None]


def test_the_default_among_the_best_is_not_added():
    best = trial(4, 0.9, "dice_ce", DEFAULT)
    chosen = candidates([*THREE, best])
    assert next((one.loss, one.is_default) for one in chosen) == ("dice_ce", True)
    assert sum(one.is_default for one in chosen) == 1
    assert len(chosen) == 3
    # With another rate it is not what a user has without a search.
    best.hyperparameters["rate"] = 0.123456
    chosen = candidates([*THREE, best])
    assert next(one.loss for one in chosen) == f"{DEFAULT}, rate=0.1235"
    assert [one.is_default for one in chosen] == [False, False, False, True]


def test_what_every_loss_is_given_the_default_is_given_too():
    options = {"ignore_class": 255, "gamma": 3.0}
    text = "dice_ce(cross_entropy_weight=1, ignore_class=255)"
    assert candidates(THREE, options)[-1].text == text
    assert [one.is_default for one in candidates([trial(1, 0.5, "dice_ce", text)], options)] == [True]


def test_labels_name_what_else_was_searched():
    (first, _) = candidates([trial(1, 0.5, rate=0.00123456, norm="batch")])
    assert first.loss == "tversky(alpha=0.1), rate=0.001235, norm=batch"
    assert first.text == "tversky(alpha=0.1)"


def test_nothing_to_confirm(tmp_path):
    assert candidates([Trial(1, "dice", "dice", reason="no")]) == []
    assert run(tmp_path, trials=[])[1] is None
    assert run(tmp_path, rounds=0)[1] is None


def test_the_winner_and_the_default_are_tested_once_and_only_these(tmp_path):
    trainer, found = run(tmp_path)
    assert len(trainer.trained) == 2 * 4
    assert found.winner.loss == "tversky(alpha=0.3)"
    tested = {(loss, number) for loss in ("tversky(alpha=0.3)", "dice_ce") for number in (0, 1)}
    assert len(trainer.tested) == 4
    assert set(trainer.tested) == tested
    assert {(one.loss, one.number) for one in found.entries if one.test} == tested
    assert [one.seed for one in found.entries if one.loss == "dice_ce"] == [1, 2]
    again, same = run(tmp_path)
    assert (again.trained, again.tested) == ([], [])
    assert str(same) == str(found)


def test_a_default_that_wins_is_tested_alone(tmp_path):
    trainer, found = run(tmp_path, trials=[trial(-1, 0.5)])
    assert found.winner.is_default
    assert trainer.tested == [("dice_ce", 0), ("dice_ce", 1)]


def test_what_was_trained_is_not_trained_again(tmp_path):
    class Stopped(Trainer):
        def confirm(self, candidate, number, place):
            if len(self.trained) == 5:
                raise KeyboardInterrupt
            return super().confirm(candidate, number, place)

    trainer = Stopped()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, trainer)
    for path in sorted((tmp_path / "confirmation").glob("*-0.json"))[:1]:
        path.write_text(path.read_text()[:50])
    again, found = run(tmp_path)
    # Three that were missing, and the one that was damaged.
    assert len(again.trained) == 3 + 1
    assert found.rounds == [0, 1]
    more, found = run(tmp_path, rounds=3)
    assert {number for _, number in more.trained} == {2}
    assert found.rounds == [0, 1, 2]


def test_a_candidate_that_fails_leaves_the_round(tmp_path):
    trainer, found = run(tmp_path, Trainer([("tversky(alpha=0.3)", 1)]), rounds=3)
    assert found.failed == {"tversky(alpha=0.3)": "MemoryError: too"}
    assert trainer.trained.count(("tversky(alpha=0.3)", 2)) == 0
    assert len(trainer.trained) == 4 + 4 + 3
    assert found.winner.loss == "tversky(alpha=0.2)"
    assert found.rounds == [0, 1, 2]
    assert run(tmp_path, rounds=3)[0].trained == []


def test_all_may_fail(tmp_path):
    losses = [one.loss for one in candidates(THREE)]
    trainer, found = run(tmp_path, Trainer([(loss, 0) for loss in losses]))
    assert found.winner is None
    assert trainer.tested == []


def test_the_time_ends_after_a_complete_round(tmp_path):
    said = []
    progress = Progress(None, 0)
    progress.say = said.append
    left = iter([0.0, 1e9, -1.0])
    trainer = Trainer()
    found = confirm(trainer, THREE, 3, tmp_path, progress, time_left=lambda: next(left))
    # The first round is never left out.
    assert found.rounds == [0, 1]
    assert len(trainer.trained) == 2 * 4
    assert said[-1] == "The time is over: 2 of 3 rounds."
    # What stands there takes no time.
    again, found = run(tmp_path, rounds=3, time_left=lambda: -1.0)
    assert again.trained == []
    assert found.rounds == [0, 1]


def test_rounds_on_other_cases_are_other_trainings(tmp_path):
    run(tmp_path)
    trainer = Trainer()
    trainer.has_folds = False
    assert len(run(tmp_path, trainer)[0].trained) == 2 * 4


def data(train=12, validation=3, parts=2):
    cases = np.arange(train + validation)
    arrays = [cases.reshape(-1, 1, 1, 1) * 10**place for place in range(parts)]
    names = ["x", "y", "sample_weight"][:parts]
    return fitting.FitData(
        {name: part[:train] for name, part in zip(names, arrays)}, tuple(part[train:] for part in arrays), batch_size=2
    )


@pytest.mark.parametrize("parts", [2, 3])
def test_folds_of_arrays(parts):
    given = data(parts=parts)
    dealt = given.folds(5, seed=0)
    validated = np.concatenate([one.validation[0].ravel() for one in dealt])
    assert sorted(validated) == list(range(15))
    for one in dealt:
        assert sorted([*one.train["x"].ravel(), *one.validation[0].ravel()]) == list(range(15))
        # Images and labels stay together.
        np.testing.assert_equal(one.train["y"], 10 * one.train["x"])
        np.testing.assert_equal(one.validation[1], 10 * one.validation[0])
        assert one.batch_size == 2
    assert not np.array_equal(dealt[0].validation[0], given.validation[0])
    # More rounds keep those that there are, and another seed deals others.
    np.testing.assert_equal(given.folds(2, seed=0)[1].validation, dealt[1].validation)
    assert not np.array_equal(given.folds(1, seed=1)[0].validation[0], dealt[0].validation[0])


def test_no_folds_of_few_cases_or_of_what_cannot_be_dealt():
    assert data().folds(6, 0) is None
    weighed = data(parts=3)
    weighed.validation = weighed.validation[:2]
    assert weighed.folds(2, 0) is None
    of_other_size = data()
    of_other_size.validation = (np.zeros((3, 2, 2, 1)), np.zeros((3, 2, 2, 1)))
    assert of_other_size.folds(2, 0) is None
    batches = keras.utils.PyDataset()
    assert fitting.FitData({"x": batches}, batches).folds(2, 0) is None
    assert fitting.FitData({"x": X, "y": Y}, batches).folds(2, 0) is None
    assert fitting.FitData({"x": X, "y": [Y, Y]}, (X, [Y, Y])).folds(2, 0) is None


def test_a_search_confirms(tmp_path):
    build = Counted(planted)
    options = {"losses": ["tversky", "focal"], "trials": 2, "seeds": 2, "folder": tmp_path, "test_data": (X[:2], Y[:2])}
    result = search(build, **options)
    found = result.confirmation
    assert [one.loss for one in found.candidates] == ["focal(gamma=2)", "tversky(alpha=0.3, beta=0.7)", "dice_ce"]
    assert len(build.losses) == 2 + 2 * 3
    assert found.folds
    assert found.winner.loss == "focal(gamma=2)"
    assert result.winner == "focal(gamma=2)"
    assert sorted(found.test_scores("focal(gamma=2)").shape) == [1, 2, 2]
    assert found.test_scores("tversky(alpha=0.3, beta=0.7)") is None
    # The model that is kept is that of the first round, and its number what Keras says of it.
    first = next(one for one in found.entries if one.loss == "focal(gamma=2)")
    held = fitting.FitData(dict(zip("xy", TRAIN)), VALIDATION).folds(2, 0)[0].validation
    logs = result.best_model.evaluate(*held, verbose=0, return_dict=True)
    assert logs["dice"] == pytest.approx(metrics.mean_dice(list(first.dice.values())), abs=1e-6)
    assert any("test cases" in sentence for sentence in result.conclusions)
    again = search(build, **options)
    assert len(build.losses) == 2 + 2 * 3
    assert again.conclusions == result.conclusions


def test_the_default_ignores_what_the_trials_ignore():
    labels = Y.copy()
    labels[:, :2] = 255
    build = Counted()
    data = {"data": (X[:4], labels[:4]), "validation": (X[4:], labels[4:])}
    result = search(build, losses=["tversky"], trials=1, seeds=1, loss_options={"ignore_class": 255}, **data)
    assert [loss.endswith("ignore_class=255)") for loss in build.losses] == [True] * 3
    assert result.confirmation.failed == {}
    assert result.best_loss.ignore_class == 255


def test_what_build_draws_is_drawn_again():
    rates = []

    def build(loss, hp):
        rates.append((str(loss).split("(")[0], hp.Float("rate", 1e-3, 1.0, sampling="log", default=0.1)))
        return network(loss)

    result = search(build, losses=["tversky"], trials=2, seeds=1)
    assert rates[0] == ("tversky", 0.1)
    assert sorted(rates[2:4]) == sorted(rates[:2])
    assert rates[4] == ("dice_ce", 0.1)
    assert "rate=0.1" in next(one.loss for one in result.confirmation.candidates if one.trial == 1)
    records = [json.loads(path.read_text()) for path in (result.folder / "confirmation").glob("*.json")]
    assert len(records) == 3
