"""A case: one image with its label and its voxel size."""

import dataclasses

import numpy as np

from keras_seg.data.frame import Frame


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """An image, the label of each of its voxels, and the size of a voxel.

    Args:
        name: Name of the case, unique in its data set (the file name without its extension).
        image: Array `[*spatial, channels]`, float32, with one or more channels.
        label: Array `[*spatial]` of integers: the class of each voxel, 0 for the background.
        spacing: Size of a voxel along each spatial axis, in millimetres. Where the file does not say (PNG), 1.0.
        frame: `Frame` of the image's file, to write a mask in the same place and format, or `None`.

    Raises:
        ValueError: If the shapes or types of the fields do not fit together.
    """

    name: str
    image: np.ndarray
    label: np.ndarray
    spacing: tuple[float, ...]
    frame: Frame | None = None

    def __post_init__(self):
        if not np.issubdtype(self.label.dtype, np.integer):
            raise ValueError(
                f"Case {self.name!r}: `label` must hold integers (the class of each voxel), but its dtype is "
                f"{self.label.dtype}. Convert it, for example with `label.astype('uint8')`."
            )
        if self.image.dtype != np.float32:
            raise ValueError(
                f"Case {self.name!r}: `image` must be float32, but its dtype is {self.image.dtype}. "
                "Convert it with `image.astype('float32')`."
            )
        if self.image.ndim != self.label.ndim + 1 or self.image.shape[:-1] != self.label.shape:
            raise ValueError(
                f"Case {self.name!r}: `image` must be `[*spatial, channels]` and `label` `[*spatial]`, but their "
                f"shapes are {self.image.shape} and {self.label.shape}. A grey image needs a last axis of one channel: "
                "`image[..., None]`."
            )
        if len(self.spacing) != self.label.ndim or not all(np.isfinite(size) and size > 0 for size in self.spacing):
            raise ValueError(
                f"Case {self.name!r}: `spacing` must be one positive number of millimetres per spatial axis "
                f"({self.label.ndim}), but it is {self.spacing!r}."
            )

    @property
    def shape(self):
        """Number of voxels along each spatial axis, without the channels."""
        return self.label.shape

    @property
    def channels(self):
        """Number of channels of the image."""
        return self.image.shape[-1]


def check_alike(cases):
    """Check that the cases can train one network: there are some, of one rank and one number of channels.

    Args:
        cases: List of `Case`.

    Raises:
        ValueError: If there is no case, or one differs from the first; the message names both.
    """
    if not cases:
        raise ValueError("At least one case is needed, but the list of cases is empty.")
    first = cases[0]
    for case in cases[1:]:
        if len(case.shape) != len(first.shape):
            raise ValueError(
                f"2D and 3D cases are mixed: {first.name!r} has the shape {first.shape}, {case.name!r} has "
                f"{case.shape}. Put them into separate folders and train one network on each."
            )
        if case.channels != first.channels:
            raise ValueError(
                f"All images must have the same number of channels, but {first.name!r} has {first.channels} and "
                f"{case.name!r} has {case.channels} (grey images have 1, RGB images have 3). Convert them to one kind, "
                "for example with `PIL.Image.open(path).convert('L')` for grey or `.convert('RGB')` for colour."
            )


def num_classes(cases):
    """Number of classes in the labels, the background included: the largest label plus one, at least 2.

    Args:
        cases: List of `Case`.
    """
    return max(2, 1 + max(int(case.label.max(initial=0)) for case in cases))


def class_shares(cases):
    """Share of the voxels that each class covers, over all cases together.

    Args:
        cases: List of `Case`.

    Returns:
        Array `[num_classes]` that sums to 1; entry 0 is the background.
    """
    classes = num_classes(cases)
    counts = sum(np.bincount(case.label.ravel(), minlength=classes) for case in cases)
    return counts / counts.sum()
