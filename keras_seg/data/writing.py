"""Give masks and probabilities back in the input's format, place and values."""

import pathlib

import numpy as np

from keras_seg import files
from keras_seg.data.formats import nifti, numpy_arrays
from keras_seg.data.formats.supported import extension, format_of, stem
from keras_seg.data.label_map import LabelMap


def output_path(folder, frame, name=None, scores=False):
    """Return where the mask of an image belongs: in `folder`, under its name, in its format.

    Args:
        folder: Path of the folder.
        frame: `Frame` of the image.
        name: Name of the case; by default the image's file name without its extension.
        scores: Whether probabilities are meant: `NAME_probabilities.nii.gz` for NIfTI, otherwise `.npz`.

    Returns:
        A `pathlib.Path`.
    """
    name = stem(frame.path) if name is None else name
    if not scores:
        return pathlib.Path(folder) / f"{name}{frame.ending}"
    ending = frame.ending if frame.ending in nifti.ENDINGS else ".npz"
    return pathlib.Path(folder) / f"{name}_probabilities{ending}"


def write_label(path, classes, frame, label_map=None):
    """Write a mask in the format that the path's ending tells, where its image lies.

    NIfTI gets the image's affine and header, TIFF its voxel size and place on the earth, PNG and TIFF the palette of
    the labels. The label map is undone: 0 and 255, colours and numbers with gaps come back as the labels had them.

    Args:
        path: Path of the file; `output_path` gives it the image's ending. A missing folder is made.
        classes: Array `[*spatial]` of integers of the image's shape, the class of each voxel.
        frame: `Frame` of the image.
        label_map: `LabelMap`. By default the classes are written as they are.

    Returns:
        The path.

    Raises:
        ValueError: If shape or classes do not fit, the format cannot hold the values, or `path` is the image itself.
        OSError: If the file cannot be written; the message names it and what to do.
    """
    path, classes = pathlib.Path(path), np.asarray(classes)
    _check(path, classes.shape, frame)
    if label_map is None:
        label_map = LabelMap.identity(max(2, int(classes.max(initial=0)) + 1))
    array = label_map.to_values(classes)
    format_ = format_of(path)
    if array.ndim > frame.rank and format_ is nifti:
        array, label_map = classes.astype("uint8"), None  # the format knows no colours
    if array.dtype == np.int32 and extension(path) == ".png":
        raise ValueError(
            f"{path}: PNG holds numbers up to 65535, but the classes reach {array.max()}. Write TIFF or NIfTI instead."
        )
    with files.replacing(path) as temporary:
        format_.write(temporary, np.ascontiguousarray(array), frame, palette=label_map and label_map.palette)
    return path


def write_scores(path, probabilities, frame):
    """Write the probability of each class: a NIfTI file of four axes, or an `.npz` with the key `probabilities`.

    Args:
        path: Path of the file, `.nii`, `.nii.gz` or `.npz`; `output_path(..., scores=True)` gives it the right ending.
        probabilities: Array `[*spatial, classes]`; it is written as float32.
        frame: `Frame` of the image.

    Returns:
        The path.

    Raises:
        ValueError: If the shape does not fit, another format is asked for, or `path` is the image itself.
        OSError: If the file cannot be written; the message names it and what to do.
    """
    path, probabilities = pathlib.Path(path), np.asarray(probabilities)
    _check(path, probabilities.shape[:-1], frame)
    ending = extension(path)
    if ending not in (*nifti.ENDINGS, ".npz"):
        raise ValueError(f"{path}: probabilities are written as .nii.gz, .nii or .npz. Change the ending.")
    format_ = nifti if ending in nifti.ENDINGS else numpy_arrays
    with files.replacing(path) as temporary:
        format_.write_scores(temporary, probabilities, frame)
    return path


def _check(path, shape, frame):
    if tuple(shape) != tuple(frame.shape):
        raise ValueError(
            f"{path}: a mask must have the shape of its image, {tuple(frame.shape)}, but it has {tuple(shape)}. Bring "
            "it back to the image's grid first."
        )
    if path.exists() and frame.path.exists() and path.samefile(frame.path):
        raise ValueError(f"{path}: this is the image itself, which is never overwritten. Choose another folder.")
