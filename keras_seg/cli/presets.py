"""Presets of a search: options and parts of a recipe in a TOML file."""

import pathlib
import tomllib

from keras_seg.losses import registry
from keras_seg.training.recipes import partial

TABLE = "search"
# What a preset may say besides the options of the command line.
MORE = ("early_stopping", "set")


def read_preset(name, folder, options):
    """Read a preset.

    Args:
        name: Path of the file, or its name without ending where there is a folder of presets.
        folder: Folder of the presets that a script brings along, or `None`.
        options: Names of options that the table `[search]` may hold.

    Returns:
        Tuple of the options of the search, and of the rest, a part of a recipe.

    Raises:
        ValueError: If there is no such file, or it holds what it should not.
    """
    path = pathlib.Path(name)
    known = () if folder is None else tuple(sorted(entry.stem for entry in pathlib.Path(folder).glob("*.toml")))
    if name in known:
        path = pathlib.Path(folder) / f"{name}.toml"
    if not path.is_file():
        listed = f"one of {', '.join(known)}, or the path of a file" if known else "the path of a TOML file"
        raise ValueError(f"{name}: there is no such preset. Give {listed}.")
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: this is no TOML ({error}).") from error
    searched = tables.pop(TABLE, {})
    for key in searched:
        if key not in (*options, *MORE):
            raise ValueError(f"{path}: unknown key `{key}` in [{TABLE}]. {registry.nearest(key, (*options, *MORE))}")
    return searched, partial.check(tables, path)
