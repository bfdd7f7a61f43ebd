"""The confirmation round: the best trials and the default loss, trained anew with other seeds on other folds."""

import dataclasses
import json
import time

from keras_seg.experiments.wording import count
from keras_seg.files import write_text
from keras_seg.terminal import clock_face, one_line
from keras_seg.tuner import files
from keras_seg.tuner.confirmation import Candidate, Confirmation, Entry
from keras_seg.tuner.space import LOSS, explicit_text, loss_of
from keras_seg.tuner.trial import identity_of, ranked

# So many of the best trials are trained anew, and the default loss.
CONTENDERS = 3
DEFAULT = "dice_ce"


def candidates(trials, options=None, contenders=CONTENDERS):
    """Return what the confirmation round trains: the best trials, each network once, and the default loss.

    Args:
        trials: List of `Trial`.
        options: Arguments that every loss was given that takes them.
        contenders: How many of the best.
    """
    default = explicit_text(loss_of(DEFAULT, options or {}))
    chosen, seen = [], set()
    for trial in ranked(trials):
        if trial.failed or len(chosen) == contenders:
            break
        is_default = trial.label == default
        label = DEFAULT if is_default else trial.label
        # Hyperband goes on with a trial under another number, and numbers that differ by less than is shown are equal.
        if label in seen:
            continue
        seen.add(label)
        values = {**trial.values, **trial.hyperparameters}
        chosen.append(Candidate(label, values, trial.number, is_default, trial.loss))
    if chosen and not any(candidate.is_default for candidate in chosen):
        chosen.append(Candidate(DEFAULT, {LOSS: DEFAULT}, None, True, default))
    return chosen


def confirm(trainer, trials, rounds, folder, progress, time_left=lambda: None, options=None):
    """Train the best few and the default anew, and let the winner and the default segment the test cases.

    What was trained by an earlier call stays. A training that fails takes its loss out of the round. After each round
    all candidates have been trained equally often, so that it may end there when the time is over.

    Args:
        trainer: `FitTrainer` or `RunTrainer`.
        trials: List of `Trial` of the search.
        rounds: Number of rounds.
        folder: Folder of the search.
        progress: `Progress`.
        time_left: Function that returns the seconds left, or `None` without a limit. What is done already takes none.
        options: Arguments that every loss was given that takes them.

    Returns:
        `Confirmation`, or `None` if there is nothing to confirm.
    """
    chosen = candidates(trials, options)
    if not chosen or not rounds:
        return None
    trainer.prepare_rounds(rounds)
    entries, slowest = [], 0.0
    what = "seeds and folds" if trainer.has_folds else "seeds, on the same cases"
    progress.say(f"Confirmation: {len(chosen)} losses, {count(rounds, 'round')} with fresh {what}.")
    for number in range(rounds):
        known = {candidate.loss: _read(_path(folder, candidate, number, trainer)) for candidate in chosen}
        left = time_left()
        if number and left is not None and left < slowest and None in known.values():
            progress.say(f"The time is over: {number} of {rounds} rounds.")
            break
        seconds = 0.0
        for candidate in chosen:
            if any(entry.loss == candidate.loss and entry.reason for entry in entries):
                continue
            place = f"round {number + 1}/{rounds}"
            entry = known[candidate.loss]
            if entry is None:
                entry = _train(trainer, candidate, number, place, folder, progress)
            else:
                progress.skip(trainer.epochs)
            entries.append(entry)
            seconds += entry.seconds
        slowest = max(slowest, seconds)
    found = Confirmation(chosen, entries, folds=trainer.has_folds)
    return _tested(trainer, found, folder, progress)


def seconds_of(folder):
    """Return what all trainings of the confirmation round in a folder have taken."""
    entries = [_read(path) for path in (folder / files.CONFIRMATION).glob("[!.]*.json")]
    return sum(entry.seconds for entry in entries if entry is not None)


def _train(trainer, candidate, number, place, folder, progress):
    """Train a candidate once, and write down what it came to."""
    started = time.monotonic()
    try:
        seed, table = trainer.confirm(candidate, number, place)
        entry = Entry(candidate.loss, number, seed, table)
    except OSError:
        raise
    except Exception as error:
        # Whatever a loss or a backend raises: the others are not to be lost for it.
        entry = Entry(candidate.loss, number, trainer.seed + 1 + number, reason=one_line(error))
    entry = dataclasses.replace(entry, seconds=time.monotonic() - started)
    _write(_path(folder, candidate, number, trainer), entry)
    mean = Confirmation([candidate], [entry]).means.get(candidate.loss)
    what = f"failed: {entry.reason}" if entry.reason else f"Dice {mean:.3f}  {clock_face(entry.seconds)}"
    progress.finish(place, candidate.loss, what, trainer.epochs)
    return entry


def _tested(trainer, confirmation, folder, progress):
    """Let the winner and the default segment the test cases, once."""
    winner, default = confirmation.winner, confirmation.default
    if winner is None:
        return confirmation
    chosen = {one.loss: one for one in (winner, default) if one is not None and one.loss in confirmation.means}
    entries = []
    for entry in confirmation.entries:
        if entry.loss in chosen and entry.number in confirmation.rounds and not entry.test:
            progress.begin("test", entry.loss)
            entry = dataclasses.replace(entry, test=trainer.test(chosen[entry.loss], entry.number))
            _write(_path(folder, chosen[entry.loss], entry.number, trainer), entry)
        entries.append(entry)
    return dataclasses.replace(confirmation, entries=entries)


def _path(folder, candidate, number, trainer):
    # More rounds than there are folds all validate on the same cases: another training.
    name = f"{candidate.folder}-{identity_of(candidate.values)}-{number}{'' if trainer.has_folds else '-same-cases'}"
    return folder / files.CONFIRMATION / f"{name}.json"


def _write(path, entry):
    write_text(path, json.dumps(dataclasses.asdict(entry), indent=1) + "\n")


def _read(path):
    """Return the `Entry` of a training that is done, or `None`; a damaged file counts as not done."""
    try:
        return Entry(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
