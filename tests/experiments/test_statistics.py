"""The statistics of comparisons, on made-up tables: what is the same is not told apart, what differs is."""

import numpy as np
import pytest
from scipy import stats

from keras_seg.experiments import statistics
from keras_seg.experiments.statistics import compare_pairs, holm, interval, mean_score, trainings_test, wilcoxon_test

SEEDS, CASES = 3, 20
# Dice of trained networks: cases differ most, then how a loss gets on with a case, then one training from the next.
SPREADS = {
    "seeds alike": {"per_case": 0.02, "per_training": 0.004, "rest": 0.015},
    "seeds matter": {"per_case": 0.01, "per_training": 0.02, "rest": 0.015},
    "one loss unstable": {"per_case": 0.01, "per_training": 0.004, "rest": 0.01, "unstable": 0.04},
}


def table(generator, effects, per_case, per_training, rest, unstable=None):
    """Scores `{name: [seeds, cases]}` of losses whose means differ by `effects`."""
    cases = 0.8 + generator.normal(0, 0.06, CASES)
    scores = {}
    for number, effect in enumerate(effects):
        of_training = unstable if unstable and not number else per_training
        noise = generator.normal(0, per_case, CASES) + generator.normal(0, rest, (SEEDS, CASES))
        scores[f"loss {number}"] = cases + effect + noise + generator.normal(0, of_training, (SEEDS, 1))
    return scores


@pytest.fixture
def no_intervals(monkeypatch):
    """Tests of tests draw no intervals, which take most of the time."""
    monkeypatch.setattr(statistics, "difference_interval", lambda *arguments: (0.0, 0.0))


@pytest.mark.parametrize("spread", SPREADS)
def test_six_names_for_the_same_loss_are_told_apart_in_one_draw_of_twenty_at_most(spread, no_intervals):
    generator = np.random.default_rng(0)
    number = 400 if spread == "seeds matter" else 200
    draws = [compare_pairs(table(generator, [0.0] * 6, **SPREADS[spread])) for _ in range(number)]
    found = sum(any(test.distinguishable for test in tests) for tests in draws)
    assert found <= 0.05 * len(draws)
    if spread == "seeds matter":
        # Why there are two tests: one over cases alone takes lucky trainings for a better loss.
        assert sum(any(test.holm_wilcoxon < 0.05 for test in tests) for tests in draws) > 0.5 * len(draws)


@pytest.mark.parametrize("losses", [2, 6])
def test_a_difference_of_three_points_of_dice_is_found(losses, no_intervals):
    generator = np.random.default_rng(1)
    effects = [0.03] + [0.0] * (losses - 1)
    spread = {"per_case": 0.01, "per_training": 0.004, "rest": 0.01}
    draws = [compare_pairs(table(generator, effects, **spread)) for _ in range(100)]
    # The share of its pairs, the right way round: five of them among fifteen are corrected for by Holm.
    found = sum(test.distinguishable and test.first == "loss 0" for tests in draws for test in tests)
    assert found >= 0.8 * (losses - 1) * len(draws)


def test_identical_scores_do_not_differ():
    scores = np.random.default_rng(0).uniform(0.5, 0.9, (SEEDS, CASES))
    (test,) = compare_pairs({"one": scores, "other": scores.copy()})
    assert (test.difference, test.p_wilcoxon, test.p_trainings, test.distinguishable) == (0, 1, 1, False)


def test_the_better_one_comes_first_with_its_difference_and_interval():
    generator = np.random.default_rng(0)
    worse = generator.uniform(0.5, 0.9, CASES) + generator.normal(0, 0.01, (SEEDS, CASES))
    (test,) = compare_pairs({"worse": worse, "better": worse + 0.05})
    assert (test.first, test.second, test.cases, test.seeds) == ("better", "worse", CASES, SEEDS)
    assert test.difference == pytest.approx(0.05)
    assert test.low <= 0.05 <= test.high
    assert test.distinguishable


def test_wilcoxon_is_scipys_over_the_means_of_the_seeds():
    generator = np.random.default_rng(3)
    one, other = generator.normal(size=(2, SEEDS, CASES))
    expected = stats.wilcoxon(one.mean(axis=0), other.mean(axis=0)).pvalue
    assert wilcoxon_test(one, other) == pytest.approx(expected)


def test_with_trainings_that_agree_the_second_test_is_a_paired_t_test():
    generator = np.random.default_rng(4)
    one, other = np.repeat(generator.normal(size=(2, 1, CASES)), SEEDS, axis=1)
    assert trainings_test(one, other) == pytest.approx(stats.ttest_rel(one[0], other[0]).pvalue)


def test_with_cases_that_agree_it_is_welchs():
    generator = np.random.default_rng(5)
    one, other = generator.normal(size=(2, 4, 1)) + np.zeros((2, 4, CASES))
    expected = stats.ttest_ind(one[:, 0], other[:, 0], equal_var=False).pvalue
    assert trainings_test(one, other) == pytest.approx(expected)


def test_holm_is_that_of_another_library_by_hand():
    # statsmodels.stats.multitest.multipletests([.001, .04, .03, .01, .5], method="holm"), 0.14
    assert holm([0.001, 0.04, 0.03, 0.01, 0.5]) == pytest.approx([0.005, 0.09, 0.09, 0.04, 0.5])


def test_one_seed_has_a_test_over_cases_alone():
    generator = np.random.default_rng(0)
    scores = generator.uniform(0.5, 0.9, (1, CASES))
    (test,) = compare_pairs({"one": scores, "other": scores - 0.1 * generator.uniform(0.5, 1, (1, CASES))})
    assert np.isnan(test.p_trainings)
    assert test.holm == test.p_wilcoxon < 0.05


def test_missing_seeds_and_cases_are_left_out():
    generator = np.random.default_rng(0)
    one, other = generator.uniform(0.5, 0.9, (2, SEEDS, CASES))
    other[2] = np.nan
    one[:, 0] = np.nan
    (test,) = compare_pairs({"one": one, "other": other})
    assert (test.seeds, test.cases) == (2, CASES - 1)
    better = np.nanmean(one[:, 1:]) - np.nanmean(other[:2, 1:])
    assert test.difference == pytest.approx(abs(better))


def test_nothing_in_common_is_no_difference():
    one = np.full((2, 4), np.nan)
    (test,) = compare_pairs({"one": one, "other": np.ones((2, 4))})
    assert np.isnan(test.difference)
    assert not test.distinguishable


def test_an_interval_holds_the_mean_and_grows_with_the_seeds_spread():
    generator = np.random.default_rng(0)
    cases = generator.uniform(0.6, 0.9, (1, CASES, 2))
    same = np.repeat(cases, SEEDS, axis=0)
    apart = same + np.array([-0.1, 0.0, 0.1])[:, None, None]
    narrow, wide = interval(same), interval(apart)
    assert narrow[0] < float(mean_score(same)) < narrow[1]
    assert wide[1] - wide[0] > narrow[1] - narrow[0]
    # Cases alone: the interval of SciPy, by percentiles.
    expected = stats.bootstrap(
        (same.mean(axis=(0, 2)),), np.mean, method="percentile", random_state=0, n_resamples=9999
    ).confidence_interval
    assert narrow == pytest.approx((expected.low, expected.high), abs=0.004)


def test_an_interval_covers_the_truth_about_as_often_as_it_says():
    generator, covered = np.random.default_rng(0), 0
    for _ in range(200):
        scores = 0.8 + generator.normal(0, 0.05, (1, CASES, 1)) + generator.normal(0, 0.01, (SEEDS, CASES, 1))
        low, high = interval(scores)
        covered += low <= 0.8 <= high
    assert 0.88 <= covered / 200 <= 0.99


def test_scores_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match="the same for all"):
        compare_pairs({"one": np.ones((2, 3)), "other": np.ones((2, 4))})
