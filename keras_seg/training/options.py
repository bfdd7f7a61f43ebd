"""What a run was started with, and how that differs from what it is to be resumed with."""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Options:
    """What `train` is told besides the recipe.

    Attributes:
        minutes: Budget in minutes, or `None`.
        test: Number of test cases.
        validation: Number of validation cases; `None` for a fifth, at most 20.
        split_seed: Seed of the split.
        folds: Number of folds, or `None`.
        fold: Which of them validates.
        groups: Path of a CSV file with the group of each case, or `None`.
    """

    minutes: float | None = None
    test: int = 0
    validation: int | None = None
    split_seed: int = 0
    folds: int | None = None
    fold: int = 0
    groups: str | None = None

    def __post_init__(self):
        for name, least in (("test", 0), ("validation", 1), ("split_seed", 0), ("folds", 2), ("fold", 0)):
            value = getattr(self, name)
            is_whole = hasattr(value, "__index__") and not isinstance(value, bool)
            if not (value is None and name in ("validation", "folds")) and not (is_whole and value >= least):
                raise ValueError(f"`{name}` must be a whole number of {least} or more. Received: {value!r}.")
        if self.minutes is not None and not (isinstance(self.minutes, (int, float)) and 0 < self.minutes < math.inf):
            raise ValueError(f"`minutes` must be a number above 0. Received: {self.minutes!r}.")
        if self.folds is not None and self.validation is not None:
            raise ValueError("With `folds` a fold validates: leave `validation` out.")
        if self.folds is None and self.fold:
            raise ValueError(f"`fold={self.fold}` needs `folds`: how many there are.")

    def to_dict(self):
        """Return the options as plain data, for JSON."""
        return dataclasses.asdict(self)

    def given(self):
        """Return the options that differ from their defaults: those that somebody gave."""
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        return {name: value for name, value in self.to_dict().items() if value != defaults[name]}


def differences(recorded, given):
    """Return a line for each value that is given and is not the recorded one.

    Args:
        recorded: Dict of what the run was started with; tables of a recipe are dicts in it.
        given: Dict of what is given now; what is missing in it is no difference.

    >>> differences({"training": {"epochs": 30, "seed": 0}, "test": 20}, {"training": {"epochs": 50}, "test": 20})
    ['training.epochs: 30 in the run, 50 now']
    """
    lines = []
    for key, value in given.items():
        known = recorded.get(key)
        # Options of a network or a loss are one value: leaving one out is a difference too.
        if isinstance(value, dict) and isinstance(known, dict) and key != "options":
            lines += [f"{key}.{line}" for line in differences(known, value)]
        elif _plain(known) != _plain(value):
            lines.append(f"{key}: {_shown(known)} in the run, {_shown(value)} now")
    return lines


def check_same(folder, pairs, what="run"):
    """Refuse to go on with a run under other options.

    Args:
        folder: Path of the run, for the message.
        pairs: Tuples `(recorded, given)`, see `differences`.
        what: What the folder holds.

    Raises:
        ValueError: If there is a difference; the message lists them all.
    """
    lines = [line for recorded, given in pairs for line in differences(recorded, given)]
    if lines:
        listed = "\n".join(f"  {line}" for line in lines)
        raise ValueError(
            f"{folder}: the {what} was started with other options, and going on with these would mix two trainings:\n"
            f"{listed}\nLeave them out to go on as the {what} was started, or train into another folder."
        )


def _plain(value):
    """Return lists for tuples, as JSON and TOML give them back."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return value


def _shown(value):
    return "not given" if value is None else repr(_plain(value))
