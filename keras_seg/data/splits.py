"""Which cases train, which choose the best epoch and which are kept for the test: by draw, by folds, by group."""

import csv
import difflib
import itertools
import pathlib
from typing import NamedTuple

import numpy as np


class Split(NamedTuple):
    """Disjoint names of cases, each part sorted."""

    train: list[str]
    validation: list[str]
    test: list[str]


def split(names, test, validation, seed=0, groups=None):
    """Split the names of cases into three disjoint parts, the same for the same names and seed.

    The test part is `numpy.random.default_rng(seed).choice(sorted(names), test, replace=False)`; the validation part
    is drawn from the rest by the same generator.

    Args:
        names: Names of the cases, in any order.
        test: Number of test cases.
        validation: Number of validation cases.
        seed: Seed of the draw.
        groups: Dict from the name of each case to its group, for example the patient, or `None`. The cases of a group
            stay together: whole groups are drawn, so that the parts have about the wanted numbers of cases.

    Returns:
        `Split(train, validation, test)`, three sorted lists of names.

    Raises:
        ValueError: If a name appears twice or has no group, or if no case is left to train on.
    """
    names = _unique(names)
    if test < 0 or validation < 0 or test + validation >= len(names):
        raise ValueError(
            f"{len(names)} cases cannot be split into {test} for the test, {validation} for validation and at least "
            "one to train on. Lower `test` or `validation`, or add cases."
        )
    generator = np.random.default_rng(seed)
    if groups is not None:
        return _split_groups(_members(names, groups), test, validation, generator)
    # Indices, not names: NumPy's own strings would not compare or print like the given ones.
    chosen = {names[i] for i in generator.choice(len(names), test, replace=False)}
    rest = [name for name in names if name not in chosen]
    held = {rest[i] for i in generator.choice(len(rest), validation, replace=False)}
    return Split([name for name in rest if name not in held], sorted(held), sorted(chosen))


def folds(names, k, fold, seed=0, groups=None, test=0):
    """Split the names of cases by cross-validation: one of `k` equal parts validates, the others train.

    Without groups the parts are those of scikit-learn's `KFold(k, shuffle=True, random_state=seed)` over the sorted
    names; with `k=5` and `seed=12345` they are the folds of nnU-Net.

    Args:
        names: Names of the cases, in any order.
        k: Number of folds, 2 or more.
        fold: Which of them validates, from 0 on.
        seed: Seed of the draw.
        groups: Dict from the name of each case to its group, or `None`. Each group is in one fold; the folds are as
            equal in size as the groups allow.
        test: Number of cases to keep for the test before the folds are made, drawn as `split` does: the same for each
            fold.

    Returns:
        `Split(train, validation, test)`, three sorted lists of names.

    Raises:
        ValueError: If a name appears twice or has no group, or there are fewer cases or groups than folds.
    """
    names = _unique(names)
    if k < 2 or not 0 <= fold < k:
        raise ValueError(f"There must be 2 or more folds and `fold` be one of them from 0 on, but k={k}, fold={fold}.")
    kept = split(names, test, 0, seed, groups)
    parts = _folds_of_groups(kept.train, k, seed, groups) if groups else _folds_of_cases(kept.train, k, seed)
    validation = sorted(parts[fold])
    held = set(validation)
    return Split([name for name in kept.train if name not in held], validation, kept.test)


def read_groups(path, names):
    """Read which group each case belongs to.

    Args:
        path: Path of a CSV file with the columns `name` and `group`, separated by commas, semicolons or tabs. Other
            columns are ignored, rows of other cases too.
        names: Names of the cases.

    Returns:
        Dict from the name of each case to the text of its group.

    Raises:
        ValueError: If the file cannot be read, a column or a case is missing, or a case has no group or two.
    """
    path = pathlib.Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ValueError(
            f"{path}: there is no such file. Give a CSV file with the columns `name` and `group`."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: this file cannot be read ({error}). Save it as CSV in UTF-8.") from None
    header = text.partition("\n")[0]
    rows = csv.reader(text.splitlines(), delimiter=max(",;\t", key=header.count))
    columns = [column.strip().lower() for column in next(rows, [])]
    if columns.count("name") != 1 or columns.count("group") != 1:
        found = ", ".join(map(repr, columns)) or "nothing"
        raise ValueError(
            f"{path}: the first line must name the columns `name` and `group`, once each, but it holds {found}."
        )
    groups = {}
    for row in rows:
        if any(cell.strip() for cell in row):
            _add_row(groups, [cell.strip() for cell in row], columns, f"{path}, line {rows.line_num}")
    missing = [name for name in sorted(names) if name not in groups]
    if missing:
        near = difflib.get_close_matches(missing[0], groups, n=1)
        hint = f" Is the row {near[0]!r} meant for {missing[0]!r}?" if near else ""
        raise ValueError(
            f"{path}: {len(missing)} of {len(names)} cases have no row, for example {missing[0]!r}.{hint} Add a row "
            "for each case; its name is the file name without its ending."
        )
    return {name: groups[name] for name in sorted(names)}


def _add_row(groups, row, columns, place):
    """Enter a row of the table, or say what is wrong with it."""
    name, group = (row[columns.index(key)] if columns.index(key) < len(row) else "" for key in ("name", "group"))
    if not name or not group:
        raise ValueError(f"{place}: the row must have a name and a group, but it is {', '.join(row)!r}.")
    if groups.setdefault(name, group) != group:
        raise ValueError(
            f"{place}: the case {name!r} is in the groups {groups[name]!r} and {group!r}. Keep one of the rows."
        )


def _unique(names):
    names = sorted(names)
    if len(set(names)) != len(names):
        twice = next(name for name, following in itertools.pairwise(names) if name == following)
        raise ValueError(f"Names of cases must be unique, but {twice!r} appears twice.")
    return names


def _members(names, groups):
    """The names of each group, `{group: names}`, in the order of the sorted groups."""
    missing = [name for name in names if name not in groups]
    if missing:
        raise ValueError(
            f"`groups` must name the group of each case, but it lacks {len(missing)} of {len(names)}, for example "
            f"{missing[0]!r}."
        )
    members = {}
    for name in sorted(names, key=lambda name: (str(groups[name]), name)):
        members.setdefault(str(groups[name]), []).append(name)
    return members


def _split_groups(members, test, validation, generator):
    order = [list(members)[i] for i in generator.permutation(len(members))]
    parts = []
    for wanted in (test, validation):
        chosen = _draw(order, members, wanted)
        order = [group for group in order if group not in chosen]
        parts.append(sorted(name for group in chosen for name in members[group]))
    train = sorted(name for group in order for name in members[group])
    if not train:
        raise ValueError(
            f"{len(members)} groups cannot be split into about {test} cases for the test, {validation} for validation "
            "and at least one group to train on. Lower `test` or `validation`, or add groups."
        )
    return Split(train, parts[1], parts[0])


def _draw(order, members, wanted):
    """Take groups in the order of the draw as long as each brings the number of cases nearer to the wanted one."""
    chosen, total = [], 0
    for group in order:
        size = len(members[group])
        if abs(total + size - wanted) < abs(total - wanted):
            chosen.append(group)
            total += size
    if wanted and not chosen and order:  # all groups are larger than twice the wanted number
        chosen = [min(order, key=lambda group: len(members[group]))]
    return chosen


def _folds_of_cases(names, k, seed):
    if len(names) < k:
        raise ValueError(f"{len(names)} cases cannot be split into {k} folds. Lower the number of folds, or add cases.")
    order = np.arange(len(names))
    np.random.RandomState(seed).shuffle(order)  # scikit-learn's draw
    return [[names[i] for i in part] for part in np.array_split(order, k)]


def _folds_of_groups(names, k, seed, groups):
    """Put the groups, the largest first, into the fold that has the fewest cases so far."""
    members = _members(names, groups)
    if len(members) < k:
        raise ValueError(
            f"{len(members)} groups cannot be split into {k} folds. Lower the number of folds, or add groups."
        )
    order = [list(members)[i] for i in np.random.RandomState(seed).permutation(len(members))]
    parts = [[] for _ in range(k)]
    for group in sorted(order, key=lambda group: -len(members[group])):
        min(parts, key=len).extend(members[group])
    return parts
