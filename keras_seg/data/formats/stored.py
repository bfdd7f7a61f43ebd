"""What a reader of one format hands on."""

from typing import Any, NamedTuple

import numpy as np


class Stored(NamedTuple):
    """The content of a file as it stands there.

    Args:
        array: Array `[*spatial]` or `[*spatial, channels]`, of any type of numbers.
        spacing: Size of a voxel in millimetres, one for each spatial axis: what follows them are channels.
        affine: Array `[4, 4]`, or `None`.
        orientation: A text as `"RAS"`, or `None`.
        header: What the format's writer wants back, or `None`.
        palette: Tuple of colours `(red, green, blue)`, one for each index that a label may hold, or `None`.
        alpha: Whether the last channel is an opacity.
    """

    array: np.ndarray
    spacing: tuple[float, ...]
    affine: np.ndarray | None = None
    orientation: str | None = None
    header: Any = None
    palette: tuple | None = None
    alpha: bool = False


class Unusable(Exception):
    """A file that is whole but holds what cannot be used; its text says what, and what to do."""
