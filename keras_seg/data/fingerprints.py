"""The fingerprint of a data set: what a plan for its training has to know, found in one pass over the files."""

import dataclasses

import numpy as np

from keras_seg.data import folder as folders
from keras_seg.data.case import check_alike
from keras_seg.data.facts import CaseFacts, file_state
from keras_seg.data.geometry import Geometry, median_spacing

# Values of the foreground kept per case and channel, evenly spaced among the sorted ones, and of all cases together.
SAMPLES = (20, 500)
ALL_SAMPLES = 20_000


@dataclasses.dataclass(frozen=True)
class Fingerprint:
    """What a data set is like; `keras_seg.data.fingerprint` makes it.

    Args:
        cases: Tuple of `CaseFacts`, in the order of their names.
        class_names: Name of each class, the background first.
    """

    cases: tuple[CaseFacts, ...]
    class_names: tuple[str, ...]

    @property
    def names(self):
        """Names of the cases."""
        return [case.name for case in self.cases]

    @property
    def rank(self):
        """Number of spatial axes, 2 or 3."""
        return len(self.cases[0].shape)

    @property
    def num_classes(self):
        """Number of classes, the background included."""
        return len(self.class_names)

    @property
    def channels(self):
        """Number of channels of each image."""
        return self.cases[0].channels

    @property
    def shapes(self):
        """Shape of each case, with the axes in canonical order."""
        return [case.shape for case in self.cases]

    @property
    def spacings(self):
        """Spacing of each case, with the axes in canonical order, in millimetres."""
        return [case.spacing for case in self.cases]

    @property
    def oriented(self):
        """Whether every file says where its axes run, so that the first one runs from left to right."""
        return all(case.oriented for case in self.cases)

    @property
    def median_spacing(self):
        """Median spacing, axis by axis, in millimetres."""
        return median_spacing(self.spacings)

    @property
    def median_shape(self):
        """Median of the cases' shapes as they are at the median spacing."""
        return self.median_shape_at(self.median_spacing)

    def median_shape_at(self, spacing=None):
        """Median of the cases' shapes at a spacing in millimetres, or as stored."""
        shapes = [Geometry(case.shape, case.spacing, target_spacing=spacing).prepared_shape for case in self.cases]
        return tuple(int(size + 0.5) for size in np.median(shapes, axis=0))

    @property
    def class_shares(self):
        """Share of the voxels that each class covers over all cases, a list that sums to 1."""
        counts = np.sum([case.counts for case in self.cases], axis=0)
        return (counts / counts.sum()).tolist()

    @property
    def absent_classes(self):
        """Names of the classes that are in no case at all."""
        return [name for name, share in zip(self.class_names, self.class_shares) if share == 0]

    @property
    def intensities(self):
        """Intensities over all cases: one dict per channel, see `intensities_of`."""
        return self.intensities_of()

    def intensities_of(self, names=None):
        """Intensities over some cases, for example those that train.

        Each case counts the same, whatever its size. For the foreground those without any do not count, unless none
        has one: then it is all voxels.

        Args:
            names: Names of the cases; all by default.

        Returns:
            List of one dict per channel. Of all voxels: `minimum` and `maximum`, `typical_minimum` and
            `typical_maximum` (the median over cases), `whole` (whether all are whole numbers). Of the foreground:
            `mean`, `std`, `percentile_00_5`, `median` and `percentile_99_5`.

        Raises:
            ValueError: If a name is unknown, or there is none.
        """
        cases = self._named(names)
        filled = [case for case in cases if any(case.counts[1:])] or cases
        return [
            _pool([case.image[c] for case in cases], [case.foreground[c] for case in filled])
            for c in range(self.channels)
        ]

    def check_split(self, split):
        """Check that the training cases hold each class that is judged.

        Args:
            split: `Split(train, validation, test)`.

        Raises:
            ValueError: If a class is in a validation or test case and in no training case; the message names both.
        """
        seen = np.sum([case.counts for case in self._named(split.train)], axis=0) > 0
        for part in ("validation", "test"):
            for case in self._named(getattr(split, part)) if getattr(split, part) else ():
                for number in np.flatnonzero((np.array(case.counts) > 0) & ~seen):
                    holders = [other.name for other in self.cases if other.counts[number]]
                    raise ValueError(
                        f"The {part} case {case.name!r} holds class {number} ({self.class_names[number]}), which no "
                        f"training case holds, so that a network cannot learn it. It is in {_listed(holders)}. "
                        "Change the split (another seed, or fewer cases held out), or add cases with it."
                    )

    def changed_files(self):
        """Paths of the files that are gone or are not as they were when the fingerprint was taken."""
        known = [entry for case in self.cases for entry in case.files.items()]
        return [path for path, values in known if file_state(path) != values]

    def to_dict(self):
        """Return everything as plain data, for JSON."""
        return {"class_names": list(self.class_names), "cases": [_plain(vars(case)) for case in self.cases]}

    @classmethod
    def from_dict(cls, values):
        """Return the fingerprint that `to_dict` described."""
        cases = [
            CaseFacts(**{key: tuple(value) if isinstance(value, list) else value for key, value in case.items()})
            for case in values["cases"]
        ]
        return cls(tuple(cases), tuple(values["class_names"]))

    def _named(self, names):
        by_name = {case.name: case for case in self.cases}
        names = list(by_name) if names is None else list(names)
        unknown = [name for name in names if name not in by_name]
        if unknown or not names:
            raise ValueError(
                f"The names must be of cases in this fingerprint, one or more, but {_listed(unknown)} are not."
                if unknown
                else "At least one case is needed, but the list of names is empty."
            )
        return [by_name[name] for name in names]


def fingerprint(folder, label_map, pairs=None, progress=None):
    """Read each case of a data set once, one at a time, and note what training has to know.

    Args:
        folder: `Folder`, as `open_folder` returns it.
        label_map: `LabelMap` from the values in the files to classes.
        pairs: The pairs to look at; those of the folder by default.
        progress: Function that takes the list of pairs and yields it again while it shows how far it came, as
            `rich.progress.track`.

    Returns:
        A `Fingerprint`.

    Raises:
        ValueError: As `read_case` does for a bad file, if a case has no label, and if the cases cannot train one
            network: 2D beside 3D, or different numbers of channels (RGB beside grey).
    """
    pairs = sorted(folder.pairs if pairs is None else pairs, key=lambda pair: pair.name)
    if not pairs:
        raise ValueError(f"{folder.path}: at least one case is needed, but there is none.")
    check_labelled(pairs)
    samples = int(np.clip(ALL_SAMPLES // len(pairs), *SAMPLES))
    cases = []
    for pair in progress(pairs) if progress else pairs:
        # In one expression: the next case is read when this one is gone from memory.
        facts = CaseFacts.of(folders.read_case(pair, label_map), pair, label_map.num_classes, samples)
        try:
            check_alike([*cases[:1], facts])
        except ValueError as error:
            raise ValueError(f"{folder.path}: {error}") from None
        cases.append(facts)
    return Fingerprint(tuple(cases), tuple(label_map.class_names))


def check_labelled(pairs):
    """Check that each pair has a label.

    Args:
        pairs: List of `Pair`.

    Raises:
        ValueError: If a pair has none.
    """
    for pair in pairs:
        if pair.label is None:
            raise ValueError(f"{pair.image}: this image has no label, which training needs. Add it, or move the image.")


def _pool(images, foregrounds):
    """Intensities of one channel over cases that count the same each."""
    means = np.array([entry["mean"] for entry in foregrounds])
    mean = means.mean()
    variance = np.mean([entry["std"] ** 2 for entry in foregrounds]) + np.mean((means - mean) ** 2)
    values = np.concatenate([entry["samples"] for entry in foregrounds])
    weights = np.concatenate([np.full(len(entry["samples"]), 1 / len(entry["samples"])) for entry in foregrounds])
    order = np.argsort(values, kind="stable")
    centres = (np.cumsum(weights[order]) - weights[order] / 2) / weights.sum()
    low, middle, high = np.interp((0.005, 0.5, 0.995), centres, values[order])
    return {
        "minimum": min(entry["minimum"] for entry in images),
        "maximum": max(entry["maximum"] for entry in images),
        "typical_minimum": float(np.median([entry["minimum"] for entry in images])),
        "typical_maximum": float(np.median([entry["maximum"] for entry in images])),
        "whole": all(entry["whole"] for entry in images),
        "mean": float(mean),
        "std": float(np.sqrt(variance)),
        "percentile_00_5": float(low),
        "median": float(middle),
        "percentile_99_5": float(high),
    }


def _plain(values):
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}


def _listed(names):
    return ", ".join(map(repr, names[:3])) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
