"""NumPy's own files: `.npy` with one array, `.npz` with an array and its spacing."""

import io

import numpy as np

from keras_seg.data.formats.stored import Stored, Unusable

ENDINGS = (".npy", ".npz")

# An array whose last axis is so short has channels there: no volume is so thin.
MOST_CHANNELS = 4


def read(path, label=False, channels=None):
    """Read an array.

    An image has channels along its last axis if it has four axes; if it has three and the last has at most 4 entries
    or as many as `channels`; or if the `spacing` of an `.npz` has one entry less than the array has axes.

    Args:
        path: `pathlib.Path`.
        label: Whether it is a label, which has no channels.
        channels: Number of channels of the image, where it is known.

    Returns:
        `Stored`.
    """
    with path.open("rb") as file:  # NumPy leaves a damaged one open
        array, spacing = _load(path, file, label)
    rank = array.ndim
    has_channels = rank == 4 or (rank == 3 and array.shape[-1] in (*range(1, MOST_CHANNELS + 1), channels))
    if label:  # it may have few slices; but an axis of 1 is none
        has_channels = has_channels and array.shape[-1] == 1
    if spacing is not None:
        spacing = tuple(float(size) for size in np.ravel(spacing))
        if len(spacing) not in (rank, rank - 1):
            raise Unusable(
                f"`spacing` holds {len(spacing)} numbers for an array of the shape {array.shape}; expected one number "
                "of millimetres per spatial axis. Save it so"
            )
        has_channels = len(spacing) == rank - 1
    else:
        spacing = (1.0,) * (rank - has_channels)
    if label and has_channels and array.shape[-1] == 1:
        array = array[..., 0]
    return Stored(array, spacing)


def write(path, array, frame, palette=None):
    """Write a label: `.npz` with the keys `label` and `spacing`, or the bare array as `.npy`.

    Args:
        path: `pathlib.Path`.
        array: Array `[*spatial]` of integers, or colours `[*spatial, 3]`.
        frame: `Frame` of the image.
        palette: Not used: the format knows no colours.
    """
    if path.name.lower().endswith(".npy"):
        # Through memory: of a full disk, `numpy.save` does not tell that it is full.
        content = io.BytesIO()
        np.save(content, array)
        path.write_bytes(content.getbuffer())
        return
    with path.open("wb") as file:  # a path would get `.npz` after an ending in capitals
        np.savez_compressed(file, label=array, spacing=np.array(frame.spacing))


def write_scores(path, scores, frame):
    """Write the keys `probabilities` `[*spatial, classes]` and `spacing` into an `.npz`.

    Args:
        path: `pathlib.Path`.
        scores: Array `[*spatial, classes]`.
        frame: `Frame` of the image.
    """
    with path.open("wb") as file:
        np.savez_compressed(file, probabilities=np.asarray(scores, dtype="float32"), spacing=np.array(frame.spacing))


def _load(path, file, label):
    """The array that is meant, and the stored spacing or `None`."""
    try:
        loaded = np.load(file, allow_pickle=False)
    except ValueError as error:
        # NumPy takes every file that is not its own for pickled objects.
        if "pickle" not in str(error).lower() or path.read_bytes()[:6] != b"\x93NUMPY":
            raise
        raise Unusable(
            "the file holds Python objects, which are not loaded for safety. Save a plain array of numbers"
        ) from None
    if isinstance(loaded, np.ndarray):
        return loaded, None
    with loaded:
        array = loaded[_key(loaded.files, label)]
        return array, loaded["spacing"] if "spacing" in loaded.files else None


def _key(keys, label):
    """The key of the array that is meant."""
    wanted = ("label", "data") if label else ("image", "data")
    rest = [key for key in keys if key != "spacing"]
    found = next((key for key in wanted if key in rest), rest[0] if len(rest) == 1 else None)
    if found is None:
        raise Unusable(
            f"the file holds the arrays {', '.join(keys) or 'none'}; expected was one array, or one named "
            f"`{wanted[0]}` or `data`. Rename or remove the others"
        )
    return found
