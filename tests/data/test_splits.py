import collections

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import KFold

from keras_seg.data import folds, read_groups, split

NAMES = [f"case_{index:03d}" for index in range(50)]
GROUPS = {name: f"patient_{index * index % 17}" for index, name in enumerate(NAMES)}


def test_the_test_part_is_numpys_choice():
    shuffled = list(np.random.default_rng(1).permutation(NAMES))
    parts = split(shuffled, test=20, validation=5, seed=0)
    assert parts.test == sorted(np.random.default_rng(0).choice(NAMES, 20, replace=False))
    assert parts == split(NAMES, 20, 5, 0)
    assert parts != split(NAMES, 20, 5, 1)


@given(test=st.integers(0, 30), validation=st.integers(0, 19), seed=st.integers(0, 1000))
def test_parts_are_disjoint_and_whole(test, validation, seed):
    parts = split(NAMES, test, validation, seed)
    assert [len(part) for part in parts] == [50 - test - validation, validation, test]
    assert sorted([*parts.train, *parts.validation, *parts.test]) == NAMES
    assert all(part == sorted(part) for part in parts)


def test_split_says_what_cannot_be():
    with pytest.raises(ValueError, match="50 cases cannot be split into 40 for the test, 10 for validation"):
        split(NAMES, 40, 10)
    with pytest.raises(ValueError, match="cannot be split"):
        split(NAMES, -1, 10)
    with pytest.raises(ValueError, match="'b' appears twice"):
        split(["b", "a", "b"], 1, 1)


def check_parts(parts, names, groups):
    assert sorted([*parts.train, *parts.validation, *parts.test]) == sorted(names)
    assert all(part == sorted(part) for part in parts)
    sides = [{groups[name] for name in part} for part in parts]
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]


@settings(max_examples=200, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 8), min_size=8, max_size=30),
    test=st.integers(0, 6),
    validation=st.integers(0, 6),
    seed=st.integers(0, 100),
)
def test_a_group_stays_on_one_side(sizes, test, validation, seed):
    groups = {f"{group}_{index}": str(group) for group, size in enumerate(sizes) for index in range(size)}
    if test + validation >= len(groups):
        return
    parts = split(groups, test, validation, seed, groups)
    check_parts(parts, groups, groups)
    assert parts.train
    for part, wanted in ((parts.test, test), (parts.validation, validation)):
        assert bool(part) == bool(wanted)
        # Off by no more than half of the largest group, unless every group is larger than what is wanted.
        assert abs(len(part) - wanted) <= max(max(sizes) / 2, min(sizes) - wanted, max(sizes) - wanted)
    assert parts == split(list(groups)[::-1], test, validation, seed, groups)


def test_groups_of_one_give_the_wanted_numbers():
    parts = split(NAMES, 20, 10, 3, {name: name for name in NAMES})
    assert [len(part) for part in parts] == [20, 10, 20]
    assert parts != split(NAMES, 20, 10, 4, {name: name for name in NAMES})


def test_groups_that_cannot_be_split():
    with pytest.raises(ValueError, match="2 groups cannot be split into about 5 cases for the test, 5 for validation"):
        split(NAMES, 5, 5, 0, {name: name > "case_025" for name in NAMES})
    with pytest.raises(ValueError, match="lacks 49 of 50, for example 'case_001'"):
        split(NAMES, 5, 5, 0, {"case_000": "a"})


@pytest.mark.parametrize(("names", "k", "seed"), [(NAMES, 5, 12345), (NAMES[:47], 5, 0), (NAMES[:7], 3, 1)])
def test_folds_are_those_of_scikit_learn(names, k, seed):
    expected = KFold(k, shuffle=True, random_state=seed).split(names)
    for fold, (train, held) in enumerate(expected):
        parts = folds(names[::-1], k, fold, seed)
        assert parts.validation == [names[index] for index in held]
        assert parts.train == [names[index] for index in train]
        assert parts.test == []


@pytest.mark.parametrize("groups", [None, GROUPS])
@pytest.mark.parametrize("test", [0, 8])
def test_each_case_is_held_out_once(groups, test):
    parts = [folds(NAMES, 4, fold, 7, groups, test) for fold in range(4)]
    for part in parts:
        check_parts(part, NAMES, groups or {name: name for name in NAMES})
        assert part.test == parts[0].test == split(NAMES, test, 0, 7, groups).test
    held = sorted(name for part in parts for name in part.validation)
    assert held == sorted(set(NAMES) - set(parts[0].test))


def test_folds_of_groups_are_about_equal():
    sizes = collections.Counter(GROUPS.values())
    lengths = [len(folds(NAMES, 4, fold, 0, GROUPS).validation) for fold in range(4)]
    assert max(lengths) - min(lengths) <= max(sizes.values())
    assert folds(NAMES, 4, 0, 0, GROUPS) != folds(NAMES, 4, 0, 1, GROUPS)


def test_folds_that_cannot_be():
    for arguments in ((1, 0), (5, 5), (5, -1)):
        with pytest.raises(ValueError, match=r"2 or more folds and `fold` be one of them from 0 on, but k="):
            folds(NAMES, *arguments)
    with pytest.raises(ValueError, match="3 cases cannot be split into 5 folds"):
        folds(NAMES[:3], 5, 0)
    with pytest.raises(ValueError, match="17 groups cannot be split into 20 folds"):
        folds(NAMES, 20, 0, 0, {name: index % 17 for index, name in enumerate(NAMES)})


def write(folder, text, encoding="utf-8"):
    path = folder / "table.csv"
    path.write_text(text, encoding=encoding)
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_groups_are_read(tmp_path, separator, encoding):
    rows = ["Group, age,Name ", "p1,3,b", '"p 2",4, a', "", "p9,5,elsewhere", "p1,6,c", "p1,6,c"]
    path = write(tmp_path, "\r\n".join(rows).replace(",", separator), encoding)
    assert read_groups(path, ["a", "b", "c"]) == {"a": "p 2", "b": "p1", "c": "p1"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"must name the columns `name` and `group`, once each, but it holds nothing"),
        ("case,group\na,1\n", r"columns `name` and `group`, once each, but it holds 'case', 'group'"),
        ("name,group,group\na,1,2\n", r"once each"),
        ("name,group\na,1\nb,\n", r"line 3: the row must have a name and a group, but it is 'b, '"),
        ("name,group\na\n", r"line 2: the row must have a name and a group, but it is 'a'"),
        ("name,group\na,1\nb,2\na,2\n", r"line 4: the case 'a' is in the groups '1' and '2'"),
        ("name,group\na,1\nb.png,2\n", r"1 of 2 cases have no row, for example 'b'"),
    ],
)
def test_a_bad_table_is_said(tmp_path, text, message):
    with pytest.raises(ValueError, match=rf"table\.csv.*{message}"):
        read_groups(write(tmp_path, text), ["b", "a"])


def test_a_near_name_is_suggested(tmp_path):
    path = write(tmp_path, "name,group\ncase_1.nii.gz,1\n")
    with pytest.raises(ValueError, match=r"Is the row 'case_1.nii.gz' meant for 'case_1'\?"):
        read_groups(path, ["case_1"])


def test_a_table_that_cannot_be_read(tmp_path):
    with pytest.raises(ValueError, match=r"absent\.csv: there is no such file. Give a CSV file with the columns"):
        read_groups(tmp_path / "absent.csv", ["a"])
    with pytest.raises(ValueError, match="this file cannot be read"):
        read_groups(tmp_path, ["a"])
    path = tmp_path / "latin.csv"
    path.write_bytes("name,group\nä,1\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"latin\.csv: this file cannot be read .* Save it as CSV in UTF-8"):
        read_groups(path, ["a"])
