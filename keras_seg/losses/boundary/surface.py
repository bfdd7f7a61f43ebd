"""What boundary losses share: voxel sizes, and distances to the surface of a mask."""

from keras import ops

from keras_seg.losses import safe
from keras_seg.losses.distance import FAR, squared_distance_across
from keras_seg.losses.maps import each_map, spatial_axes


def surface_distance(inside, spacing=None, exponent=1.0):
    """Distance of every voxel to the nearest voxel on the other side of a mask's surface, to some power.

    Args:
        inside: Boolean, `[batch, *spatial, classes]`.
        spacing: Size of a voxel along each spatial axis; `None` means 1.
        exponent: The power, > 0.

    Returns:
        `[batch, *spatial, classes]` float32, in the unit of `spacing` to that power. A mask that is empty or full has
        no surface: 0 everywhere.
    """
    squared = each_map(lambda mask: squared_distance_across(mask, spacing), inside)
    known = squared < FAR
    squared = ops.where(known, squared, 1.0)
    if not safe.is_constant(exponent, 2):
        squared = ops.sqrt(squared) if safe.is_constant(exponent, 1) else ops.power(squared, exponent / 2)
    return ops.where(known, squared, 0.0)


def signed_distance(truth, spacing=None):
    """Signed distance map of a mask: outside the distance to the mask, inside minus the distance to its surface.

    A voxel inside that touches the outside has 0 (at unit spacing, `-(d - 1)` with `d` the distance to the nearest
    voxel outside). Masks that are empty or full have no surface and give 0 everywhere.

    Args:
        truth: `[batch, *spatial, classes]`, a voxel is inside where it is above 0.5.
        spacing: Size of a voxel along each spatial axis; `None` means 1.

    Returns:
        `[batch, *spatial, classes]` float32, in the unit of `spacing`.
    """
    inside = ops.stop_gradient(truth) > 0.5
    distance = surface_distance(inside, spacing)
    smallest = 1.0 if spacing is None else float(min(spacing))
    # No distance to a surface is 0, so 0 says that there is none.
    return ops.where(ops.logical_and(inside, distance > 0), smallest - distance, distance)


def check_spacing(spacing):
    """Return a spacing as a tuple of floats, or `None`.

    Raises:
        ValueError: Unless it is 1 to 3 numbers above 0.
    """
    if spacing is None:
        return None
    try:
        sizes = tuple(float(size) for size in spacing)
    except (TypeError, ValueError):
        sizes = ()
    if not 1 <= len(sizes) <= 3 or not all(0 < size < FAR for size in sizes):
        raise ValueError(
            f"`spacing` must hold one size > 0 per spatial axis, in the order of the array's axes. Received: "
            f"{spacing!r}."
        )
    return sizes


def sizes_of(spacing, x):
    """Return the size of a voxel along each spatial axis of `[batch, *spatial, classes]`, ones for `None`.

    Raises:
        ValueError: If `spacing` is for another number of axes.
    """
    axes = len(spatial_axes(x))
    if spacing is None:
        return (1.0,) * axes
    if len(spacing) != axes:
        raise ValueError(f"`spacing` has {len(spacing)} sizes for {axes} spatial axes. Received: spacing={spacing}.")
    return spacing
