"""The folder of a search: what may stand in it, and what goes when it is thrown away."""

import pytest

from keras_seg.tuner import files
from keras_seg.tuner.log import Record

OPTIONS = {"losses": ["dice"], "ranges": {"tversky.alpha": [0.2, 0.8]}, "trials": 3, "seeds": 1, "minutes": None}


def begin(folder, **options):
    asked = {**OPTIONS, **options}
    folder, known = files.open_search(folder, asked)
    Record(folder / files.RECORD).write(asked)
    return known


def test_a_file_and_a_strange_folder_are_refused_and_not_touched(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="this is a file"):
        files.open_search(tmp_path / "file", OPTIONS)
    with pytest.raises(ValueError, match=r"something else \(file\).*--overwrite"):
        files.open_search(tmp_path, OPTIONS)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert files.open_search(tmp_path, OPTIONS, overwrite=True) == (tmp_path, False)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_new_folder_is_made_and_a_search_goes_on(tmp_path):
    assert begin(tmp_path / "a" / "b") is False
    (tmp_path / "a" / "b" / "mine.txt").write_text("")
    assert begin(tmp_path / "a" / "b") is True


def test_a_search_that_was_killed_before_its_record_begins_anew(tmp_path):
    (tmp_path / "trials").mkdir()
    assert begin(tmp_path) is False


def test_every_difference_is_listed(tmp_path):
    begin(tmp_path)
    with pytest.raises(ValueError) as error:
        begin(tmp_path, losses=["dice", "focal"], ranges={}, trials=2)
    lines = [line.strip() for line in str(error.value).splitlines()[1:-1]]
    assert lines == [
        "losses: ['dice'] there, ['dice', 'focal'] now",
        "ranges.tversky.alpha: [0.2, 0.8] there, not given now",
        "trials: 3 there, 2 now",
    ]
    assert "--overwrite" in str(error.value)


@pytest.mark.parametrize(("name", "before", "after"), [("trials", 3, 5), ("seeds", 1, 2), ("minutes", 1, 2.5)])
def test_more_of_the_same_goes_on(name, before, after, tmp_path):
    begin(tmp_path, **{name: before})
    assert begin(tmp_path, **{name: after}) is True
    with pytest.raises(ValueError, match=f"{name}: {after} there, {before} now"):
        begin(tmp_path, **{name: before})


def test_overwrite_removes_our_names_only(tmp_path):
    begin(tmp_path)
    for name in files.OWN:
        if not (tmp_path / name).exists():
            (tmp_path / name).write_text("") if "." in name else (tmp_path / name / "inside").mkdir(parents=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine.csv").write_text("")
    files.open_search(tmp_path, {"losses": ["focal"]}, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "mine.csv"]


def test_a_damaged_record_says_what_to_do(tmp_path):
    begin(tmp_path)
    (tmp_path / files.RECORD).write_text("{")
    with pytest.raises(ValueError, match=r"search\.json.*cannot be read.*overwrite"):
        begin(tmp_path)
    assert files.open_search(tmp_path, OPTIONS, overwrite=True) == (tmp_path, False)
