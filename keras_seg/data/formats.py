"""The file formats of images and labels: NIfTI and PNG.

Each reader returns plain arrays and the voxel size. What is wrong with a file is said here, with the file's name.
"""

import struct
import zlib

import numpy as np

EXTENSIONS = (".nii.gz", ".nii", ".png")

MILLIMETRES = {"mm": 1.0, "unknown": 1.0, "meter": 1000.0, "micron": 0.001}

# A label stored with a scale factor comes back as 0.9999999.
INTEGER_TOLERANCE = 1e-3


def extension(path):
    """The supported extension of a path, in lower case, or `None` where the format is not supported."""
    name = path.name.lower()
    return next((ending for ending in EXTENSIONS if name.endswith(ending) and name != ending), None)


def read_image(path):
    """Read an image.

    PNG: grey images of 8 or 16 bits have one channel, colour images three. A fully opaque alpha channel is dropped.
    NIfTI: one 2D or 3D volume with one channel; the file's scale factors are applied.

    Args:
        path: `pathlib.Path` of a `.nii`, `.nii.gz` or `.png` file.

    Returns:
        Tuple of the image `[*spatial, channels]`, float32; the spacing in millimetres; and the orientation, a text as
        `"RAS"`, or `None` where the format knows none.

    Raises:
        ValueError: If the file is damaged, has too many axes, or holds NaN or infinite values.
    """
    array, spacing, orientation = _read(path, label=False)
    if array.ndim == len(spacing):
        array = array[..., None]
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, which is said below
        array = np.ascontiguousarray(array, dtype="float32")
    finite = np.isfinite(array)
    if not finite.all():
        raise ValueError(
            f"{path}: {np.count_nonzero(~finite)} of {array.size} voxels are NaN or infinite. Replace them, for "
            "example with `numpy.nan_to_num(image)`, and save the file again."
        )
    return array, spacing, orientation


def read_label(path):
    """Read a label: the class of each voxel.

    A mask that holds no values but 0 and 255 is mapped to 0 and 1. The indices of a palette PNG are taken as classes.

    Args:
        path: `pathlib.Path` of a `.nii`, `.nii.gz` or `.png` file.

    Returns:
        Tuple of the label `[*spatial]`, uint8 where the classes allow it and int32 otherwise; the spacing in
        millimetres; and the orientation, as `read_image` returns them.

    Raises:
        ValueError: If the file is damaged, has too many axes or channels, or holds negative or broken numbers.
    """
    array, spacing, orientation = _read(path, label=True)
    if array.ndim != len(spacing):
        raise ValueError(
            f"{path}: a label must have one number per pixel, its class, but this file has {array.shape[-1]} channels. "
            "If it is grey in truth, save it with `PIL.Image.open(path).convert('L')`; if colours mean classes, map "
            "each colour to a class number (0 is the background)."
        )
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
    if high == 255 and np.isin(array, (0, 255)).all():
        array = array > 0
        high = 1
    return np.ascontiguousarray(array, dtype="uint8" if high < 256 else "int32"), spacing, orientation


def _read(path, label):
    """Array, spacing and orientation as they stand in the file; a damaged file is reported in one way."""
    if extension(path) is None:
        raise ValueError(
            f"{path}: this file format is not supported. Supported are {', '.join(EXTENSIONS)}. "
            "Convert the file, or move it out of the folder."
        )
    try:
        array, spacing, orientation = _open_png(path, label) if extension(path) == ".png" else _open_nifti(path)
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such file. Check the path.") from None
    except PermissionError:
        raise ValueError(f"{path}: no permission to read this file. Change its permissions.") from None
    except _damaged() as error:
        reason = " ".join(str(error).split()) or type(error).__name__  # some readers break their lines
        raise ValueError(
            f"{path}: the file is damaged, cut short or not what its extension says ({reason}). Copy or download it "
            "again; if that does not help, export it anew."
        ) from error
    _check_layout(path, array, spacing)
    if array.ndim > len(spacing) and array.shape[-1] in (2, 4):
        array = _drop_alpha(path, array)
    return array, spacing, orientation


def _check_layout(path, array, spacing):
    """Check what no later step can work with: special data types, empty files, extra axes, no voxel size."""
    if array.dtype.kind not in "biuf":
        raise ValueError(
            f"{path}: voxels of the type {array.dtype} are not supported. Save it as integers or real numbers, one "
            "number per voxel."
        )
    if array.size == 0:
        raise ValueError(f"{path}: the file has the shape {array.shape} and holds no voxel. Export it anew.")
    if len(spacing) not in (2, 3):
        raise ValueError(
            f"{path}: a 2D image or a 3D volume was expected, but the file has {len(spacing)} axes, shape "
            f"{array.shape}. Save each volume (time point or channel) as a file of its own, for example with "
            "`nibabel.four_to_three`."
        )
    if not all(np.isfinite(size) and size > 0 for size in spacing):
        raise ValueError(f"{path}: the voxel size must be positive, but the header says {spacing}. Correct the header.")


def _damaged():
    """What the readers raise on a damaged file."""
    from nibabel.filebasedimages import ImageFileError
    from nibabel.spatialimages import HeaderDataError

    # OSError: BadGzipFile, PIL.UnidentifiedImageError, truncated images. SyntaxError: a broken PNG chunk.
    return (OSError, EOFError, SyntaxError, ValueError, zlib.error, struct.error, ImageFileError, HeaderDataError)


def _open_nifti(path):
    import nibabel

    # Without the memory map the file is closed when its data are read.
    volume = nibabel.load(path, mmap=False)
    array = np.asanyarray(volume.dataobj)
    while array.ndim > 3 and array.shape[-1] == 1:
        array = array[..., 0]
    unit = MILLIMETRES.get(volume.header.get_xyzt_units()[0], 1.0)
    spacing = tuple(float(size) * unit for size in volume.header.get_zooms()[: array.ndim])
    orientation = "".join(code or "?" for code in nibabel.aff2axcodes(volume.affine)) if array.ndim == 3 else None
    return array, spacing, orientation


def _open_png(path, label):
    import PIL.Image

    with PIL.Image.open(path, formats=["PNG"]) as picture:
        picture.load()
        if picture.mode == "P" and not label:
            picture = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
        return np.asarray(picture), (1.0, 1.0), None


def _drop_alpha(path, array):
    """Grey or colour without the last channel of a PNG, its opacity, which must be the same everywhere."""
    if array[..., -1].min() != array[..., -1].max():
        raise ValueError(
            f"{path}: the picture is partly transparent, so that its pixels have no colour of their own. Flatten it, "
            "for example with `PIL.Image.open(path).convert('RGB')`, and save it again."
        )
    return array[..., 0] if array.shape[-1] == 2 else array[..., :3]
