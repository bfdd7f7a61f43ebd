"""Random changes of a patch that leave its meaning as it is: where it is seen from, and how bright it is."""

import dataclasses
import difflib
import math

import numpy as np

from keras_seg.data import augmentation_fields, intensity
from keras_seg.data.warping import Warp, cut

# An axis whose voxels are more than this many times larger than the finest is coarse: nothing is interpolated along it.
COARSE = 3.0

# Cells of the elastic deformation's control grid along the longest side of the patch.
CELLS = 4


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """Random flips, rotation, scale, elastic deformation, brightness, contrast, gamma, blur and noise.

    Each happens with a probability of its own and draws its amount evenly from its range (scale and gamma on a log
    scale). All that moves voxels is one look-up: the image is interpolated once, linearly, and the label takes the
    nearest voxel of the same coordinates, so that its values stay integers. A patch that is only flipped is copied.

    Rotation and deformation act in millimetres. Along an axis whose voxels are more than three times larger than the
    finest, nothing is rotated, scaled, deformed or blurred, since that would mix slices that lie far apart.

    Intensities are those of a normalised image (mean 0, deviation 1), each channel changed by itself. With the
    defaults nothing is changed. Begin from a preset: `Augmentation.preset("default", rank=3)`, and change fields with
    `dataclasses.replace`.

    Args:
        flip: Probability of a flip along each axis; `()` for no flips.
        rotation: Largest angle in degrees, in either sense: in the plane (2D), or about each axis (3D).
        rotation_probability: Probability of a rotation.
        scale: Range of the factor by which things grow, the same along each axis.
        scale_probability: Probability of a scaling.
        elastic: Largest displacement of a control point, as a share of the distance between control points, which is a
            quarter of the longest side of the patch. At most 0.4: nothing folds over.
        elastic_probability: Probability of an elastic deformation.
        brightness: Range of a factor on all values.
        brightness_probability: Probability of another brightness.
        contrast: Range of a factor on the distance of the values from their mean, within the range that they have.
        contrast_probability: Probability of another contrast.
        gamma: Range of the power of the values within their range; mean and deviation stay.
        gamma_probability: Probability of another gamma.
        inverted_gamma_probability: Probability of another gamma of the negative image.
        blur: Range of the standard deviation of a Gaussian, in voxels.
        blur_probability: Probability of a blur.
        noise: Range of the standard deviation of Gaussian noise.
        noise_probability: Probability of noise.
        border: What a moved patch finds outside the image: `"zero"` (background), or `"mirror"`, the image mirrored.

    Raises:
        ValueError: If a field is out of its range.

    Reference: the ranges of the presets follow
    [nnU-Net (Isensee et al., 2021)](https://doi.org/10.1038/s41592-020-01008-z), supplementary note 4.
    """

    flip: tuple[float, ...] = ()
    rotation: float = 0.0
    rotation_probability: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    scale_probability: float = 0.0
    elastic: float = 0.0
    elastic_probability: float = 0.0
    brightness: tuple[float, float] = (1.0, 1.0)
    brightness_probability: float = 0.0
    contrast: tuple[float, float] = (1.0, 1.0)
    contrast_probability: float = 0.0
    gamma: tuple[float, float] = (1.0, 1.0)
    gamma_probability: float = 0.0
    inverted_gamma_probability: float = 0.0
    blur: tuple[float, float] = (0.0, 0.0)
    blur_probability: float = 0.0
    noise: tuple[float, float] = (0.0, 0.0)
    noise_probability: float = 0.0
    border: str = "zero"

    def __post_init__(self):
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, augmentation_fields.checked(field.name, getattr(self, field.name)))

    @classmethod
    def preset(cls, name, rank):
        """Return a named choice of ranges and probabilities.

        Args:
            name: `"none"`; `"light"`, flips and small changes, for short trainings; `"default"`, nnU-Net's, in 2D with
                any rotation, as in microscopy; or `"strong"`, wider, more often and elastic, for few cases and long
                trainings.
            rank: Number of spatial axes, 2 or 3.

        Raises:
            ValueError: If there is no such preset, or the rank is neither 2 nor 3.
        """
        return cls(**augmentation_fields.preset(name, rank))

    def to_dict(self):
        """Return all fields as plain data: numbers, texts and lists."""
        values = dataclasses.asdict(self)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @classmethod
    def from_dict(cls, values):
        """Make an augmentation from what `to_dict` returns, or from a part of it.

        Raises:
            ValueError: If a key is no field, or a value is out of its range.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        for name in values:
            if name not in names:
                near = difflib.get_close_matches(name, names, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"the fields are {', '.join(names)}."
                raise ValueError(f"An augmentation has no field {name!r}; {hint}")
        return cls(**values)

    def check_rank(self, rank):
        """Check that patches of this many spatial axes can be augmented.

        Raises:
            ValueError: If `flip` holds another number of probabilities.
        """
        if self.flip and len(self.flip) != rank:
            raise ValueError(
                f"`flip` holds one probability per axis, {len(self.flip)} of them ({list(self.flip)}), but the patches "
                f"have {rank} axes. Give {rank} numbers, or none."
            )

    def __call__(self, image, label, generator, spacing=None):
        """Change an image and its label, both at once.

        Args:
            image: Array `[*spatial, channels]`, float32, normalised.
            label: Array `[*spatial]` of integers.
            generator: `numpy.random.Generator`.
            spacing: Size of a voxel along each axis; equal by default.

        Returns:
            New arrays of the same shapes, float32 and the label's type.
        """
        pixels, classes = self.patch(image, label, (0,) * label.ndim, label.shape, generator, spacing)
        return np.moveaxis(pixels, 0, -1).copy(), classes

    def patch(self, image, label, start, shape, generator, spacing=None):
        """Cut a changed patch out of an image and its label; only the region that it needs is read.

        Args:
            image: Array or memory map `[*spatial, channels]`, normalised.
            label: Array or memory map `[*spatial]` of integers.
            start: First voxel of the patch along each axis; where it reaches outside the image, it is 0 there.
            shape: Number of voxels of the patch along each axis.
            generator: `numpy.random.Generator`.
            spacing: Size of a voxel along each axis; equal by default.

        Returns:
            Image `[channels, *shape]`, float32, channels first, and label `[*shape]`: arrays of their own.
        """
        spacing = np.ones(len(shape)) if spacing is None else np.asarray(spacing, float)
        warp = self._warp(generator, shape, spacing)
        pixels, classes = cut(image, label, start, shape, warp, self.border == "mirror")
        for plane in pixels:
            self._recolour(plane, generator, spacing)
        return pixels, classes

    def _warp(self, generator, shape, spacing):
        """Draw what moves the voxels: a `Warp`."""
        rank = len(shape)
        self.check_rank(rank)
        flip = tuple(bool(turned) for turned in generator.random(rank) < (self.flip or 0))
        rotated, scaled, deformed = generator.random(3) < (
            self.rotation_probability,
            self.scale_probability,
            self.elastic_probability,
        )
        rotated, deformed = rotated and self.rotation > 0, deformed and self.elastic > 0
        if not (rotated or scaled or deformed):
            return Warp(flip)
        fine = np.flatnonzero(spacing <= COARSE * spacing.min())
        turn = np.eye(rank)
        if rotated:
            for number, first in enumerate(fine):
                for second in fine[number + 1 :]:
                    turn = turn @ _rotation(rank, first, second, math.radians(self.rotation) * generator.uniform(-1, 1))
        if scaled:
            turn[fine] /= math.exp(generator.uniform(*np.log(self.scale)))
        # From voxels to millimetres, turned, and back.
        matrix = turn * spacing / spacing[:, None]
        return Warp(flip, matrix, *(_deformation(generator, shape, spacing, fine, self.elastic) if deformed else ()))

    def _recolour(self, plane, generator, spacing):
        """Change the values of one channel, in place."""
        blurred, brighter, stretched, bent, inverted, noisy = generator.random(6) < (
            self.blur_probability,
            self.brightness_probability,
            self.contrast_probability,
            self.gamma_probability,
            self.inverted_gamma_probability,
            self.noise_probability,
        )
        if blurred:
            sigma = generator.uniform(*self.blur)
            intensity.blur(plane, np.where(spacing <= COARSE * spacing.min(), sigma, 0))
        if brighter:
            intensity.brighten(plane, generator.uniform(*self.brightness))
        if stretched:
            intensity.stretch(plane, generator.uniform(*self.contrast))
        if inverted:
            intensity.bend(plane, _power(generator, self.gamma), inverted=True)
        if bent:
            intensity.bend(plane, _power(generator, self.gamma))
        if noisy:
            intensity.add_noise(plane, generator.uniform(*self.noise), generator)


def _power(generator, bounds):
    return math.exp(generator.uniform(*np.log(bounds)))


def _rotation(rank, first, second, angle):
    """Matrix `[rank, rank]` of a rotation from one axis towards another."""
    matrix = np.eye(rank)
    matrix[first, first] = matrix[second, second] = math.cos(angle)
    matrix[first, second], matrix[second, first] = -math.sin(angle), math.sin(angle)
    return matrix


def _deformation(generator, shape, spacing, fine, elastic):
    """Draw the control points of a displacement, `[rank, *points]` in voxels, and their weights along each axis."""
    sides = np.asarray(shape) * spacing
    cell = sides.max() / CELLS
    basis = tuple(_spline(np.arange(size) * step / cell) for size, step in zip(shape, spacing))
    control = np.zeros((len(shape), *(weights.shape[1] for weights in basis)))
    for axis in fine:
        control[axis] = generator.uniform(-1, 1, control.shape[1:]) * elastic * cell / spacing[axis]
    return control, basis


def _spline(places):
    """Weights `[places, points]` of the control points of a cubic B-spline, which lie one apart."""
    cells = np.floor(places).astype(int)
    t = places - cells
    weights = np.zeros((len(places), cells[-1] + 4), "float32")
    rows = np.arange(len(places))
    weights[rows, cells] = (1 - t) ** 3 / 6
    weights[rows, cells + 1] = (3 * t**3 - 6 * t**2 + 4) / 6
    weights[rows, cells + 2] = (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6
    weights[rows, cells + 3] = t**3 / 6
    return weights
