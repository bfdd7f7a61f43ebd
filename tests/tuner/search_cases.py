"""Made-up searches and confirmation rounds."""

import numpy as np

from keras_seg.tuner.confirmation import Candidate, Confirmation, Entry
from keras_seg.tuner.trial import Trial


def made_up_trials(count, names, parameters=2, epochs=12, seed=0, collapsed=0.0, failed=0.0, stopped=0.0):
    """Trials of losses that get worse from the first to the last."""
    generator = np.random.default_rng(seed)
    trials = []
    for number in range(1, count + 1):
        place = (number - 1) % len(names)
        name = names[place]
        values = {f"{name}.{'abcdef'[k]}": _value(generator, place + k) for k in range(parameters)}
        if generator.random() < failed:
            trials.append(Trial(number, name, name, values, seconds=1.0, reason="TrainingDiverged: the loss is NaN"))
            continue
        top = 0.0 if generator.random() < collapsed else 0.86 - 0.004 * place + generator.normal(0, 0.01)
        trial = Trial(number, name, f"{name}(a={number})", values, seconds=12.0)
        ended = epochs
        if generator.random() < stopped:
            trial.stopped, ended = True, epochs // 3
        for epoch in range(1, ended + 1):
            trial.note(epoch, max(0.0, top * (1 - np.exp(-epoch / 2.5)) + generator.normal(0, 0.004) * (top > 0)))
        trials.append(trial)
    return trials


def _value(generator, kind):
    """A number, one on a logarithmic scale, a whole one, or a choice."""
    return (
        round(generator.uniform(0.1, 0.9), 4),
        float(f"{10 ** generator.uniform(-4, -1):.4g}"),
        int(generator.integers(1, 6)),
        str(generator.choice(["mean", "sum", "inverse_square_of_volume"])),
    )[kind % 4]


def made_up_confirmation(means, rounds=3, cases=10, classes=2, folds=True, test=0, trials=None, reasons=None, seed=0):
    """A round of confirmation with given mean Dice; the default is `dice_ce`, `trials` tells the others' numbers."""
    generator = np.random.default_rng(seed)
    candidates, entries = [], []
    for loss, mean in means.items():
        candidates.append(Candidate(loss, trial=(trials or {}).get(loss), is_default=loss == "dice_ce"))
        for number in range(rounds):
            reason = (reasons or {}).get(loss, "") if number == rounds - 1 else ""
            first = 100 * number if folds else 0
            entries.append(
                Entry(
                    loss,
                    number,
                    seed=number + 1,
                    dice={} if reason else _table("case", first, cases, classes, mean, generator),
                    test=_table("test", 0, test, classes, mean - 0.01, generator) if test and not reason else {},
                    reason=reason,
                )
            )
    return Confirmation(candidates, entries, folds)


def _table(name, first, cases, classes, mean, generator):
    shift = generator.normal(0, 0.003)
    table = {}
    for case in range(first, first + cases):
        # Cases are hard or easy for every loss alike.
        ease = np.random.default_rng(case).normal(0, 0.04)
        values = np.clip(mean + ease + shift + generator.normal(0, 0.006, classes), 0, 1)
        table[f"{name} {case}"] = values.tolist()
    return table
