"""Topology losses: skeletons, for tubes whose connection matters more than their width."""

import keras
from keras import ops

from keras_seg.losses import safe
from keras_seg.losses.base import check_range
from keras_seg.losses.maps import MapLoss, each_map, spatial_axes
from keras_seg.losses.registry import register


def soft_skeleton(mask, iterations):
    """Skeleton of soft masks by iterated minimum and maximum pooling; differentiable.

    Args:
        mask: Values in `[0, 1]`, `[batch, *spatial, classes]`.
        iterations: Number of erosions; at least the radius of the widest tube in voxels.

    Returns:
        `[batch, *spatial, classes]`.
    """

    def skeleton_of(maps):
        # One map per entry of the batch: pooling is several times faster where the last spatial axis is contiguous.
        mask = ops.expand_dims(maps, -1)
        eroded = _erode(mask)
        skeleton = ops.relu(mask - _dilate(eroded))
        for _ in range(iterations):
            mask, eroded = eroded, _erode(eroded)
            rest = ops.relu(mask - _dilate(eroded))
            skeleton = skeleton + ops.relu(rest - skeleton * rest)
        return ops.squeeze(skeleton, -1)

    return each_map(skeleton_of, mask)


def _erode(x):
    """Minimum over a cross of 3: the voxel and its face neighbours."""
    lowest = -_maximum_along(-x, 1)
    for axis in spatial_axes(x)[1:]:
        other = -_maximum_along(-x, axis)
        # Not `minimum`: frameworks differ in its gradient where the two are equal, as most eroded voxels are.
        lowest = ops.where(other < lowest, other, lowest)
    return lowest


def _dilate(x):
    """Maximum over a cube of 3, axis by axis."""
    for axis in spatial_axes(x):
        x = _maximum_along(x, axis)
    return x


def _maximum_along(x, axis):
    """Maximum over 3 voxels along one axis; voxels that tie share its gradient.

    Frameworks differ in what a tie gets (TensorFlow's volumes on a CPU: each tying voxel the whole gradient), and in
    eroded maps nearly all voxels tie.
    """

    @ops.custom_gradient
    def maximum(x):
        highest = _pool(x, axis)

        def gradient(*args, upstream=None):
            upstream = args[0] if upstream is None else upstream
            ties = [ops.cast(ops.equal(part, highest), x.dtype) for part in _window(x, axis, outside=-FAR)]
            share = _window(upstream / (ties[0] + ties[1] + ties[2]), axis, outside=0.0)
            wins = [ops.equal(part, x) for part in _window(highest, axis, outside=2 * FAR)]
            return sum(ops.where(win, part, ops.zeros_like(part)) for win, part in zip(wins, share, strict=True))

        return highest, gradient

    return maximum(x)


# Beyond every value of a map, and of its negative.
FAR = 1e6


def _pool(x, axis):
    if keras.backend.standardize_dtype(x.dtype) == "float64":
        # TensorFlow pools volumes in single precision only.
        low, here, high = _window(x, axis, outside=-FAR)
        return ops.maximum(here, ops.maximum(low, high))
    size = tuple(3 if a == axis else 1 for a in spatial_axes(x))
    return ops.max_pool(x, size, strides=1, padding="same", data_format="channels_last")


def _window(x, axis, outside):
    """Return the neighbour before, the voxel and the neighbour behind it along one axis."""
    shape = ops.shape(x)
    padded = ops.pad(x, [(1, 1) if a == axis else (0, 0) for a in range(len(shape))], constant_values=outside)
    return [ops.slice(padded, [k if a == axis else 0 for a in range(len(shape))], shape) for k in range(3)]


@register("cl_dice")
class CLDiceLoss(MapLoss):
    """Dice of centre lines: does each mask contain the other one's skeleton?

    `1 - 2 Tp Ts / (Tp + Ts)`, with `Tp` the share of the predicted skeleton that lies in the truth (no false branches)
    and `Ts` the share of the true skeleton that lies in the prediction (no gaps). The gradient flows through both
    sides. It says nothing about width: use it beside a region loss, as the paper does.

    Args:
        iterations: Erosions of the soft skeleton; at least the radius of the widest tube in voxels.
        smooth: Added to numerator and denominator of both shares, in voxels.
        **options: See `SegmentationLoss`.

    Example: a line of three voxels, of which one is predicted: `Tp = (1 + 1) / (1 + 1)`, `Ts = (1 + 1) / (3 + 1)`,
    `1 - 2 * 0.5 / 1.5 = 0.333`.

    >>> y_true, y_pred = np.zeros((1, 5, 5, 1)), np.zeros((1, 5, 5, 1))
    >>> y_true[0, 2, 1:4], y_pred[0, 2, 2] = 1, 1
    >>> round(float(keras_seg.losses.CLDiceLoss()(y_true, y_pred)), 3)
    0.333

    Reference: [Shit et al., 2021](https://arxiv.org/abs/2003.07311)
    """

    space = {"iterations": [3, 5, 10]}

    def __init__(self, iterations=10, smooth=1.0, **options):
        super().__init__(**options)
        self.iterations = int(check_range("iterations", iterations, low=1))
        self.smooth = check_range("smooth", smooth, low=0, open_low=True)

    def values(self, inputs):
        p, g, weight = self.maps(inputs)
        axes = spatial_axes(p)

        def share(skeleton, mask):
            inside = ops.sum(skeleton * mask * weight, axis=axes) + self.smooth
            return inside / (ops.sum(skeleton * weight, axis=axes) + self.smooth)

        precision = share(soft_skeleton(p, self.iterations), g)
        sensitivity = share(ops.stop_gradient(soft_skeleton(g, self.iterations)), p)
        return self.class_mean(1 - safe.divide(2 * precision * sensitivity, precision + sensitivity))
