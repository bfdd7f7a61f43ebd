"""A folder of cases: `images/NAME.ext` beside `labels/NAME.ext`."""

import dataclasses
import difflib
import pathlib

from keras_seg.data.case import Case, check_alike
from keras_seg.data.formats import EXTENSIONS, extension, read_image, read_label

# Files that operating systems leave behind; names that begin with a dot are skipped too.
LITTER = ("thumbs.db", "desktop.ini")


@dataclasses.dataclass(frozen=True)
class Pair:
    """The two files of a case.

    Args:
        name: File name without its extension, the same for both.
        image: Path of the image.
        label: Path of the label.
    """

    name: str
    image: pathlib.Path
    label: pathlib.Path


def find_cases(folder):
    """Pair `images/NAME.ext` with `labels/NAME.ext`.

    The extensions may differ between image and label; hidden files are skipped. Nothing is read yet.

    Args:
        folder: Path of a folder that holds `images/` and `labels/`, with `.nii`, `.nii.gz` or `.png` files.

    Returns:
        List of `Pair`, sorted by name.

    Raises:
        ValueError: If the folder, one of its two parts or a partner is missing, nothing is in it, a name appears
            twice, or a file has an unsupported extension.
    """
    folder = pathlib.Path(folder)
    if not folder.exists():
        raise ValueError(
            f"{folder}: there is no such folder. Check the path; it is looked up from {pathlib.Path.cwd()}."
        )
    if not folder.is_dir():
        raise ValueError(f"{folder}: this is a file. Give the folder that holds `images/` and `labels/`.")
    images = _files(folder, "images")
    labels = _files(folder, "labels")
    if not images and not labels:
        raise ValueError(
            f"{folder}: `images/` and `labels/` are empty. Put one file per case into each, under the same name, in "
            f"one of the formats {', '.join(EXTENSIONS)}."
        )
    _check_partners(folder, images, labels)
    return [Pair(name, images[name], labels[name]) for name in sorted(images)]


def read_case(pair):
    """Read a case from its two files.

    A mask that holds no values but 0 and 255 becomes 0 and 1.

    Args:
        pair: `Pair`, as `find_cases` returns them.

    Returns:
        A `Case`: image `[*spatial, channels]` float32 as stored (not normalised), label `[*spatial]`, spacing in
        millimetres from the image's header.

    Raises:
        ValueError: If a file is damaged or holds what it should not, or if the two do not fit each other.
    """
    image, spacing, image_orientation = read_image(pair.image)
    label, _, label_orientation = read_label(pair.label)
    if image.shape[:-1] != label.shape:
        raise ValueError(
            f"Image and label must have the same shape, but {pair.image} has {image.shape[:-1]} and {pair.label} has "
            f"{label.shape}. Are they of the same case? Resample the label to the image with nearest neighbour."
        )
    if image_orientation != label_orientation and image_orientation and label_orientation:
        raise ValueError(
            f"Image and label lie differently in space: the axes of {pair.image} run {image_orientation}, those of "
            f"{pair.label} run {label_orientation}. Reorient both with `nibabel.as_closest_canonical`; if only the "
            "label's header is wrong, save the label with the image's affine."
        )
    return Case(pair.name, image, label, spacing)


def read_cases(folder, limit=None, progress=None):
    """Read the cases of a folder, sorted by name.

    Args:
        folder: Path of a folder that holds `images/` and `labels/`.
        limit: Read the first `limit` cases only. All by default.
        progress: Function that takes the list of pairs and yields it again while it shows how far it came, as
            `rich.progress.track` or `tqdm.tqdm`. Nothing is shown by default.

    Returns:
        List of `Case`, all of the same rank and with the same number of channels.

    Raises:
        ValueError: As `find_cases` and `read_case` do, and if 2D and 3D or grey and colour images are mixed.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"`limit` must be 1 or more, or `None` for all cases, but it is {limit}.")
    pairs = find_cases(folder)[:limit]
    cases = [read_case(pair) for pair in (progress(pairs) if progress else pairs)]
    try:
        check_alike(cases)
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from None
    return cases


def _files(folder, part):
    """The files of `images/` or `labels/` by name."""
    directory = folder / part
    if not directory.is_dir():
        inside = ", ".join(sorted(path.name for path in folder.iterdir())[:8]) or "nothing"
        raise ValueError(
            f"{folder}: the folder `{part}/` is missing. The layout is `images/NAME.ext` and `labels/NAME.ext`; the "
            f"folder holds {inside}. Rename or create `{part}/`."
        )
    found = {}
    for path in sorted(directory.iterdir()):
        if path.name.startswith(".") or path.name.lower() in LITTER or path.is_dir():
            continue
        ending = extension(path)
        if ending is None:
            raise ValueError(
                f"{path}: this file format is not supported. Supported are {', '.join(EXTENSIONS)}. Convert the file, "
                "or move it out of the folder."
            )
        name = path.name[: -len(ending)]
        if name in found:
            raise ValueError(f"{found[name]} and {path.name} are two files of one name. Keep one of them.")
        found[name] = path
    return found


def _check_partners(folder, images, labels):
    """Report the names that are in one part only, and what they may have been meant to be."""
    for part, other, missing, rest in (
        ("images", "labels", sorted(set(images) - set(labels)), sorted(set(labels) - set(images))),
        ("labels", "images", sorted(set(labels) - set(images)), sorted(set(images) - set(labels))),
    ):
        if not missing:
            continue
        shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        near = difflib.get_close_matches(missing[0], rest, n=1)
        hint = f" Is `{other}/{near[0]}` meant for `{part}/{missing[0]}`?" if near else ""
        raise ValueError(
            f"{folder}: {len(missing)} of {part}/ have no partner of the same name in {other}/: {shown}.{hint} "
            "Rename or add the missing files, or move these out of the folder."
        )
