"""Ranges as people write them, `0.0001:0.01:log` or `16|32`: of the arguments of losses and of keys of the recipe."""

import tomllib

from keras_seg import losses
from keras_seg.losses import registry, text
from keras_seg.training.recipes import partial
from keras_seg.tuner import sampling

# What no search of losses varies, and why.
_FIXED = {
    "network.model": "A search trains one network, so that its losses are compared on the same. Search each by itself",
    "training.epochs": "How long trials train is an option of the search",
    "training.seed": "Which seeds are trained is an option of the search",
}

# Tables of the recipe that say how cases are read and judged.
_JUDGING = ("data", "validation", "inference")


def parse_range(text):
    """Return what a text says is to be searched.

    >>> parse_range("0.0001:0.01:log"), parse_range("2:6"), parse_range("1|2|4"), parse_range("0.4")
    ((0.0001, 0.01, 'log'), (2, 6), [1, 2, 4], 0.4)

    Args:
        text: `low:high` or `low:high:log`; choices with `|` between them, such as `[8,16]|[16,32]`; or one value.
            Values are written as in TOML, a text needs no quotes.

    Returns:
        A tuple, a range; a list of choices; or the value.

    Raises:
        ValueError: If a range or a choice is incomplete, or a range is none.
    """
    return _read(text)[1]


def split_ranges(entries):
    """Tell the ranges of losses from those of the recipe and from the plain values of the recipe.

    Args:
        entries: Texts `name=value`, as `parse_range` reads their values; or a dict, in which a tuple is a range and a
            list holds choices, unless the recipe takes it as it is: `{"network.filters": [8, 16, 32]}` is one value. A
            name is `loss.argument`, `table.key` of the recipe (the table may be left out where only one has the key),
            or the full name of a hyperparameter, such as `"dice + focal: focal weight"`.

    Returns:
        Three dicts: the ranges of losses, as `choose_loss` takes them; the ranges of the recipe and its values, both by
        `table.key`.

    Raises:
        ValueError: If a name is unknown or not to be searched, or the recipe does not take an end, a choice or a value.
            The arguments of losses are checked by `choose_loss`.
    """
    loss_ranges, recipe = {}, {}
    for name, value, searched in _entries(entries):
        if ": " in name or name.partition(".")[0] in losses.names():
            loss_ranges[name] = _one(name, value) if searched is False and isinstance(value, list) else value
        elif value is not None:
            full_name, spec = _recipe_entry(name, value, searched)
            recipe[full_name] = spec, value
    ranges = {name: spec for name, (spec, _) in recipe.items() if spec is not None}
    return loss_ranges, ranges, {name: value for name, (spec, value) in recipe.items() if spec is None}


def declare(hp, recipe_ranges, defaults, grid=False):
    """Declare the ranges of the recipe in a search.

    Args:
        hp: `keras_tuner.HyperParameters`.
        recipe_ranges: As `split_ranges` returns them.
        defaults: Values of the recipe by `table.key`. One outside its range, or missing, becomes the nearest value, or
            the first choice.
        grid: Whether a range becomes three values, its ends and the default.
    """
    for name, spec in recipe_ranges.items():
        sampling.sample(hp, name, spec, sampling.inside(spec, _listed(defaults.get(name))), grid)


def values_of(hp_values, recipe_ranges):
    """Return the part of a trial that belongs to the recipe, by `table.key`; numbers have four digits.

    Args:
        hp_values: Dict of all values of the hyperparameters.
        recipe_ranges: As `split_ranges` returns them.

    Raises:
        ValueError: If one is missing.
    """
    values = {}
    for name, spec in recipe_ranges.items():
        if name not in hp_values:
            raise ValueError(f"`{name}` is searched, but this trial has no value for it. It has: {sorted(hp_values)}.")
        value = hp_values[name]
        if isinstance(spec, tuple):
            values[name] = sampling.rounded(value, spec)
        else:
            values[name] = sampling.shown(spec).get(value, value)
    return values


def _entries(entries):
    """Yield name, value and whether it is to be searched; `None`: that depends on what the name takes."""
    if isinstance(entries, dict):
        yield from ((str(name).strip(), value, None) for name, value in entries.items())
        return
    for entry in (entries,) if isinstance(entries, str) else entries or ():
        name, equals, value = str(entry).partition("=")
        if not name.strip().replace(".", "").isidentifier() and ": " in entry:
            # The texts of losses have `=` in them, as in "dice + focal(gamma=3): focal weight=0.5:2".
            before, colon, after = entry.rpartition(": ")
            name, equals, value = after.partition("=")
            name = before + colon + name
        if not equals or not name.strip():
            raise ValueError(
                f"Expected `name=value`, such as `tversky.alpha=0.2:0.8`, `training.learning_rate=0.0001:0.01:log` or "
                f"`training.batch_size=2`. Received: {entry!r}."
            )
        with partial.named(name.strip()):
            searched, value = _read(value)
        yield name.strip(), value, searched


def _read(text):
    """Return whether a text holds something to search, and that or its value."""
    choices = _split(text, "|")
    parts = [_split(choice, ":") for choice in choices]
    if len(choices) > 1 and all(len(part) == 1 for part in parts) and all(map(str.strip, choices)):
        return True, [_toml(choice) for choice in choices]
    if len(choices) == len(parts[0]) == 1:
        return False, _toml(text)
    spec = tuple(map(_toml, parts[0]))
    complaint = "choices are not complete" if len(choices) > 1 else sampling.complaint_about(spec)
    if complaint:
        raise ValueError(
            f"Cannot read the range {text!r}: {complaint}. Write low:high or low:high:log, such as 0.0001:0.01:log; "
            f"choices such as 1|2|4; or one value. A text with ':' or '|' in it needs quotes."
        )
    return True, spec


def _split(text, mark):
    """Split a text at a mark that is not within quotes or brackets."""
    parts, depth, quote = [""], 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        else:
            depth += (character in "[{") - (character in "]}")
            if character == mark and not depth:
                parts.append("")
                continue
        parts[-1] += character
    return parts


def _toml(text):
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()


def _one(name, value):
    """Return a list that a text wrote as the one value of an argument of a loss, which takes it given."""
    loss, _, argument = name.partition(".")
    default = text.options_of(registry.loss_class(loss)).get(argument) if loss in losses.names() else 1.0
    if isinstance(default, (str, bool, int, float)):
        raise ValueError(
            f"`{name}` takes one value, not a list. For choices write {'|'.join(map(str, value)) or '1|2|4'}. "
            f"Received: {value!r}."
        )
    return [value]


def _recipe_entry(name, value, searched):
    """Return the full name of a part of the recipe and what is to be searched there; `None`: it is a plain value."""
    if searched is None:
        # An option of a builder may be anything: a pair of numbers is a range there too.
        is_range = isinstance(value, tuple) and ".options." in name and not sampling.complaint_about(value)
        searched = isinstance(value, (list, tuple)) and (is_range or not _is_taken(name, value))
    if not searched:
        return _taken(name, value)[0], None
    for fixed, reason in _FIXED.items():
        if name in (fixed, fixed.partition(".")[2]):
            raise ValueError(f"`{fixed}` cannot be searched. {reason}. Received: {value!r}.")
    if name.partition(".")[0] in _JUDGING:
        raise ValueError(
            f"`{name}` cannot be searched: trials that read or judge their cases differently cannot be compared. Give "
            f"one value. Received: {value!r}."
        )
    if name.partition(".")[0] == "loss":
        raise ValueError(
            f"`{name}` cannot be searched like other parts of the recipe: the loss is what the search chooses. Name "
            f"losses to choose from, and ranges of their arguments such as `tversky.alpha`. Received: {value!r}."
        )
    spec = sampling.checked(name, value)
    taken = [_taken(name, item) for item in (spec if isinstance(spec, list) else spec[:2])]
    full_name, kept = taken[0][0], [item for _, item in taken]
    # The type is that of the recipe: a learning rate from 1 to 2 is no whole number.
    spec = sampling.checked(name, kept if isinstance(spec, list) else (*kept, *spec[2:]))
    if isinstance(spec, list) and len(spec) == 1:
        raise ValueError(f"`{full_name}` has one choice: {spec[0]!r}. Give it as a value, or give more choices.")
    return full_name, spec


def _is_taken(name, value):
    try:
        _taken(name, value)
    except ValueError:
        return False
    return True


def _taken(name, value):
    """Return the full name of a part of the recipe, and a value as the recipe takes it, but with lists.

    Raises:
        ValueError: If there is no such part, or it does not take the value.
    """
    ((title, keys),) = partial.overrides({name: value}).items()
    ((key, kept),) = keys.items()
    full_name = name if "." in name else f"{title}.{name}"
    if full_name.count(".") > 1:
        # An option of a builder: the recipe does not know what it may be.
        return full_name, _listed(value)
    if title == "augmentation" and key != "preset":
        from keras_seg.training.recipes.augmentation_keys import make_augmentation

        kept = getattr(make_augmentation("none", 3, {key: kept}), key)
    return full_name, _listed(kept)


def _listed(value):
    return [_listed(item) for item in value] if isinstance(value, (list, tuple)) else value
