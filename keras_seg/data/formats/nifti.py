"""NIfTI: `.nii` and `.nii.gz`."""

import numpy as np

from keras_seg.data.formats.stored import Stored

ENDINGS = (".nii.gz", ".nii")

MILLIMETRES = {"mm": 1.0, "unknown": 1.0, "meter": 1000.0, "micron": 0.001}


def read(path, label=False, channels=None):
    """Read a NIfTI file; its scale factors are applied.

    Args:
        path: `pathlib.Path`.
        label: Whether it is a label, which has no channels.
        channels: Number of channels that the fourth axis of an image may hold. `None`: a fourth axis is refused.

    Returns:
        `Stored`.
    """
    import nibabel

    # Without the memory map the file is closed when its data are read.
    volume = nibabel.load(path, mmap=False)
    array = np.asanyarray(volume.dataobj)
    while array.ndim > 3 and array.shape[-1] == 1:
        array = array[..., 0]
    rank = array.ndim
    if rank == 4 and not label and channels == array.shape[-1]:
        rank = 3
    header = volume.header
    spacing = tuple(float(size) * _unit(header) for size in header.get_zooms()[:rank])
    if rank == 3 and array.shape[2] == 1 and len(header.get_zooms()) > 2 and header.get_zooms()[2] == 0:
        spacing = (*spacing[:2], 1.0)  # one slice of a size that no one wrote down
    orientation = None
    if rank == 3:
        orientation = "".join(code or "?" for code in nibabel.aff2axcodes(volume.affine))
    return Stored(array, spacing, volume.affine, orientation, header)


def write(path, array, frame, palette=None):
    """Write a label with the frame's affine and header.

    Args:
        path: `pathlib.Path`.
        array: Array `[*spatial]` of integers, or `[*spatial, classes]` of float32.
        frame: `Frame` of the image.
        palette: Not used: the format knows no colours.
    """
    import nibabel

    header, affine = _header(frame), frame.affine
    if affine is None:
        affine = np.diag([*frame.spacing, *([1.0] * (4 - frame.rank))])
    kind = nibabel.Nifti2Image if isinstance(header, nibabel.Nifti2Header) else nibabel.Nifti1Image
    if array.dtype == np.uint16:
        array = array.astype("int32")  # a type that every viewer of NIfTI knows
    image = kind(array, affine, header)
    image.set_data_dtype(array.dtype)
    image.header["cal_min"] = image.header["cal_max"] = 0  # the image's window, which would show a label black
    if header is None:
        image.header.set_xyzt_units("mm")
    nibabel.save(image, path)


def write_scores(path, scores, frame):
    """Write one volume of float32 per class, along the fourth axis.

    Args:
        path: `pathlib.Path`.
        scores: Array `[*spatial, classes]`.
        frame: `Frame` of the image.
    """
    if frame.rank == 2:
        scores = scores[:, :, None]
    write(path, np.ascontiguousarray(scores, dtype="float32"), frame)


def _unit(header):
    """Millimetres in the header's unit of length; 1 where it names none that there is."""
    try:
        return MILLIMETRES.get(header.get_xyzt_units()[0], 1.0)
    except KeyError:
        return 1.0


def _header(frame):
    """The NIfTI header of the frame, or `None` if it comes from another format."""
    import nibabel

    return frame.header.copy() if isinstance(frame.header, nibabel.Nifti1Header) else None
