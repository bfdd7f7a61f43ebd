"""Parts of a recipe: tables with some of their keys, from a file, from options, or both."""

import contextlib
import os
import tomllib

from keras_seg.training.recipes import kinds

# Whoever names another one of these starts its options afresh: those of the old one need not fit.
_OWNERS = {"network": ("model", ("options",)), "loss": ("loss", ("options",)), "augmentation": ("preset", None)}


def check(tables, source=None):
    """Check the tables, keys and values of a part of a recipe.

    Args:
        tables: `{table: {key: value}}`.
        source: Whom messages name, such as the path of a file.

    Returns:
        The same, in the form that recipes keep.

    Raises:
        ValueError: If a table or key is unknown (the message names the nearest), or a value is not what it should be.
    """
    from keras_seg.training.recipes.recipe_tables import TABLES

    with named(source):
        if not isinstance(tables, dict):
            example = {"training": {"epochs": 10}}
            raise ValueError(f"A recipe is a dict of tables, such as {example}. Received: {tables!r}.")
        checked = {}
        for title, values in tables.items():
            if title not in TABLES:
                raise ValueError(_unknown_table(title))
            if not isinstance(values, dict):
                raise ValueError(f"`{title}` must be a table, with keys below `[{title}]`. Received: {values!r}.")
            keys = TABLES[title].keys()
            for key in values:
                if key not in keys:
                    raise ValueError(unknown_key(title, key, keys))
            checked[title] = {key: keys[key](f"{title}.{key}", value) for key, value in values.items()}
        return checked


def partial_of(given, source=None):
    """Return the part of a recipe that any of its forms holds.

    Args:
        given: `None`, a `Recipe`, the path of a file, `{table: {key: value}}`, or what `overrides` takes.
        source: Whom messages name.

    Returns:
        `{table: {key: value}}`, checked.

    Raises:
        ValueError: As `recipe_file.read`, `check` and `overrides` do.
    """
    from keras_seg.training.recipes import recipe, recipe_file

    if given is None:
        return {}
    if isinstance(given, recipe.Recipe):
        return given.to_dict()
    if isinstance(given, (str, os.PathLike)):
        return recipe_file.read(given)
    if isinstance(given, dict) and any(isinstance(value, dict) for value in given.values()):
        tables = {key: value for key, value in given.items() if "." not in key}
        return merge(check(tables, source), overrides({key: given[key] for key in given if "." in key}, source))
    return overrides(given, source)


def merge(*parts):
    """Put parts of a recipe together, key by key and option by option; the later part wins.

    A part that names another network, loss or preset of augmentation than the parts before leaves their options behind.

    Args:
        *parts: Each `{table: {key: value}}` or `None`.

    Returns:
        A new `{table: {key: value}}`.
    """
    merged = {}
    for part in parts:
        for title, values in (part or {}).items():
            kept = merged.setdefault(title, {})
            owner, owned = _OWNERS.get(title, (None, ()))
            if owner in values and owner in kept and values[owner] != kept[owner]:
                for key in [key for key in kept if key != owner and (owned is None or key in owned)]:
                    del kept[key]
            for key, value in values.items():
                old = kept.get(key)
                kept[key] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
    return {title: values for title, values in merged.items() if values}


def overrides(options, source=None):
    """Make a part of a recipe from options.

    Args:
        options: `{"training.batch_size": 2}`; the table may be left out where only one has the key (`{"epochs": 3}`).
            `None` as a value means: not given. Or a list of texts, `["training.batch_size=2"]`, whose values are
            written as in TOML; a text needs no quotes.
        source: Whom messages name.

    Returns:
        `{table: {key: value}}`, checked.

    Raises:
        ValueError: If a key is unknown or in several tables, or a value is not what it should be.
    """
    if not isinstance(options, dict):
        with named(source):
            options = dict(_assignment(option) for option in options)
    tables = {}
    for name, value in options.items():
        if value is None:
            continue
        with named(source):
            title, key, *inner = _locate(name)
        if inner:
            tables.setdefault(title, {}).setdefault(key, {})[".".join(inner)] = value
        else:
            tables.setdefault(title, {})[key] = value
    return check(tables, source)


@contextlib.contextmanager
def named(source):
    """Put the name of a file, or of whatever a recipe comes from, before the message of a `ValueError`."""
    try:
        yield
    except ValueError as error:
        if source is None or str(error).startswith(f"{source}: "):
            raise
        raise ValueError(f"{source}: {error}") from None


def unknown_key(title, key, keys):
    """Return what is said of a key that a table does not have."""
    message = f"Unknown key `{key}` in [{title}]."
    owners = _owners()
    near = kinds.closest(key, keys) or kinds.closest(key, owners)
    if key in owners:
        message += f" It belongs to [{'] or ['.join(owners[key])}]."
    elif near:
        message += f" Did you mean `{near}`" + ("?" if near in keys else f" of [{owners[near][0]}]?")
    return f"{message} [{title}] has: {', '.join(keys)}."


def _tables():
    """The keys of each table, `{table: {key: kind}}`."""
    from keras_seg.training.recipes.recipe_tables import TABLES

    return {title: table.keys() for title, table in TABLES.items()}


def _owners():
    """The tables of each key."""
    owners = {}
    for title, keys in _tables().items():
        for key in keys:
            owners.setdefault(key, []).append(title)
    return owners


def _unknown_table(title):
    owners = _owners().get(title)
    if owners:
        hint = f" `{title}` is a key of [{'] and ['.join(owners)}]."
    else:
        hint = kinds.nearest(title, _tables())
    return f"Unknown table [{title}].{hint} A recipe has: {', '.join(f'[{name}]' for name in _tables())}."


def _locate(name):
    """Return the table and the key of a name, and the option if it goes on: `loss.options.ignore_class`."""
    title, *rest = str(name).split(".")
    tables, owners = _tables(), _owners()
    if not rest:
        if title not in owners:
            near = kinds.nearest(title, owners)
            raise ValueError(f"Unknown key `{title}`.{near} Write `table.key`, such as `training.batch_size`.")
        if len(owners[title]) > 1:
            listed = " or ".join(f"`{owner}.{title}`" for owner in owners[title])
            raise ValueError(f"`{title}` is a key of several tables. Write {listed}.")
        return owners[title][0], title
    if title not in tables:
        raise ValueError(_unknown_table(title))
    if rest[0] not in tables[title]:
        raise ValueError(unknown_key(title, rest[0], tables[title]))
    if len(rest) > 1 and rest[0] != "options":
        raise ValueError(f"`{name}`: `{title}.{rest[0]}` has no keys of its own. Write `{title}.{rest[0]}`.")
    return title, *rest


def _assignment(option):
    """Return the name and the value of `name=value`."""
    name, equals, value = str(option).partition("=")
    if not equals or not name.strip():
        raise ValueError(f"Expected `table.key=value`, such as `training.batch_size=2`. Received: {option!r}.")
    try:
        return name.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name.strip(), value.strip()
