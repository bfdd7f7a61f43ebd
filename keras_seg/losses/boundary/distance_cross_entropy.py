"""Cross-entropy by the distance to the surface."""

from keras import ops

from keras_seg.losses import safe
from keras_seg.losses.base import check_range
from keras_seg.losses.boundary.surface import check_spacing, sizes_of, surface_distance
from keras_seg.losses.maps import spatial_axes
from keras_seg.losses.pixel import PixelMapLoss
from keras_seg.losses.registry import register


@register("distance_cross_entropy")
class DistanceCrossEntropyLoss(PixelMapLoss):
    """Cross-entropy that counts up to twice near the surfaces of the truth: mean of `(1 + phi) (-log p)`.

    `phi = (max d - d) / max d`, `d` the distance to the other side of the surface, its largest value taken over the
    inside and over the outside by itself: 0 at what is deepest inside and farthest outside, near 1 at the surface of
    what is large. (In a structure that is nowhere deeper than a voxel all is deepest: `phi = 0`.) With a softmax, a
    voxel has the `phi` of its true class, measured within it. A class that is absent or everywhere has no surface:
    plain cross-entropy. An ignored voxel lies outside all classes.

    Args:
        spacing: Size of a voxel along each spatial axis, such as `(1.0, 1.0, 3.0)` in mm. `None` means 1.
        epsilon: Given probabilities are clipped to `[epsilon, 1 - epsilon]`; logits are not.
        **options: See `SegmentationLoss`.

    Example: the distances 3, 2, 1 outside and 1 inside make `phi = (0, 1/3, 2/3, 0)`; all are predicted at 0.5:
        `(1 + 0.25) * 0.693 = 0.866`.

    >>> y_true, y_pred = [[0, 0, 0, 1]], [[[0.5], [0.5], [0.5], [0.5]]]
    >>> round(float(keras_seg.losses.DistanceCrossEntropyLoss()(y_true, y_pred)), 3)
    0.866

    Reference: [Caliva et al., 2019](https://arxiv.org/abs/1908.03679)
    """

    def __init__(self, spacing=None, epsilon=1e-7, **options):
        super().__init__(**options)
        self.spacing = check_spacing(spacing)
        self.epsilon = check_range("epsilon", epsilon, low=0, high=0.5, open_low=True)

    def loss(self, log_p):
        return -log_p

    def voxel_map(self, voxels, factors=None):
        truth, counts = ops.stop_gradient(voxels.truth), voxels.weight
        inside = truth > 0.5 if counts is None else ops.logical_and(truth > 0.5, counts > 0)
        phi = ops.cast(nearness(inside, sizes_of(self.spacing, truth)), truth.dtype)
        if not voxels.sigmoid:
            phi = ops.sum(truth * phi, axis=-1, keepdims=True)
        return super().voxel_map(voxels, factors) * (1 + phi)


def nearness(inside, sizes):
    """How near a voxel is to the surface of a mask, on its side: 0 where it is farthest.

    Args:
        inside: Boolean, `[batch, *spatial, classes]`.
        sizes: Size of a voxel along each spatial axis.

    Returns:
        `[batch, *spatial, classes]` float32, >= 0 and < 1; 0 where there is no surface.
    """
    distance = surface_distance(inside, sizes)
    nearness = ops.zeros_like(distance)
    for side in (inside, ops.logical_not(inside)):
        farthest = ops.max(ops.where(side, distance, 0.0), axis=spatial_axes(distance), keepdims=True)
        nearness = ops.where(side, safe.divide(farthest - distance, farthest), nearness)
    return nearness
