"""Where a data set keeps its images and labels: the plain layout, Medical Segmentation Decathlon, nnU-Net."""

import dataclasses
import difflib
import json
import pathlib
import re

from keras_seg.data.formats import EXTENSIONS, extension, stem
from keras_seg.data.formats.supported import advice, is_dicom

# Files that operating systems leave behind; names that begin with a dot are skipped too.
LITTER = ("thumbs.db", "desktop.ini")

# Files beside images that no one takes for one, such as the `.json` that dcm2niix writes.
TEXTS = (".csv", ".json", ".log", ".md", ".toml", ".tsv", ".txt", ".xml", ".yaml", ".yml")

# nnU-Net's names: the case, then the number of the channel.
CHANNEL = re.compile(r"(?P<name>.+)_(?P<channel>\d{4})")

LAYOUTS = (
    "`images/NAME.ext` and `labels/NAME.ext`, or `imagesTr/`, `labelsTr/` and `dataset.json` of the Medical "
    "Segmentation Decathlon or nnU-Net"
)


@dataclasses.dataclass(frozen=True)
class Description:
    """What a `dataset.json` says.

    Args:
        label_names: Dict from the number in the labels to the name of the class, or `None`.
        channel_names: Names of the channels, or `None`.
    """

    label_names: dict | None = None
    channel_names: tuple | None = None


def read_description(folder):
    """Read `dataset.json`, of the Decathlon or of nnU-Net's first or second version.

    Args:
        folder: `pathlib.Path` that may hold it.

    Returns:
        A `Description`, empty if there is no such file.

    Raises:
        ValueError: If the file is no JSON, or its entries are of no known form.
    """
    path = folder / "dataset.json"
    if not path.is_file():
        return Description()
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, OSError) as error:
        raise ValueError(f"{path}: this is no JSON that can be read ({error}). Correct or remove the file.") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected an object `{{...}}` of entries, but it holds {type(content).__name__}.")
    channels = content.get("channel_names", content.get("modality"))
    if isinstance(channels, dict):
        channels = [channels[key] for key in sorted(channels, key=_number)]
    elif isinstance(channels, str):
        channels = [channels]
    labels = content.get("labels")
    try:
        names = _label_names(labels) if labels else None
    except (TypeError, ValueError, AttributeError):
        raise ValueError(
            f"{path}: `labels` must be of the form {{'background': 0, 'liver': 1}} or {{'0': 'background', "
            f"'1': 'liver'}}, but it is {labels!r}. Classes that are unions of others (regions) are not supported: "
            "give the number of each single class."
        ) from None
    return Description(names, tuple(str(name) for name in channels) if channels else None)


def parts_of(folder):
    """Return the layout's name and the folders of its images and labels.

    Args:
        folder: `pathlib.Path` of a data set.

    Returns:
        Tuple of `"images/labels"` or `"imagesTr/labelsTr"`, and two paths.

    Raises:
        ValueError: If there is no such folder or a part is missing.
    """
    check_folder(folder)
    for suffix in ("", "Tr"):
        images, labels = folder / f"images{suffix}", folder / f"labels{suffix}"
        if images.is_dir() and labels.is_dir():
            return f"images{suffix}/labels{suffix}", images, labels
    there = next((part for part in ("images", "labels", "imagesTr", "labelsTr") if (folder / part).is_dir()), "labels")
    part = there.replace("images", "labels") if "images" in there else there.replace("labels", "images")
    entries = sorted(path.name for path in folder.iterdir())
    inside = ", ".join(entries[:8]) or "nothing"
    hint = next((f" {folder / name}: {advice(folder / name)}" for name in entries if _foreign(folder / name)), "")
    raise ValueError(
        f"{folder}: the folder `{part}/` is missing. The layout is {LAYOUTS}; the folder holds {inside}. Rename or "
        f"create `{part}/`.{hint}"
    )


def check_folder(folder):
    """Check that a path is a folder that can be read."""
    if not folder.exists():
        raise ValueError(
            f"{folder}: there is no such folder. Check the path; it is looked up from {pathlib.Path.cwd()}."
        )
    if not folder.is_dir():
        raise ValueError(f"{folder}: this is a file. Give the folder that holds `images/` and `labels/`.")


def list_files(directory):
    """The files of a folder by the name that they give to a case, sorted.

    Hidden files and folders are skipped, and texts that lie beside images.

    Args:
        directory: `pathlib.Path`.

    Returns:
        Dict from name to path.

    Raises:
        ValueError: If a file is of an unsupported format, or two files have one name.
    """
    found, texts = {}, []
    for path in visible(directory):
        if path.is_dir():
            continue
        if is_text(path):
            texts.append(path)
            continue
        if extension(path) is None:
            raise ValueError(f"{path}: {advice(path)}")
        name = stem(path)
        if name in found:
            raise ValueError(
                f"{found[name]} and {path.name} are two files of one name. Keep one of them, or rename it."
            )
        found[name] = path
    if not found:
        check_nested(directory)
        if texts:
            raise ValueError(f"{texts[0]}: {advice(texts[0])}")
    return found


def is_text(path):
    """Whether a file is a text by its ending, which may lie beside images."""
    return path.suffix.lower() in TEXTS


def visible(directory):
    """Paths inside a folder, sorted, without hidden files and litter."""
    try:
        paths = sorted(directory.iterdir())
    except PermissionError:
        raise ValueError(f"{directory}: no permission to read this folder. Change its permissions.") from None
    return [path for path in paths if not path.name.startswith(".") and path.name.lower() not in LITTER]


def check_nested(directory):
    """Refuse a folder without files whose cases lie in folders of their own: DICOM series, or one folder a case."""
    for inner in visible(directory):
        paths = [path for path in visible(inner) if path.is_file()] if inner.is_dir() else []
        if paths and _foreign(paths[0]):
            raise ValueError(f"{inner}: {advice(paths[0])}")
        if paths and extension(paths[0]):
            raise ValueError(
                f"{directory}: there is no file in it, but folders, as {inner.name}/ with {paths[0].name}. Move the "
                "files up, one per case, and give each the name of its case."
            )


def pair(folder, images, labels):
    """Pair images with labels by name, with the channel files of one case together.

    Args:
        folder: What an error names.
        images: Folder of the images.
        labels: Folder of the labels.

    Returns:
        Tuple of a list of `(name, image paths, label path)`, sorted by name, and whether channels are files.

    Raises:
        ValueError: If nothing is there, a partner or a channel is missing, or a name appears twice.
    """
    image_files, label_files = list_files(images), list_files(labels)
    parts = images.name, labels.name
    if not image_files and not label_files:
        raise ValueError(
            f"{folder}: `{parts[0]}/` and `{parts[1]}/` are empty. Put one file per case into each, under the same "
            f"name, in one of the formats {', '.join(EXTENSIONS)}."
        )
    groups = None if set(image_files) & set(label_files) else group(image_files)
    by_channel = groups is not None and bool(set(groups) & set(label_files))
    cases = groups if by_channel else {name: (path,) for name, path in image_files.items()}
    _check_partners(folder, parts, cases, label_files)
    if by_channel:
        check_channels(cases)
    return [(name, tuple(cases[name]), label_files[name]) for name in sorted(cases)], by_channel


def group(files):
    """Group files `NAME_0000`, `NAME_0001`, ... by name.

    Args:
        files: Dict from name to path.

    Returns:
        Dict from the name without the number to the paths in their order, or `None` if some name has no number.
    """
    groups = {}
    for name in sorted(files):
        match = CHANNEL.fullmatch(name)
        if match is None:
            return None
        groups.setdefault(match["name"], []).append(files[name])
    return {name: tuple(paths) for name, paths in groups.items()}


def channel_of(path):
    """Number of the channel in a name `NAME_0001.ext`."""
    return int(CHANNEL.fullmatch(stem(path))["channel"])


def check_channels(cases):
    """Check that all cases have the same channels, numbered from 0000."""
    wanted = max(max(channel_of(path) for path in paths) for paths in cases.values()) + 1
    for name, paths in sorted(cases.items()):
        missing = sorted(set(range(wanted)) - {channel_of(path) for path in paths})
        if missing:
            raise ValueError(
                f"{paths[0].parent}: the case {name} has no file {name}_{missing[0]:04d}; expected were the channels "
                f"0000 to {wanted - 1:04d}, as other cases have them. Add the file, or move the case out of the folder."
            )


def _check_partners(folder, parts, images, labels):
    """Report the names that are in one part only, and what they may have been meant to be."""
    for part, other, missing, rest in (
        (*parts, sorted(set(images) - set(labels)), sorted(set(labels) - set(images))),
        (*parts[::-1], sorted(set(labels) - set(images)), sorted(set(images) - set(labels))),
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


def _label_names(labels):
    """`{number: name}` from `{number: name}` or `{name: number}`."""
    if all(str(key).isdigit() for key in labels):
        return {int(value): str(name) for value, name in labels.items()}
    names = {}
    for name, value in labels.items():
        if isinstance(value, (list, tuple)) and len(value) == 1:
            value = value[0]
        if int(value) in names:
            raise ValueError(value)
        names[int(value)] = str(name)
    return names


def _number(key):
    return int(key) if str(key).isdigit() else 0


def _foreign(path):
    """Whether a file is an image of a format that is not supported."""
    return path.is_file() and extension(path) is None and ("not supported" not in advice(path) or is_dicom(path))
