import errno
import os
import pathlib
import resource

import numpy as np
import pytest

from keras_seg.data import LabelMap, cache_folder, cache_size, clear_cache, open_folder, prepare


@pytest.fixture
def pairs(tmp_path):
    for index in range(3):
        for part, array in (("images", np.random.default_rng(0).normal(size=(64, 64))), ("labels", np.eye(64))):
            folder = tmp_path / "DATA" / part
            folder.mkdir(parents=True, exist_ok=True)
            np.save(folder / f"case_{index}.npy", array.astype("float32" if part == "images" else "uint8"))
    return open_folder(tmp_path / "DATA").pairs


def test_where_it_is(monkeypatch, tmp_path):
    monkeypatch.delenv("KERAS_SEG_CACHE", raising=False)
    assert "keras_seg" in cache_folder().parts
    monkeypatch.setenv("KERAS_SEG_CACHE", str(tmp_path / "environment"))
    assert cache_folder() == tmp_path / "environment" / "cases"
    assert cache_folder(tmp_path / "given") == tmp_path / "given" / "cases"


def test_size_and_clearing(pairs, tmp_path):
    cache = tmp_path / "CACHE"
    assert (cache_size(cache), clear_cache(cache)) == (0, 0)
    cases = prepare(pairs, LabelMap.identity(2), cache=cache)
    kept = [cache / "mine.txt", cache / "cases" / "mine.txt"]
    for path in kept:
        path.write_text("not yours")
    (cache / "cases" / ".123.abc.case").write_bytes(b"12345")
    size = cases.size + 5
    assert (cache_size(cache), clear_cache(cache)) == (size, size)
    assert cache_size(cache) == 0
    assert {path for path in cache.rglob("*") if path.is_file()} == set(kept)
    prepare(pairs, LabelMap.identity(2), cache=cache)
    kept[1].unlink()
    clear_cache(cache)
    assert not (cache / "cases").exists()


def test_the_environment_names_the_folder(pairs, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_SEG_CACHE", str(tmp_path / "environment"))
    cases = prepare(pairs, LabelMap.identity(2))
    assert all(path.parent == tmp_path / "environment" / "cases" for path in cases.paths.values())
    assert cache_size() == cases.size


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_full_disk_is_said_and_nothing_is_left(pairs, tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    prepare(pairs[:1], LabelMap.identity(2), cache=tmp_path / "CACHE")
    monkeypatch.setattr("keras_seg.files.os.fsync", full)
    with pytest.raises(
        OSError, match=r"\.case: the disk is full\. .* `keras_seg.data.clear_cache\(\)` removes them, `cache`"
    ):
        prepare(pairs, LabelMap.identity(2), cache=tmp_path / "CACHE")
    assert len(files_in(tmp_path / "CACHE")) == 1
    monkeypatch.undo()
    assert len(prepare(pairs, LabelMap.identity(2), cache=tmp_path / "CACHE")) == 3


def test_a_file_that_the_system_cuts_off(pairs, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(
            OSError, match=r"\.case: .*File too large.* The prepared cases of all data sets are kept in"
        ):
            prepare(pairs, LabelMap.identity(2), cache=tmp_path / "CACHE")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert files_in(tmp_path / "CACHE") == []


def test_a_folder_that_cannot_be_written_to(pairs, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"a part of this path is a file and not a folder.* KERAS_SEG_CACHE"):
        prepare(pairs, LabelMap.identity(2), cache=tmp_path / "file")
    if pathlib.Path("/proc/version").exists():
        with pytest.raises(OSError, match=r"/proc/keras_seg.* KERAS_SEG_CACHE"):
            prepare(pairs, LabelMap.identity(2), cache="/proc/keras_seg")
