"""How a case lies in space: from its stored axes and voxel size to those that a network sees, and back."""

import dataclasses

import numpy as np

from keras_seg.data.resampling import AxisMap, resample, resample_label

# Spacings that differ by less are taken as the same, and nothing is interpolated.
SAME = 0.01

# An axis whose voxels are this many times longer than all others holds slices: it is not blurred across them.
COARSE = 3.0

# Axis and direction of each letter; canonical is RAS: the axes run to the right, to the front and up.
LETTERS = {"R": (0, False), "L": (0, True), "A": (1, False), "P": (1, True), "S": (2, False), "I": (2, True)}


@dataclasses.dataclass(frozen=True)
class Geometry:
    """The way from a stored grid of voxels to the prepared one, and back.

    Volumes with an orientation get the axes of RAS (right, front, up); others and 2D images keep theirs. Then the
    voxels are brought to `target_spacing`: images linearly, labels by the largest share. Both grids have the same
    centre. An axis whose spacing is within 1 % of the target is not touched, so that without a target the way back is
    exact, voxel by voxel. Along an axis with voxels more than 3 times longer than along all others, before or after,
    the nearest slice is taken: a blend of two distant slices shows what is in neither.

    Args:
        shape: Stored shape `[*spatial]`.
        spacing: Stored size of a voxel along each axis, in millimetres.
        orientation: Where the stored axes run to, a text such as `"LPS"`, or `None` if that is not known.
        target_spacing: Wanted size of a voxel along each *prepared* axis, in millimetres, or `None` to keep it.

    Raises:
        ValueError: If the arguments do not have one positive entry per axis, or the orientation is none.
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    orientation: str | None = None
    target_spacing: tuple[float, ...] | None = None

    def __post_init__(self):
        object.__setattr__(self, "shape", tuple(int(size) for size in self.shape))
        object.__setattr__(self, "spacing", _positive("spacing", self.spacing, self.shape))
        if self.target_spacing is not None:
            object.__setattr__(self, "target_spacing", _positive("target_spacing", self.target_spacing, self.shape))
        if self.orientation is not None and "?" in self.orientation:
            object.__setattr__(self, "orientation", None)  # the header does not say where each axis runs
        if self.orientation is not None:
            axes = sorted(LETTERS.get(letter, (-1,))[0] for letter in self.orientation)
            if axes != list(range(len(self.shape))):
                raise ValueError(
                    f"`orientation` must have one letter of R/L, one of A/P and one of S/I for three axes, such as "
                    f"'RAS', or be `None`, but it is {self.orientation!r} for {len(self.shape)} axes."
                )

    @classmethod
    def of(cls, frame, target_spacing=None):
        """Return the geometry of a file.

        Args:
            frame: `Frame` or `Case`, or anything with a `shape`, a `spacing` and maybe an `orientation`.
            target_spacing: Wanted spacing along each prepared axis, in millimetres, or `None` to keep it.
        """
        frame = getattr(frame, "frame", None) or frame
        return cls(frame.shape, frame.spacing, getattr(frame, "orientation", None), target_spacing)

    @property
    def canonical_shape(self):
        """Shape after the axes were brought into canonical order, before any resampling."""
        return tuple(self.shape[axis] for axis in self._order)

    @property
    def canonical_spacing(self):
        """Spacing after the axes were brought into canonical order, before any resampling."""
        return tuple(self.spacing[axis] for axis in self._order)

    @property
    def prepared_spacing(self):
        """Spacing of the prepared grid, in millimetres."""
        if self.target_spacing is None:
            return self.canonical_spacing
        pairs = zip(self.canonical_spacing, self.target_spacing)
        return tuple(have if abs(want / have - 1) <= SAME else want for have, want in pairs)

    @property
    def prepared_shape(self):
        """Shape of the prepared grid: the whole number of voxels that covers the stored extent best."""
        extents = zip(self.canonical_shape, self.canonical_spacing, self.prepared_spacing)
        return tuple(size if have == want else max(1, int(size * have / want + 0.5)) for size, have, want in extents)

    @property
    def interpolates(self):
        """Whether any axis is resampled. Where none is, the way back is exact."""
        return self.prepared_spacing != self.canonical_spacing

    def image(self, image):
        """Bring an image to the prepared grid.

        Args:
            image: Array `[*stored, channels]`.

        Returns:
            Array `[*prepared, channels]`, float32.
        """
        self._check("image", image, self.shape, channels=True)
        result = np.empty((*self.prepared_shape, image.shape[-1]), dtype="float32")
        for channel in range(image.shape[-1]):
            result[..., channel] = resample(self._canonical(image[..., channel]), self._maps)
        return result

    def label(self, label):
        """Bring a label to the prepared grid.

        Args:
            label: Array `[*stored]` of integers.

        Returns:
            Array `[*prepared]` of the same dtype.
        """
        self._check("label", label, self.shape)
        return resample_label(self._canonical(label), self._maps)

    def scores_back(self, scores, progress=None):
        """Bring scores back to the stored grid, one class at a time.

        Args:
            scores: Array `[*prepared, classes]`, for example probabilities.
            progress: Function that takes the sequence of class numbers and yields it again while it shows how far it
                came, as `rich.progress.track`.

        Returns:
            Array `[*stored, classes]`, float32.
        """
        self._check("scores", scores, self.prepared_shape, channels=True)
        result = np.empty((*self.shape, scores.shape[-1]), dtype="float32")
        for number in _shown(range(scores.shape[-1]), progress):
            result[..., number] = self._stored(resample(scores[..., number], self._maps_back))
        return result

    def classes_back(self, scores, progress=None):
        """Bring scores back to the stored grid as classes.

        It is the argmax of `scores_back` (with one class: whether the score exceeds 0.5), but never holds the scores of
        more than two classes on the stored grid.

        Args:
            scores: Probabilities `[*prepared, classes]`.
            progress: As for `scores_back`.

        Returns:
            Array `[*stored]`, uint8, or int32 where there are more than 256 classes.
        """
        self._check("scores", scores, self.prepared_shape, channels=True)
        classes = scores.shape[-1]
        result, best = None, 0.5
        for number in _shown(range(classes), progress):
            score = resample(scores[..., number], self._maps_back)
            if classes == 1:
                result = (score > best).astype("uint8")
            elif result is None:
                result, best = np.zeros(score.shape, dtype="uint8" if classes <= 256 else "int32"), score
            else:
                result[score > best] = number
                best = np.maximum(score, best)
        return np.ascontiguousarray(self._stored(result))

    def label_back(self, label):
        """Bring a label back to the stored grid.

        Args:
            label: Array `[*prepared]` of integers.

        Returns:
            Array `[*stored]` of the same dtype.
        """
        self._check("label", label, self.prepared_shape)
        return np.ascontiguousarray(self._stored(resample_label(np.asarray(label), self._maps_back)))

    def to_dict(self):
        """Return the arguments as plain data, for JSON."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(self).items()}

    @classmethod
    def from_dict(cls, values):
        """Return the geometry that `to_dict` described."""
        return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})

    @property
    def _order(self):
        """Stored axis of each canonical axis."""
        if self.orientation is None:
            return tuple(range(len(self.shape)))
        return tuple(np.argsort([LETTERS[letter][0] for letter in self.orientation]).tolist())

    @property
    def _flips(self):
        """For each stored axis the slice that makes it run the canonical way; it undoes itself."""
        letters = self.orientation or ""
        return tuple(slice(None, None, -1 if LETTERS[letter][1] else 1) for letter in letters)

    @property
    def _maps(self):
        coarse = _coarse_axes(self.canonical_spacing) or _coarse_axes(self.prepared_spacing)
        grids = zip(self.canonical_shape, self.prepared_shape, self.canonical_spacing, self.prepared_spacing)
        return [
            None if old == new else AxisMap(have, want, new / old, nearest=axis in coarse)
            for axis, (have, want, old, new) in enumerate(grids)
        ]

    @property
    def _maps_back(self):
        return [entry and AxisMap(entry.want, entry.have, 1 / entry.step, entry.nearest) for entry in self._maps]

    def _canonical(self, array):
        return np.transpose(np.asarray(array)[self._flips], self._order)

    def _stored(self, array):
        return np.transpose(array, np.argsort(self._order))[self._flips]

    def _check(self, argument, array, shape, channels=False):
        found = np.shape(array)
        if found[: len(shape)] != shape or len(found) != len(shape) + channels:
            wanted = f"{list(shape)} and one axis of channels or classes" if channels else f"{list(shape)}"
            raise ValueError(f"`{argument}` must have the shape {wanted}, but it has {list(found)}.")


def median_spacing(spacings):
    """Median size of a voxel, axis by axis.

    Args:
        spacings: List of spacings in millimetres, all of the same rank and with their axes in canonical order
            (`Geometry.canonical_spacing`).

    Returns:
        Tuple of millimetres.
    """
    spacings = [tuple(spacing) for spacing in spacings]
    ranks = {len(spacing) for spacing in spacings}
    if len(ranks) != 1:
        raise ValueError(
            f"`spacings` must be one or more spacings of the same rank, but there are {len(spacings)} of the ranks "
            f"{sorted(ranks)}."
        )
    return tuple(float(size) for size in np.median(spacings, axis=0))


def _coarse_axes(spacing):
    """The axis of a volume whose voxels are far longer than along both others, as a tuple of one or none."""
    longest = int(np.argmax(spacing))
    others = [size for axis, size in enumerate(spacing) if axis != longest]
    return (longest,) if len(spacing) == 3 and spacing[longest] > COARSE * max(others) else ()


def _positive(argument, sizes, shape):
    try:
        sizes = tuple(float(size) for size in sizes)
    except (TypeError, ValueError):
        sizes = (sizes,)
    if len(sizes) != len(shape) or not all(isinstance(size, float) and 0 < size < float("inf") for size in sizes):
        raise ValueError(
            f"`{argument}` must be one positive number of millimetres for each of {len(shape)} axes, but it is "
            f"{sizes[0] if len(sizes) == 1 else sizes}."
        )
    return sizes


def _shown(sequence, progress):
    return progress(sequence) if progress else sequence
