"""Find out what the labels of a folder hold: classes, 0 and 255, grey steps, colours, or the numbers of objects."""

import collections
import dataclasses

import numpy as np

from keras_seg.data.formats import read_raw_label
from keras_seg.data.label_map import LabelMap, pack, unpack

# More different values than this are checked for being objects, or smeared edges.
MANY = 20
# More than this cannot be classes.
MOST = 256


@dataclasses.dataclass
class _Scan:
    """What all labels hold, as numbers; colours are packed."""

    counts: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    per_case: list = dataclasses.field(default_factory=list)
    palettes: list = dataclasses.field(default_factory=list)
    first: dict = dataclasses.field(default_factory=dict)
    colours: bool = False

    def add(self, path, raw, palette):
        """Count the values of one label."""
        values, counts = _unique(pack(raw) if self.colours else raw)
        self.counts.update(dict(zip(values.tolist(), counts.tolist())))
        self.per_case.append(frozenset(values.tolist()))
        for value in values.tolist():
            self.first.setdefault(value, path)
        if palette is not None:
            self.palettes.append((palette, values))


def find_label_map(cases, class_names=None, progress=None):
    """Scan all labels for the numbers or colours that they hold, one at a time, and map them to classes 0, 1, 2, ...

    {0, 255} becomes 0 and 1; numbers with gaps (0, 2, 5), grey steps (0, 128, 255) and palettes get classes in their
    order; so do colours, black first. Where neither 0 nor black occurs, the most frequent value is the background.
    Hundreds of numbers that differ between cases are objects of one class.

    Args:
        cases: A `Folder`, or a list of `Pair`.
        class_names: What the numbers mean, if it is known: a dict `{number in the file: name}`, or a list of names
            for 0, 1, 2, ... By default those of the folder's `dataset.json`. Classes that no label holds are kept.
            Colours have no numbers: a list names them in their order, a dict only where there are two.
        progress: Function that takes the list of pairs and yields it again while it shows how far it came, as
            `rich.progress.track`.

    Returns:
        A `LabelMap`.

    Raises:
        ValueError: If there is no label, all are empty, masks of 0 and 1 are beside masks of 0 and 255, edges are
            smeared, or a number has no name; the message names the file.
    """
    if hasattr(cases, "pairs"):
        class_names = cases.label_names if class_names is None else class_names
        cases = cases.pairs
    paths = [pair.label for pair in cases if pair.label is not None]
    if not paths:
        raise ValueError("There is no label to find the classes in: all pairs have an image only.")
    progress = progress or iter
    # As soon as one of them has colours, all are read as such.
    scan = _scan(progress(paths), colours=False) or _scan(progress(paths), colours=True)
    if class_names is not None and not scan.colours:
        return _named(scan, class_names, paths)
    found = _found(scan, paths)
    if isinstance(class_names, dict):
        # Which colour has which number no one said; of two, black is the background.
        class_names = [str(name) for _, name in sorted(class_names.items())] if len(class_names) == 2 else None
    named = class_names is not None and len(class_names) == found.num_classes
    return dataclasses.replace(found, class_names=tuple(class_names)) if named else found


def _scan(paths, colours):
    """Count the values of all labels; `None` if there are colours among them and it was not told."""
    scan = _Scan(colours=colours)
    for path in paths:
        raw, frame, palette = read_raw_label(path, colours=colours)
        if raw.ndim > frame.rank and not colours:
            return None
        scan.add(path, raw, palette)
    if not colours and not _same_palette(scan.palettes):
        return None
    return scan


def _unique(raw):
    """Values and their counts."""
    flat = raw.ravel()
    if flat.size and flat.dtype.kind in "iu" and flat.max() < 1 << 16:
        counts = np.bincount(flat)
        values = np.flatnonzero(counts)
        return values, counts[values]
    return np.unique(flat, return_counts=True)


def _same_palette(palettes):
    """Whether all files give the same colour to the same index, as far as they use it."""
    seen = {}
    return all(
        seen.setdefault(int(value), palette[int(value)]) == palette[int(value)]
        for palette, values in palettes
        for value in values
    )


def _found(scan, paths):
    """The label map of values that no one has named."""
    values = sorted(scan.counts)
    if len(values) == 1 and values[0] == 0:
        raise ValueError(
            f"All {len(paths)} labels are empty: they hold nothing but {'black' if scan.colours else '0'}, for example "
            f"{paths[0]}. Is this the right folder, and were the masks saved?"
        )
    background = 0 if 0 in scan.counts or len(values) == 1 else scan.counts.most_common(1)[0][0]
    if len(values) > MANY:
        if _objects(scan, background):
            mark = 0xFFFFFF if scan.colours else 1
            return LabelMap("instances", _stored(scan, [background, mark if background != mark else 0]))
        _check_clean(scan, values)
    values = [background, *(value for value in values if value != background)]
    if len(values) > MOST:
        kind = "colours" if scan.colours else "different values"
        raise ValueError(
            f"The labels hold {len(values)} {kind}, too many for classes, for example in {paths[0]}. Are they images "
            "instead of masks, or masks that were resized, smoothed or saved as JPEG? Save one value per class."
        )
    if scan.colours:
        return LabelMap("colors", _stored(scan, values))
    _check_two_conventions(scan)
    palette = scan.palettes[0][0] if scan.palettes else None
    if values == list(range(len(values))):
        return LabelMap("identity", tuple(values), palette=palette)
    return LabelMap("values", tuple(values), palette=palette)


def _named(scan, class_names, paths):
    """The label map of values that have names."""
    if isinstance(class_names, dict):
        names = {int(value): str(name) for value, name in class_names.items()}
    else:
        values = sorted({0, *scan.counts})
        # In their order, if the labels hold as many values, but with gaps.
        gaps = len(values) == len(class_names) and values[-1] >= len(class_names)
        names = dict(zip(values if gaps else range(len(class_names)), map(str, class_names)))
    unknown = sorted(set(scan.counts) - set(names))
    if unknown and sorted(names) == [0, 1] and unknown == [255] and 1 not in scan.counts:
        names, unknown = {0: names[0], 255: names[1]}, []  # a mask of 0 and 255 with a name for 1
    if unknown:
        known = ", ".join(f"{value} {name}" for value, name in sorted(names.items()))
        raise ValueError(
            f"{scan.first[unknown[0]]}: the label holds {unknown[0]}, which has no name; the named classes are "
            f"{known}. Name it too (in `dataset.json`, under `labels`), or correct the file."
        )
    if not set(scan.counts) - {0}:
        raise ValueError(f"All {len(paths)} labels are empty: they hold nothing but 0, for example {paths[0]}.")
    names.setdefault(0, "background")
    values = tuple(sorted(names))
    palette = scan.palettes[0][0] if scan.palettes else None
    kind = "identity" if values == tuple(range(len(values))) else "values"
    return LabelMap(kind, values, tuple(names[value] for value in values), palette)


def _stored(scan, values):
    return tuple(unpack(value) if scan.colours else value for value in values)


def _objects(scan, background):
    """Whether the values number objects: they run 1, 2, ..., n with another n in each case, or hardly repeat."""
    cases = [case - {background} for case in scan.per_case]
    cases = [case for case in cases if case]
    if not scan.colours and (len(cases) >= 3 or len(scan.counts) > 100):
        counts, tops = np.array([[len(case), max(case)] for case in cases]).T
        exact = np.mean(counts == tops) >= 0.9 and (len(set(counts)) > 2 or len(cases) < 3)
        # Some were deleted after counting; but classes, of which some are absent, reach the same top in every case.
        nearly = np.mean(counts >= 0.7 * tops) >= 0.9 and np.median(tops) <= 0.7 * tops.max()
        if exact or nearly:
            return True
    often = collections.Counter(value for case in cases for value in case)
    if len(scan.counts) <= MOST:
        # Large numbers of which none comes again in another case: some class would.
        return not scan.colours and len(cases) > 1 and max(often) > MOST and max(often.values()) == 1
    if np.median(list(often.values())) > max(1, 0.5 * len(cases)):
        return False
    # The colours of a few classes, smeared by JPEG, are hundreds too; but then those few cover nearly all.
    counts = sorted((scan.counts[value] for value in often), reverse=True)
    return sum(counts[:MANY]) < 0.5 * sum(counts)


def _check_clean(scan, values):
    """Refuse masks of two values whose edges were smeared into all values between."""
    total, top = sum(scan.counts.values()), values[-1]
    if scan.colours or top not in (255, 65535):
        return
    between = total - scan.counts[values[0]] - scan.counts[top]
    if between < min(0.05 * total, scan.counts[top]):
        name = scan.first[values[1]]
        raise ValueError(
            f"{name}: the masks hold {values[0]} and {values[-1]}, but also {len(values) - 2} values between them in "
            f"{between / total:.1%} of the voxels: their edges were smeared by resizing, smoothing or JPEG. Threshold "
            f"them, for example with `mask > {(values[0] + values[-1]) // 2}`; if the values are classes, name them in "
            "a `dataset.json`."
        )


def _check_two_conventions(scan):
    """Refuse masks of 0 and 1 beside masks of 0 and 255."""
    if set(scan.counts) != {0, 1, 255} or any({1, 255} <= case for case in scan.per_case):
        return
    raise ValueError(
        f"Some masks hold 0 and 1, as {scan.first[1]}, and others 0 and 255, as {scan.first[255]}. Save all in one "
        "way, so that one value means one thing."
    )
