"""What a comparison was asked for, over all calls: its losses, sweeps, seeds and learning rates, in one file."""

import json
import shlex

from keras_seg.comparison import contenders as contending
from keras_seg.files import write_text

RECORD = "comparison.json"


def asked_of(folder, losses, sweeps, overwrite):
    """Return `{label: text}` of the losses that this call names, and the sweeps."""
    sweeps = [sweeps] if isinstance(sweeps, str) else list(sweeps)
    known = not overwrite and (folder / RECORD).is_file()
    found = {} if losses is None and (sweeps or known) else contending.contenders(losses)
    for text in sweeps:
        found |= contending.sweep(text)[1]
    return found, sweeps


def merged(folder, new, sweeps, seeds, rates, command):
    """Return the record of the comparison: what was asked of it before, and now.

    Raises:
        ValueError: If a label stands for another loss than before, or learning rates have changed.
    """
    if not (folder / RECORD).is_file():
        known = {"losses": {}, "sweeps": [], "seeds": {}, "learning_rates": list(rates), "command": command}
    else:
        known = read_record(folder)
    if rates and list(rates) != known["learning_rates"]:
        before = ", ".join(f"{rate:g}" for rate in known["learning_rates"]) or "the recipe's"
        raise ValueError(
            f"{folder}: losses were compared with other learning rates ({before}). Leave `learning_rates` "
            "(`--learning-rates`) out to go on, or compare in another folder."
        )
    for label, text in new.items():
        if known["losses"].get(label, text) != text:
            raise ValueError(
                f"{folder}: {label!r} is {known['losses'][label]!r} in this comparison, and {text!r} now. Give it "
                "another label."
            )
    losses = {**known["losses"], **new}
    asked = new or losses
    counts = {label: max(known["seeds"].get(label, 0), seeds if label in asked else 0) for label in losses}
    swept = list(dict.fromkeys([*known["sweeps"], *sweeps]))
    return {**known, "losses": losses, "sweeps": swept, "seeds": counts, "command": _joined(known["command"], command)}


def read_record(folder):
    """Read the record of a comparison's folder.

    Raises:
        ValueError: If it cannot be read.
    """
    path = folder / RECORD
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return {key: record[key] for key in ("losses", "sweeps", "seeds", "learning_rates", "command")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: this file of the comparison cannot be read ({type(error).__name__}: {error}). Put it back from a "
            "copy, or start anew: `overwrite=True` (`--overwrite`)."
        ) from error


def _joined(before, now):
    lines = before.split("\n")
    return before if now in lines else "\n".join([*lines, now])


def call_text(data, out, losses):
    """Return a call from Python, as the report shows it."""
    return f"keras_seg.compare({str(data)!r}, {str(out)!r}" + ("" if losses is None else f", losses={losses!r}") + ")"


def command_line(arguments):
    """Return a command as it was typed."""
    return " ".join(["keras-seg", *map(shlex.quote, arguments)])


def write_record(folder, record):
    """Write the record into the folder of the comparison, in one step."""
    write_text(folder / RECORD, json.dumps(record, indent=1) + "\n")
