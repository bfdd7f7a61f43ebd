"""Folders as people have them: every mistake has a message of its own."""

import os
import pathlib

import nibabel
import numpy as np
import PIL.Image
import pytest

from keras_seg.data import class_shares, find_cases, num_classes, read_case, read_cases


def write(path, array, affine=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        PIL.Image.fromarray(array).save(path)
    else:
        nibabel.save(nibabel.Nifti1Image(array, np.eye(4) if affine is None else affine), path)


@pytest.fixture
def folder(tmp_path):
    """Three PNG cases."""
    for name in ("b", "a", "c"):
        write(tmp_path / "images" / f"{name}.png", np.full((4, 5), ord(name), "uint8"))
        write(tmp_path / "labels" / f"{name}.png", np.eye(4, 5, dtype="uint8"))
    return tmp_path


def test_cases_are_sorted_by_name(folder):
    assert [pair.name for pair in find_cases(folder)] == ["a", "b", "c"]
    cases = read_cases(str(folder))
    assert [case.name for case in cases] == ["a", "b", "c"]
    assert [case.image[0, 0, 0] for case in cases] == [97, 98, 99]
    assert all(case.spacing == (1.0, 1.0) for case in cases)


def test_limit_and_progress(folder):
    seen = []

    def progress(pairs):
        for pair in pairs:
            seen.append(pair.name)
            yield pair

    assert [case.name for case in read_cases(folder, limit=2, progress=progress)] == ["a", "b"]
    assert seen == ["a", "b"]
    with pytest.raises(ValueError, match="`limit` must be 1 or more"):
        read_cases(folder, limit=0)


def test_image_and_label_may_differ_in_extension(tmp_path):
    write(tmp_path / "images" / "a.nii.gz", np.zeros((2, 3, 4), "int16"), np.diag([1, 1, 2.5, 1]))
    write(tmp_path / "labels" / "a.nii", np.ones((2, 3, 4), "uint8"), np.diag([1, 1, 2.5, 1]))
    (case,) = read_cases(tmp_path)
    assert case.spacing == (1, 1, 2.5)
    assert case.image.shape == (2, 3, 4, 1)
    assert case.label.all()


def test_hidden_files_and_folders_are_skipped(folder):
    (folder / "images" / "._a.png").write_text("x")
    (folder / "labels" / "Thumbs.db").write_text("x")
    (folder / "labels" / "old").mkdir()
    assert len(find_cases(folder)) == 3


def test_missing_folder(tmp_path):
    with pytest.raises(ValueError, match="nowhere: there is no such folder"):
        find_cases(tmp_path / "nowhere")


def test_a_file_instead_of_a_folder(folder):
    with pytest.raises(ValueError, match=r"a\.png: this is a file\. Give the folder"):
        find_cases(folder / "images" / "a.png")


@pytest.mark.parametrize("part", ["images", "labels"])
def test_missing_part(folder, part):
    (folder / part).rename(folder / f"{part}_old")
    with pytest.raises(ValueError, match=f"the folder `{part}/` is missing.* holds .*{part}_old.*Rename or create"):
        find_cases(folder)


def test_no_pairs(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    with pytest.raises(ValueError, match=r"`images/` and `labels/` are empty.*\.nii\.gz, \.nii, \.png"):
        find_cases(tmp_path)


@pytest.mark.parametrize(("part", "other"), [("images", "labels"), ("labels", "images")])
def test_missing_partner(folder, part, other):
    (folder / other / "b.png").unlink()
    with pytest.raises(
        ValueError, match=f"1 of {part}/ have no partner of the same name in {other}/: b. Rename or add"
    ):
        find_cases(folder)


def test_missing_partner_with_a_near_name(folder):
    os.rename(folder / "labels" / "b.png", folder / "labels" / "b_seg.png")
    os.rename(folder / "images" / "b.png", folder / "images" / "b_0000.png")
    with pytest.raises(ValueError, match=r"no partner.*: b_0000. Rename"):
        find_cases(folder)
    os.rename(folder / "images" / "b_0000.png", folder / "images" / "b_sag.png")
    with pytest.raises(ValueError, match="Is `labels/b_seg` meant for `images/b_sag`"):
        find_cases(folder)


def test_one_name_twice(folder):
    write(folder / "images" / "a.nii", np.zeros((4, 5), "uint8"))
    with pytest.raises(ValueError, match=r"a\.nii and a\.png are two files of one name"):
        find_cases(folder)


def test_unsupported_extension(folder):
    (folder / "images" / "d.xyz").write_text("x")
    with pytest.raises(ValueError, match=r"d\.xyz: this file format is not supported. Supported are .*\.png"):
        find_cases(folder)


def test_texts_beside_images_are_skipped_but_are_no_labels(folder):
    (folder / "images" / "a.json").write_text("{}")  # dcm2niix writes one for each scan
    (folder / "labels" / "README.TXT").write_text("x")
    assert [pair.name for pair in find_cases(folder)] == ["a", "b", "c"]
    for path in (folder / "labels").glob("*.png"):
        path.rename(path.with_suffix(".xml"))
    with pytest.raises(ValueError, match=r"README\.TXT: this file format is not supported"):
        find_cases(folder)


def test_shapes_that_differ(folder):
    write(folder / "labels" / "b.png", np.zeros((5, 4), "uint8"))
    with pytest.raises(
        ValueError, match=r"images.b\.png has \(4, 5\) and .*labels.b\.png has \(5, 4\).*axes.*swapped.*nearest"
    ):
        read_cases(folder)
    write(folder / "labels" / "b.png", np.zeros((5, 7), "uint8"))
    with pytest.raises(ValueError, match=r"has \(5, 7\)\. Are they of the same case\?.*nearest"):
        read_cases(folder)


def test_axes_that_run_differently(tmp_path):
    write(tmp_path / "images" / "a.nii", np.zeros((3, 3, 3), "int16"))
    write(tmp_path / "labels" / "a.nii", np.zeros((3, 3, 3), "uint8"), np.diag([-1, -1, 1, 1]))
    with pytest.raises(ValueError, match=r"a\.nii run RAS.*a\.nii run LPS.*as_closest_canonical"):
        read_cases(tmp_path)


def test_colour_beside_grey(folder):
    write(folder / "images" / "c.png", np.zeros((4, 5, 3), "uint8"))
    with pytest.raises(ValueError, match=f"{folder}.*'a' has 1 and 'c' has 3 .*convert"):
        read_cases(folder)


def test_volumes_beside_pictures(folder):
    write(folder / "images" / "d.nii", np.zeros((4, 5, 6), "uint8"))
    write(folder / "labels" / "d.nii", np.zeros((4, 5, 6), "uint8"))
    with pytest.raises(ValueError, match=r"2D and 3D cases are mixed: 'a' .* 'd'"):
        read_cases(folder)


REAL = {
    # cases, classes, shares that the data's own README gives, tolerance of them
    "hippocampus": (208, 3, (0.027, 0.025)),
    "nuclei": (234, 2, (0.072,)),
}


@pytest.mark.skipif("KERAS_SEG_DATA" not in os.environ, reason="KERAS_SEG_DATA does not name a folder of real data")
@pytest.mark.parametrize("name", REAL)
def test_real_data(name):
    count, classes, shares = REAL[name]
    folder = pathlib.Path(os.environ["KERAS_SEG_DATA"]) / name
    pairs = find_cases(folder)
    assert len(pairs) == count
    cases = [read_case(pair) for pair in pairs]
    assert num_classes(cases) == classes
    np.testing.assert_allclose(class_shares(cases)[1:], shares, atol=0.0005)
