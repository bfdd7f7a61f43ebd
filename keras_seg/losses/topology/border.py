"""Cross-entropy that insists on the gaps between neighbouring instances."""

import math

from keras import ops

from keras_seg.losses.base import check_range
from keras_seg.losses.boundary import check_spacing, sizes_of
from keras_seg.losses.components import check_instances, label, number
from keras_seg.losses.distance import squared_distance
from keras_seg.losses.maps import each_map
from keras_seg.losses.pixel import PixelMapLoss
from keras_seg.losses.registry import register


def two_nearest(instances, max_instances, spacing=None):
    """Distances of every voxel to the nearest and to the second nearest instance, exact.

    The instance numbers are taken bit by bit: for each bit, two distance transforms, to the instances that have it and
    to those that do not. The smaller one is the distance to the nearest instance, the larger one that to the nearest
    instance on the other side. The second nearest instance differs from the nearest in some bit, so its distance is
    the smallest of the larger ones: `2 log2(max_instances)` transforms instead of `max_instances`.

    Args:
        instances: Instance numbers, `[batch, *spatial]` integers from 1 to `max_instances`; 0 is none.
        max_instances: Highest number.
        spacing: Size of a voxel along each spatial axis; `None` means 1.

    Returns:
        Two `[batch, *spatial]` float32, 0 inside the instance itself; a million or more where there is none.
    """
    inside, codes = instances > 0, instances - 1

    def read_bit(bit, distances):
        is_set = ops.bitwise_and(ops.right_shift(codes, bit), 1) > 0
        one, other = (
            ops.sqrt(squared_distance(ops.logical_and(inside, side), spacing))
            for side in (is_set, ops.logical_not(is_set))
        )
        return ops.minimum(one, other), ops.minimum(distances[1], ops.maximum(one, other))

    far = ops.full(ops.shape(instances), math.inf, dtype="float32")
    return ops.fori_loop(0, max(1, (max_instances - 1).bit_length()), read_bit, (far, far))


@register("border_cross_entropy")
class BorderCrossEntropyLoss(PixelMapLoss):
    """Cross-entropy that weighs the narrow gaps between instances most, so that neighbours come apart: U-Net's.

    `w CE`, averaged over the voxels, with `w = w_c + w0 exp(-(d1 + d2)^2 / (2 sigma^2))`. `d1` and `d2` are the
    distances to the two nearest instances, the connected components of a foreground class in the truth; inside an
    instance `d1` is 0. `w_c` is the class weight, 1 without `class_weights`. The paper balances the classes by `w_c`
    but does not say how.

    With a softmax, class 0 is the background and the instances of all other classes are neighbours of one another.
    With sigmoids, each map has its own instances. A sample of fewer than two has no border term.

    Args:
        w0: Weight of the border term.
        sigma: Reach of the border term, in voxels or in the unit of `spacing`.
        max_instances: Highest number of instances per sample. Beyond it the smallest ones count as one. Costs two
            distance transforms for each doubling.
        spacing: Size of a voxel along each spatial axis, such as `(1.0, 1.0, 3.0)` in mm; `None` means 1.
        **options: See `SegmentationLoss`.

    Example: a gap of one voxel, both of whose neighbours are at distance 1 and which alone is wrong, at 0.5:
        `0.693 (1 + 10 exp(-2^2 / (2 * 1^2))) / 3 = 0.544`.

    >>> y_true, y_pred = [[[1.0], [0.0], [1.0]]], [[[1.0], [0.5], [1.0]]]
    >>> round(float(keras_seg.losses.BorderCrossEntropyLoss(sigma=1.0)(y_true, y_pred)), 3)
    0.544

    Reference: [Ronneberger et al., 2015](https://arxiv.org/abs/1505.04597), equation 2
    """

    space = {"w0": (1.0, 30.0, "log"), "sigma": (1.0, 10.0, "log")}
    adjustable = ("w0", "sigma")

    def __init__(self, w0=10.0, sigma=5.0, max_instances=64, spacing=None, **options):
        super().__init__(**options)
        self.w0 = check_range("w0", w0, low=0)
        self.sigma = check_range("sigma", sigma, low=0, open_low=True)
        self.max_instances = check_instances(max_instances)
        self.spacing = check_spacing(spacing)

    def loss(self, log_p):
        return -log_p

    def voxel_map(self, voxels):
        value = plain = super().voxel_map(voxels)
        if self.class_weights is not None:
            # The border term is added to the class weights, so it multiplies a cross-entropy without them.
            plain = super().voxel_map(voxels, factors=ops.ones_like(self.factors(voxels)))
        return value + ops.cast(self.border(voxels), value.dtype) * plain

    def border(self, voxels):
        """Return the border term, `[batch, *spatial, 1]` with a softmax, `[batch, *spatial, classes]` with sigmoids."""
        inside = ops.stop_gradient(voxels.truth) > 0.5
        sizes = sizes_of(self.spacing, inside)
        if voxels.weight is not None:
            inside = ops.logical_and(inside, voxels.weight > 0)
        components = each_map(label, inside if voxels.sigmoid else inside[..., 1:])
        if not voxels.sigmoid:
            # A label is the number of one of the component's voxels, so the classes share none.
            components = ops.max(components, axis=-1, keepdims=True)

        def term(components):
            instances = number(components, self.max_instances)
            first, second = two_nearest(instances, self.max_instances, sizes)
            return self.w0 * ops.exp(ops.square(first + second) / (-2 * self.sigma**2))

        return each_map(term, components)
