"""The folder of a search: what is in it, and whether a search may begin or go on there."""

import pathlib
import shutil

from keras_seg.files import make_folder
from keras_seg.training.options import differences
from keras_seg.tuner.log import FOLDER as TRIALS
from keras_seg.tuner.log import Record

RECORD = "search.json"
LEADERBOARD = "leaderboard.csv"
MARKDOWN = "leaderboard.md"
PLOT = "trials.png"
MODEL = "best.keras"
RECIPE = "recipe.toml"
OVERLAY = "overlay.png"
BEST = "best"
RUNS = "runs"
SETUP = "setup"
WEIGHTS = "weights"
CONFIRMATION = "confirmation"
TENSORBOARD = "tensorboard"
# Phantoms, where no data are given.
DATA = "data"
# KerasTuner's own records. They are written anew from the log by every call.
RECORDS = "keras_tuner"

# What a search writes. The record, which makes it one, is the first to be removed and the last to be written.
OWN = (RECORD, LEADERBOARD, MARKDOWN, PLOT, MODEL, RECIPE, OVERLAY, BEST, TRIALS, RUNS, SETUP, WEIGHTS, CONFIRMATION)
OWN += (TENSORBOARD, DATA, RECORDS)

# Options of which a later call may ask more.
GROWING = ("trials", "seeds", "minutes")


def open_search(folder, options, overwrite=False):
    """Make a folder ready for a search; what an earlier one left there is thrown away, or goes on.

    Args:
        folder: Path of the folder; it need not exist.
        options: Plain dict of what the search is told. A search in the folder must have been told the same.
        overwrite: Whether a search in the folder is thrown away; files that are none of ours are left alone.

    Returns:
        Tuple of the `pathlib.Path` and whether the search in it goes on.

    Raises:
        ValueError: If it is a file, holds something else, or a search with other options.
        OSError: If it cannot be written to.
    """
    folder = pathlib.Path(folder)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: this is a file; the search needs a folder to write into.")
    inside = sorted(path.name for path in folder.iterdir() if path.name[0] != ".") if folder.exists() else []
    others = [name for name in inside if name not in OWN]
    record = Record(folder / RECORD)
    if others and not overwrite and not record.exists():
        shown = ", ".join(others[:4]) + (", ..." if len(others) > 4 else "")
        raise ValueError(
            f"{folder}: the folder holds something else ({shown}). Choose another one, or let the search write beside "
            "it (`--overwrite`, in Python `overwrite=True`): only files of its own names are replaced."
        )
    if record.exists() and not overwrite:
        lines = differences(*_without_growth(record.read(), options))
        if lines:
            listed = "\n".join(f"  {line.replace(' in the run, ', ' there, ')}" for line in lines)
            raise ValueError(
                f"{folder}: a search with other options stands here:\n{listed}\nGive the same options to go on with "
                "it, another folder, or throw it away (`--overwrite`, in Python `overwrite=True`)."
            )
    make_folder(folder)
    if overwrite:
        clear(folder)
    return folder, record.exists()


def _without_growth(recorded, given):
    """Return both without what may grow from call to call: more of the same does not mix two searches.

    What is given is filled up: a range or an option of a loss that is left out now is a difference too.
    """
    grown = {
        name
        for name in GROWING
        if isinstance(given.get(name), (int, float)) and given[name] >= (recorded.get(name) or 0)
    }
    return recorded, {name: _filled(recorded.get(name), value) for name, value in given.items() if name not in grown}


def _filled(recorded, given):
    if not isinstance(recorded, dict) or not isinstance(given, dict):
        return given
    return {**dict.fromkeys(recorded), **{name: _filled(recorded.get(name), value) for name, value in given.items()}}


def clear(folder):
    """Remove a search, and nothing else."""
    for name in OWN:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
