"""Masks and probabilities lie where their image does, in its format, with the values that the labels had."""

import errno
import os

import nibabel
import numpy as np
import PIL.Image
import pytest

from keras_seg.data import (
    Frame,
    LabelMap,
    find_label_map,
    open_folder,
    output_path,
    read_case,
    read_image,
    read_label,
    write_label,
    write_scores,
)

# Turned and flipped, as a scanner writes it.
AFFINE = nibabel.affines.from_matvec(
    nibabel.eulerangles.euler2mat(0.1, -0.2, 0.3) @ np.diag([-0.8, -0.8, 2.5]), [90.5, 126, -72]
)


def save(path, kind=nibabel.Nifti1Image, shape=(5, 6, 7), affine=AFFINE):
    """A float image with a window, a description and both transformations."""
    image = kind(np.linspace(-1000, 1000, int(np.prod(shape)), dtype="float32").reshape(shape), affine)
    image.set_qform(affine, 1)
    image.set_sform(affine, 4)
    image.header["cal_max"], image.header["descrip"] = 1000, b"from the scanner"
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_slope_inter(2, -5)
    nibabel.save(image, path)
    return path


def draw(shape, num_classes=3):
    return np.random.default_rng(0).integers(0, num_classes, shape)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_nifti_keeps_affine_and_header(tmp_path, ending, kind):
    path = save(tmp_path / f"a{ending}", kind)
    frame = read_image(path)[1]
    classes = draw(frame.shape)
    out = write_label(output_path(tmp_path / "out", frame), classes, frame)
    assert out == tmp_path / "out" / f"a{ending}"
    image, mask = nibabel.load(path), nibabel.load(out)
    assert type(mask) is kind
    np.testing.assert_array_equal(mask.affine, image.affine)
    np.testing.assert_allclose(mask.header.get_qform(), image.header.get_qform(), atol=1e-6)
    for key in ("qform_code", "sform_code", "descrip", "xyzt_units", "pixdim"):
        np.testing.assert_array_equal(mask.header[key], image.header[key])
    assert mask.get_data_dtype() == np.uint8
    assert mask.header.get_slope_inter() in ((1, 0), (None, None))
    assert mask.header["cal_max"] == 0
    np.testing.assert_array_equal(np.asanyarray(mask.dataobj), classes)


@pytest.mark.parametrize(("num_classes", "dtype"), [(256, "uint8"), (300, "int32"), (70000, "int32")])
def test_nifti_of_many_classes(tmp_path, num_classes, dtype):
    frame = read_image(save(tmp_path / "a.nii"))[1]
    classes = np.full(frame.shape, num_classes - 1)
    out = write_label(tmp_path / "mask.nii", classes, frame)
    assert nibabel.load(out).get_data_dtype() == dtype
    np.testing.assert_array_equal(read_label(out, LabelMap.identity(num_classes))[0], classes)


def test_flat_and_one_channel_of_four_axes(tmp_path):
    for shape, expected in (((5, 6), (5, 6)), ((5, 6, 7, 1), (5, 6, 7))):
        frame = read_image(save(tmp_path / "a.nii", shape=shape))[1]
        out = write_label(tmp_path / "mask.nii", draw(expected), frame)
        assert nibabel.load(out).shape == expected
        np.testing.assert_allclose(read_label(out)[1].spacing, frame.spacing)


def test_a_mask_of_channels_along_the_fourth_axis(tmp_path):
    frame = read_image(save(tmp_path / "a.nii", shape=(5, 6, 7, 2)), channels=2)[1]
    out = write_label(tmp_path / "mask.nii", draw((5, 6, 7)), frame)
    assert nibabel.load(out).shape == (5, 6, 7)
    np.testing.assert_array_equal(nibabel.load(out).affine, nibabel.load(tmp_path / "a.nii").affine)


def test_the_label_map_is_undone(tmp_path):
    frame = read_image(save(tmp_path / "a.nii"))[1]
    out = write_label(tmp_path / "mask.nii", draw(frame.shape), frame, LabelMap("values", (0, 2, 500)))
    assert set(np.unique(read_label(out)[0])) == {0, 2, 500}


@pytest.mark.parametrize("label_map", [LabelMap("values", (0, 128, 255)), LabelMap.identity(3)])
def test_png(tmp_path, label_map):
    PIL.Image.fromarray(np.zeros((6, 7, 3), "uint8")).save(tmp_path / "a.png")
    frame = read_image(tmp_path / "a.png")[1]
    classes = draw((6, 7))
    out = write_label(output_path(tmp_path / "out", frame), classes, frame, label_map)
    with PIL.Image.open(out) as picture:
        assert picture.mode == "L"
        np.testing.assert_array_equal(np.asarray(picture), np.array(label_map.values)[classes])


def test_png_of_sixteen_bits_and_what_it_cannot_hold(tmp_path):
    PIL.Image.fromarray(np.zeros((6, 7), "uint8")).save(tmp_path / "a.png")
    frame = read_image(tmp_path / "a.png")[1]
    classes = draw((6, 7), 60000)
    np.testing.assert_array_equal(read_label(write_label(tmp_path / "b.png", classes, frame))[0], classes)
    with pytest.raises(ValueError, match=r"b\.png: PNG holds numbers up to 65535, but .* Write TIFF or NIfTI"):
        write_label(tmp_path / "b.png", classes + 20000, frame)


@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_colours_come_back(tmp_path, ending):
    PIL.Image.fromarray(np.zeros((6, 7), "uint8")).save(tmp_path / f"a{ending}")
    frame = read_image(tmp_path / f"a{ending}")[1]
    label_map = LabelMap("colors", ((0, 0, 0), (255, 0, 0), (0, 128, 255)))
    classes = draw((6, 7))
    out = write_label(tmp_path / f"mask{ending}", classes, frame, label_map)
    with PIL.Image.open(out) as picture:
        np.testing.assert_array_equal(np.asarray(picture), np.array(label_map.values)[classes])
    np.testing.assert_array_equal(read_label(out, label_map)[0], classes)


def test_colours_in_a_format_that_knows_none_are_classes(tmp_path):
    frame = read_image(save(tmp_path / "a.nii"))[1]
    classes = draw(frame.shape, 2)
    label_map = LabelMap("colors", ((0, 0, 0), (255, 0, 0)))
    np.testing.assert_array_equal(read_label(write_label(tmp_path / "mask.nii", classes, frame, label_map))[0], classes)


@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_a_folder_with_a_palette_and_gaps_comes_back_the_same(tmp_path, ending):
    for part in ("images", "labels"):
        (tmp_path / part).mkdir()
    PIL.Image.fromarray(np.zeros((6, 7), "uint8")).save(tmp_path / "images" / f"a{ending}")
    picture = PIL.Image.frombytes("P", (7, 6), np.array([0, 4, 9], "uint8")[draw((6, 7))].tobytes())
    picture.putpalette(np.random.default_rng(0).integers(0, 255, 768).tolist())
    picture.save(tmp_path / "labels" / f"a{ending}")
    folder = open_folder(tmp_path)
    label_map = find_label_map(folder)
    case = read_case(folder.pairs[0], label_map)
    out = write_label(output_path(tmp_path / "out", case.frame), case.label, case.frame, label_map)
    with PIL.Image.open(out) as mask:
        assert mask.mode == "P"
        assert mask.convert("RGB").tobytes() == picture.convert("RGB").tobytes()
        assert mask.tobytes() == picture.tobytes()


@pytest.mark.parametrize(("ending", "other"), [(".png", ".nii.gz"), (".nii.gz", ".tif"), (".tif", ".npz")])
def test_another_format_than_the_image(tmp_path, ending, other):
    path = tmp_path / f"a{ending}"
    if ending == ".nii.gz":
        save(path)
    else:
        PIL.Image.fromarray(np.zeros((6, 7), "uint8")).save(path)
    frame = read_image(path)[1]
    classes = draw(frame.shape)
    out = write_label(tmp_path / f"mask{other}", classes, frame)
    np.testing.assert_array_equal(read_label(out)[0], classes)


def test_probabilities_in_nifti(tmp_path):
    frame = read_image(save(tmp_path / "a.nii.gz"))[1]
    scores = np.random.default_rng(0).random((*frame.shape, 3))
    out = write_scores(output_path(tmp_path, frame, "case", scores=True), scores, frame)
    assert out.name == "case_probabilities.nii.gz"
    volume = nibabel.load(out)
    assert (volume.shape, volume.get_data_dtype()) == ((*frame.shape, 3), np.float32)
    np.testing.assert_array_equal(volume.affine, nibabel.load(tmp_path / "a.nii.gz").affine)
    np.testing.assert_array_equal(np.asanyarray(volume.dataobj), scores.astype("float32"))
    np.testing.assert_array_equal(read_image(out, channels=3)[0], scores.astype("float32"))


def test_probabilities_of_a_flat_nifti(tmp_path):
    frame = read_image(save(tmp_path / "a.nii", shape=(5, 6)))[1]
    out = write_scores(tmp_path / "p.nii", np.zeros((5, 6, 2)), frame)
    assert nibabel.load(out).shape == (5, 6, 1, 2)


def test_probabilities_of_a_picture(tmp_path):
    PIL.Image.fromarray(np.zeros((6, 7), "uint8")).save(tmp_path / "a.png")
    frame = read_image(tmp_path / "a.png")[1]
    scores = np.random.default_rng(0).random((6, 7, 3))
    out = write_scores(output_path(tmp_path, frame, scores=True), scores, frame)
    assert out.name == "a_probabilities.npz"
    with np.load(out) as content:
        np.testing.assert_array_equal(content["probabilities"], scores.astype("float32"))
        np.testing.assert_array_equal(content["spacing"], (1, 1))
    with pytest.raises(ValueError, match=r"a_p\.png: probabilities are written as \.nii\.gz, \.nii or \.npz"):
        write_scores(tmp_path / "a_p.png", scores, frame)


def test_a_mask_of_another_shape(tmp_path):
    frame = read_image(save(tmp_path / "a.nii"))[1]
    for write, array in ((write_label, draw((5, 6, 8))), (write_scores, np.zeros((5, 6, 8, 2)))):
        with pytest.raises(ValueError, match=r"shape of its image, \(5, 6, 7\), but it has \(5, 6, 8\)"):
            write(tmp_path / "mask.nii", array, frame)


def test_an_image_is_never_overwritten(tmp_path):
    path = save(tmp_path / "a.nii")
    frame = read_image(path)[1]
    before = path.read_bytes()
    (tmp_path / "same").symlink_to(tmp_path)
    for write, array in ((write_label, draw(frame.shape)), (write_scores, np.zeros((*frame.shape, 2)))):
        for target in (path, tmp_path / "same" / "a.nii"):
            with pytest.raises(ValueError, match=r"a\.nii: this is the image itself, which is never overwritten"):
                write(target, array, frame)
    assert path.read_bytes() == before


def test_an_unsupported_ending(tmp_path):
    frame = Frame(tmp_path / "a.png", ".png", (6, 7), (1, 1))
    with pytest.raises(ValueError, match=r"mask\.nrrd: this is NRRD"):
        write_label(tmp_path / "mask.nrrd", draw((6, 7)), frame)


@pytest.mark.parametrize("ending", [".nii.gz", ".png", ".tif", ".npy", ".npz"])
@pytest.mark.parametrize(
    ("number", "message"), [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "no permission to write there")]
)
def test_a_full_disk_and_a_closed_folder(tmp_path, monkeypatch, ending, number, message):
    frame = Frame(tmp_path / f"a{ending}", ending, (6, 7), (1.0, 1.0))
    path = tmp_path / f"mask{ending}"
    path.write_bytes(b"old")

    def refuse(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match=rf"mask\{ending}: {message}"):
        write_label(path, draw((6, 7)), frame)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == b"old"


def test_a_file_in_the_place_of_the_folder(tmp_path):
    (tmp_path / "out").write_text("")
    frame = Frame(tmp_path / "a.png", ".png", (6, 7), (1.0, 1.0))
    with pytest.raises(OSError, match=r"out.a\.png: a part of this path is a file and not a folder"):
        write_label(output_path(tmp_path / "out", frame), draw((6, 7)), frame)
