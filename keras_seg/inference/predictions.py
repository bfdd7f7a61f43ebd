"""Masks for a list of files: in the input's format, with its affine and header, and no file stops the others."""

import dataclasses
import pathlib

from keras_seg.data import layouts
from keras_seg.data.writing import output_path, write_label, write_scores
from keras_seg.files import make_folder

# Beside the images, folders of these names hold what people drew.
LABELS = ("labels", "labelsTr", "labelsTs")


@dataclasses.dataclass(frozen=True)
class PredictionReport:
    """What became of a list of images.

    Attributes:
        written: Paths of the masks, and of the probabilities if they were asked for.
        failed: Tuples `(path, reason)` of the images without a mask.
    """

    written: tuple[pathlib.Path, ...] = ()
    failed: tuple[tuple[pathlib.Path, str], ...] = ()


def predict_files(predictor, pairs, out, probabilities=False, progress=None):
    """Predict images and write their masks, each in the format, the orientation and with the header of its image.

    A file that cannot be read or predicted is left out and reported at the end. An input is never overwritten: masks
    go to a folder where neither an input nor its data set's labels are. A mask that an earlier call wrote there is
    replaced.

    Args:
        predictor: `Predictor`.
        pairs: List of `Pair`, as `keras_seg.data.find_images` returns them.
        out: Path of the folder for the masks; made if it is missing.
        probabilities: Whether to write the probabilities of all classes too, as `NAME_probabilities.nii.gz`
            `[*spatial, classes]`, or `.npz` where the images are no NIfTI files.
        progress: Function that takes the list of pairs and yields it again while it shows how far it came, as
            `rich.progress.track`.

    Returns:
        A `PredictionReport`.

    Raises:
        ValueError: If an input or its data set's labels lie in `out`, or classes may overlap, which no label file can
            hold.
        OSError: If the disk is full or `out` cannot be written to: no other mask could be written either.
    """
    out = pathlib.Path(out)
    if predictor.overlapping:
        raise ValueError(
            "The classes of this network may overlap, but a label file holds one class per voxel. In Python, "
            "`predictor.labels(*pair.read_image())` returns masks [*spatial, classes]."
        )
    pairs = list(pairs)
    _check_inputs_are_elsewhere(pairs, out)
    make_folder(out)
    written, failed, taken = [], [], {}
    for pair in progress(pairs) if progress else pairs:
        try:
            frame, results = _predict(predictor, pair, out, probabilities)
            for path in results:
                if path in taken:
                    raise ValueError(f"{path}: the mask of {taken[path]} has this name already. Rename one image.")
        except Exception as error:  # whatever is wrong with one file, the others are predicted
            failed.append((pair.image, _reason(error)))
            continue
        try:
            _write(results, frame, written)
        except OSError:  # it concerns the folder, and so all files that would follow
            raise
        except Exception as error:
            failed.append((pair.image, _reason(error)))
        taken |= dict.fromkeys(written[len(taken) :], pair.image)
    return PredictionReport(tuple(written), tuple(failed))


def _predict(predictor, pair, out, probabilities):
    """Return the frame of an image, and what to write: a dict from path to `(function, array, options)`."""
    image, frame = pair.read_image()
    mask = output_path(out, frame, pair.name)
    if not probabilities:
        return frame, {mask: (write_label, predictor.labels(image, frame), predictor.label_map)}
    scores = predictor.scores(image, frame)
    return frame, {
        mask: (write_label, predictor.harden(scores), predictor.label_map),
        output_path(out, frame, pair.name, scores=True): (write_scores, scores),
    }


def _write(results, frame, written):
    """Write what `_predict` returned and drop it, so that the next image finds the memory free."""
    for path in list(results):
        write, array, *options = results.pop(path)
        written.append(write(path, array, frame, *options))


def _check_inputs_are_elsewhere(pairs, out):
    """Refuse a folder that holds an input: it could be overwritten, or the masks taken for images the next time."""
    folder, data_sets = out.resolve(), set()
    for pair in pairs:
        for path in map(pathlib.Path, pair.images):
            here = path.absolute().parent.resolve()
            data_sets.add(here.parent)
            if folder in (here, path.resolve().parent):
                raise ValueError(
                    f"{out}: the masks cannot go where the image {path.name} is: they could overwrite images, or be "
                    "taken for images the next time. Choose another folder."
                )
    if folder.name in LABELS and folder.parent in data_sets and _has_files(folder):
        raise ValueError(
            f"{out}: the masks cannot go where the labels of the images are: they would overwrite them. Choose another "
            "folder."
        )


def _has_files(folder):
    return folder.is_dir() and any(path.is_file() for path in layouts.visible(folder))


def _reason(error):
    text = " ".join(str(error).split())
    if isinstance(error, (ValueError, OSError)) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
