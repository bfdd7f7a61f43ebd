"""Checks of what a user passes to a network's builder, with messages that say how to fix it."""

import difflib


def one_of(name, value, choices):
    """Raise a `ValueError` unless `value` is one of `choices`."""
    if value in choices:
        return
    listed = ", ".join(f"'{choice}'" for choice in choices)
    near = difflib.get_close_matches(str(value), choices, n=1, cutoff=0.5)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    raise ValueError(f"`{name}` must be one of {listed}. Received: {value!r}.{hint}")


def check_filters(filters):
    """Return `filters` as a tuple of integers.

    Raises:
        ValueError: If they are not at least two whole numbers above 0.
    """
    if not isinstance(filters, (tuple, list)) or len(filters) < 2 or not all(_is_count(width) for width in filters):
        raise ValueError(
            f"`filters` holds the width of each level, at least two whole numbers above 0, such as (16, 32, 64): "
            f"three levels. Received: {filters!r}."
        )
    return tuple(int(width) for width in filters)


def check_input_shape(input_shape):
    """Return `input_shape` as a tuple.

    Raises:
        ValueError: If it does not have one to three spatial axes and a known number of channels.
    """
    shape = tuple(input_shape) if isinstance(input_shape, (tuple, list)) else ()
    sizes_fit = all(size is None or _is_count(size) for size in shape[:-1])
    if not 2 <= len(shape) <= 4 or not sizes_fit or not _is_count(shape[-1]):
        raise ValueError(
            f"`input_shape` is one to three spatial sizes (`None` for an open one) and the number of channels, without "
            f"the batch: (None, None, 1) for grey images, (64, 64, 64, 1) for volumes. Received: {input_shape!r}."
        )
    return shape


def check_count(name, value):
    """Raise a `ValueError` unless `value` is a whole number above 0."""
    if not _is_count(value):
        raise ValueError(f"`{name}` must be a whole number above 0. Received: {value!r}.")


def per_level(name, value, depth):
    """Return a count for each level from one count or one per level.

    Raises:
        ValueError: If they are not whole numbers above 0, or not as many as levels.
    """
    counts = tuple(value) if isinstance(value, (tuple, list)) else (value,) * depth
    if len(counts) != depth or not all(_is_count(count) for count in counts):
        raise ValueError(
            f"`{name}` must be a whole number above 0, or one for each of the {depth} levels of `filters`. "
            f"Received: {value!r}."
        )
    return counts


def per_halving(value, halvings, rank):
    """Return a tuple of strides, one per spatial axis, for each step down, from one number or one entry per step.

    Raises:
        ValueError: If they are not as many as steps, or an entry is not one whole number above 0 or one per axis.
    """
    steps = list(value) if isinstance(value, (tuple, list)) else [value] * halvings
    strides = [tuple(step) if isinstance(step, (tuple, list)) else (step,) * rank for step in steps]
    fits = all(len(step) == rank and all(_is_count(count) for count in step) for step in strides)
    if len(strides) != halvings or not fits:
        raise ValueError(
            f"`strides` must be a whole number above 0, or one entry for each of the {halvings} steps down that "
            f"`filters` makes, each a number or one per spatial axis ({rank}), such as "
            f"{[(2,) * (rank - 1) + (1,)] + [2] * (halvings - 1)}. Received: {value!r}."
        )
    return strides


def _is_count(value):
    return not isinstance(value, bool) and hasattr(value, "__index__") and value > 0
