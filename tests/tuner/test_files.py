"""Files of a search: whole or absent, and TOML that reads back."""

import tomllib

import pytest

from keras_seg.tuner import files


def test_toml_reads_back():
    tables = {
        "loss": {"text": 'dice + "x"\n\\ é', "none": None, "gamma": 1e-7, "big": 10**20, "yes": True},
        "hyper parameters": {"tversky.alpha": 0.3, "text: focal.gamma": float("inf")},
        "split": {
            "test": ["a", "b"],
            "empty": [],
            "shape": (32, 32),
            "nested": {"a b": [1, 2.5], "none": None},
            "e": {},
        },
    }
    read = tomllib.loads(files.to_toml(tables))
    del tables["loss"]["none"], tables["split"]["nested"]["none"]
    tables["split"]["shape"] = [32, 32]
    assert read == tables


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.txt"
    files.write_text(path, "old\n")
    with pytest.raises(LookupError), files.replacing(path) as temporary:
        temporary.write_bytes(b"half" + {}["missing"])
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_bytes() == b"old\n"


def test_folder_checks_change_nothing(tmp_path):
    assert files.check_folder(tmp_path / "new").exists() is False
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="this is a file"):
        files.check_folder(tmp_path / "file")
    with pytest.raises(ValueError, match=r"it holds file.*--overwrite"):
        files.check_folder(tmp_path)
    assert files.check_folder(tmp_path, overwrite=True) == tmp_path
