"""Comparisons round by round, on made-up scores: what rounds share cancels, what differs is found, luck is not."""

import numpy as np
import pytest
from scipy import stats

from keras_seg.experiments import rounds
from keras_seg.experiments.rounds import compare_rounds, interaction_variance, rounds_test
from keras_seg.experiments.statistics import holm

CASES = 20
# Dice of a case: what a loss gets on with it, and what one training brings to all cases of its round.
PER_CASE, PER_TRAINING = 0.05 / np.sqrt(2), 0.006


def draw(generator, number, *, effect=0.0, losses=4, unstable=1, separate=True):
    """Scores `{name: [array [cases] of each round]}`; the first loss has an effect, and may be unstable."""
    spread = np.full(losses, PER_TRAINING)
    spread[0] *= unstable
    shape = (losses, number, CASES)
    trainings = generator.normal(size=(losses, number, 1)) * spread[:, None, None]
    of_round = generator.normal(0, 0.1, (1, number, 1))  # the seed and fold, shared by all
    if separate:
        noise = generator.normal(0, PER_CASE, shape)
    else:
        noise = generator.normal(0, PER_CASE, (losses, 1, CASES)) + generator.normal(0, PER_CASE / 2, shape)
    table = 0.7 + of_round + trainings + noise
    table[0] += effect
    return {f"loss {place}": list(one) for place, one in enumerate(table)}


def family_wise(number, *, losses=4, unstable=1, separate=True, draws=800):
    """Share of draws in which equal losses are told apart by `rounds_test` alone, from the pairs that can matter."""
    generator, found = np.random.default_rng(0), 0
    pairs = [(one, other) for one in range(losses) for other in range(one)]
    for _ in range(draws):
        scores = draw(generator, number, losses=losses, unstable=unstable, separate=separate)
        table = np.array(list(scores.values()))  # [losses, rounds, cases]
        pooled = interaction_variance(list(table.swapaxes(0, 1)))
        means = table.mean(axis=(1, 2))
        # p cannot be below that of the normal distribution with the pooled variance.
        least = stats.norm.isf(0.025 / len(pairs)) * np.sqrt(2 * pooled[0] / number)
        near = [(one, other) for one, other in pairs if abs(means[one] - means[other]) > least]
        p_values = (rounds_test(list(table[one] - table[other]), pooled, separate=separate)[0] for one, other in near)
        found += any(p_value < 0.05 / len(pairs) for p_value in p_values)
    return found / draws


# 0.05, and two standard deviations of a share of 800 draws.
LIMIT = 0.05 + 2 * np.sqrt(0.05 * 0.95 / 800)


@pytest.mark.parametrize("separate", [True, False])
@pytest.mark.parametrize("unstable", [1, 10])
@pytest.mark.parametrize("number", [2, 3, 5])
def test_four_equal_losses_are_told_apart_in_one_draw_of_twenty_at_most(number, unstable, separate):
    assert family_wise(number, unstable=unstable, separate=separate) <= LIMIT


def test_pooling_alone_would_take_an_unstable_loss_for_a_better_or_worse_one(monkeypatch):
    t_test = rounds._t_test
    only_pooled = lambda mean, parts, level, power=2: t_test(mean, parts, level) if power == 2 else (0.0, 0.0)  # noqa: E731
    monkeypatch.setattr(rounds, "_t_test", only_pooled)
    assert family_wise(3, unstable=30) > 0.08


@pytest.mark.parametrize(("number", "at_least"), [(3, 0.4), (4, 0.7), (5, 0.9)])
def test_a_difference_of_three_points_of_dice_is_found(number, at_least):
    generator, found = np.random.default_rng(1), 0
    for _ in range(60):
        tests = compare_rounds(draw(generator, number, effect=0.03), separate=True)
        found += any(test.distinguishable and test.first == "loss 0" for test in tests)
    assert found >= at_least * 60


@pytest.mark.parametrize(("number", "share"), [(2, 0.07), (3, 0.44), (4, 0.71), (5, 0.89)])
def test_how_often_a_difference_of_three_points_of_dice_from_the_default_is_found(number, share):
    """The shares are of 200 draws, and stand in docs/tuner.md."""
    generator, found, draws = np.random.default_rng(1), 0, 60
    for _ in range(draws):
        tests = compare_rounds(draw(generator, number, effect=0.03), separate=True, against="loss 1")
        found += any(test.distinguishable and (test.first, test.second) == ("loss 0", "loss 1") for test in tests)
    assert abs(found / draws - share) <= 3 * np.sqrt(share * (1 - share) / draws)


@pytest.mark.parametrize("number", [2, 3, 5])
def test_two_losses_have_the_paired_t_test_of_their_rounds(number):
    scores = draw(np.random.default_rng(2), number, losses=2, effect=0.02)
    (test,) = compare_rounds(scores, separate=True)
    expected = stats.ttest_rel(*([one.mean() for one in scores[name]] for name in (test.first, test.second)))
    assert test.p_trainings == pytest.approx(expected.pvalue)
    assert test.difference > 0
    assert (test.low, test.high) == pytest.approx(tuple(expected.confidence_interval(0.95)))


def test_the_pooled_variance_is_the_interaction_of_a_two_way_layout():
    table = np.random.default_rng(3).normal(size=(5, 4, CASES))  # [rounds, losses, cases]
    means = table.mean(axis=2).ravel()
    # Least squares with an indicator of each round and each loss; what is left is the interaction.
    design = np.hstack([np.kron(np.eye(5), np.ones((4, 1))), np.kron(np.ones((5, 1)), np.eye(4))])
    rest = means - design @ np.linalg.lstsq(design, means, rcond=None)[0]
    assert interaction_variance(list(table)) == (pytest.approx(rest @ rest / 12), 12)
    shifted = table + np.arange(5)[:, None, None] + np.arange(4)[:, None]
    assert interaction_variance(list(shifted))[0] == pytest.approx(rest @ rest / 12)


def test_losses_that_are_alike_are_tested_with_the_pooled_variance():
    # The two agree better than the others do, so their own variance is the smaller one.
    means = np.array([[0.80, 0.82, 0.81], [0.77, 0.79, 0.78], [0.70, 0.79, 0.74], [0.76, 0.71, 0.78]])
    scores = {name: [np.full(CASES, mean) for mean in row] for name, row in zip("abcd", means)}
    test = next(test for test in compare_rounds(scores, separate=True) if {test.first, test.second} == {"a", "b"})
    variance, freedom = interaction_variance([np.repeat(column[:, None], CASES, axis=1) for column in means.T])
    assert test.p_trainings == pytest.approx(2 * stats.t.sf(0.03 / np.sqrt(2 * variance / 3), freedom))
    margin = stats.t.isf(0.025, freedom) * np.sqrt(2 * variance / 3)
    assert (test.low, test.high) == pytest.approx((0.03 - margin, 0.03 + margin))


def test_an_unstable_loss_is_tested_with_a_variance_of_its_own():
    generator = np.random.default_rng(4)
    scores = {name: [np.full(CASES, mean) for mean in generator.normal(0.8, 0.001, 3)] for name in "abc"}
    scores["unstable"] = [np.full(CASES, mean) for mean in (0.8, 0.5, 0.8)]
    tests = compare_rounds(scores, separate=True)
    own = [test for test in tests if test.second == "unstable"]
    assert len(own) == 3
    for test in own:
        difference = [one[0] - other[0] for one, other in zip(scores[test.first], scores["unstable"])]
        t = np.mean(difference) / stats.sem(difference)
        # Between the 2 degrees of freedom of the two and the 6 that all have.
        assert test.p_trainings == pytest.approx(2 * stats.t.sf(t, np.sqrt(2 * 6)))
    assert not any(test.distinguishable for test in tests)


def test_with_the_same_cases_and_trainings_that_agree_cases_decide():
    one, other = np.random.default_rng(5).normal(0.7, 0.1, (2, CASES))
    (test,) = compare_rounds({"one": [one] * 3, "other": [other] * 3}, separate=False)
    assert test.p_trainings == pytest.approx(stats.ttest_rel(one, other).pvalue)
    assert (test.cases, test.seeds) == (CASES, 3)


@pytest.mark.parametrize("separate", [True, False])
def test_wilcoxon_is_scipys_over_the_cases(separate):
    scores = draw(np.random.default_rng(6), 3, losses=2, separate=separate)
    one, other = (np.array(tables) for tables in scores.values())
    difference = (one - other).ravel() if separate else (one - other).mean(axis=0)
    (test,) = compare_rounds(scores, separate=separate)
    assert test.p_wilcoxon == pytest.approx(stats.wilcoxon(difference).pvalue)
    assert test.cases == difference.size


@pytest.mark.parametrize("separate", [True, False])
def test_one_round_has_a_test_over_cases_alone(separate):
    scores = draw(np.random.default_rng(7), 1, losses=2, effect=0.1)
    (test,) = compare_rounds(scores, separate=separate)
    expected = stats.ttest_rel(scores["loss 0"][0], scores["loss 1"][0]).confidence_interval(0.95)
    assert np.isnan(test.p_trainings)
    assert test.holm == test.p_wilcoxon < 0.05
    assert (test.low, test.high) == pytest.approx(tuple(expected))
    assert test.seeds == 1


def test_cases_that_do_not_count_are_left_out_of_a_fold():
    scores = draw(np.random.default_rng(8), 3, losses=2)
    without = {name: [one.copy() for one in tables] for name, tables in scores.items()}
    without["loss 0"][0][:2] = np.nan
    without["loss 1"][2][5] = np.nan
    keep = [slice(2, None), slice(None), np.arange(CASES) != 5]
    kept = {name: [one[rows] for one, rows in zip(tables, keep)] for name, tables in scores.items()}
    assert compare_rounds(without, separate=True) == compare_rounds(kept, separate=True)
    assert compare_rounds(without, separate=True)[0].cases == 3 * CASES - 3


def test_the_same_cases_count_in_all_rounds_or_in_none():
    scores = draw(np.random.default_rng(9), 3, losses=3, separate=False)
    without = {name: [one.copy() for one in tables] for name, tables in scores.items()}
    for tables in without.values():
        tables[1][4] = np.nan
    kept = {name: [np.delete(one, 4) for one in tables] for name, tables in scores.items()}
    assert compare_rounds(without, separate=False) == compare_rounds(kept, separate=False)
    assert compare_rounds(without, separate=False)[0].cases == CASES - 1


@pytest.mark.parametrize("separate", [True, False])
def test_a_round_without_cases_does_not_count(separate):
    scores = draw(np.random.default_rng(10), 3, losses=3, separate=separate)
    fewer = {name: tables[:2] for name, tables in scores.items()}
    for tables in scores.values():
        tables[2] = np.full(CASES, np.nan)
    assert compare_rounds(scores, separate=separate) == compare_rounds(fewer, separate=separate)


@pytest.mark.parametrize("separate", [True, False])
def test_nothing_in_common_is_no_difference(separate):
    tests = compare_rounds({"one": [np.full(4, np.nan)] * 2, "other": [np.ones(4)] * 2}, separate=separate)
    assert [(test.first, test.second, test.cases, test.seeds) for test in tests] == [("other", "one", 0, 0)]
    assert np.isnan([tests[0].difference, tests[0].low, tests[0].high, tests[0].p_trainings]).all()
    assert not tests[0].distinguishable


def test_one_case_has_no_interval():
    (test,) = compare_rounds({"one": [[0.5], [0.6]], "other": [[0.4], [0.3]]}, separate=False)
    assert test.difference == pytest.approx(0.2)
    assert np.isnan([test.low, test.high, test.p_trainings]).all()


@pytest.mark.parametrize("separate", [True, False])
def test_identical_scores_do_not_differ(separate):
    tables = list(np.random.default_rng(11).uniform(0.5, 0.9, (3, CASES)))
    for test in compare_rounds({"one": tables, "other": tables, "third": tables}, separate=separate):
        assert (test.difference, test.p_wilcoxon, test.p_trainings, test.distinguishable) == (0, 1, 1, False)


def test_each_round_counts_the_same_whatever_its_cases():
    better = [np.full(2, 0.9), np.full(10, 0.7)]
    worse = [np.full(2, 0.5), np.full(10, 0.7)]
    (test,) = compare_rounds({"worse": worse, "better": better}, separate=True)
    assert (test.first, test.cases) == ("better", 12)
    assert test.difference == pytest.approx(0.2)


def test_pairs_come_in_the_order_of_means_and_are_corrected_by_holm():
    generator = np.random.default_rng(12)
    base = generator.uniform(0.4, 0.6, (4, CASES))
    levels = {"low": 0.0, "high": 0.2, "middle": 0.1}
    scores = {name: list(base + level + generator.normal(0, 0.01, base.shape)) for name, level in levels.items()}
    tests = compare_rounds(scores, separate=True)
    assert [(test.first, test.second) for test in tests] == [("high", "middle"), ("high", "low"), ("middle", "low")]
    assert [test.holm_wilcoxon for test in tests] == holm([test.p_wilcoxon for test in tests])
    assert [test.holm for test in tests] == holm([max(test.p_wilcoxon, test.p_trainings) for test in tests])
    assert all(test.distinguishable and test.low < test.difference < test.high for test in tests)


def test_a_wider_level_has_a_narrower_interval():
    scores = draw(np.random.default_rng(13), 3)
    for wide, narrow in zip(compare_rounds(scores, separate=True), compare_rounds(scores, separate=True, level=0.5)):
        assert wide.low < narrow.low < narrow.high < wide.high


def test_different_rounds_or_cases_are_refused():
    with pytest.raises(ValueError, match=r"same rounds and cases.*Received shapes: {'a': \[\(3,\)\], 'b': \[\]}"):
        compare_rounds({"a": [np.ones(3)], "b": []}, separate=True)
    with pytest.raises(ValueError, match="same rounds and cases"):
        compare_rounds({"a": [np.ones(3)], "b": [np.ones(4)]}, separate=True)
    with pytest.raises(ValueError, match="same rounds and cases"):
        compare_rounds({"a": [np.ones((3, 2))], "b": [np.ones((3, 2))]}, separate=True)
    folds = {name: [np.ones(3), np.ones(4)] for name in "ab"}
    assert len(compare_rounds(folds, separate=True)) == 1
    with pytest.raises(ValueError, match="set `separate=True`"):
        compare_rounds(folds, separate=False)


def test_fewer_than_two_losses_have_no_pairs():
    assert compare_rounds({}, separate=True) == []
    assert compare_rounds({"one": [np.ones(3)]}, separate=True) == []
