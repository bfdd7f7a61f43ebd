"""One test per mistake that a real file can hold: the message names the file and says what to do."""

import gzip
import re

import nibabel
import numpy as np
import PIL.Image
import pytest
import tifffile

from keras_seg.data import read_image, read_label
from keras_seg.data.formats import EXTENSIONS, extension


def save_nifti(path, array, affine=None, units="mm"):
    volume = nibabel.Nifti1Image(array, np.eye(4) if affine is None else affine)
    volume.header.set_xyzt_units(units)
    nibabel.save(volume, path)
    return path


def save_png(path, array, mode=None):
    PIL.Image.fromarray(array).save(path) if mode is None else PIL.Image.fromarray(array).convert(mode).save(path)
    return path


@pytest.fixture
def ramp():
    return np.arange(2 * 3 * 4, dtype="int16").reshape(2, 3, 4)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".NII.GZ"])
def test_nifti_image_with_its_spacing(tmp_path, ramp, ending):
    path = save_nifti(tmp_path / "a.nii", ramp, np.diag([0.5, 1, 3, 1]))
    if ending.lower().endswith("gz"):
        path = tmp_path / f"a{ending}"
        path.write_bytes(gzip.compress((tmp_path / "a.nii").read_bytes()))
    image, frame = read_image(path)
    assert image.dtype == np.float32
    np.testing.assert_array_equal(image[..., 0], ramp)
    assert (frame.path, frame.ending, frame.shape, frame.rank) == (path, ending.lower(), ramp.shape, 3)
    assert frame.spacing == (0.5, 1.0, 3.0)
    assert frame.orientation == "RAS"
    np.testing.assert_array_equal(frame.affine, np.diag([0.5, 1, 3, 1]))


@pytest.mark.parametrize(("units", "factor"), [("mm", 1), ("micron", 0.001), ("meter", 1000)])
def test_spacing_is_in_millimetres(tmp_path, ramp, units, factor):
    _, frame = read_image(save_nifti(tmp_path / "a.nii", ramp, np.diag([2, 2, 4, 1]), units))
    np.testing.assert_allclose(frame.spacing, (2 * factor, 2 * factor, 4 * factor))


def test_a_unit_that_does_not_exist_counts_as_millimetres(tmp_path, ramp):
    volume = nibabel.Nifti1Image(ramp, np.diag([1, 2, 3, 1]))
    volume.header["xyzt_units"] = 7
    nibabel.save(volume, tmp_path / "a.nii")
    assert read_image(tmp_path / "a.nii")[1].spacing == (1, 2, 3)


def test_nifti_scale_factors_are_applied(tmp_path, ramp):
    volume = nibabel.Nifti1Image(ramp, np.eye(4))
    volume.header.set_slope_inter(0.5, 10)
    nibabel.save(volume, tmp_path / "a.nii")
    np.testing.assert_allclose(read_image(tmp_path / "a.nii")[0][..., 0], ramp * 0.5 + 10)


def test_a_trailing_axis_of_one_is_dropped(tmp_path, ramp):
    assert read_image(save_nifti(tmp_path / "a.nii", ramp[..., None]))[0].shape == (2, 3, 4, 1)


def test_two_dimensional_nifti(tmp_path, ramp):
    image, frame = read_image(save_nifti(tmp_path / "a.nii", ramp[0]))
    assert image.shape == (3, 4, 1)
    assert (frame.shape, len(frame.spacing), frame.orientation) == ((3, 4), 2, None)


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3), ("1", 1), ("LA", 1), ("RGBA", 3), ("P", 3)])
def test_png_image(tmp_path, mode, channels):
    values = np.array([[0, 255, 255], [255, 0, 0]], "uint8")
    image, frame = read_image(save_png(tmp_path / "a.png", values, mode))
    assert image.shape == (2, 3, channels)
    np.testing.assert_array_equal(image[..., 0] > 0, values > 0)
    assert (frame.shape, frame.spacing, frame.affine, frame.orientation) == ((2, 3), (1.0, 1.0), None, None)


def test_png_of_sixteen_bits(tmp_path):
    values = np.array([[0, 1000], [65535, 7]], "uint16")
    np.testing.assert_array_equal(read_image(save_png(tmp_path / "a.png", values))[0][..., 0], values)


def test_partly_transparent_png(tmp_path):
    values = np.full((2, 2, 4), 255, "uint8")
    values[0, 0, 3] = 0
    with pytest.raises(ValueError, match=r"a\.png: the picture is partly transparent.*Flatten"):
        read_image(save_png(tmp_path / "a.png", values))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_in_an_image(tmp_path, bad):
    array = np.zeros((2, 3, 4), "float32")
    array[0, 0, 0] = bad
    with pytest.raises(ValueError, match=r"a\.nii: 1 of 24 voxels are NaN or infinite.*nan_to_num"):
        read_image(save_nifti(tmp_path / "a.nii", array))


def test_a_value_too_large_for_float32(tmp_path):
    with pytest.raises(ValueError, match=r"a\.nii: 8 of 8 voxels are NaN or infinite"):
        read_image(save_nifti(tmp_path / "a.nii", np.full((2, 2, 2), 1e60)))


@pytest.mark.parametrize("kind", ["uint8", "int16", "float32", "float64"])
def test_label_of_any_type_becomes_integers(tmp_path, kind):
    label, _ = read_label(save_nifti(tmp_path / "a.nii", np.arange(8).reshape(2, 2, 2).astype(kind)))
    assert label.dtype == np.uint8
    np.testing.assert_array_equal(label.ravel(), np.arange(8))


def test_more_than_256_classes(tmp_path):
    label, _ = read_label(save_nifti(tmp_path / "a.nii", np.array([[[0, 300]]], "int16")))
    assert label.dtype == np.int32
    assert label.max() == 300


def test_a_label_stored_with_a_scale_factor(tmp_path):
    volume = nibabel.Nifti1Image(np.array([[[0, 85, 170, 255]]], "uint8"), np.eye(4))
    volume.header.set_slope_inter(1 / 85, 0)
    nibabel.save(volume, tmp_path / "a.nii")
    np.testing.assert_array_equal(read_label(tmp_path / "a.nii")[0].ravel(), [0, 1, 2, 3])


@pytest.mark.parametrize(
    ("values", "classes"),
    [([0, 255], [0, 1]), ([255, 255], [1, 1]), ([0, 0], [0, 0]), ([0, 1], [0, 1]), ([0, 1, 255], [0, 1, 255])],
)
def test_masks_of_0_and_255(tmp_path, values, classes):
    label, _ = read_label(save_png(tmp_path / "a.png", np.array([values], "uint8")))
    np.testing.assert_array_equal(label[0], classes)
    assert label.dtype == np.uint8


def test_indices_of_a_palette_are_classes(tmp_path):
    picture = PIL.Image.fromarray(np.array([[0, 2, 1]], "uint8"), "L")
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    picture.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_label(tmp_path / "a.png")[0], [[0, 2, 1]])


def test_label_with_fractions(tmp_path):
    with pytest.raises(ValueError, match=r"a\.nii: labels must be integers, but 2 of 4 .* example 0\.5.*nearest"):
        read_label(save_nifti(tmp_path / "a.nii", np.array([[[0, 0.5, 1, np.nan]]], "float32")))


def test_infinite_label(tmp_path):
    with pytest.raises(ValueError, match=r"a\.nii: labels must be integers, but 1 of 2"):
        read_label(save_nifti(tmp_path / "a.nii", np.array([[[0, np.inf]]], "float32")))


def test_negative_label(tmp_path):
    with pytest.raises(ValueError, match=r"a\.nii: labels must be 0 .* smallest is -1"):
        read_label(save_nifti(tmp_path / "a.nii", np.array([[[0, -1]]], "int16")))


def test_huge_label(tmp_path):
    with pytest.raises(ValueError, match=r"a\.nii: the largest label is 3000000000"):
        read_label(save_nifti(tmp_path / "a.nii", np.array([[[0, 3e9]]], "float64")))


def test_colour_label(tmp_path):
    with pytest.raises(
        ValueError, match=r"a\.png: a label must have one number per pixel.* 3 channels.*convert\('L'\)"
    ):
        read_label(save_png(tmp_path / "a.png", np.zeros((2, 2), "uint8"), "RGB"))


@pytest.mark.parametrize("read", [read_image, read_label])
def test_four_axes_where_three_are_meant(tmp_path, read):
    path = save_nifti(tmp_path / "a.nii", np.zeros((2, 3, 4, 5), "uint8"))
    with pytest.raises(ValueError, match=r"a\.nii: .* 4 axes, shape \(2, 3, 4, 5\).*four_to_three"):
        read(path)


def save(path, values):
    """A file of the path's format."""
    if path.suffix == ".png":
        save_png(path, values[..., 0])
    elif path.suffix == ".tif":
        tifffile.imwrite(path, values)
    elif path.suffix == ".npy":
        np.save(path, values)
    elif path.suffix == ".npz":
        np.savez_compressed(path, values)
    else:
        save_nifti(path, values)


KINDS = (".nii", ".nii.gz", ".png", ".tif", ".npy", ".npz")


@pytest.mark.parametrize("read", [read_image, read_label])
@pytest.mark.parametrize("ending", KINDS)
@pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
def test_truncated_file(tmp_path, read, ending, share):
    path = tmp_path / f"a{ending}"
    save(path, np.random.default_rng(0).integers(0, 200, (32, 32, 8)).astype("uint8"))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=re.escape(str(path)) + ": the file is damaged, cut short.*download it again"):
        read(path)


@pytest.mark.parametrize("ending", KINDS)
def test_a_file_that_is_not_what_its_extension_says(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    path.write_text("<!DOCTYPE html><title>404 Not Found</title>\n" * 20)
    with pytest.raises(ValueError, match=r"the file is damaged.*not what its extension says"):
        read_image(path)


def test_whatever_a_reader_stumbles_over_names_the_file(tmp_path, monkeypatch):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((4, 5)))
    content = bytearray(path.read_bytes())
    content[10] = 0x97  # of the header's first brace: `tokenize.TokenError`
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.npy: the file is damaged"):
        read_image(path)

    def too_large(*_, **__):
        raise MemoryError("Unable to allocate 9 TiB")

    monkeypatch.setattr(np, "load", too_large)
    with pytest.raises(MemoryError, match=r"a\.npy: the file does not fit into memory \(Unable to allocate 9 TiB\)"):
        read_image(path)


def test_a_picture_larger_than_pillow_opens(tmp_path, monkeypatch):
    path = save_png(tmp_path / "a.png", np.zeros((30, 30), "uint8"))
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 400)
    with pytest.raises(ValueError, match=r"a\.png: the picture is larger than Pillow opens.*tiles.*TIFF\."):
        read_image(path)


@pytest.mark.parametrize("ending", KINDS)
def test_an_empty_file(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    path.touch()
    with pytest.raises(ValueError, match=r"the file is empty \(0 bytes\)\. Copy or download it again"):
        read_image(path)


@pytest.mark.parametrize("ending", KINDS)
def test_a_pointer_of_git_lfs(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7\n")
    with pytest.raises(ValueError, match=r"only a pointer of Git LFS.*`git lfs pull`"):
        read_image(path)


def test_a_file_that_must_not_be_read(tmp_path, monkeypatch, ramp):
    path = save_nifti(tmp_path / "a.nii", ramp)
    monkeypatch.setattr(nibabel, "load", refuse)
    with pytest.raises(ValueError, match=r"a\.nii: no permission to read this file"):
        read_image(path)


def refuse(*_, **__):
    raise PermissionError(13, "Permission denied")


def test_a_file_that_is_missing(tmp_path):
    for ending in EXTENSIONS:
        with pytest.raises(ValueError, match="there is no such file"):
            read_image(tmp_path / f"a{ending}")


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("a.dcm", "DICOM.*dcm2niix -z y"),
        ("IM0001.IMA", "DICOM.*dcm2niix -z y"),
        ("a.nrrd", r'NRRD.*SimpleITK.ReadImage\("a.nrrd"\), "a.nii.gz"'),
        ("a.seg.nrrd", r"NRRD.*SimpleITK"),
        ("a.mha", "MetaImage.*SimpleITK"),
        ("a.mhd", "MetaImage.*SimpleITK"),
        ("a.mgz", r"FreeSurfer.*nibabel.*a\.nii\.gz"),
        ("a.hdr", "Analyze.*nibabel"),
        ("a.jpg", r"JPEG.*Pillow.*a\.png.*masks must never have been JPEG"),
        ("a.JPEG", r"JPEG.*Pillow"),
        ("a.bmp", "BMP.*Pillow"),
        ("a.czi", r"CZI.*Fiji.*TIFF"),
        ("a.xyz", r"not supported\. Supported are \.nii\.gz, \.nii, \.png.*Convert the file"),
        ("a", r"not supported\. Supported are"),
    ],
)
def test_unsupported_format_names_the_converter(tmp_path, name, advice):
    for read in (read_image, read_label):
        with pytest.raises(ValueError, match=f"{re.escape(str(tmp_path / name))}: .*{advice}"):
            read(tmp_path / name)


def test_dicom_without_an_extension(tmp_path):
    (tmp_path / "IM0001").write_bytes(bytes(128) + b"DICM" + bytes(64))
    with pytest.raises(ValueError, match=r"IM0001: this is DICOM.*dcm2niix"):
        read_image(tmp_path / "IM0001")


def test_files_of_one_image_are_its_channels(tmp_path, ramp):
    paths = [save_nifti(tmp_path / f"a_000{k}.nii", ramp + 100 * k, np.diag([1, 2, 3, 1])) for k in range(3)]
    image, frame = read_image(paths)
    assert image.shape == (*ramp.shape, 3)
    np.testing.assert_array_equal(image, ramp[..., None] + np.array([0, 100, 200]))
    assert (frame.path, frame.shape, frame.spacing) == (paths[0], ramp.shape, (1, 2, 3))


@pytest.mark.parametrize(
    ("shape", "affine", "message"),
    [
        ((2, 3, 5), (1, 1, 1, 1), r"same shape.*a_0000\.nii has \(2, 3, 4\).*a_0001\.nii has \(2, 3, 5\)"),
        ((2, 3, 4), (-1, -1, 1, 1), r"a_0000\.nii run RAS.*a_0001\.nii LPS"),
        ((2, 3, 4), (1, 1, 2, 1), r"voxel of \(1\.0, 1\.0, 1\.0\) mm.*\(1\.0, 1\.0, 2\.0\)"),
    ],
)
def test_channels_that_do_not_lie_on_one_another(tmp_path, ramp, shape, affine, message):
    first = save_nifti(tmp_path / "a_0000.nii", ramp)
    second = save_nifti(tmp_path / "a_0001.nii", np.zeros(shape, "int16"), np.diag(affine))
    with pytest.raises(ValueError, match=message):
        read_image([first, second])


def test_no_file_at_all():
    with pytest.raises(ValueError, match="At least one path"):
        read_image([])


def test_a_fourth_axis_of_channels(tmp_path):
    values = np.arange(2 * 3 * 4 * 2, dtype="int16").reshape(2, 3, 4, 2)
    path = save_nifti(tmp_path / "a.nii", values)
    image, frame = read_image(path, channels=2)
    np.testing.assert_array_equal(image, values)
    assert (frame.shape, frame.spacing, frame.orientation) == ((2, 3, 4), (1, 1, 1), "RAS")
    with pytest.raises(ValueError, match=r"a\.nii: the fourth axis should hold the 3 channels.*\(2, 3, 4, 2\)"):
        read_image(path, channels=3)
    with pytest.raises(ValueError, match=r"if the last axis holds channels, name them in a `dataset\.json`"):
        read_image(path)


def test_an_affine_that_maps_an_axis_to_nothing(tmp_path, ramp):
    volume = nibabel.Nifti1Image(ramp, np.eye(4))
    volume.header.set_qform(None, 0)
    volume.header["sform_code"], volume.header["srow_z"] = 1, [0, 0, 0, 0]
    path = tmp_path / "a.nii"
    with path.open("wb") as file:
        volume.header["vox_offset"] = 352
        file.write(volume.header.binaryblock + bytes(4) + ramp.tobytes(order="F"))
    with pytest.raises(ValueError, match=r"a\.nii: the affine in the header maps some axis to nothing"):
        read_image(path)


def test_voxels_that_are_no_numbers(tmp_path):
    with pytest.raises(ValueError, match=r"a\.nii: voxels of the type complex64 are not supported"):
        read_image(save_nifti(tmp_path / "a.nii", np.zeros((2, 2, 2), "complex64")))


def test_extension():
    def of(name):
        from pathlib import Path

        return extension(Path(name))

    assert of("a.nii.gz") == ".nii.gz"
    assert of("b/a.b.NII") == ".nii"
    assert of("a.PNG") == ".png"
    assert of("a.gz") is None
    assert of(".nii.gz") is None
