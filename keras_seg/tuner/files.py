"""The folder of a search, and files that are never half-written."""

import contextlib
import json
import os
import pathlib
import re
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


@contextlib.contextmanager
def replacing(path):
    """Give a temporary path to write to, which takes the place of `path` when it is complete."""
    path = pathlib.Path(path)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path, content):
    """Write a text file in one step."""
    with replacing(path) as temporary:
        temporary.write_text(content, encoding="utf-8", newline="")


def to_toml(tables):
    """Return TOML for `{table: {key: value}}` of numbers, texts, lists and dicts; `None` is left out."""
    lines = []
    for name, table in tables.items():
        lines += ["", f"[{_key(name)}]"]
        lines += [f"{_key(key)} = {_value(value)}" for key, value in table.items() if value is not None]
    return "\n".join(lines[1:]) + "\n"


def _key(key):
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _value(key)


def _value(value):
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, dict):
        inside = ", ".join(f"{_key(key)} = {_value(entry)}" for key, entry in value.items() if entry is not None)
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_value, value)) + "]"
    # What JSON escapes, and how, TOML's basic strings understand too.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007F")
