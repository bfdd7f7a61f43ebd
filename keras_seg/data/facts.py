"""What is noted of one case: its size, its classes and its intensities, in a few hundred numbers."""

import dataclasses
import pathlib

import numpy as np

from keras_seg.data.geometry import Geometry
from keras_seg.data.normalization import moments

# More values than this are thinned out before they are sorted.
SORTED = 1 << 20


@dataclasses.dataclass(frozen=True)
class CaseFacts:
    """What the fingerprint knows of one case.

    Args:
        name: Name of the case.
        shape: Shape `[*spatial]`, with the axes in canonical order.
        spacing: Size of a voxel along the same axes, in millimetres.
        channels: Number of channels.
        counts: Number of voxels of each class, the background first.
        image: One dict per channel: `minimum`, `median`, `maximum` of all voxels, and `whole`, whether they are whole
            numbers.
        foreground: One dict per channel: `count`, `mean`, `std` and `samples` (sorted values at even quantiles) of the
            voxels in any class but the background; all voxels where there is none.
        files: Dict from the path of each file of the case to its size in bytes and its time in nanoseconds.
        oriented: Whether the file says where the axes run in the body.
    """

    name: str
    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    channels: int
    counts: tuple[int, ...]
    image: tuple[dict, ...]
    foreground: tuple[dict, ...]
    files: dict
    oriented: bool = False

    @classmethod
    def of(cls, case, pair, num_classes, samples):
        """Gather the facts of a `Case` that was read from a `Pair`."""
        geometry = Geometry.of(case)
        counts = np.bincount(case.label.ravel(), minlength=num_classes)
        inside = case.label.ravel() > 0
        if not inside.any():
            inside[:] = True
        flat = case.image.reshape(-1, case.channels)
        return cls(
            case.name,
            geometry.canonical_shape,
            geometry.canonical_spacing,
            case.channels,
            tuple(int(count) for count in counts),
            tuple(_range(flat[:, channel]) for channel in range(case.channels)),
            tuple(_sample(flat[inside, channel], samples) for channel in range(case.channels)),
            identity(pair),
            geometry.orientation is not None,
        )


def identity(pair):
    """Tell the files of a pair apart from others and from later versions of themselves.

    Args:
        pair: `Pair` of an image, of one or more files, and a label.

    Returns:
        Dict from each absolute path to its size in bytes and its time of change in nanoseconds.
    """
    paths = [*getattr(pair, "images", (pair.image,)), pair.label]
    paths = [str(pathlib.Path(path).absolute()) for path in paths if path is not None]
    return {path: file_state(path) for path in paths}


def file_state(path):
    """Size in bytes and time of change in nanoseconds of a file; -1 and -1 where it is gone."""
    try:
        status = pathlib.Path(path).stat()
    except OSError:
        return [-1, -1]
    return [status.st_size, status.st_mtime_ns]


def _range(values):
    """Lowest, middle and highest value of an image, and whether all are whole numbers."""
    thin = _thinned(values)
    return {
        "minimum": float(values.min()),
        "median": _short(np.median(thin)),
        "maximum": float(values.max()),
        "whole": bool(np.array_equal(thin, np.round(thin))),
    }


def _sample(values, number):
    """Mean and standard deviation of all values, and some of them at even quantiles."""
    mean, std = moments(values)
    thin = np.sort(_thinned(values))
    picked = ((np.arange(number) + 0.5) * len(thin) / number).astype(int) if len(thin) > number else slice(None)
    return {"count": len(values), "mean": mean, "std": std, "samples": [_short(value) for value in thin[picked]]}


def _thinned(values):
    """So many of the values at random, the same each time, that they are sorted in no time."""
    return values if len(values) <= SORTED else values[np.random.default_rng(0).integers(0, len(values), SORTED)]


def _short(value):
    """Seven digits, as many as float32 has: JSON stays small."""
    return float(f"{float(value):.7g}")
