"""How much surface passes between the voxels around a corner: marching cubes (3D) and marching squares (2D)."""

import itertools

import numpy as np

# Every way to occupy the voxels around a corner, up to rotation, reflection and exchange of inside and outside, with
# the absolute normals of the contour lines (units of 1/2) or triangles (units of 1/8) that part them. The length of a
# normal is the size of its piece. Voxels are 0/1 offsets along each axis.
_LINES = {
    ((0, 0),): [(1, 1)],
    ((0, 0), (0, 1)): [(2, 0)],
    ((0, 0), (1, 1)): [(1, 1), (1, 1)],
}
_TRIANGLES = {
    ((1, 1, 1),): [(1, 1, 1)],
    ((1, 1, 0), (1, 1, 1)): [(2, 2, 0)] * 2,
    ((1, 0, 1), (1, 1, 0)): [(1, 1, 1)] * 2,
    ((0, 1, 1), (1, 0, 0)): [(1, 1, 1)] * 2,
    ((1, 0, 1), (1, 1, 0), (1, 1, 1)): [(1, 1, 1), (2, 2, 2), (4, 0, 0)],
    ((0, 1, 1), (1, 0, 1), (1, 1, 0)): [(1, 1, 1)] * 3,
    ((0, 1, 1), (1, 0, 0), (1, 1, 1)): [(0, 2, 2), (0, 2, 2), (1, 1, 1)],
    ((1, 0, 0), (1, 0, 1), (1, 1, 0), (1, 1, 1)): [(4, 0, 0)] * 2,
    ((0, 1, 1), (1, 0, 1), (1, 1, 0), (1, 1, 1)): [(1, 1, 1), (1, 1, 1), (2, 2, 2), (2, 2, 2)],
    ((0, 1, 1), (1, 0, 0), (1, 1, 0), (1, 1, 1)): [(0, 2, 2), (1, 1, 1), (2, 0, 2), (3, 3, 3)],
    ((0, 1, 1), (1, 0, 0), (1, 0, 1), (1, 1, 0)): [(1, 1, 1), (1, 1, 1), (2, 2, 2), (4, 0, 0)],
    ((0, 1, 0), (0, 1, 1), (1, 0, 0), (1, 0, 1)): [(2, 2, 0)] * 4,
    ((0, 0, 1), (0, 1, 0), (1, 0, 0), (1, 1, 1)): [(1, 1, 1)] * 4,
}


def corner_codes(mask):
    """Returns a code for each corner of the voxels of `mask`: which of the 4 or 8 voxels around it are inside.

    Args:
        mask: Boolean array with 2 or 3 axes. Outside of it is background.

    Returns:
        A uint8 array, one longer along each axis. 0 is all outside, the highest code all inside.
    """
    padded = np.pad(mask, 1).view("uint8")
    codes = np.zeros([size + 1 for size in mask.shape], "uint8")
    for bit, offsets in enumerate(_offsets(mask.ndim)):
        window = tuple(slice(offset, offset + size) for offset, size in zip(offsets, codes.shape))
        codes |= padded[window] << np.uint8(bit)
    return codes


def surfel_areas(spacing):
    """Returns the area in mm^2 (2D: the length in mm) of the surface for each code of `corner_codes`.

    Args:
        spacing: Size of a voxel along each axis, in mm.
    """
    spacing = np.asarray(spacing, "float64")
    rank = len(spacing)
    faces = np.prod(spacing) / spacing  # what a unit normal along each axis stands for
    unit, shapes = (2, _LINES) if rank == 2 else (8, _TRIANGLES)
    areas = np.zeros(2 ** (2**rank))
    for voxels, normals in shapes.items():
        for order in itertools.permutations(range(rank)):
            turned = np.asarray(normals)[:, order] * faces / unit
            area = np.sqrt((turned**2).sum(axis=1)).sum()
            for flips in _offsets(rank):
                code = sum(_bit(voxel[axis] ^ flip for axis, flip in zip(order, flips)) for voxel in voxels)
                areas[[code, len(areas) - 1 - code]] = area
    return areas


def _offsets(rank):
    return list(itertools.product((0, 1), repeat=rank))


def _bit(offsets):
    """The bit of a voxel in the code: its place in `_offsets`."""
    place = 0
    for offset in offsets:
        place = 2 * place + offset
    return 1 << place
