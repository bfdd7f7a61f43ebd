"""Files in, files out: the same grid, header, format and values; a bad file stops nothing, no input is overwritten."""

import errno
import pathlib

import nibabel
import numpy as np
import pytest

from keras_seg.data import LabelMap, Normalization, find_images
from keras_seg.inference import Predictor, predict_files


def bright(batch):
    return np.concatenate([1 - batch, batch], axis=-1)


def predictor(rank=3, **options):
    options = {"normalization": Normalization("none"), **options}
    return Predictor(bright, (16,) * rank, **options)


def oblique(spacing):
    """Axes to the back, downwards and to the right, turned by 0.1 rad."""
    affine = np.eye(4)
    turn = np.array([[0.1, 0.0, 1.0], [-1.0, 0.0, 0.1], [0.0, -1.0, 0.0]])
    affine[:3, :3] = turn / np.linalg.norm(turn, axis=0) * spacing
    affine[:3, 3] = (-80, 120, -33.5)
    return affine


def volume(seed=0, shape=(20, 13, 9)):
    coarse = np.random.default_rng(seed).random([size // 4 + 1 for size in shape])
    return (np.kron(coarse, np.ones((4, 4, 4)))[tuple(map(slice, shape))] > 0.6).astype("float32")


@pytest.fixture
def scans(tmp_path):
    """Three volumes whose axes run askew, with a header that says more than the voxels."""
    folder = tmp_path / "scans"
    folder.mkdir()
    for seed in range(3):
        image = nibabel.Nifti1Image(volume(seed), oblique((0.8, 2.5, 1.1)))
        image.header["descrip"] = b"a scan"
        image.header.set_xyzt_units("mm", "sec")
        image.set_qform(image.affine, code=1)
        image.set_sform(image.affine, code=2)
        nibabel.save(image, folder / f"scan_{seed}.nii.gz")
    return folder


@pytest.mark.parametrize("spacing", [None, (1.0, 1.0, 1.0)])
def test_masks_lie_where_their_scans_lie(scans, tmp_path, spacing):
    report = predict_files(predictor(target_spacing=spacing), find_images(scans), tmp_path / "masks")
    assert report.failed == ()
    assert [path.name for path in report.written] == [f"scan_{seed}.nii.gz" for seed in range(3)]
    for seed, path in enumerate(report.written):
        mask, scan = nibabel.load(path), nibabel.load(scans / path.name)
        np.testing.assert_array_equal(mask.affine, scan.affine)
        assert mask.header.get_zooms() == scan.header.get_zooms()
        for form in ("get_qform", "get_sform"):
            np.testing.assert_allclose(*(getattr(file, form)() for file in (mask, scan)))
            assert getattr(mask, form)(coded=True)[1] == getattr(scan, form)(coded=True)[1]
        assert mask.get_data_dtype() == np.uint8
        agree = np.asarray(mask.dataobj) == volume(seed)
        assert agree.mean() == 1 if spacing is None else agree.mean() > 0.9


def test_probabilities_are_written_beside_the_masks(scans, tmp_path):
    report = predict_files(predictor(), find_images(scans)[:1], tmp_path / "masks", probabilities=True)
    assert [path.name for path in report.written] == ["scan_0.nii.gz", "scan_0_probabilities.nii.gz"]
    scores = nibabel.load(report.written[1])
    assert scores.shape == (20, 13, 9, 2)
    assert scores.get_data_dtype() == np.float32
    np.testing.assert_array_equal(scores.affine, nibabel.load(scans / "scan_0.nii.gz").affine)
    np.testing.assert_allclose(scores.get_fdata()[..., 1], volume(0), atol=1e-6)


@pytest.mark.parametrize(
    ("label_map", "values"),
    [
        (LabelMap("values", (0, 255)), {0, 255}),
        (LabelMap("identity", (0, 1)), {0, 1}),
        (LabelMap("values", (3, 7)), {3, 7}),
    ],
)
def test_pictures_get_the_values_of_the_labels(tmp_path, label_map, values):
    import PIL.Image

    (tmp_path / "pictures").mkdir()
    picture = (np.random.default_rng(0).random((24, 33)) > 0.5).astype("uint8")
    PIL.Image.fromarray(picture).save(tmp_path / "pictures" / "one.png")
    task = predictor(rank=2, label_map=label_map)
    report = predict_files(task, find_images(tmp_path / "pictures"), tmp_path / "masks", probabilities=True)
    with PIL.Image.open(tmp_path / "masks" / "one.png") as mask:
        assert mask.mode == "L"
        array = np.asarray(mask)
    assert set(np.unique(array)) == values
    np.testing.assert_array_equal(array == max(values), picture)
    assert [path.name for path in report.written] == ["one.png", "one_probabilities.npz"]
    with np.load(report.written[1]) as written:
        np.testing.assert_allclose(written["probabilities"][..., 1], picture, atol=1e-6)


def test_a_stack_keeps_its_format_and_voxel_size(tmp_path):
    import tifffile

    (tmp_path / "stacks").mkdir()
    stack = volume()
    options = {
        "imagej": True,
        "resolution": (1 / 0.3, 1 / 0.3),
        "metadata": {"axes": "ZYX", "spacing": 1.5, "unit": "um"},
    }
    tifffile.imwrite(tmp_path / "stacks" / "cells.tif", stack, **options)
    report = predict_files(predictor(), find_images(tmp_path / "stacks"), tmp_path / "masks")
    assert report.failed == ()
    with tifffile.TiffFile(tmp_path / "masks" / "cells.tif") as mask:
        assert mask.imagej_metadata["spacing"] == 1.5
        np.testing.assert_array_equal(mask.asarray(), stack)


def test_a_bad_file_stops_nothing_and_is_listed(scans, tmp_path):
    whole = (scans / "scan_1.nii.gz").read_bytes()
    (scans / "scan_1.nii.gz").write_bytes(whole[: len(whole) // 2])
    (scans / "scan_3.nrrd").write_bytes(b"NRRD0004")
    np.save(scans / "scan_4.npy", np.full((8, 8, 8), np.nan, "float32"))
    np.save(scans / "scan_5.npy", np.zeros((8, 8, 8, 2), "float32"))

    def network(batch):
        if batch.shape[-1] != 1:
            raise RuntimeError("no such channel")
        return bright(batch)

    task = Predictor(network, (16, 16, 16), Normalization("none"))
    report = predict_files(task, find_images(scans), tmp_path / "masks")
    assert [path.name for path in report.written] == ["scan_0.nii.gz", "scan_2.nii.gz"]
    reasons = {path.name: reason for path, reason in report.failed}
    assert list(reasons) == ["scan_1.nii.gz", "scan_3.nrrd", "scan_4.npy", "scan_5.npy"]
    assert "damaged" in reasons["scan_1.nii.gz"]
    assert "SimpleITK" in reasons["scan_3.nrrd"]
    assert "NaN" in reasons["scan_4.npy"]
    assert reasons["scan_5.npy"] == "RuntimeError: no such channel"
    assert sorted(path.name for path in (tmp_path / "masks").iterdir()) == ["scan_0.nii.gz", "scan_2.nii.gz"]


@pytest.mark.parametrize("link", [False, True])
def test_no_mask_goes_where_the_images_are(scans, tmp_path, link):
    out = scans
    if link:
        out = tmp_path / "link"
        out.symlink_to(scans)
    before = {path.name: path.read_bytes() for path in scans.iterdir()}
    with pytest.raises(ValueError, match=r"cannot go where the image scan_0\.nii\.gz is.*Choose another folder"):
        predict_files(predictor(), find_images(scans / "scan_0.nii.gz"), out)
    assert {path.name: path.read_bytes() for path in scans.iterdir()} == before


def test_no_mask_goes_where_links_to_images_are(scans, tmp_path):
    links = tmp_path / "links"
    links.mkdir()
    for path in scans.iterdir():
        (links / path.name).symlink_to(path)
    for out in (links, scans):
        with pytest.raises(ValueError, match=r"cannot go where the image scan_0\.nii\.gz is"):
            predict_files(predictor(), find_images(links), out)


def test_no_mask_goes_where_the_labels_are(scans, tmp_path):
    images, labels = tmp_path / "DATA" / "images", tmp_path / "DATA" / "labels"
    labels.mkdir(parents=True)
    scans.rename(images)
    truth = labels / "scan_0.nii.gz"
    truth.write_bytes(b"drawn by hand")
    with pytest.raises(ValueError, match=r"labels of the images.*overwrite them\. Choose another folder"):
        predict_files(predictor(), find_images(images), labels)
    assert truth.read_bytes() == b"drawn by hand"
    truth.unlink()
    assert len(predict_files(predictor(), find_images(images)[:1], labels).written) == 1


def test_a_mask_that_cannot_be_encoded_stops_nothing(scans, tmp_path, monkeypatch):
    save = nibabel.save

    def fussy(image, path):
        if "scan_1" in str(path):
            raise nibabel.spatialimages.HeaderDataError("a tag of no known type")
        save(image, path)

    monkeypatch.setattr(nibabel, "save", fussy)
    report = predict_files(predictor(), find_images(scans), tmp_path / "masks")
    assert [path.name for path in report.written] == ["scan_0.nii.gz", "scan_2.nii.gz"]
    assert report.failed == ((scans / "scan_1.nii.gz", "HeaderDataError: a tag of no known type"),)


def test_two_images_of_one_name(scans, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "scan_0.nii.gz").write_bytes((scans / "scan_1.nii.gz").read_bytes())
    pairs = find_images(scans)[:1] + find_images(other)
    report = predict_files(predictor(), pairs, tmp_path / "masks")
    assert len(report.written) == 1
    (path, reason), *_ = report.failed
    assert path == other / "scan_0.nii.gz"
    assert "has this name already" in reason
    np.testing.assert_array_equal(np.asarray(nibabel.load(report.written[0]).dataobj), volume(0))


def test_an_older_mask_is_replaced(scans, tmp_path):
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "scan_0.nii.gz").write_bytes(b"old")
    report = predict_files(predictor(), find_images(scans)[:1], tmp_path / "masks")
    assert nibabel.load(report.written[0]).shape == (20, 13, 9)


def test_a_full_disk_ends_it_with_one_message(scans, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(nibabel, "save", full)
    with pytest.raises(OSError, match=r"scan_0\.nii\.gz: the disk is full"):
        predict_files(predictor(), find_images(scans), tmp_path / "masks")
    assert list((tmp_path / "masks").iterdir()) == []


def test_a_folder_that_cannot_be_made(scans, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="is a file and not a folder"):
        predict_files(predictor(), find_images(scans), tmp_path / "file" / "masks")


def test_overlapping_classes_are_refused_before_anything_is_read(tmp_path):
    with pytest.raises(ValueError, match="may overlap"):
        predict_files(predictor(multilabel=True), [], tmp_path)


def test_progress_sees_every_image(scans, tmp_path):
    seen = []
    predict_files(
        predictor(), find_images(scans), tmp_path / "masks", progress=lambda pairs: seen.extend(pairs) or iter(pairs)
    )
    assert [pair.name for pair in seen] == ["scan_0", "scan_1", "scan_2"]


def test_hippocampus_masks_are_read_back_as_their_labels(data_folder, tmp_path):
    """The stored labels, given as images to a network that repeats them, come back voxel by voxel."""
    labels = sorted((data_folder / "hippocampus" / "labels").iterdir())[:3]
    pairs = [pair for path in labels for pair in find_images(path)]
    task = Predictor(
        lambda batch: np.moveaxis(np.array([np.rint(batch[..., 0]) == index for index in range(3)], "float32"), 0, -1),
        (40, 56, 40),
        Normalization("none"),
        label_map=LabelMap.identity(3),
    )
    report = predict_files(task, pairs, tmp_path)
    assert report.failed == ()
    for path, label in zip(report.written, labels, strict=True):
        mask, truth = nibabel.load(path), nibabel.load(label)
        np.testing.assert_array_equal(np.asarray(mask.dataobj), np.asarray(truth.dataobj))
        np.testing.assert_array_equal(mask.affine, truth.affine)
        assert pathlib.Path(path).name == label.name
