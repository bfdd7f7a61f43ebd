"""TIFF as Fiji, microscopes, Pillow and satellites write it."""

import numpy as np
import PIL.Image
import pytest
import tifffile

from keras_seg.data import read_image, read_label, write_label


@pytest.fixture
def stack():
    return np.random.default_rng(0).integers(0, 200, (5, 6, 7)).astype("uint8")


def test_grey_picture(tmp_path, stack):
    tifffile.imwrite(tmp_path / "a.tif", stack[0].astype("uint16") * 300)
    image, frame = read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(image[..., 0], stack[0] * 300.0)
    assert (frame.ending, frame.shape, frame.spacing, frame.orientation) == (".tif", (6, 7), (1, 1), None)


def test_colour_picture(tmp_path, stack):
    colours = np.moveaxis(stack[:3], 0, -1)
    tifffile.imwrite(tmp_path / "a.tif", colours, photometric="rgb")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif")[0], colours)


def test_opaque_alpha_is_dropped_and_infrared_is_not(tmp_path, stack):
    values = np.moveaxis(stack[:4], 0, -1).copy()
    tifffile.imwrite(tmp_path / "bands.tif", values, photometric="rgb", extrasamples=["unspecified"])
    assert read_image(tmp_path / "bands.tif")[0].shape == (6, 7, 4)
    values[..., 3] = 255
    tifffile.imwrite(tmp_path / "alpha.tif", values, photometric="rgb", extrasamples=["unassalpha"])
    assert read_image(tmp_path / "alpha.tif")[0].shape == (6, 7, 3)
    values[0, 0, 3] = 0
    tifffile.imwrite(tmp_path / "alpha.tif", values, photometric="rgb", extrasamples=["unassalpha"])
    with pytest.raises(ValueError, match=r"alpha\.tif: the picture is partly transparent"):
        read_image(tmp_path / "alpha.tif")


def test_bands_stored_one_after_another(tmp_path, stack):
    tifffile.imwrite(tmp_path / "a.tif", stack, photometric="minisblack", planarconfig="separate")
    image, frame = read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(image, np.moveaxis(stack, 0, -1))
    assert frame.shape == (6, 7)


@pytest.mark.parametrize("how", ["array", "pages", "pillow"])
def test_stack_of_slices(tmp_path, stack, how):
    path = tmp_path / "a.tiff"
    if how == "array":
        tifffile.imwrite(path, stack)
    elif how == "pages":
        with tifffile.TiffWriter(path) as file:
            for part in stack:
                file.write(part, contiguous=False)
    else:
        first, *rest = (PIL.Image.fromarray(part) for part in stack)
        first.save(path, save_all=True, append_images=rest)
    image, frame = read_image(path)
    np.testing.assert_array_equal(image[..., 0], stack)
    assert (frame.shape, frame.spacing) == ((5, 6, 7), (1, 1, 1))


@pytest.mark.parametrize(
    ("unit", "factor"), [("um", 1e-3), ("\\u00B5m", 1e-3), ("micron", 1e-3), ("mm", 1), ("cm", 10)]
)
def test_spacing_of_imagej(tmp_path, stack, unit, factor):
    path = tmp_path / "a.tif"
    metadata = {"axes": "ZYX", "spacing": 2.5, "unit": unit}
    tifffile.imwrite(path, stack, imagej=True, resolution=(4, 2), metadata=metadata)
    np.testing.assert_allclose(read_image(path)[1].spacing, (2.5 * factor, 0.5 * factor, 0.25 * factor))


def test_imagej_leaves_out_a_depth_of_1(tmp_path, stack):
    metadata = {"axes": "ZYX", "unit": "um"}
    tifffile.imwrite(tmp_path / "a.tif", stack, imagej=True, resolution=(4, 4), metadata=metadata)
    np.testing.assert_allclose(read_image(tmp_path / "a.tif")[1].spacing, (1e-3, 0.25e-3, 0.25e-3))


def test_dots_per_inch_are_no_size(tmp_path, stack):
    PIL.Image.fromarray(stack[0]).save(tmp_path / "a.tif", dpi=(300, 300))
    assert read_image(tmp_path / "a.tif")[1].spacing == (1, 1)
    # ImageJ without a unit of its own.
    tifffile.imwrite(tmp_path / "b.tif", stack[0], imagej=True, resolution=(300, 300), resolutionunit="inch")
    assert read_image(tmp_path / "b.tif")[1].spacing == (1, 1)


def test_spacing_of_ome(tmp_path, stack):
    sizes = {"PhysicalSizeX": 0.25, "PhysicalSizeY": 0.5, "PhysicalSizeZ": 2.0, "PhysicalSizeZUnit": "nm"}
    tifffile.imwrite(tmp_path / "a.ome.tif", stack, ome=True, metadata={"axes": "ZYX", **sizes})
    frame = read_image(tmp_path / "a.ome.tif")[1]
    np.testing.assert_allclose(frame.spacing, (2e-6, 0.5e-3, 0.25e-3))
    assert frame.ending == ".ome.tif"
    del sizes["PhysicalSizeZ"], sizes["PhysicalSizeZUnit"]
    tifffile.imwrite(tmp_path / "b.ome.tif", stack, ome=True, metadata={"axes": "ZYX", **sizes})
    np.testing.assert_allclose(read_image(tmp_path / "b.ome.tif")[1].spacing, (0.25e-3, 0.5e-3, 0.25e-3))


@pytest.mark.parametrize("axes", ["ZCYX", "CZYX"])
def test_channels_of_a_stack_become_the_last_axis(tmp_path, axes):
    values = np.random.default_rng(0).integers(0, 200, (5, 2, 6, 7)).astype("uint16")
    stored = values if axes == "ZCYX" else values.swapaxes(0, 1)
    tifffile.imwrite(tmp_path / "a.tif", stored, ome=True, metadata={"axes": axes})
    image, frame = read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(image, np.moveaxis(values, 1, -1))
    assert frame.shape == (5, 6, 7)


def test_time_series_of_volumes(tmp_path):
    values = np.zeros((3, 5, 6, 7), "uint8")
    tifffile.imwrite(tmp_path / "a.tif", values, imagej=True, metadata={"axes": "TZYX"})
    with pytest.raises(ValueError, match=r"a\.tif: .* 2D image or a 3D stack .* axes TZYX .*time.*file of its own"):
        read_image(tmp_path / "a.tif")


def test_images_of_several_sizes_in_one_file(tmp_path, stack):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(stack[0])
        file.write(stack[0, :3])
    with pytest.raises(ValueError, match=r"a\.tif: one image .* holds 2, of the shapes \(6, 7\), \(3, 7\)"):
        read_image(tmp_path / "a.tif")


def test_a_label_has_slices_where_an_image_has_channels(tmp_path, stack):
    tifffile.imwrite(tmp_path / "a.tif", stack, imagej=True)  # tifffile takes the first axis for channels
    assert read_image(tmp_path / "a.tif")[0].shape == (6, 7, 5)
    assert read_label(tmp_path / "a.tif")[0].shape == (5, 6, 7)


def test_bits(tmp_path, stack):
    mask = stack[0] > 100
    PIL.Image.fromarray(mask).save(tmp_path / "a.tif")
    label, _ = read_label(tmp_path / "a.tif")
    assert label.dtype == np.uint8
    np.testing.assert_array_equal(label, mask)


def test_palette(tmp_path, stack):
    colormap = np.zeros((3, 256), "uint16")
    colormap[:, 1], colormap[:, 2] = (0xFFFF, 0, 0), (0, 0x8080, 0)
    tifffile.imwrite(tmp_path / "a.tif", stack[0] % 3, photometric="palette", colormap=colormap)
    np.testing.assert_array_equal(read_label(tmp_path / "a.tif")[0], stack[0] % 3)
    image, _ = read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(image, np.array([[0, 0, 0], [255, 0, 0], [0, 128, 0]])[stack[0] % 3])


def test_what_tifffile_only_logs_is_an_error(tmp_path, stack):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        for part in stack:
            file.write(part, contiguous=False)
    with tifffile.TiffFile(path) as file:
        end = file.pages[3].offset
    path.write_bytes(path.read_bytes()[:end])
    with tifffile.TiffFile(path) as file:
        assert len(file.series) == 3  # whole, and no word of the others
    with pytest.raises(ValueError, match=r"a\.tif: the file is damaged, cut short"):
        read_image(path)


@pytest.mark.parametrize("kind", ["imagej", "ome"])
@pytest.mark.parametrize("rank", [2, 3])
@pytest.mark.parametrize("num_classes", [3, 300])
def test_a_mask_has_the_spacing_of_its_image(tmp_path, stack, kind, rank, num_classes):
    axes, image = "ZYX"[-rank:], stack if rank == 3 else stack[0]
    sizes = {"PhysicalSizeX": 0.25, "PhysicalSizeY": 0.5, "PhysicalSizeZ": 2.0}
    metadata = {"axes": axes} | ({"spacing": 2.0, "unit": "um"} if kind == "imagej" else sizes)
    resolution = (4, 2) if kind == "imagej" else None
    tifffile.imwrite(tmp_path / "a.tif", image, **{kind: True}, resolution=resolution, metadata=metadata)
    frame = read_image(tmp_path / "a.tif")[1]
    classes = np.random.default_rng(0).integers(0, num_classes, image.shape)
    write_label(tmp_path / "mask.tif", classes, frame)
    label, other = read_label(tmp_path / "mask.tif")
    np.testing.assert_array_equal(label, classes)
    np.testing.assert_allclose(other.spacing, frame.spacing)
    with tifffile.TiffFile(tmp_path / "mask.tif") as file:
        assert getattr(file, f"is_{kind}")
        assert file.series[0].axes == axes


def test_a_mask_too_large_for_imagej_is_a_plain_tiff(tmp_path, stack):
    tifffile.imwrite(tmp_path / "a.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    classes = np.full(stack.shape, 70000)
    write_label(tmp_path / "mask.tif", classes, read_image(tmp_path / "a.tif")[1])
    np.testing.assert_array_equal(read_label(tmp_path / "mask.tif")[0], classes)


def test_a_mask_lies_on_the_earth_where_its_image_does(tmp_path, stack):
    scale, tie = (0.5, 0.5, 0.0), (0.0, 0.0, 0.0, 350000.0, 5600000.0, 0.0)
    keys = (1, 1, 0, 1, 3072, 0, 1, 32633)
    tags = [(33550, "d", 3, scale, True), (33922, "d", 6, tie, True), (34735, "H", 8, keys, True)]
    options = {"photometric": "minisblack", "planarconfig": "separate", "extratags": tags, "resolution": (72, 72)}
    tifffile.imwrite(tmp_path / "a.tif", stack[:4].astype("uint16"), resolutionunit="inch", **options)
    frame = read_image(tmp_path / "a.tif")[1]
    write_label(tmp_path / "mask.tif", stack[0] % 2, frame)
    with tifffile.TiffFile(tmp_path / "mask.tif") as file:
        found = file.pages[0].tags
        assert [found[code].value for code in (33550, 33922, 34735)] == [scale, tie, keys]
        assert found["XResolution"].value == (72, 1)
        np.testing.assert_array_equal(file.asarray(), stack[0] % 2)
