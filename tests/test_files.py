"""Files are whole or absent; TOML reads back; a disk that is full or closed is named."""

import os
import pathlib
import tomllib

import pytest

from keras_seg import files


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


def test_the_disk_is_waited_for_with_a_file_open_for_writing(tmp_path, monkeypatch):
    """Windows refuses `fsync` otherwise."""
    written = []

    def sync(number):
        os.write(number, b"")
        written.append(number)

    monkeypatch.setattr(os, "fsync", sync)
    files.write_text(tmp_path / "a.txt", "new\n")
    assert len(written) == 1
    assert (tmp_path / "a.txt").read_bytes() == b"new\n"


@pytest.mark.skipif(not pathlib.Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_named(tmp_path):
    path = tmp_path / "a.txt"
    files.write_text(path, "old\n")
    expected = pytest.raises(OSError, match=r"a\.txt: the disk is full.*kept")
    with expected, files.replacing(path), open("/dev/full", "wb", buffering=0) as full:
        full.write(b"x")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    for write in (lambda path: files.write_text(path / "a.txt", ""), files.make_folder):
        with pytest.raises(OSError, match="is a file and not a folder"):
            write(tmp_path / "file" / "inner")
