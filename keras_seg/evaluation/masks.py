"""Masks in one folder against labels in another, whoever predicted them."""

import contextlib
import pathlib

import numpy as np

from keras_seg.data import layouts
from keras_seg.data.folder import Pair, open_folder, read_label
from keras_seg.data.formats import extension, stem
from keras_seg.data.label_scan import find_label_map
from keras_seg.evaluation.case import TOLERANCE
from keras_seg.evaluation.evaluation import evaluate_cases


def evaluate_masks(
    predictions, labels, *, label_map=None, class_names=None, tolerance=TOLERANCE, ignore_class=None, progress=None
):
    """Measure predicted masks in files, by name against the labels; only one case is in memory at a time.

    Labels without a prediction and predictions without a label are left out, and named in `Evaluation.notes`.

    Args:
        predictions: Path of the folder of the masks, or of one mask.
        labels: Path of the folder of the labels, or of a data set (`labels/` or `labelsTr/` inside), or of one label.
        label_map: `keras_seg.data.LabelMap` from the values in the files to classes. `None`: found by reading all
            files of both folders.
        class_names: What the values mean, where it is to be found: see `keras_seg.data.find_label_map`.
        tolerance: Distance in mm that is no error for the surface Dice.
        ignore_class: Class of the labels whose voxels are left out, or `None`.
        progress: Function that takes the list of cases and yields it again while it shows how far it came, as
            `rich.progress.track`.

    Returns:
        An `Evaluation`.

    Raises:
        ValueError: If nothing is there to compare, a mask and its label lie on different grids, or hold unknown values;
            the message names the files.
    """
    predictions, labels = pathlib.Path(predictions), pathlib.Path(labels)
    pairs, notes, names = _pair(predictions, labels)
    if label_map is None:
        label_map = _find_map(pairs, names if class_names is None else class_names)
    shown = progress(list(pairs)) if progress else list(pairs)
    return evaluate_cases(
        ((name, *_read(*pairs[name], label_map)) for name in shown),
        label_map.num_classes,
        class_names=label_map.class_names,
        tolerance=tolerance,
        ignore_class=ignore_class,
        notes=notes,
    )


def _find_map(pairs, names):
    """Return the label map of all files: a class that no truth of these cases holds may be predicted."""
    truths = [Pair(name, (), truth) for name, (truth, _) in pairs.items()]
    if names is None:
        # By the labels alone it is told whether they number objects: masks of one class blur that.
        with contextlib.suppress(ValueError):  # whatever is wrong with them is said below
            found = find_label_map(truths)
            if found.kind == "instances":
                return found
    return find_label_map(truths + [Pair(name, (), mask) for name, (_, mask) in pairs.items()], names)


def _pair(predictions, labels):
    """Return a dict from name to paths of truth and prediction, notes on what is left out, and names of values."""
    if predictions.is_file() and labels.is_file():
        return {stem(predictions): (labels, predictions)}, (), None
    truths, names = _labels(labels)
    masks = _files(predictions)
    both = sorted(set(truths) & set(masks))
    if not both:
        raise ValueError(
            f"No mask in {predictions} has the name of a label in {labels}. There are {_some(masks)} and "
            f"{_some(truths)}. Give the folders of masks and labels, which have the same names."
        )
    left = (
        (set(truths) - set(masks), f"labels in {labels} have no mask in {predictions}"),
        (set(masks) - set(truths), f"masks in {predictions} have no label in {labels}"),
    )
    notes = [f"Left out: {len(rest)} {what}: {_some(rest)}." for rest, what in left if rest]
    return {name: (truths[name], masks[name]) for name in both}, tuple(notes), names


def _labels(folder):
    """Return labels by name, and what a `dataset.json` says of their values: of a folder of labels or a data set."""
    if folder.is_dir() and any((folder / part).is_dir() for part in ("labels", "labelsTr")):
        opened = open_folder(folder)
        return {pair.name: pair.label for pair in opened.pairs}, opened.label_names
    return _files(folder), None


def _files(path):
    """Return the files of a folder that can be masks, by name; reports and pictures of other formats may lie there."""
    if path.is_file():
        return {stem(path): path}
    layouts.check_folder(path)
    found = {}
    for file in layouts.visible(path):
        if not file.is_file() or extension(file) is None:
            continue
        if stem(file) in found:
            raise ValueError(f"{found[stem(file)]} and {file.name} are two files of one name. Keep one of them.")
        found[stem(file)] = file
    return found


def _read(label, mask, label_map):
    """Return truth, prediction and spacing of one case."""
    truth, frame = read_label(label, label_map)
    prediction, other = read_label(mask, label_map)
    if frame.shape != other.shape:
        raise ValueError(
            f"A mask and its label must have the same shape, but {mask} has {other.shape} and {label} has "
            f"{frame.shape}. Resample the mask to the label with nearest neighbour."
        )
    turned = frame.orientation and other.orientation and frame.orientation != other.orientation
    if turned or not np.allclose(frame.spacing, other.spacing, rtol=0.01):
        raise ValueError(
            f"A mask and its label must lie on one another, but {mask} has {_place(other)}, and {label} has "
            f"{_place(frame)}. Correct the header of the one that is wrong, or resample the mask to the label with "
            "nearest neighbour."
        )
    return truth, prediction, frame.spacing


def _place(frame):
    size = f"a voxel of {' x '.join(f'{size:g}' for size in frame.spacing)} mm"
    return f"{size} and axes that run {frame.orientation}" if frame.orientation else size


def _some(names):
    names = sorted(names)
    return ", ".join(names[:5]) + (f", ... ({len(names)})" if len(names) > 5 else "") if names else "none"
