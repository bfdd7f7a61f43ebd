"""A folder of cases: find the files that belong together, and read them."""

import dataclasses
import pathlib

from keras_seg.data import layouts
from keras_seg.data.case import Case, check_alike
from keras_seg.data.formats import extension, nifti, read_image, read_raw_label, stem
from keras_seg.data.formats.supported import advice


@dataclasses.dataclass(frozen=True)
class Pair:
    """The files of a case.

    Args:
        name: File name without its extension, and without the number of the channel.
        images: Paths of the image: one file, or one per channel.
        label: Path of the label, or `None` for an image to predict.
        channels: Number of channels that a NIfTI file with four axes may hold. `None`: such a file is an error.
    """

    name: str
    images: tuple[pathlib.Path, ...]
    label: pathlib.Path | None = None
    channels: int | None = None

    @property
    def image(self):
        """Path of the image; of its first channel if each is a file."""
        return self.images[0]

    def read_image(self):
        """Read the image: see `keras_seg.data.read_image`."""
        return read_image(self.images, self.channels)


@dataclasses.dataclass(frozen=True)
class Folder:
    """A data set: which files belong together, and what their numbers mean.

    Args:
        path: Path of the folder.
        layout: `"images/labels"`, `"msd"` (Medical Segmentation Decathlon) or `"nnunet"`.
        pairs: List of `Pair`, sorted by name.
        label_names: Dict from the number in the labels to the name of the class, from `dataset.json`, or `None`.
        channel_names: Names of the channels, from `dataset.json`, or `None`.
    """

    path: pathlib.Path
    layout: str
    pairs: list[Pair]
    label_names: dict[int, str] | None = None
    channel_names: tuple[str, ...] | None = None

    @property
    def class_names(self):
        """Names of the classes, the background first, or `None` if the folder does not say."""
        if not self.label_names:
            return None
        names = {0: "background"} | self.label_names
        return tuple(names[value] for value in sorted(names))


def open_folder(path):
    """Find the cases of a data set. Nothing is read yet but `dataset.json`, if there is one.

    Layouts: `images/NAME.ext` and `labels/NAME.ext`; `imagesTr/`, `labelsTr/` and `dataset.json` of the Medical
    Segmentation Decathlon, whose files may hold several channels along a fourth axis; and nnU-Net's raw data, with one
    file per channel, `imagesTr/NAME_0000.ext`. Image and label may differ in format; hidden files are skipped.

    Args:
        path: Path of the folder.

    Returns:
        A `Folder`.

    Raises:
        ValueError: If the folder, a part, a partner or a channel is missing, nothing is in it, a name appears twice, a
            file is of an unsupported format, or `dataset.json` cannot be read.
    """
    folder = pathlib.Path(path)
    layout, images, labels = layouts.parts_of(folder)
    description = layouts.read_description(folder)
    found, by_channel = layouts.pair(folder, images, labels)
    names = description.channel_names
    if by_channel:
        _check_channel_names(folder, names, found)
    if layout != "images/labels":
        layout = "nnunet" if by_channel else "msd"
    channels = _several(names and len(names)) if all(len(paths) == 1 for _, paths, _ in found) else None
    pairs = [Pair(name, paths, label, channels) for name, paths, label in found]
    return Folder(folder, layout, pairs, description.label_names, names)


def find_cases(folder):
    """Find the pairs of image and label of a data set, in any layout of `open_folder`.

    Args:
        folder: Path of the folder.

    Returns:
        List of `Pair`, sorted by name.

    Raises:
        ValueError: As `open_folder` does.
    """
    return open_folder(folder).pairs


def find_images(path, channels=None):
    """Find images to predict.

    Files `NAME_0000.ext`, `NAME_0001.ext`, ... are one image if `channels` (or `dataset.json`) says that an image has
    so many channels, or if they lie there for several names, as many for each.

    Args:
        path: Path of a file, of a folder of images, or of a data set with `images/`, `imagesTs/` or `imagesTr/`.
        channels: Number of channels that the network takes, if it is known.

    Returns:
        List of `Pair` without labels, sorted by name. A file of an unsupported format is among them, and an error when
        it is read, so that the others are predicted.

    Raises:
        ValueError: If nothing is there, or no file has a supported format.
    """
    path = pathlib.Path(path)
    if path.is_file():
        return [_single(path, channels)]
    layouts.check_folder(path)
    folder = next((path / part for part in ("images", "imagesTs", "imagesTr") if _has_files(path / part)), path)
    files = [file for file in layouts.visible(folder) if file.is_file() and not layouts.is_text(file)]
    usable = [file for file in files if extension(file)]
    if not usable:
        layouts.check_nested(folder)
        hint = f" {files[0]}: {advice(files[0])}" if files else ""
        raise ValueError(f"{folder}: there is no image in it.{hint} Give an image or a folder of images.")
    if channels is None:
        described = layouts.read_description(folder).channel_names or layouts.read_description(path).channel_names
        described = described or layouts.read_description(folder.parent).channel_names
        channels = len(described) if described else None
    pairs = _grouped(usable, channels)
    if pairs is None:
        pairs = [Pair(stem(file), (file,), None, _several(channels)) for file in usable]
    pairs += [Pair(file.name, (file,)) for file in files if extension(file) is None]
    return sorted(pairs, key=lambda pair: (pair.name, pair.image))


def read_label(path, label_map=None):
    """Read a label: the class of each voxel.

    Args:
        path: Path of the file.
        label_map: `LabelMap`. By default the file's numbers are the classes, and 255 is 1 in a mask of 0 and 255.

    Returns:
        Tuple of the label `[*spatial]`, uint8 where the classes allow it and int32 otherwise; and its `Frame`.

    Raises:
        ValueError: If the file is damaged, has too many axes, or holds negative, broken or unknown numbers, or colours
            where no label map says what they mean.
    """
    raw, frame, _ = read_raw_label(path, colours=label_map is not None and label_map.colours)
    if label_map is not None:
        return label_map.to_classes(raw, path), frame
    if raw.ndim > frame.rank:
        raise ValueError(
            f"{path}: a label must have one number per pixel, its class, but this file has {raw.shape[-1]} channels. "
            "If it is grey in truth, save it with `PIL.Image.open(path).convert('L')`; if colours mean classes, read "
            "it with the `label_map` of `keras_seg.data.find_label_map`."
        )
    if raw.max() == 255 and ((raw == 0) | (raw == 255)).all():
        raw = (raw > 0).astype("uint8")
    return raw, frame


def read_case(pair, label_map=None):
    """Read a case from its files.

    Args:
        pair: `Pair`, as `find_cases` returns them.
        label_map: `LabelMap`. By default the label's numbers are the classes, and 255 is 1 in a mask of 0 and 255.

    Returns:
        A `Case`: image `[*spatial, channels]` float32 as stored (not normalised), label `[*spatial]`, spacing in
        millimetres from the image's header, and the image's frame.

    Raises:
        ValueError: If a file is damaged or holds what it should not, or if the two do not fit each other.
    """
    image, frame = pair.read_image()
    if pair.label is None:
        raise ValueError(f"{pair.image}: this image has no label. Read it with `keras_seg.data.read_image`.")
    label, other = read_label(pair.label, label_map)
    if frame.shape != label.shape:
        raise ValueError(
            f"Image and label must have the same shape, but {pair.image} has {frame.shape} and {pair.label} has "
            f"{label.shape}. {_shape_hint(image.shape, label.shape)}"
        )
    if frame.orientation != other.orientation and frame.orientation and other.orientation:
        raise ValueError(
            f"Image and label lie differently in space: the axes of {pair.image} run {frame.orientation}, those of "
            f"{pair.label} run {other.orientation}. Reorient both with `nibabel.as_closest_canonical`; if only the "
            "label's header is wrong, save the label with the image's affine."
        )
    return Case(pair.name, image, label, frame.spacing, frame)


def read_cases(folder, limit=None, progress=None, label_map=None):
    """Read the cases of a data set, sorted by name.

    Args:
        folder: Path of the folder, in any layout of `open_folder`.
        limit: Read the first `limit` cases only. All by default.
        progress: Function that takes the list of pairs and yields it again while it shows how far it came, as
            `rich.progress.track` or `tqdm.tqdm`. Nothing is shown by default.
        label_map: `LabelMap`, as in `read_case`.

    Returns:
        List of `Case`, all of the same rank and with the same number of channels.

    Raises:
        ValueError: As `find_cases` and `read_case` do, and if 2D and 3D or grey and colour images are mixed.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"`limit` must be 1 or more, or `None` for all cases, but it is {limit}.")
    pairs = find_cases(folder)[:limit]
    cases = [read_case(pair, label_map) for pair in (progress(pairs) if progress else pairs)]
    try:
        check_alike(cases)
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from None
    return cases


def _single(path, channels):
    """The pair of one file, with the other channels beside it if the network takes so many."""
    match = layouts.CHANNEL.fullmatch(stem(path)) if extension(path) else None
    if match and channels and channels > 1:
        beside = [path.with_name(f"{match['name']}_{k:04d}{path.name[len(stem(path)) :]}") for k in range(channels)]
        if all(file.is_file() for file in beside):
            return Pair(match["name"], tuple(beside))
    return Pair(stem(path), (path,), None, _several(channels))


def _grouped(files, channels):
    """Pairs of channel files, or `None` if the numbers in the names do not count channels."""
    by_name = {stem(file): file for file in files}
    groups = layouts.group(by_name) if len(by_name) == len(files) else None
    sizes = {len(paths) for paths in groups.values()} if groups else set()
    if not groups or (len(groups) < 2 and (channels or 1) < 2):
        return None
    if any(layouts.channel_of(paths[0]) != 0 for paths in groups.values()):
        return None
    counted = channels is not None and sizes & {channels, 1}
    if len(sizes) == 1 and channels is not None and not counted:
        return None
    if len(sizes) > 1 and not (counted and channels in sizes and channels > 1):
        return None
    layouts.check_channels(groups)
    return [Pair(name, paths, None, _several(channels)) for name, paths in groups.items()]


def _several(channels):
    return channels if channels and channels > 1 else None


def _has_files(folder):
    return folder.is_dir() and any(path.is_file() for path in layouts.visible(folder))


def _check_channel_names(folder, names, found):
    """Check that there are as many channel files as `dataset.json` names; a colour picture holds all in one file."""
    count = len(found[0][1])
    if count == 1 and extension(found[0][1][0]) not in nifti.ENDINGS:
        return
    if names and len(names) != count:
        raise ValueError(
            f"{folder / 'dataset.json'}: it names {len(names)} channels ({', '.join(names)}), but the cases have "
            f"{count} files each, for example {found[0][1][-1].name}. Correct the names, or add the files."
        )


def _shape_hint(image, label):
    """What a difference in shape is likely to come from."""
    if image[:-1] == label[1:] and image[-1] == label[0]:
        return (
            "What the image holds as channels are slices in the label: write stacks with their axes, for example "
            '`tifffile.imwrite(path, volume, imagej=True, metadata={"axes": "ZYX"})`.'
        )
    if image[1:-1] == label:
        return "Are the channels the image's first axis? They must be the last one: `numpy.moveaxis(image, 0, -1)`."
    if sorted(image[:-1]) == sorted(label):
        return "The axes seem to be swapped: transpose one of them, or resample the label with nearest neighbour."
    return "Are they of the same case? Resample the label to the image with nearest neighbour."
