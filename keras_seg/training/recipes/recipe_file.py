"""Recipes as TOML files, with a comment above each value that says why."""

import pathlib
import textwrap

from keras_seg import files
from keras_seg.training.recipes import partial

# Columns of a file, comments included.
COLUMNS = 100


def read(path):
    """Read a recipe, or a part of one, from a TOML file.

    Args:
        path: Path of the file.

    Returns:
        `{table: {key: value}}`, checked.

    Raises:
        ValueError: If there is no such file, it is no TOML, or holds what a recipe cannot; the message names the file.
    """
    import tomlkit
    import tomlkit.exceptions

    path = pathlib.Path(path)
    if not path.exists():
        raise ValueError(f"{path}: there is no such file. Check the path; it is looked up from {pathlib.Path.cwd()}.")
    if path.is_dir():
        inside = path / "recipe.toml"
        hint = f" Did you mean {inside}?" if inside.is_file() else ""
        raise ValueError(f"{path}: this is a folder; a recipe is a TOML file.{hint}")
    try:
        tables = tomlkit.parse(path.read_text(encoding="utf-8")).unwrap()
    except UnicodeDecodeError:
        raise ValueError(f"{path}: this is no text in UTF-8. A recipe is a TOML file.") from None
    except (tomlkit.exceptions.TOMLKitError, ValueError) as error:
        raise ValueError(f'{path}: this is no TOML: {error}. Texts need quotes: loss = "dice".') from None
    return partial.check(tables, path)


def write(path, tables, reasons):
    """Write a recipe as a TOML file in one step.

    Args:
        path: Path of the file.
        tables: `{table: {key: value}}`.
        reasons: `{"table.key": reason}`.
    """
    files.write_text(path, dumps(tables, reasons))


def dumps(tables, reasons):
    """Return the text of the file; arguments as in `write`."""
    import tomlkit

    document = tomlkit.document()
    for number, (title, values) in enumerate(tables.items()):
        table = tomlkit.table()
        for key, value in values.items():
            reason = reasons.get(f"{title}.{key}")
            for line in textwrap.wrap(reason or "", COLUMNS - 2):
                table.add(tomlkit.comment(line))
            table.add(key, tomlkit.item(_plain(value)) if not isinstance(value, dict) else _inline(value))
        if number:
            document.add(tomlkit.nl())
        document.add(title, table)
    return tomlkit.dumps(document)


def _inline(options):
    import tomlkit

    table = tomlkit.inline_table()
    table.update({key: _plain(value) for key, value in options.items()})
    return table


def _plain(value):
    """Return what TOML has a form for: lists for tuples, `"none"` for `None`."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return "none" if value is None else value
