"""A trained run: its model, what it was trained with, and using it on files and arrays."""

import csv
import functools
import math
import os
import types

import numpy as np

from keras_seg import data as datasets
from keras_seg.files import replacing
from keras_seg.inference.predictor import Predictor
from keras_seg.inference.probabilities import probability_model
from keras_seg.saving import load_model
from keras_seg.training.folder import RunFolder
from keras_seg.training.state import read_state

PARTS = ("test", "validation", "train", "all")


class Run:
    """What `train` leaves, opened by `load_run`.

    Attributes:
        folder: `pathlib.Path` of the run.
        recipe: `Recipe` that it was trained with.
        split: `Split`: names of the cases that train, validate, and are kept for the test.
        class_names: Names of the classes, the background first.
        label_map: `LabelMap` between the classes and the values in label files.
        normalization: `Normalization` of the images.
        log: A dict per epoch: the rows of `log.csv`.
        interrupted: Whether Ctrl-C ended the call of `train` that returned this run.
    """

    def __init__(self, folder):
        self._files = RunFolder(folder)
        self.folder = self._files.path
        self.recipe = self._files.read_recipe()
        self.split = datasets.Split(**self._files.read("split"))
        values = self._files.read("data")
        self.class_names = tuple(values["class_names"])
        self.label_map = datasets.LabelMap.from_dict(values["label_map"])
        self.normalization = datasets.Normalization.from_dict(values["normalization"])
        self.log = read_log(self._files.log)
        self.interrupted = False

    def __repr__(self):
        return f"<Run {self.folder}: {len(self.log)} epochs, best validation Dice {self.best_dice:.4f}>"

    @property
    def num_classes(self):
        """Number of classes, the background included."""
        return len(self.class_names)

    @property
    def finished(self):
        """Whether the training came to its end, by its epochs or its time."""
        found = read_state(self._files.state)
        return found is not None and found[0].finished

    @property
    def best_epoch(self):
        """Number of the epoch that the model is of, from 1; 0 if none was validated."""
        return self._best.get("epoch", 0)

    @property
    def best_dice(self):
        """Whole-case validation Dice of that epoch; NaN if none was validated."""
        return self._best.get("val_dice", math.nan)

    @functools.cached_property
    def model(self):
        """The network at its best epoch, with the averaged weights and its main output alone; it returns logits.

        Raises:
            ValueError: If there is none yet.
        """
        if not self._files.best.is_file():
            raise ValueError(
                f"{self.folder}: this run has no model yet ({len(self.log)} epochs are complete): it appears with the "
                "first validation. Wait for it, or go on with the training: `resume=True` (`--resume`)."
            )
        return load_model(self._files.best)

    def predictor(self, mirror=None):
        """Return the `keras_seg.inference.Predictor` of the run.

        Args:
            mirror: Axes to mirror along; `None` for those of the recipe.
        """
        inference = self.recipe.inference
        spacing = self.recipe.data.spacing
        return Predictor(
            self.model,
            self.recipe.training.patch,
            self.normalization,
            None if spacing == "stored" else spacing,
            self.label_map,
            overlap=inference.overlap,
            mirror=inference.mirror if mirror is None else mirror,
            batch_size=inference.batch_size,
        )

    def predict(self, images, out=None, probabilities=False, mirror=None, *, spacing=None, progress=None):
        """Segment images: files, folders or an array.

        Args:
            images: Path of an image file or of a folder of images, a list of such paths, or an array `[*spatial]` or
                `[*spatial, channels]` as stored in a file, not normalised.
            out: Folder to write masks into, in the format, place and values of the images. Without it they are
                returned.
            probabilities: Return, or write beside the masks, the probability of each class.
            mirror: Axes to mirror along for an average; `None` for those of the recipe, `True` for all.
            spacing: Of an array: size of a voxel along each axis in mm. `None`: that of the training.
            progress: Function that takes the list of images and yields it again while it shows how far it came, as
                `rich.progress.track`.

        Returns:
            Of a file or an array: the class of each voxel, `[*spatial]`, or probabilities `[*spatial, classes]`. Of a
            folder or a list: a dict of them by name. With `out` the report of `keras_seg.inference.predict_files`,
            which goes on after an image that it cannot read and lists it.

        Raises:
            ValueError: If there is no model yet, no image, or one does not fit the network.
            OSError: If `out` cannot be written to.
        """
        from keras_seg.inference import predict_files

        predictor = self.predictor(mirror)
        if isinstance(images, np.ndarray):
            if out is not None:
                raise ValueError("An array has no file format to write: leave `out` out, or give the path of a file.")
            return self._predict_array(predictor, images, spacing, probabilities)
        is_path = isinstance(images, (str, os.PathLike))
        pairs = [pair for path in ([images] if is_path else images) for pair in self._find(path)]
        if out is not None:
            return predict_files(predictor, pairs, out, probabilities=probabilities, progress=progress)
        predict = predictor.scores if probabilities else predictor.labels
        found = {pair.name: predict(*pair.read_image()) for pair in (progress(pairs) if progress else pairs)}
        single = is_path and os.path.isfile(images)
        return next(iter(found.values())) if single else found

    def evaluate(self, data, part="test", out=None, *, tolerance=1.0, mirror=None, progress=None):
        """Score the run on whole labelled cases, each on the grid of its file.

        Args:
            data: Folder of the cases.
            part: `"test"`, `"validation"` or `"train"` of the run's split, or `"all"`: every case of the folder, for
                data that the run has not seen.
            out: Folder to write `cases.csv` and `summary.csv` into.
            tolerance: Distance in mm that is no error for the surface Dice.
            mirror: As in `predict`.
            progress: As in `predict`.

        Returns:
            A `keras_seg.evaluation.Evaluation`.

        Raises:
            ValueError: If there is no model yet, a case of the part is not in the folder, or a file cannot be read.
        """
        from keras_seg.evaluation import evaluate_cases

        pairs = self._part(data, part)
        predictor = self.predictor(mirror)

        def measured():
            for pair in progress(pairs) if progress else pairs:
                case = datasets.read_case(pair, self.label_map)
                yield pair.name, case.label, predictor.labels(case.image, case.frame), case.spacing

        evaluation = evaluate_cases(
            measured(),
            self.num_classes,
            class_names=self.class_names,
            tolerance=tolerance,
            ignore_class=self.recipe.loss.ignore_class,
            notes=self._seen(pairs) if part == "all" else (),
        )
        if out is not None:
            evaluation.write(out)
        return evaluation

    def export(self, path):
        """Write the network as a model of its own that returns probabilities.

        It takes images prepared as in training: at its spacing, normalised, in windows whose sizes the network can
        halve. It is made of stock Keras layers and opens without this library.

        Args:
            path: Path of a `.keras` file, or of a folder without an ending for a TensorFlow SavedModel.

        Returns:
            The path.

        Raises:
            ValueError: If the path has another ending, or there is no model yet.
        """
        path = os.fspath(path)
        model = probability_model(self.model)
        ending = os.path.splitext(path)[1]
        if ending == ".keras":
            with replacing(path) as temporary:
                model.save(temporary)
        elif not ending:
            model.export(path, format="tf_saved_model", verbose=False)
        else:
            raise ValueError(f"{path}: a model is exported as `.keras`, or as a SavedModel into a folder (no ending).")
        return path

    @property
    def _best(self):
        scored = [row for row in self.log if not math.isnan(row.get("val_dice", math.nan))]
        return max(scored, key=lambda row: row["val_dice"], default={})

    def _predict_array(self, predictor, image, spacing, probabilities):
        rank = self.recipe.rank
        if image.ndim == rank:
            image = image[..., None]
        if image.ndim != rank + 1:
            raise ValueError(
                f"The run segments images with {rank} spatial axes: an array must be `[*spatial]` or "
                f"`[*spatial, channels]`, but its shape is {image.shape}."
            )
        frame = None
        if spacing is not None:
            frame = types.SimpleNamespace(shape=image.shape[:-1], spacing=tuple(spacing), orientation=None)
        return (predictor.scores if probabilities else predictor.labels)(image, frame)

    def _find(self, path):
        if not os.path.exists(path):
            raise ValueError(f"{path}: there is no such file or folder.")
        return datasets.find_images(path, channels=self.model.inputs[0].shape[-1])

    def _part(self, data, part):
        """Return the pairs of a part of the split, or all of the folder."""
        if part not in PARTS:
            raise ValueError(f"`part` must be one of {', '.join(map(repr, PARTS))}. Received: {part!r}.")
        pairs = {pair.name: pair for pair in datasets.open_folder(data).pairs}
        if part == "all":
            return list(pairs.values())
        names = getattr(self.split, part)
        if not names:
            raise ValueError(
                f"{self.folder}: the run kept no {part} cases. Train with `test=20` (`--test 20`), or evaluate another "
                "part: `part='validation'`, or `part='all'` for data that the run has not seen."
            )
        missing = [name for name in names if name not in pairs]
        if missing:
            raise ValueError(
                f"{data}: {len(missing)} of the {len(names)} {part} cases of the run are not there, for example "
                f"{missing[0]!r}. Give the folder that it was trained on, or `part='all'` (`--part all`) for others."
            )
        return [pairs[name] for name in names]

    def _seen(self, pairs):
        """Say how many cases have the name of one that the training saw: no text, or one."""
        seen = {pair.name for pair in pairs} & {*self.split.train, *self.split.validation}
        if not seen:
            return ()
        return (
            f"Note: {len(seen)} of the {len(pairs)} cases have names of cases that trained this run or chose its best "
            "epoch. If they are the same ones, these scores say little about others: keep some with `--test`.",
        )


def load_run(folder):
    """Open the folder of a run, complete or under way.

    Args:
        folder: Path of the folder.

    Returns:
        A `Run`.

    Raises:
        ValueError: If there is no such folder, or it is no run.
    """
    files = RunFolder(folder)
    if not files.path.is_dir():
        raise ValueError(f"{folder}: there is no such folder. A run is the folder that `train` wrote (`--out`).")
    if not files.is_set_up:
        inside = ", ".join(files.content[:4]) or "nothing"
        raise ValueError(
            f"{folder}: this is no run: it has no {files.options.name} (it holds {inside}). Give the folder that "
            "`train` wrote (`--out`); one that was stopped before its first step is started by the same command."
        )
    return Run(folder)


def read_log(path):
    """Return the rows of a `log.csv`, a list of dicts of numbers; empty cells are left out."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        rows = [{key: float(value) for key, value in row.items() if value} for row in csv.DictReader(file)]
    return [{**row, "epoch": int(row["epoch"])} for row in rows]
