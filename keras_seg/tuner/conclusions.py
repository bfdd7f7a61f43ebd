"""What a search amounts to, in sentences made from its trials and its confirmation round."""

import collections
import math

from keras_seg.evaluation.statistics import nan_mean
from keras_seg.experiments.rounds import compare_rounds
from keras_seg.experiments.statistics import mean_score
from keras_seg.experiments.wording import code, count, dice, difference, listed, p_value
from keras_seg.tuner.trial import ranked

# Reasons of failures that are told one by one.
MOST_REASONS = 3
ONCE = "trained once: seeds were not varied, and another seed may turn the order round"


def conclusions(trials, confirmation=None):
    """Return a list of sentences in Markdown.

    Args:
        trials: List of `Trial`.
        confirmation: `Confirmation`, or `None` if there was none.
    """
    if not trials:
        return ["No trial came to its end."]
    found = [_counted(trials)]
    best = ranked(trials)[0]
    if best.failed:
        return [*found, *_failures(trials), "So there is no best loss, and nothing was confirmed."]
    winner = None if confirmation is None else confirmation.winner
    found += _best(trials, best, confirmation)
    if winner is not None:
        found += _confirmed(confirmation, winner)
        found += _tested(confirmation, winner)
    if confirmation is not None:
        reasons = confirmation.failed.items()
        found += [f"{code(loss)} failed in the confirmation round: {code(reason)}." for loss, reason in reasons]
    return found + _failures(trials)


def against(confirmation, loss):
    """Return how a loss differs from the default: the sign is that of the loss minus the default.

    Args:
        confirmation: `Confirmation`.
        loss: Text of the loss.

    Returns:
        Tuple of the `PairTest`, the difference, and the ends of its interval; `None` if the two were not compared.
    """
    default = confirmation.default
    if default is None or default.loss == loss:
        return None
    return _signed(confirmation.pairs, loss, default.loss)


def on_test_cases(confirmation, first, second):
    """Compare two losses on the test cases, each case a mean over its classes; returns what `against` does."""
    scores = {loss: confirmation.test_scores(loss) for loss in (first, second)}
    if first == second or any(table is None for table in scores.values()):
        return None
    scores = {loss: nan_mean(table, axis=-1) for loss, table in scores.items()}
    # Both were tested in the same rounds.
    rounds = {loss: list(table) for loss, table in scores.items()}
    return _signed(compare_rounds(rounds, separate=False), first, second)


def _signed(pairs, first, second):
    for test in pairs:
        if (test.first, test.second) == (first, second):
            return test, test.difference, test.low, test.high
        if (test.first, test.second) == (second, first):
            return test, -test.difference, -test.high, -test.low
    return None


def _counted(trials):
    stopped, failed = sum(trial.stopped for trial in trials), sum(trial.failed for trial in trials)
    losses = len({trial.name for trial in trials})
    text = f"{count(len(trials), 'trial')} of {losses} {'loss' if losses == 1 else 'losses'}"
    parts = [f"{stopped} stopped early"] if stopped else []
    parts += [f"{failed} failed"] if failed else []
    return f"{text}{f': {listed(parts)}' if parts else ''}."


def _best(trials, best, confirmation):
    text = f"The best trial of the search is number {best.number}, {code(best.label)}: "
    text += f"Dice {dice(best.val_dice)} in epoch {best.best_epoch}."
    others = sum(not trial.failed for trial in trials) > 1
    flattery = "The best of many on the same cases flatters itself" if others else "One training is one draw"
    if confirmation is None or confirmation.winner is None:
        return [
            text,
            f"{flattery}, and nothing was confirmed: this number is optimistic, and another seed or other cases may "
            "turn the order round.",
        ]
    again = next((one for one in confirmation.candidates if one.trial == best.number), None)
    mean = math.nan if again is None else confirmation.means.get(again.loss, math.nan)
    if math.isnan(mean):
        return [text, f"{flattery}, and this one was not confirmed."]
    gap = best.val_dice - mean
    cases = "with fresh seeds and on other cases" if confirmation.folds else "with fresh seeds"
    if gap < 0:
        return [text, f"In the confirmation round, {cases}, it had {dice(mean)}."]
    return [text, f"{flattery}: in the confirmation round, {cases}, it had {dice(mean)}, {gap:.3f} less."]


def _confirmed(confirmation, winner):
    rounds, losses = len(confirmation.rounds), len(confirmation.means)
    mean = dice(confirmation.means[winner.loss])
    of = f"the mean of {count(rounds, 'round')}" if rounds > 1 else "in one round"
    found = []
    if losses == 1:
        found.append(f"Only {code(winner.loss)} was confirmed: Dice {mean}, {of}.")
    elif winner.is_default:
        text = f"**Nothing beat the default.** {code(winner.loss)} has the highest Dice, {mean}, {of}, before "
        others = [(loss, against(confirmation, loss)) for loss in confirmation.means if loss != winner.loss]
        found.append(f"{text}{listed([_named(loss, one) for loss, one in others])}.")
    else:
        found.append(f"**{code(winner.loss)}** has the highest Dice of the confirmation round: {mean}, {of}.")
        found.append(_against_default(confirmation, winner.loss))
    return found + ([f"In the confirmation round each loss was {ONCE}."] if rounds == 1 else [])


def _named(loss, compared):
    """Return a loss with how it differs."""
    if compared is None:
        return code(loss)
    test, value, low, high = compared
    return f"{code(loss)} ({difference(value, low, high)}, p = {p_value(test.holm)})"


def _against_default(confirmation, loss):
    """Say whether the winner is better than the default."""
    compared = against(confirmation, loss)
    if compared is None:
        default = confirmation.default
        who = "No default loss was trained" if default is None else f"{code(default.loss)}, the default, has no result"
        return f"{who}, so nothing says whether it is better than that."
    test, value, *_ = compared
    name = _named(confirmation.default.loss, compared)
    if not test.distinguishable:
        return (
            f"It is **not distinguishable** from {name}: keep the default, unless more rounds or cases tell the two "
            "apart."
        )
    if value < 0:
        return f"Where both can be paired it is worse than {name}: keep the default."
    return f"It is **better** than {name}."


def _tested(confirmation, winner):
    """Say what winner and default have on the test cases, which took no part in any choice."""
    scores = confirmation.test_scores(winner.loss)
    if scores is None:
        return []
    where = f"On {count(scores.shape[1], 'test case')}, which no choice has seen,"
    trainings = f"mean of {len(scores)} trainings" if len(scores) > 1 else "result of one training"
    text = f"{where} {code(winner.loss)} has Dice {dice(float(mean_score(scores)))}"
    default = confirmation.default
    if default is None or default.loss == winner.loss or confirmation.test_scores(default.loss) is None:
        return [f"{text}, the {trainings}."]
    other = float(mean_score(confirmation.test_scores(default.loss)))
    test, value, low, high = on_test_cases(confirmation, winner.loss, default.loss)
    verdict = "**better**" if value > 0 else "**worse**"
    return [
        f"{text} and {code(default.loss)} {dice(other)}, each the {trainings}. There it is "
        f"{verdict if test.distinguishable else '**not distinguishable**'} ({difference(value, low, high)}, p = "
        f"{p_value(test.holm)})."
    ]


def _failures(trials):
    reasons = collections.Counter(trial.reason.rstrip(".") for trial in trials if trial.failed)
    if not reasons:
        return []
    total = reasons.total()
    who = f"All {total} trials failed" if total == len(trials) > 1 else f"{count(total, 'trial')} failed"
    if len(reasons) == 1:
        return [f"{who}: {code(next(iter(reasons)))}."]
    parts = [f"{code(reason)} ({count(number, 'time')})" for reason, number in reasons.most_common(MOST_REASONS)]
    hidden = len(reasons) - len(parts)
    return [f"{who}: {listed(parts + ([count(hidden, 'other reason')] if hidden else []))}."]
