"""A frame: where an image lies in space and how its file is written, so that a mask can be given back in kind."""

import dataclasses
import pathlib
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Frame:
    """Where the voxels of a file lie, without the voxels.

    Args:
        path: Path of the file; of the first one if the channels of an image are files of their own.
        ending: The ending that tells the format, in lower case: `".nii.gz"`.
        shape: Number of voxels along each spatial axis.
        spacing: Size of a voxel along each spatial axis, in millimetres; 1 where the file does not say.
        affine: Array `[4, 4]` from voxel indices to the scanner's space as the file has it, or `None` where the format
            knows none.
        orientation: Where the axes of a volume run, as `"RAS"` (to the right, to the front, upwards), or `None` where
            the file does not say.
        header: What the writer of the same format wants back: a NIfTI header, the metadata of a TIFF.
    """

    path: pathlib.Path
    ending: str
    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    affine: np.ndarray | None = None
    orientation: str | None = None
    header: Any = None

    @property
    def rank(self):
        """Number of spatial axes, 2 or 3."""
        return len(self.shape)
