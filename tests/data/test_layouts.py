"""Decathlon and nnU-Net folders, and images to predict; the plain layout is in `test_folder.py`."""

import json

import nibabel
import numpy as np
import PIL.Image
import pytest

from keras_seg.data import find_cases, find_images, find_label_map, open_folder, read_case, read_cases


def write(path, shape=(4, 5, 6), value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.full(shape, value, "uint8")
    if path.suffix == ".png":
        PIL.Image.fromarray(array).save(path)
    else:
        nibabel.save(nibabel.Nifti1Image(array, np.eye(4)), path)


def describe(folder, **entries):
    (folder / "dataset.json").write_text(json.dumps(entries))


@pytest.fixture
def decathlon(tmp_path):
    """Three cases as the Medical Segmentation Decathlon has them, with two channels along the fourth axis."""
    for name in ("prostate_02", "prostate_00", "prostate_01"):
        write(tmp_path / "imagesTr" / f"{name}.nii.gz", (4, 5, 6, 2))
        write(tmp_path / "labelsTr" / f"{name}.nii.gz", value=2)
    write(tmp_path / "imagesTs" / "prostate_09.nii.gz", (4, 5, 6, 2))
    labels = {"0": "background", "1": "PZ", "2": "TZ"}
    describe(tmp_path, modality={"0": "T2", "1": "ADC"}, labels=labels, tensorImageSize="4D")
    return tmp_path


@pytest.fixture
def nnunet(tmp_path):
    """Two cases of nnU-Net's raw data, one file per channel, described as its second version does."""
    for name in ("b", "a"):
        for channel in range(2):
            write(tmp_path / "imagesTr" / f"{name}_{channel:04d}.nii.gz", value=channel)
        write(tmp_path / "labelsTr" / f"{name}.nii.gz", value=1)
    labels = {"background": 0, "tumour": 1}
    describe(tmp_path, channel_names={"0": "T1", "1": "T2"}, labels=labels, file_ending=".nii.gz")
    return tmp_path


def test_decathlon(decathlon):
    folder = open_folder(str(decathlon))
    assert folder.layout == "msd"
    assert [pair.name for pair in folder.pairs] == ["prostate_00", "prostate_01", "prostate_02"]
    assert folder.class_names == ("background", "PZ", "TZ")
    assert folder.channel_names == ("T2", "ADC")
    case = read_case(folder.pairs[0], find_label_map(folder))
    assert case.image.shape == (4, 5, 6, 2)
    assert case.frame.path == folder.pairs[0].image
    assert find_cases(decathlon) == folder.pairs


def test_channels_number_more_than_nine(decathlon):
    describe(decathlon, modality={str(k): f"echo {k}" for k in (10, 2, 1, 0, *range(3, 10))})
    assert open_folder(decathlon).channel_names == tuple(f"echo {k}" for k in range(11))


def test_four_axes_that_dataset_json_does_not_explain(decathlon):
    describe(decathlon, modality={"0": "T2"})
    with pytest.raises(ValueError, match=r"4 axes, shape \(4, 5, 6, 2\).*four_to_three.*dataset\.json"):
        read_cases(decathlon)
    describe(decathlon, modality={"0": "T2", "1": "ADC", "2": "DWI"})
    with pytest.raises(ValueError, match=r"the fourth axis should hold the 3 channels"):
        read_cases(decathlon)


def test_nnunet(nnunet):
    folder = open_folder(nnunet)
    assert folder.layout == "nnunet"
    assert [(pair.name, len(pair.images)) for pair in folder.pairs] == [("a", 2), ("b", 2)]
    assert [path.name for path in folder.pairs[0].images] == ["a_0000.nii.gz", "a_0001.nii.gz"]
    assert folder.class_names == ("background", "tumour")
    assert folder.channel_names == ("T1", "T2")
    case = read_case(folder.pairs[0])
    np.testing.assert_array_equal(case.image[0, 0, 0], [0, 1])


def test_nnunet_of_the_first_version(nnunet):
    describe(nnunet, modality={"0": "T1", "1": "T2"}, labels={"0": "background", "1": "tumour"})
    folder = open_folder(nnunet)
    assert (folder.layout, folder.class_names, folder.channel_names) == (
        "nnunet",
        ("background", "tumour"),
        ("T1", "T2"),
    )


def test_channel_files_in_the_plain_layout(nnunet):
    (nnunet / "imagesTr").rename(nnunet / "images")
    (nnunet / "labelsTr").rename(nnunet / "labels")
    folder = open_folder(nnunet)
    assert folder.layout == "images/labels"
    assert [pair.name for pair in folder.pairs] == ["a", "b"]
    assert read_case(folder.pairs[1]).channels == 2


def test_one_channel_with_its_number(tmp_path):
    for name in ("a", "b"):
        write(tmp_path / "imagesTr" / f"{name}_0000.png", (4, 5))
        write(tmp_path / "labelsTr" / f"{name}.png", (4, 5))
    folder = open_folder(tmp_path)
    assert (folder.layout, folder.class_names) == ("nnunet", None)
    assert [pair.name for pair in folder.pairs] == ["a", "b"]


def test_colour_pictures_with_the_number_of_one_channel(tmp_path):
    """nnU-Net keeps the three channels of a picture in one file."""
    for name in ("a", "b"):
        write(tmp_path / "imagesTr" / f"{name}_0000.png", (4, 5, 3), 7)
        write(tmp_path / "labelsTr" / f"{name}.png", (4, 5), 1)
    describe(tmp_path, channel_names={"0": "R", "1": "G", "2": "B"}, labels={"background": 0, "road": 1})
    cases = read_cases(tmp_path)
    assert [(case.name, case.channels) for case in cases] == [("a", 3), ("b", 3)]
    assert names(find_images(tmp_path)) == [("a", 1), ("b", 1)]


def test_a_missing_channel(nnunet):
    (nnunet / "imagesTr" / "b_0001.nii.gz").unlink()
    with pytest.raises(ValueError, match=r"the case b has no file b_0001; expected were the channels 0000 to 0001"):
        open_folder(nnunet)


def test_channels_that_dataset_json_names_otherwise(nnunet):
    describe(nnunet, channel_names={"0": "T1"})
    with pytest.raises(ValueError, match=r"dataset\.json: it names 1 channels \(T1\), but the cases have 2 files"):
        open_folder(nnunet)


def test_a_missing_label_of_channel_files(nnunet):
    (nnunet / "labelsTr" / "b.nii.gz").unlink()
    with pytest.raises(ValueError, match="1 of imagesTr/ have no partner of the same name in labelsTr/: b"):
        open_folder(nnunet)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"labels": ', r"dataset\.json: this is no JSON that can be read \(.*line 1"),
        ("[1]", r"dataset\.json: expected an object"),
        ('{"labels": {"background": 0, "whole": [1, 2]}}', r"dataset\.json: `labels` must be .*regions"),
        ('{"labels": {"background": 0, "a": 1, "b": 1}}', r"dataset\.json: `labels` must be"),
        ('{"labels": ["a"]}', r"dataset\.json: `labels` must be"),
    ],
)
def test_dataset_json_that_cannot_be_used(nnunet, content, message):
    (nnunet / "dataset.json").write_text(content)
    with pytest.raises(ValueError, match=message):
        open_folder(nnunet)


def test_decathlon_without_labels(decathlon):
    for path in (decathlon / "labelsTr").iterdir():
        path.unlink()
    (decathlon / "labelsTr").rmdir()
    with pytest.raises(ValueError, match=r"the folder `labelsTr/` is missing.*imagesTr, imagesTs"):
        open_folder(decathlon)


def test_a_folder_of_dicom_names_the_converter(tmp_path):
    (tmp_path / "IM0001.dcm").touch()
    with pytest.raises(ValueError, match=r"`images/` is missing.*IM0001\.dcm: this is DICOM.*dcm2niix"):
        open_folder(tmp_path)


def test_dicom_series_in_folders(tmp_path):
    (tmp_path / "labels").mkdir()
    (tmp_path / "images" / "patient1").mkdir(parents=True)
    (tmp_path / "images" / "patient1" / "IM0001").write_bytes(bytes(128) + b"DICM")
    with pytest.raises(ValueError, match=r"patient1: this is DICOM.*dcm2niix"):
        open_folder(tmp_path)


def test_one_folder_per_case(tmp_path):
    (tmp_path / "labels").mkdir()
    write(tmp_path / "images" / "patient1" / "t1.nii.gz")
    with pytest.raises(ValueError, match=r"images: there is no file in it, but folders, as patient1/ with t1\.nii"):
        open_folder(tmp_path)


def test_a_folder_that_must_not_be_read(nnunet, monkeypatch):
    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.iterdir", refuse)
    with pytest.raises(ValueError, match=r"imagesTr: no permission to read this folder"):
        open_folder(nnunet)


def names(pairs):
    return [(pair.name, len(pair.images)) for pair in pairs]


def test_one_image(tmp_path):
    write(tmp_path / "scan_0003.nii.gz")
    (pair,) = find_images(str(tmp_path / "scan_0003.nii.gz"))
    assert (pair.name, pair.label, pair.image) == ("scan_0003", None, tmp_path / "scan_0003.nii.gz")
    assert pair.read_image()[0].shape == (4, 5, 6, 1)


def test_one_image_with_the_channels_beside_it(nnunet):
    path = nnunet / "imagesTr" / "a_0000.nii.gz"
    assert names(find_images(path, channels=2)) == [("a", 2)]
    assert names(find_images(path)) == [("a_0000", 1)]
    assert names(find_images(path, channels=3)) == [("a_0000", 1)]


def test_flat_folder(tmp_path):
    for name in ("b", "a"):
        write(tmp_path / f"{name}.png", (4, 5))
    for name in ("notes.txt", "dataset.csv", ".hidden.png", "Thumbs.db"):
        (tmp_path / name).write_text("x")
    assert names(find_images(tmp_path)) == [("a", 1), ("b", 1)]


def test_numbered_images_are_no_channels(tmp_path):
    for number in range(4):
        write(tmp_path / f"phantom_{number:04d}.png", (4, 5))
    expected = [(f"phantom_{number:04d}", 1) for number in range(4)]
    assert names(find_images(tmp_path)) == expected
    assert names(find_images(tmp_path, channels=1)) == expected
    assert names(find_images(tmp_path, channels=3)) == expected
    assert names(find_images(tmp_path, channels=4)) == [("phantom", 4)]
    # Of two series, as in a film.
    for number in range(3):
        write(tmp_path / f"other_{number:04d}.png", (4, 5))
    assert len(find_images(tmp_path)) == 7
    assert len(find_images(tmp_path, channels=1)) == 7


def test_channel_files_of_several_cases(nnunet):
    assert names(find_images(nnunet / "imagesTr")) == [("a", 2), ("b", 2)]
    assert names(find_images(nnunet)) == [("a", 2), ("b", 2)]
    assert find_images(nnunet)[0].read_image()[0].shape == (4, 5, 6, 2)
    (nnunet / "dataset.json").unlink()
    assert names(find_images(nnunet)) == [("a", 2), ("b", 2)]
    assert names(find_images(nnunet, channels=1)) == [(f"{name}_000{k}", 1) for name in "ab" for k in range(2)]


def test_no_file_of_a_name_that_is_there_twice_is_lost(tmp_path):
    for name in ("a", "b"):
        write(tmp_path / f"{name}_0000.nii.gz")
    write(tmp_path / "b_0000.nii")
    assert [pair.image.name for pair in find_images(tmp_path)] == ["a_0000.nii.gz", "b_0000.nii", "b_0000.nii.gz"]


def test_a_missing_channel_of_an_image_to_predict(nnunet):
    (nnunet / "imagesTr" / "b_0001.nii.gz").unlink()
    with pytest.raises(ValueError, match="the case b has no file b_0001"):
        find_images(nnunet, channels=2)


def test_test_images_come_first(decathlon):
    (pair,) = find_images(decathlon)
    assert pair.name == "prostate_09"
    assert pair.read_image()[0].shape == (4, 5, 6, 2)
    (pair,) = find_images(decathlon / "imagesTs")
    assert pair.channels == 2
    (decathlon / "imagesTs" / "prostate_09.nii.gz").unlink()
    assert len(find_images(decathlon)) == 3


def test_a_file_of_another_format_is_an_error_when_it_is_read(tmp_path):
    write(tmp_path / "a.png", (4, 5))
    (tmp_path / "b.nrrd").write_text("x")
    good, bad = find_images(tmp_path)
    assert good.read_image()[0].shape == (4, 5, 1)
    with pytest.raises(ValueError, match=r"b\.nrrd: this is NRRD"):
        bad.read_image()


def test_nothing_to_predict(tmp_path):
    with pytest.raises(ValueError, match="there is no such folder"):
        find_images(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"there is no image in it\. Give an image or a folder of images"):
        find_images(tmp_path)
    (tmp_path / "a.dcm").touch()
    with pytest.raises(ValueError, match=r"there is no image in it\. .*a\.dcm: this is DICOM.*dcm2niix"):
        find_images(tmp_path)


def test_an_image_without_a_label_is_no_case(tmp_path):
    write(tmp_path / "a.png", (4, 5))
    with pytest.raises(ValueError, match=r"a\.png: this image has no label"):
        read_case(find_images(tmp_path)[0])
