"""Data sets made from others: classes kept, merged or given a border class of their own; and phantoms as files."""

import pathlib
import shutil

import numpy as np

from keras_seg.data.folder import open_folder
from keras_seg.data.formats.reading import read_raw_label
from keras_seg.data.formats.supported import extension
from keras_seg.data.label_map import LabelMap, pack
from keras_seg.data.label_scan import find_label_map
from keras_seg.data.phantom import phantoms
from keras_seg.data.writing import write_label
from keras_seg.files import make_folder, replacing


def derive(data, out, *, keep=None, merge=None, border=None, progress=None):
    """Write a data set with the same images and other labels.

    What is asked for is done in the order of the arguments. What is left is numbered 1, 2, ... in its order.

    Args:
        data: Folder of the cases, in any layout of `open_folder`.
        out: Folder to write `images/` and `labels/` into; it must not hold anything.
        keep: Classes that are kept; the others become background. `None`: all.
        merge: Classes that become one, the first of them. `None`: none.
        border: Width in voxels. What lies within it of the edge of its class, or of its object where labels number
            objects, becomes a class of its own, the last one; the edge of the image is none. `None`: no border class.
        progress: As in `find_label_map`.

    Returns:
        Names of the classes of the new data set, the background first.

    Raises:
        ValueError: If nothing is asked for, a class is unknown, or `out` holds something.
        OSError: If `out` cannot be written to.
    """
    folder = open_folder(data)
    label_map = find_label_map(folder)
    _check(keep, merge, border, label_map)
    table, names = _classes(label_map, keep, merge)
    if border:
        names.append("border")
    out = _new_folder(out)
    written = LabelMap.identity(len(names))
    for pair in progress(folder.pairs) if progress else folder.pairs:
        raw, frame, _ = read_raw_label(pair.label, colours=label_map.colours)
        classes = table[label_map.to_classes(raw, pair.label)]
        if border:
            classes = np.where(
                (classes > 0) & _near_an_edge(_objects(raw, classes, label_map), border), len(names) - 1, classes
            )
        for image in pair.images:
            with replacing(out / "images" / image.name) as temporary:
                shutil.copyfile(image, temporary)
        write_label(out / "labels" / f"{pair.name}{extension(pair.label)}", classes.astype("uint8"), frame, written)
    return tuple(names)


def write_phantoms(out, num_cases, *, progress=None, **options):
    """Write phantoms as a data set: NIfTI files, or PNG in 2D (8 bits, the brightest voxel white).

    Args:
        out: Folder to write `images/` and `labels/` into; it must not hold anything.
        num_cases: Number of cases.
        progress: Function that takes the numbers of the cases and yields them again.
        **options: Those of `keras_seg.data.phantoms`.

    Returns:
        The folder.

    Raises:
        ValueError: As `keras_seg.data.phantoms` does, or if `out` holds something.
        OSError: If `out` cannot be written to.
    """
    import nibabel
    from PIL import Image

    # All at once: which of them are empty depends on their number.
    cases = phantoms(num_cases, **options)
    out = _new_folder(out)
    for case in progress(cases) if progress else cases:
        flat = len(case.shape) == 2
        for part, array in (("images", case.image[..., 0]), ("labels", case.label)):
            with replacing(out / part / f"{case.name}{'.png' if flat else '.nii.gz'}") as temporary:
                if flat:
                    array = array if part == "labels" else np.rint(255 * array / array.max())
                    Image.fromarray(array.astype("uint8")).save(temporary, format="png")
                else:
                    nibabel.save(nibabel.Nifti1Image(array, np.diag([*case.spacing, 1.0])), temporary)
    return out


def _check(keep, merge, border, label_map):
    if keep is None and merge is None and border is None:
        raise ValueError("Nothing is asked for: give `keep`, `merge` or `border`.")
    known = range(1, label_map.num_classes)
    for name, classes in (("keep", keep), ("merge", merge)):
        if classes is None:
            continue
        unknown = [index for index in classes if index not in known]
        if unknown or not len(classes) or len(set(classes)) != len(classes):
            listed = ", ".join(f"{index} {label_map.class_names[index]}" for index in known)
            raise ValueError(f"`{name}` must be classes of the data ({listed}), each once. Received: {list(classes)}.")
    if keep is not None and merge is not None and set(merge) - set(keep):
        raise ValueError(f"`merge` holds classes that `keep` drops: {sorted(set(merge) - set(keep))}.")
    if border is not None and not (isinstance(border, int) and border >= 1):
        raise ValueError(f"`border` must be a whole number of voxels, 1 or more. Received: {border!r}.")


def _classes(label_map, keep, merge):
    """Return the new class of each old one, an array, and the names of the new ones."""
    target = {index: index for index in range(1, label_map.num_classes) if keep is None or index in keep}
    for index in merge or ():
        target[index] = merge[0]
    left = sorted(set(target.values()))
    table = np.zeros(label_map.num_classes, "uint8")
    for old, new in target.items():
        table[old] = 1 + left.index(new)
    merged = " + ".join(label_map.class_names[index] for index in merge or ())
    names = [merged if merge and index == merge[0] else label_map.class_names[index] for index in left]
    return table, [label_map.class_names[0], *names]


def _objects(raw, classes, label_map):
    """Return numbers that differ on the two sides of every edge: those of objects where labels have them."""
    if label_map.kind != "instances":
        return classes.astype("int32")
    raw = pack(raw) if label_map.colours else raw
    numbers = np.unique(raw, return_inverse=True)[1].reshape(raw.shape)
    return np.where(classes > 0, 1 + numbers, 0)


def _near_an_edge(numbers, width):
    """Return which voxels have another number within `width` voxels of them."""
    from scipy import ndimage

    reach = np.indices((2 * width + 1,) * numbers.ndim) - width
    ball = (reach**2).sum(axis=0) <= width**2
    lowest = ndimage.minimum_filter(numbers, footprint=ball, mode="nearest")
    return (lowest != numbers) | (ndimage.maximum_filter(numbers, footprint=ball, mode="nearest") != numbers)


def _new_folder(out):
    out = pathlib.Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out}: this folder is not empty. Choose a new one for the derived data.")
    for part in ("images", "labels"):
        make_folder(out / part)
    return out
