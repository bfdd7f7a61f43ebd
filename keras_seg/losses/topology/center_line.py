"""Losses of centre lines, for tubes whose connection matters more than their width."""

from keras import ops

from keras_seg.losses import safe
from keras_seg.losses.base import check_range
from keras_seg.losses.maps import MapLoss, spatial_axes
from keras_seg.losses.registry import register
from keras_seg.losses.topology.skeleton import soft_skeleton, tubed_skeleton


@register("cl_dice")
class CLDiceLoss(MapLoss):
    """Dice of centre lines: does each mask contain the other one's skeleton?

    `1 - 2 Tp Ts / (Tp + Ts)`, with `Tp` the share of the predicted skeleton that lies in the truth (no false branches)
    and `Ts` the share of the true skeleton that lies in the prediction (no gaps). The gradient flows through both
    sides. It says nothing about width and hardly trains alone: use it beside Dice, as the paper does (`dice_cldice`).

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

    alone = False
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


@register("skeleton_recall")
class SkeletonRecallLoss(MapLoss):
    """Share of the truth's centre line that the prediction misses: keeps thin tubes connected, at little cost.

    `1 - (sum p t + smooth) / (sum t + smooth)`, `t` the tube around the truth's skeleton: dilated by `radius` voxels
    and cut to the truth. False positives cost nothing, so alone it learns to predict everything: the paper adds it to
    Dice and cross-entropy, `dice_ce + skeleton_recall`.

    As in the authors' code (two dilations by a cross, cut to the truth, an absent class has recall 1), but for the
    skeleton: theirs is thinned on the processor beforehand, of all foreground classes together. Ours is the soft
    skeleton of each class's mask, thresholded at 0.5, inside the graph; the tube bridges its small gaps.

    Args:
        iterations: Erosions of the skeleton; at least the radius of the widest tube in voxels.
        radius: Voxels by which the skeleton is dilated, each step by a cross.
        smooth: Added to numerator and denominator, in voxels.
        **options: See `SegmentationLoss`. The paper leaves the background out: `include_background=False`.

    Example: a line of four voxels, half of which is predicted: `1 - 2 / 4`.

    >>> y_true, y_pred = np.zeros((1, 5, 6, 1)), np.zeros((1, 5, 6, 1))
    >>> y_true[0, 2, 1:5], y_pred[0, 2, 1:3] = 1, 1
    >>> round(float(keras_seg.losses.SkeletonRecallLoss()(y_true, y_pred)), 3)
    0.5

    Reference: [Kirchhoff et al., 2024](https://arxiv.org/abs/2404.03010)
    """

    alone = False
    space = {"radius": [0, 1, 2, 3]}

    def __init__(self, iterations=10, radius=2, smooth=1e-5, **options):
        super().__init__(**options)
        self.iterations = int(check_range("iterations", iterations, low=1))
        self.radius = int(check_range("radius", radius, low=0))
        self.smooth = check_range("smooth", smooth, low=0)

    def values(self, inputs):
        p, g, weight = self.maps(inputs)
        tube = tubed_skeleton(g, self.iterations, self.radius) * weight
        axes = spatial_axes(p)
        hit, total = ops.sum(p * tube, axis=axes), ops.sum(tube, axis=axes)
        return self.class_mean(1 - safe.divide(hit + self.smooth, total + self.smooth, empty=1.0))
