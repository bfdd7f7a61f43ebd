"""TIFF: pictures, stacks of slices, ImageJ and OME files with their voxel size, and geographic images."""

import contextlib
import logging
import re
import threading

import numpy as np

from keras_seg.data.formats import tiff_spacing
from keras_seg.data.formats.stored import Stored, Unusable

ENDINGS = (".ome.tiff", ".ome.tif", ".tiff", ".tif")

# What tifffile only logs, though the file lacks a part of its content.
LOSSES = re.compile(r"invalid (page |value )?offset|corrupted|missing data|suspicious|failed to", re.IGNORECASE)

# Where an image lies on the earth: pixel scale, tie points, transformation, and the keys of the projection.
GEOGRAPHIC = (33550, 33922, 34264, 34735, 34736, 34737, 42113)


def read(path, label=False, channels=None):
    """Read a TIFF file: a picture, or a stack of slices `[slices, rows, columns]`.

    Args:
        path: `pathlib.Path`.
        label: Whether it is a label: it has no channels, so that what is stored as such are slices.
        channels: Not used: the file says how many it has.

    Returns:
        `Stored`.
    """
    import tifffile

    with _losses_raised(), tifffile.TiffFile(path) as file:
        array, axes = _content(file)
        page = file.pages[0]
        if label and "C" in axes and not _depth(axes):
            axes = axes.replace("C", "Z")
        array, axes = _in_order(array, axes)
        header = {"kind": _kind(file), "tags": _tags(page)}
        spacing, header["spacing"] = tiff_spacing.read(file)
        palette = None
        if page.photometric == tifffile.PHOTOMETRIC.PALETTE and page.colormap is not None:
            palette = _colours(page.colormap)
            if not label:
                array, axes, palette = np.array(palette, "uint8")[array], axes + "S", None
        rank = len(axes.rstrip("SC"))
        alpha = axes[-1] == "S" and any(int(kind) in (1, 2) for kind in page.extrasamples or ())
        return Stored(array, spacing[-rank:], header=header, palette=palette, alpha=alpha)


def write(path, array, frame, palette=None):
    """Write a label as the image is written: as an ImageJ, OME or plain file, with its voxel size and place on earth.

    Args:
        path: `pathlib.Path`.
        array: Array `[*spatial]` of unsigned integers, or colours `[*spatial, 3]` of uint8.
        frame: `Frame` of the image.
        palette: Colours of the indices, or `None` for grey.
    """
    import tifffile

    header = frame.header if isinstance(frame.header, dict) and "kind" in frame.header else {}
    colours = array.ndim > frame.rank
    axes = ("ZYX" if frame.rank == 3 else "YX") + ("S" if colours else "")
    options = {"photometric": "rgb" if colours else "minisblack", "compression": "zlib", "metadata": {"axes": axes}}
    kind = header.get("kind", "plain")
    if kind == "imagej" and array.dtype.name not in ("uint8", "uint16"):
        kind = "plain"  # ImageJ knows no larger integers
    if kind != "imagej" and palette is not None and array.dtype == np.uint8 and not colours:
        options |= {"photometric": "palette", "colormap": _colormap(palette)}
    tiff_spacing.add(options, kind, header.get("spacing", {}))
    tifffile.imwrite(
        path, array, imagej=kind == "imagej", ome=kind == "ome", extratags=header.get("tags", ()), **options
    )


def _content(file):
    """Array of the file and its axes as letters; slices that were written one by one are stacked."""
    series = file.series
    if not series:
        raise Unusable("the file holds no image. Export it anew")
    if len(series) == 1:
        return series[0].asarray(), series[0].axes
    if len({(part.shape, part.dtype) for part in series}) > 1 or file.is_ome:
        shapes = ", ".join(str(part.shape) for part in series[:4]) + (", ..." if len(series) > 4 else "")
        raise Unusable(
            f"one image was expected, but the file holds {len(series)}, of the shapes {shapes}. Save each one as a "
            "file of its own"
        )
    return np.stack([part.asarray() for part in series]), "I" + series[0].axes


def _depth(axes):
    """The letters of all axes that are neither rows, columns, channels nor samples."""
    return "".join(axis for axis in axes if axis not in "YXCS")


def _in_order(array, axes):
    """The array with its axes as slices, rows, columns, channels; slices and channels only where there are any."""
    depth, channels = _depth(axes), "".join(axis for axis in axes if axis in "CS")
    if "Y" not in axes or "X" not in axes or len(depth) > 1 or len(channels) > 1:
        raise Unusable(
            f"a 2D image or a 3D stack was expected, but the file has the axes {axes} (T is time, Z slices, C "
            f"channels), shape {array.shape}. Save each volume (time point) as a file of its own"
        )
    wanted = depth + "YX" + channels
    return np.transpose(array, [axes.index(axis) for axis in wanted]), wanted


def _kind(file):
    return "imagej" if file.is_imagej else "ome" if file.is_ome else "plain"


def _tags(page):
    """The tags that say where on the earth the image lies, in the form in which `imwrite` takes them."""
    tags = (page.tags.get(code) for code in GEOGRAPHIC)
    return [(tag.code, int(tag.dtype), tag.count, tag.value, True) for tag in tags if tag is not None]


def _colours(colormap):
    """A palette of 16-bit numbers `[3, entries]` as a tuple of 8-bit colours."""
    colours = np.asarray(colormap)
    colours = colours // 256 if colours.max(initial=0) > 255 else colours
    return tuple(tuple(int(part) for part in colour) for colour in colours.T)


def _colormap(palette):
    colours = np.zeros((256, 3), "uint16")
    colours[: len(palette)] = palette
    return colours.T * 257


@contextlib.contextmanager
def _losses_raised():
    """Raise what tifffile only logs: a file that was cut short would be a smaller image without a word."""
    logger, thread, heard = logging.getLogger("tifffile"), threading.get_ident(), []

    class Handler(logging.Handler):
        def emit(self, record):
            if record.thread == thread and LOSSES.search(record.getMessage()):
                heard.append(record.getMessage())

    handler = Handler()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
    if heard:
        raise ValueError(heard[0])
