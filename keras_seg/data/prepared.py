"""Prepared cases on disk: in canonical orientation, at one spacing, normalised, opened as memory maps."""

import collections.abc
import dataclasses
from typing import NamedTuple

import numpy as np

from keras_seg.data import folder as folders
from keras_seg.data.cache import cache_folder, entry_path, is_intact, open_entry, remove_leftovers, write_entry
from keras_seg.data.case import check_alike
from keras_seg.data.facts import identity
from keras_seg.data.fingerprints import check_labelled
from keras_seg.data.geometry import Geometry
from keras_seg.data.normalization import Normalization

# Voxels of each class whose places are kept for drawing patches.
PLACES = 5000


@dataclasses.dataclass(frozen=True, eq=False)
class PreparedCase:
    """A case as a network sees it. The arrays are maps of a file: what is not looked at is not in memory.

    Args:
        name: Name of the case.
        image: Array `[*spatial, channels]`, float32, normalised.
        label: Array `[*spatial]` of classes, uint8, or int32 where there are more than 256.
        spacing: Size of a voxel along each axis, in millimetres.
        geometry: `Geometry`, the way back to the file's own grid.
        foreground: List with one array `[voxels, axes]` per class: up to 5000 places of it, drawn at random. That of
            the background, the first, is empty.
        lost: Classes that the stored label holds and the prepared one does not, because their voxels were too few to
            cover half of one at this spacing.
    """

    name: str
    image: np.ndarray
    label: np.ndarray
    spacing: tuple[float, ...]
    geometry: Geometry
    foreground: list[np.ndarray]
    lost: tuple[int, ...] = ()

    @property
    def shape(self):
        """Number of voxels along each spatial axis, without the channels."""
        return self.label.shape

    @property
    def channels(self):
        """Number of channels of the image."""
        return self.image.shape[-1]

    @classmethod
    def open(cls, path):
        """Open a file of the cache.

        Args:
            path: Path of the file.

        Raises:
            ValueError: If the file is gone or damaged.
        """
        header, arrays = open_entry(path)
        ends = np.cumsum(header["places"])
        return cls(
            header["name"],
            arrays["image"],
            arrays["label"],
            tuple(header["spacing"]),
            Geometry.from_dict(header["geometry"]),
            np.split(arrays["places"], ends[:-1]),
            tuple(header["lost"]),
        )


class PreparedCases(collections.abc.Sequence):
    """Prepared cases by number, each opened when it is asked for and closed when it is dropped.

    Args:
        paths: Dict from the name of each case to its file in the cache.
    """

    def __init__(self, paths):
        self.paths = dict(paths)

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        names = self.names[index]
        return self.select(names) if isinstance(index, slice) else PreparedCase.open(self.paths[names])

    def __repr__(self):
        return f"<PreparedCases: {len(self)} cases, {self.size / 1e6:.1f} MB on disk>"

    @property
    def names(self):
        """Names of the cases, in their order."""
        return list(self.paths)

    @property
    def size(self):
        """Number of bytes on disk."""
        return sum(path.stat().st_size for path in self.paths.values())

    def by_name(self, name):
        """Open the case of a name."""
        return PreparedCase.open(self.select([name]).paths[name])

    def select(self, names):
        """Return the cases of some names, in the given order.

        Args:
            names: List of names.

        Raises:
            ValueError: If a name is unknown.
        """
        unknown = [name for name in names if name not in self.paths]
        if unknown:
            raise ValueError(f"There is no prepared case {unknown[0]!r} among {len(self)}.")
        return PreparedCases({name: self.paths[name] for name in names})


def prepare(pairs, label_map=None, spacing=None, normalization=None, cache=None, progress=None):
    """Prepare cases for training and keep them on disk; those that are there already are not made again.

    Each case is read, its axes brought into canonical order, its voxels to one spacing, its intensities to one scale.
    One case is in memory at a time. A case is made anew if its files or a setting changed or its entry is damaged.
    It is safe to stop at any time, and to run several processes.

    Args:
        pairs: List of `Pair`, each with a label.
        label_map: `LabelMap` from the values in the files to classes.
        spacing: Wanted size of a voxel along each canonical axis, in millimetres, or `None` to keep each case's own.
        normalization: `Normalization`; by default `zscore`.
        cache: Folder to keep them in. By default that of the environment variable `KERAS_SEG_CACHE`, or else the user's
            cache folder.
        progress: Function that takes the list of pairs and yields it again while it shows how far it came, as
            `rich.progress.track`.

    Returns:
        `PreparedCases`, in the order of the pairs.

    Raises:
        ValueError: As `read_case` does for a bad file, if two pairs have one name, a pair has no label, or the cases
            cannot train one network.
        OSError: If the disk is full or the folder cannot be written to.
    """
    pairs = list(pairs)
    check_labelled(pairs)
    folder = cache_folder(cache)
    remove_leftovers(folder)
    normalization = normalization or Normalization()
    settings = {
        "label_map": label_map.to_dict() if label_map is not None else None,
        "spacing": None if spacing is None else [float(size) for size in spacing],
        "normalization": normalization.to_dict(),
    }
    paths, first = {}, None
    for pair in progress(pairs) if progress else pairs:
        if pair.name in paths:
            raise ValueError(f"Names of cases must be unique, but {pair.name!r} appears twice ({pair.image}).")
        origin = {"name": pair.name, "files": identity(pair), "channels": getattr(pair, "channels", None)}
        path = entry_path(folder, {**origin, **settings})
        if not is_intact(path):
            write_entry(path, *_prepare_case(pair, label_map, spacing, normalization))
        case = PreparedCase.open(path)
        kind = _Kind(case.name, case.shape, case.channels)
        first = first or kind
        check_alike([first, kind])
        paths[pair.name] = path
    return PreparedCases(paths)


def prepare_image(image, frame, spacing=None, normalization=None):
    """Prepare an image as `prepare` does, in memory: for prediction.

    Args:
        image: Array `[*stored, channels]`.
        frame: Its `Frame`, or anything with a `shape`, a `spacing` and maybe an `orientation`.
        spacing: Wanted size of a voxel along each canonical axis, in millimetres, or `None` to keep it.
        normalization: `Normalization`; by default `zscore`.

    Returns:
        Tuple of the prepared image `[*prepared, channels]`, float32, and its `Geometry`, the way back.
    """
    geometry = Geometry.of(frame, spacing)
    return (normalization or Normalization())(geometry.image(image)), geometry


class _Kind(NamedTuple):
    """What all cases of a network share, and whose it is."""

    name: str
    shape: tuple[int, ...]
    channels: int


def _prepare_case(pair, label_map, spacing, normalization):
    """Read and prepare one case: header and arrays of its entry."""
    case = folders.read_case(pair, label_map)
    image, geometry = prepare_image(case.image, getattr(case, "frame", None) or case, spacing, normalization)
    label = geometry.label(case.label)
    num_classes = max(int(case.label.max()) + 1, getattr(label_map, "num_classes", 0) or 0)
    places = _places(label, num_classes)
    lost = sorted(set(np.unique(case.label).tolist()) - set(np.unique(label).tolist()))
    header = {
        "name": pair.name,
        "spacing": geometry.prepared_spacing,
        "geometry": geometry.to_dict(),
        "places": [len(part) for part in places],
        "lost": lost,
    }
    dtype = "uint8" if num_classes <= 256 else "int32"
    return header, {"image": image, "label": label.astype(dtype, copy=False), "places": np.concatenate(places)}


def _places(label, num_classes):
    """Up to `PLACES` places of each class but the background: a list of arrays `[voxels, axes]`, int32."""
    generator = np.random.default_rng(0)
    places = [np.zeros((0, label.ndim), "int32")]
    # The foreground is searched once; its classes are then told apart in what was found.
    flat = np.flatnonzero(label)
    classes = label.ravel()[flat]
    for number in range(1, num_classes):
        found = flat[classes == number]
        if len(found) > PLACES:
            found = np.sort(generator.choice(found, PLACES, replace=False))
        places.append(np.stack(np.unravel_index(found, label.shape), axis=-1).astype("int32"))
    return places
