"""What a comparison amounts to, in sentences made from its tests."""

import numpy as np

from keras_seg.evaluation.statistics import nan_mean
from keras_seg.experiments.statistics import LEVEL, mean_score
from keras_seg.experiments.wording import count, listed, p_value

# A mean Dice below this is a network that predicts nothing, or everything.
COLLAPSED = 0.05
# A threshold that raises Dice by this much is worth a sentence.
GAIN = 0.01


def conclusions(results):
    """Return a list of sentences.

    Args:
        results: `Results`.
    """
    trained = [label for label in results.order if results.trained(label)]
    if not trained:
        return ["No training came to its end."]
    found = [_best(results, trained[0])]
    found += _against_the_best(results, trained)
    found += _among_the_others(results, trained)
    found += _undecided(results, trained)
    found += _single_seeds(results, trained)
    found += _collapsed(results, trained)
    found += _thresholds(results, trained)
    found += _failed(results)
    return found


def size_of(results):
    """Return `10 cases and 3 seeds`, with the largest number of seeds of a loss."""
    seeds = max((len(results.trained(label)) for label in results.labels), default=0)
    return f"{count(len(results.cases), 'case')} and {count(seeds, 'seed')}"


def _best(results, label):
    low, high = results.interval(label)
    span = "" if np.isnan(low) else f" (95 % interval {low:.3f} to {high:.3f})"
    seeds = count(len(results.trained(label)), "seed")
    return (
        f"**{label}** has the highest mean Dice: {results.mean(label):.3f}{span}, on "
        f"{count(len(results.cases), 'case')} and {seeds}."
    )


def _against_the_best(results, trained):
    best, worse, alike, reverse = trained[0], [], [], []
    for label in trained[1:]:
        test = results.pair(best, label)
        if test is not None and test.distinguishable and test.first == best:
            worse.append(f"{label} (by {abs(test.difference):.3f}, p = {p_value(test.holm)})")
        elif test is not None and not test.distinguishable:
            alike.append((label, test))
        elif test is not None:
            # Means are over other seeds, or count other classes, than what can be paired.
            reverse.append(label)
    found = []
    if reverse:
        found.append(f"Where both can be paired, {listed(reverse)} did better than {best}, against their means.")
    if worse:
        found.append(f"{best} is better than {listed(worse)}.")
    if len(alike) == 1:
        label, test = alike[0]
        found.append(
            f"{best} and {label} are not distinguishable on {count(test.cases, 'case')} and "
            f"{count(test.seeds, 'seed')}: the difference is {_difference(test)}, p = {p_value(test.holm)}."
        )
    elif alike:
        spans = [f"{label} ({_difference(test)}, p = {p_value(test.holm)})" for label, test in alike]
        found.append(f"{best} is not distinguishable from {listed(spans)} on {size_of(results)}.")
    return found


def _among_the_others(results, trained):
    """Count the pairs below the best one, and name those that differ."""
    others = [test for test in results.pairs if trained[0] not in (test.first, test.second)]
    if not others:
        return []
    found = [test for test in others if test.distinguishable]
    if not found:
        return [f"Among the others no pair is distinguishable ({count(len(others), 'pair')})."]
    better = {}
    for test in found:
        better.setdefault(test.first, []).append(test.second)
    texts = [f"{label} is better than {listed(names)}" for label, names in better.items()]
    return [f"Of the {count(len(others), 'pair')} among the others {len(found)} differ: {'; '.join(texts)}."]


def _undecided(results, trained):
    """Name what differs by the cases alone, but not by its trainings: there more seeds would tell."""
    best = trained[0]
    tests = [(label, results.pair(best, label)) for label in trained[1:]]
    open_ = [label for label, test in tests if test and not test.distinguishable and test.holm_wilcoxon < LEVEL]
    open_ = [label for label in open_ if len(results.trained(label)) > 1]
    if not open_:
        return []
    return [
        f"By the cases alone {best} would be better than {listed(open_)} too, but trainings differ too much from seed "
        "to seed to say so of the losses: more seeds would tell."
    ]


def _single_seeds(results, trained):
    single = [label for label in trained if len(results.trained(label)) == 1]
    if not single or len(trained) < 2:
        return []
    who = (
        "Every loss was" if len(single) == len(trained) else f"{listed(single)} {'was' if len(single) == 1 else 'were'}"
    )
    return [
        f"{who} trained once. The tests then say whether these trainings differ on such cases, not whether the losses "
        "do: another seed may turn them round."
    ]


def _collapsed(results, trained):
    whole, partly = [], []
    for label in trained:
        means = results.means[results.labels.index(label)]
        low = [seed for seed, mean in zip(results.seeds, means) if mean < COLLAPSED]
        if low and len(low) == len(results.trained(label)):
            whole.append(label)
        elif low:
            partly.append(f"{label} with seed {listed(low)}")
    found = [f"All trainings with {listed(whole)} collapsed: a mean Dice below {COLLAPSED}."] if whole else []
    return found + ([f"Some trainings collapsed: {listed(partly)}."] if partly else [])


def _thresholds(results, trained):
    """Say which losses gain by a threshold chosen on the validation cases, and whether that changes who is first."""
    at_half, at_best = results.dice, results.dice_at_best_threshold
    gains = []
    for label in trained:
        row = results.labels.index(label)
        gain = mean_score(at_best[row]) - mean_score(at_half[row])
        if gain > GAIN and mean_score(at_half[row]) >= COLLAPSED:
            thresholds = nan_mean(nan_mean(results.thresholds[row], axis=0))
            gains.append(f"{label} gains {gain:.3f} (at {thresholds:.2g} on average)")
    found = []
    if gains:
        found.append(f"With the threshold that is best on the validation cases instead of 0.5, {listed(gains)}.")
    means = {label: mean_score(at_best[results.labels.index(label)]) for label in trained}
    first = max(means, key=means.get)
    if first != trained[0]:
        found.append(f"At its best threshold each, {first} has the highest mean Dice, {means[first]:.3f}.")
    return found


def _failed(results):
    return [f"{label} failed with seed {seed}: {reason}." for (label, seed), reason in results.failures.items()]


def _difference(test):
    span = "" if np.isnan(test.low) else f", 95 % interval {test.low:+.3f} to {test.high:+.3f}"
    return f"{test.difference:.3f}{span}"
