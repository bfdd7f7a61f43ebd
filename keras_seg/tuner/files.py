"""The folder of a search."""

import os
import pathlib
import shutil

LEADERBOARD = "leaderboard.csv"
MODEL = "best.keras"
RECIPE = "recipe.toml"
PLOT = "trials.png"
OVERLAY = "overlay.png"
# KerasTuner's own records.
RECORDS = "keras_tuner"


def check_folder(folder, overwrite=False):
    """Check that a search may write into a folder; nothing is changed.

    Args:
        folder: Path of the folder; it need not exist.
        overwrite: Whether it may hold something: files of an earlier search are replaced, others are left alone.

    Returns:
        The `pathlib.Path`.

    Raises:
        ValueError: If it is a file, or holds something without `overwrite`.
    """
    folder = pathlib.Path(folder)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: this is a file; the search needs a folder to write into.")
    inside = sorted(os.listdir(folder)) if folder.exists() else []
    if inside and not overwrite:
        shown = ", ".join(inside[:4]) + (", ..." if len(inside) > 4 else "")
        raise ValueError(
            f"{folder}: the folder is not empty (it holds {shown}). Choose another one, or allow to overwrite an "
            f"earlier search (`--overwrite`, in Python `overwrite=True`)."
        )
    return folder


def prepare_folder(folder, overwrite=False):
    """Make the folder of a search, without what an earlier one wrote there; arguments and errors of `check_folder`."""
    folder = check_folder(folder, overwrite)
    folder.mkdir(parents=True, exist_ok=True)
    for name in (LEADERBOARD, MODEL, RECIPE, PLOT, OVERLAY):
        (folder / name).unlink(missing_ok=True)
    if (folder / RECORDS).is_dir():
        shutil.rmtree(folder / RECORDS)
    return folder
