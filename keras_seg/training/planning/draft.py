"""A recipe in the making: what it is made from, and what has been decided so far."""

import dataclasses
import math

import numpy as np

from keras_seg.training.planning.workload import PROCESS

# Share of the free memory, and of a GPU's, that a plan counts on.
MEMORY_SHARE = 0.8
GPU_MEMORY_SHARE = 0.85
# Where nothing tells how much memory a GPU has.
GPU_MEMORY = 8e9
# A class of a smaller share of the voxels drowns in an overlap that the background is averaged into: lesions of 0.3 %
# were lost by `dice_ce` in two of three short trainings, and in none without the background (docs/compared.md).
RARE = 0.005
# A case of more patches than this is a large one.
MOST_PATCHES = 6


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a recipe is made from.

    Attributes:
        fingerprint: `keras_seg.data.Fingerprint`.
        resources: `Resources`.
        minutes: Time for everything, or `None`.
        training: Number of training cases.
        validation: Number of validation cases.
        channel_names: Names of the channels, or `None`.
    """

    fingerprint: object
    resources: object
    minutes: float | None
    training: int
    validation: int
    channel_names: tuple | None = None

    @property
    def gpu(self):
        """Whether a GPU trains."""
        return self.resources.gpu is not None

    @property
    def rank(self):
        """Number of spatial axes."""
        return self.fingerprint.rank

    def shape(self, spacing):
        """Return the median shape of the cases at a spacing, or as stored."""
        return self.fingerprint.median_shape_at(None if spacing == "stored" else spacing)

    def voxel(self, spacing):
        """Return the size of a voxel in mm at a spacing, or as stored."""
        return tuple(self.fingerprint.median_spacing if spacing == "stored" else spacing)

    def smallest(self):
        """Return the name of the smallest foreground class and how many voxels it typically has in a case with it."""
        counts = np.array([case.counts for case in self.fingerprint.cases])[:, 1:]
        typical = [np.median(column[column > 0]) if (column > 0).any() else math.inf for column in counts.T]
        index = int(np.argmin(typical)) if typical else 0
        names = list(self.fingerprint.class_names[1:]) or ["object"]
        return names[index], float(typical[index]) if typical else math.inf

    def drowned(self, spacing, patch):
        """Return the share of each class that an overlap of the background would drown, `{name: share}`.

        In a large case most patches hold nothing of a rare class. An overlap of the foreground alone says nothing of
        those, and a network is free to paint into them: there the background is of use.
        """
        if math.prod(self.shape(spacing)) > MOST_PATCHES * math.prod(patch):
            return {}
        classes = zip(self.fingerprint.class_names[1:], self.fingerprint.class_shares[1:], strict=True)
        return {name: share for name, share in classes if 0 < share < RARE}

    def largest_voxels(self, spacing):
        """Return the number of voxels of the largest case at a spacing."""
        goal = None if spacing == "stored" else np.prod(spacing)
        return max(
            math.prod(case.shape) * (1 if goal is None else np.prod(case.spacing) / goal)
            for case in self.fingerprint.cases
        )

    def reserved(self, spacing):
        """Return the bytes that training holds besides the step: the process, and a whole case with its scores."""
        # The image, its scores and those of a mirrored one or of a class that is brought back to the stored grid.
        case = self.largest_voxels(spacing) * 4 * (self.fingerprint.channels + 2 * self.fingerprint.num_classes + 1)
        return PROCESS + int(case)

    def memory(self, spacing):
        """Return the bytes that a step may hold."""
        if self.gpu:
            return GPU_MEMORY_SHARE * (self.resources.gpu_memory or GPU_MEMORY)
        return MEMORY_SHARE * self.resources.memory - self.reserved(spacing)


class Draft:
    """The values of a recipe as they are decided, one after the other.

    Args:
        fixed: What is given, `{table: {key: value}}`; it stays.
    """

    def __init__(self, fixed):
        self.fixed = fixed
        self.tables = {}
        self.reasons = {}
        self.warnings = []

    def given(self, key):
        """Return the given value of `"table.key"`, or `None`."""
        title, name = key.split(".")
        return self.fixed.get(title, {}).get(name)

    def decide(self, key, value, reason):
        """Note a value and its reason, unless another one is given; return the one that holds."""
        title, name = key.split(".")
        if self.given(key) is not None:
            value, reason = self.given(key), "as given"
        self.tables.setdefault(title, {})[name] = value
        self.reasons[key] = reason
        return value

    def value(self, key):
        """Return what was decided for `"table.key"`."""
        title, name = key.split(".")
        return self.tables[title][name]
