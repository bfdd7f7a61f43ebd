"""The folder of a search."""

import pytest

from keras_seg.tuner import files


def test_folder_checks_change_nothing(tmp_path):
    assert files.check_folder(tmp_path / "new").exists() is False
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="this is a file"):
        files.check_folder(tmp_path / "file")
    with pytest.raises(ValueError, match=r"it holds file.*--overwrite"):
        files.check_folder(tmp_path)
    assert files.check_folder(tmp_path, overwrite=True) == tmp_path
