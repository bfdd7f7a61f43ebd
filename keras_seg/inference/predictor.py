"""From a stored image to scores and classes on its own grid."""

import dataclasses
from typing import Any

import keras
import numpy as np

from keras_seg.data.prepared import prepare_image
from keras_seg.inference.probabilities import as_function, is_multilabel
from keras_seg.inference.sliding import check_fit, sliding_window
from keras_seg.metrics import harden


@dataclasses.dataclass(frozen=True, eq=False)
class Predictor:
    """A trained network with everything that a stored image needs on the way to its mask, and back.

    The image's axes are brought into canonical order, its voxels to the spacing and its intensities to the scale of
    the training; the network sees it window by window; the scores are brought back to the stored grid.

    Args:
        model: `keras.Model`, logits or probabilities, or a function from images `[batch, *window, channels]` to
            probabilities `[batch, *window, classes]`.
        window: Number of voxels of a window along each prepared axis.
        normalization: `keras_seg.data.Normalization`, or `None` for `zscore`.
        target_spacing: Size of a voxel in training, in mm, along each canonical axis; `None` to keep each image's own.
        label_map: `keras_seg.data.LabelMap` with which files are written, or `None`: file values are classes.
        overlap: As in `sliding_window`.
        mirror: As in `sliding_window`.
        batch_size: As in `sliding_window`.
        multilabel: Whether classes may overlap. `None`: what the model says.
    """

    model: Any
    window: tuple[int, ...]
    normalization: Any = None
    target_spacing: tuple[float, ...] | None = None
    label_map: Any = None
    overlap: float = 0.5
    mirror: tuple[int, ...] | bool = ()
    batch_size: int = 4
    multilabel: bool | None = None

    @property
    def overlapping(self):
        """Whether classes may overlap, so that they are masks and no label map."""
        if isinstance(self.model, keras.Model):
            return is_multilabel(self.model, self.multilabel)
        return bool(self.multilabel)

    def scores(self, image, frame=None, progress=None):
        """Return the probabilities of an image on its stored grid.

        Args:
            image: Array `[*spatial, channels]` as stored, not normalised.
            frame: Its `Frame`, or anything with a `shape`, a `spacing` and maybe an `orientation`. `None`: a voxel
                has the size of the training, and the axes are canonical.
            progress: As in `sliding_window`.

        Returns:
            Array `[*spatial, classes]`, float32.

        Raises:
            ValueError: If the image does not fit the network, or the network returns NaN.
        """
        scores, geometry = self._predict(image, frame, progress)
        return geometry.scores_back(scores)

    def labels(self, image, frame=None, progress=None):
        """Return the classes of an image on its stored grid: those of the highest score there.

        It is `harden` of `scores`, but the scores of all classes never stand on the stored grid at once.

        Args:
            image: As in `scores`.
            frame: As in `scores`.
            progress: As in `scores`.

        Returns:
            A label map `[*spatial]`, or masks `[*spatial, classes]` where classes may overlap.

        Raises:
            ValueError: As `scores` does.
        """
        scores, geometry = self._predict(image, frame, progress)
        if self.overlapping:
            return harden(geometry.scores_back(scores), multilabel=True)
        return geometry.classes_back(scores)

    def harden(self, scores):
        """Return the classes of what `scores` returned, as `labels` does."""
        return harden(scores, multilabel=self.overlapping)

    def _predict(self, image, frame, progress):
        """Return the scores on the prepared grid, and the `Geometry` that leads back."""
        image = np.asarray(image)
        if frame is None:
            frame = _Grid(image.shape[:-1], self.target_spacing or (1.0,) * (image.ndim - 1))
        if isinstance(self.model, keras.Model):
            # Before the work of preparing: a grey image for a network of colours, a volume for one of pictures.
            check_fit(self.model, image.shape, self.window)
        if len(frame.shape) != len(self.window):
            raise ValueError(
                f"The network takes images with {len(self.window)} spatial axes, as the window {self.window} has, but "
                f"the image has {len(frame.shape)}: its shape is {tuple(frame.shape)}."
            )
        prepared, geometry = prepare_image(image, frame, self.target_spacing, self.normalization)
        scores = sliding_window(
            as_function(self.model, self.multilabel),
            prepared,
            self.window,
            overlap=self.overlap,
            batch_size=self.batch_size,
            mirror=self.mirror,
            progress=progress,
        )
        if not np.isfinite(scores.sum(dtype="float64")):
            raise ValueError(
                "The network returned NaN or infinite scores. Did its training end in NaN, or does the image hold "
                "values far beyond those of the training images?"
            )
        return scores, geometry


@dataclasses.dataclass(frozen=True)
class _Grid:
    """The frame of an array that comes from no file."""

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    orientation: str | None = None


def predict_volume(model, image, window, *, multilabel=None, **options):
    """Return the classes of a prepared image, on its own grid.

    Args:
        model: As in `Predictor`.
        image: Array `[*spatial, channels]`, prepared as in training.
        window: Number of voxels of a window along each axis.
        multilabel: Whether classes may overlap. `None`: what the model says.
        **options: Those of `sliding_window`.

    Returns:
        A label map `[*spatial]`, or masks `[*spatial, classes]` where classes may overlap.
    """
    is_model = isinstance(model, keras.Model)
    overlapping = is_multilabel(model, multilabel) if is_model else bool(multilabel)
    if is_model:
        check_fit(model, np.shape(image), window)
    scores = sliding_window(as_function(model, multilabel), image, window, **options)
    return harden(scores, multilabel=overlapping)
