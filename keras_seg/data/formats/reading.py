"""Read images and labels of any supported format. What is wrong with a file is said here, with the file's name."""

import pathlib

import numpy as np

from keras_seg.data.formats.stored import Unusable
from keras_seg.data.formats.supported import extension, format_of
from keras_seg.data.frame import Frame

# A label stored with a scale factor comes back as 0.9999999.
INTEGER_TOLERANCE = 1e-3


def read_image(paths, channels=None):
    """Read an image.

    Grey pictures have one channel, colour pictures three; a fully opaque alpha channel is dropped. Files of one image
    (`a_0000.nii.gz`, `a_0001.nii.gz`, ...) are stacked along the channels. A NIfTI file has one channel, or `channels`
    along its fourth axis; its scale factors are applied.

    Args:
        paths: Path of a file, or a list of paths: one file per channel.
        channels: Number of channels that the fourth axis of a NIfTI file may hold. `None`: four axes are an error.

    Returns:
        Tuple of the image `[*spatial, channels]`, float32, as stored (not normalised); and its `Frame`.

    Raises:
        ValueError: If a file is missing, damaged, of an unsupported format, has too many axes, or holds NaN or
            infinite values; or if the files of one image do not lie on one another.
    """
    paths = [paths] if isinstance(paths, (str, pathlib.Path)) else list(paths)
    if len(paths) == 1:
        return _read_channel(pathlib.Path(paths[0]), channels)
    parts = [_read_channel(pathlib.Path(path), None) for path in paths]
    if not parts:
        raise ValueError("At least one path is needed to read an image, but the list is empty.")
    for _, frame in parts[1:]:
        _check_same_place(parts[0][1], frame)
    return np.concatenate([image for image, _ in parts], axis=-1), parts[0][1]


def read_raw_label(path, colours=False):
    """Read a label as it is stored: file values or colours, not yet classes.

    Args:
        path: Path of the file.
        colours: Whether the indices of a palette are replaced by their colours.

    Returns:
        Tuple of the values, an integer array `[*spatial]` or colours `[*spatial, 3]`; the `Frame`; and the palette,
        a tuple of colours `(red, green, blue)`, or `None`.

    Raises:
        ValueError: As `read_image`, and if the values are no integers, or below 0.
    """
    path = pathlib.Path(path)
    stored = _read(path, label=True)
    raw = stored.array
    if raw.ndim == len(stored.spacing) and stored.palette is not None and colours:
        raw = np.array(stored.palette, dtype="uint8")[raw]
    if raw.ndim > len(stored.spacing):
        if raw.shape[-1] == 1:
            raw = raw[..., 0]
        elif raw.shape[-1] != 3 or raw.dtype != np.uint8:
            raise ValueError(
                f"{path}: a label must have one number per voxel, its class, or one colour of 8 bits, but this file "
                f"has {raw.shape[-1]} channels of the type {raw.dtype}. If each channel is the mask of a class, save "
                "`mask.argmax(axis=-1)`; masks that overlap cannot be used."
            )
    if raw.ndim == len(stored.spacing):
        raw = _to_integers(path, raw)
    return raw, _frame(path, stored), stored.palette


def _read_channel(path, channels):
    """One file of an image."""
    stored = _read(path, label=False, channels=channels)
    array = stored.array
    if array.ndim == len(stored.spacing):
        array = array[..., None]
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, which is said below
        array = np.ascontiguousarray(array, dtype="float32")
    finite = np.isfinite(array)
    if not finite.all():
        raise ValueError(
            f"{path}: {np.count_nonzero(~finite)} of {array.size} voxels are NaN or infinite. Replace them, for "
            "example with `numpy.nan_to_num(image)`, and save the file again."
        )
    return array, _frame(path, stored)


def _frame(path, stored):
    rank = len(stored.spacing)
    return Frame(
        path, extension(path), stored.array.shape[:rank], stored.spacing, stored.affine, stored.orientation,
        stored.header,
    )  # fmt: skip


def _read(path, label, channels=None):
    """The content of a file; a damaged file is reported in one way."""
    format_ = format_of(path)
    try:
        if path.stat().st_size == 0:
            raise ValueError(f"{path}: the file is empty (0 bytes). Copy or download it again.")
        if path.stat().st_size < 1024 and path.read_bytes().startswith(b"version https://git-lfs"):
            raise ValueError(
                f"{path}: this is only a pointer of Git LFS: the file itself is not here, and what stands there is not "
                "what its extension says. Fetch it with `git lfs pull`."
            )
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such file. Check the path.") from None
    except PermissionError:
        raise ValueError(f"{path}: no permission to read this file. Change its permissions.") from None
    try:
        stored = format_.read(path, label=label, channels=channels)
    except PermissionError:
        raise ValueError(f"{path}: no permission to read this file. Change its permissions.") from None
    except Unusable as error:
        raise ValueError(f"{path}: {error}.") from None
    except ImportError:
        raise
    except MemoryError as error:
        raise MemoryError(
            f"{path}: the file does not fit into memory ({error}). Crop it; if it is no large file, its header is "
            "damaged: copy or download it again."
        ) from error
    except Exception as error:  # whatever a reader stumbles over in a damaged file
        reason = " ".join(str(error).split()) or type(error).__name__  # some readers break their lines
        raise ValueError(
            f"{path}: the file is damaged, cut short or not what its extension says ({reason}). Copy or download it "
            "again; if that does not help, export it anew."
        ) from error
    _check_layout(path, stored, channels)
    return _drop_alpha(path, stored) if stored.alpha else stored


def _check_layout(path, stored, channels):
    """Check what no later step can work with: special data types, empty files, extra axes, no voxel size."""
    array, spacing = stored.array, stored.spacing
    if array.dtype.kind not in "biuf":
        raise ValueError(
            f"{path}: voxels of the type {array.dtype} are not supported. Save it as integers or real numbers, one "
            "number per voxel."
        )
    if array.size == 0:
        raise ValueError(f"{path}: the file has the shape {array.shape} and holds no voxel. Export it anew.")
    if len(spacing) == 4 and channels:
        raise ValueError(
            f"{path}: the fourth axis should hold the {channels} channels of the image, but the file has the shape "
            f"{array.shape}. Do all images have the same channels, and is the number of channels right?"
        )
    if len(spacing) not in (2, 3):
        raise ValueError(
            f"{path}: a 2D image or a 3D volume was expected, but the file has {len(spacing)} axes, shape "
            f"{array.shape}. Save each volume (time point or channel) as a file of its own, for example with "
            "`nibabel.four_to_three`; if the last axis holds channels, name them in a `dataset.json` beside `images/`: "
            '`{"channel_names": {"0": "T1", "1": "T2"}}`.'
        )
    if not all(np.isfinite(size) and size > 0 for size in spacing):
        raise ValueError(f"{path}: the voxel size must be positive, but the header says {spacing}. Correct the header.")
    if stored.orientation and "?" in stored.orientation:
        raise ValueError(
            f"{path}: the affine in the header maps some axis to nothing, so that it is unknown where the axes run. "
            "Correct the header, for example by saving the file again with the affine of its original."
        )


def _drop_alpha(path, stored):
    """Grey or colour without the last channel, its opacity, which must be the same everywhere."""
    array = stored.array
    if array[..., -1].min() != array[..., -1].max():
        raise ValueError(
            f"{path}: the picture is partly transparent, so that its pixels have no colour of their own. Flatten it, "
            "for example with `PIL.Image.open(path).convert('RGB')`, and save it again."
        )
    return stored._replace(array=array[..., 0] if array.shape[-1] == 2 else array[..., :-1])


def _to_integers(path, array):
    """A label's values as integers from 0."""
    if array.dtype == bool:
        return array.astype("uint8")
    if not np.issubdtype(array.dtype, np.integer):
        with np.errstate(invalid="ignore"):  # infinity minus infinity; NaN fails the comparison, as it should
            broken = ~(np.abs(array - np.round(array)) <= INTEGER_TOLERANCE)
        if broken.any():
            raise ValueError(
                f"{path}: labels must be integers, but {np.count_nonzero(broken)} of {array.size} voxels are not, for "
                f"example {array[broken][0]:g}. Was the label resampled with linear interpolation? Use nearest "
                "neighbour, or threshold it."
            )
        array = np.round(array)
    low, high = int(array.min()), int(array.max())
    if low < 0:
        raise ValueError(
            f"{path}: labels must be 0 (the background) or more, but the smallest is {low}. Give these voxels a class "
            "of their own, or 0."
        )
    if high > np.iinfo("int32").max:
        raise ValueError(f"{path}: the largest label is {high}. Number the classes 0, 1, 2, ... and save it again.")
    return np.ascontiguousarray(array, dtype="uint8" if high < 256 else "int32")


def _check_same_place(first, other):
    """Check that two channels of an image lie on one another."""
    if first.shape != other.shape:
        raise ValueError(
            f"The channels of one image must have the same shape, but {first.path} has {first.shape} and {other.path} "
            f"has {other.shape}. Register and resample them to one grid."
        )
    if first.orientation != other.orientation or not np.allclose(first.spacing, other.spacing, rtol=0.01):
        raise ValueError(
            f"The channels of one image must lie on one another, but the axes of {first.path} run "
            f"{first.orientation} with a voxel of {first.spacing} mm, those of {other.path} {other.orientation} with "
            f"{other.spacing}. Register and resample them to one grid."
        )
