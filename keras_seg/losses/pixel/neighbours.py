"""Pixel losses in which a voxel's neighbours soften its label."""

from keras import ops

from keras_seg.losses import safe
from keras_seg.losses.base import check_range, is_integer
from keras_seg.losses.inputs import Inputs
from keras_seg.losses.maps import product_along, spatial_axes
from keras_seg.losses.pixel.base import PixelMapLoss, truth_factor
from keras_seg.losses.registry import register


@register("svls_cross_entropy")
class SVLSCrossEntropyLoss(PixelMapLoss):
    """Cross-entropy against labels that are soft at boundaries alone: spatially varying label smoothing.

    A voxel's label is half its own and half that of its neighbours, by a Gaussian window without its centre. Inside a
    structure it stays certain, at its surface it says how uncertain an expert's outline is. As in the authors' code,
    the neighbours' weights sum to 1, the centre's is 1, all are divided by 2, and border voxels are repeated outwards.
    (For windows larger than the paper's 3 their 2D code subtracts another weight than the centre's.) Ignored voxels
    have no say: the window is an average over the others. Along an axis of one voxel there is no neighbour.

    Args:
        window: Window size in voxels, odd.
        sigma: Standard deviation of the Gaussian in voxels.
        **options: See `SegmentationLoss`.

    Example: along a line the window is `(0.25, 0.5, 0.25)`, so the labels 0, 1, 1 become 0.25, 0.75, 1. Predicting just
    these costs their entropies: `(0.562 + 0.562 + 0) / 3 = 0.375`.

    >>> y_true, y_pred = [[0, 1, 1]], [[[0.25], [0.75], [1.0]]]
    >>> round(float(keras_seg.losses.SVLSCrossEntropyLoss()(y_true, y_pred)), 3)
    0.375

    Reference: [Islam & Glocker, 2021](https://arxiv.org/abs/2104.05788)
    """

    space = {"window": [3, 5], "sigma": (0.5, 2.0)}
    adjustable = ("sigma",)

    def __init__(self, window=3, sigma=1.0, **options):
        super().__init__(**options)
        self.window = check_window(window, low=3)
        # Below it the neighbours' weights would round to 0.
        self.sigma = check_range("sigma", sigma, low=0.1)

    def loss(self, log_p):
        return -log_p

    def values(self, inputs):
        truth = inputs.voxels.truth
        offset = ops.arange(self.window, dtype=truth.dtype) - self.window // 2
        gaussian = ops.exp(-ops.square(offset) / (2 * self.sigma**2))
        sides = ops.where(ops.equal(offset, 0), ops.zeros_like(gaussian), gaussian)
        soft = replaced(inputs, softened(truth, inputs.voxels.weight, sides), inputs.weight)
        return self.from_statistics(soft, *soft.sums(self))


@register("nacl")
class NACLLoss(PixelMapLoss):
    """Neighbour-aware calibration: cross-entropy plus `alpha` times the mean of `|tau - z|` over the classes.

    `tau` is a class's share in the window around the voxel and `z` its logit, so that no logit grows far beyond what
    the neighbourhood says: the network stays calibrated where classes meet.

    Probabilities do not change when a number is added to all logits, nor does this loss: `z` is shifted so that its
    mean over the classes is that of `tau`, `1 / classes`. Then probabilities determine it (`log p`, shifted), and a
    network that gives `tau` pays no penalty. A sigmoid's logit counts as the two classes `-z / 2` and `z / 2`, which
    leaves `|tau - (1 + z) / 2|`. The share is of the voxels that lie in the volume and are not ignored.

    MONAI's `NACLLoss`, like the authors' code, takes logits as they come, so that it also pulls on their common shift;
    it divides by the whole window at the border, too (where the authors count what is outside as class 0). On logits of
    mean `1 / classes` and shares of what lies inside it gives the same numbers.

    Args:
        alpha: Weight of the penalty; 0 is cross-entropy.
        window: Window size in voxels, odd.
        **options: See `SegmentationLoss`.

    Example: all is foreground (`tau = 1`) and has probability 0.5 (`z = 0`): `0.693 + 0.1 * (1 - 0.5) = 0.743`.

    >>> y_true, y_pred = [[1, 1]], [[[0.5], [0.5]]]
    >>> round(float(keras_seg.losses.NACLLoss()(y_true, y_pred)), 3)
    0.743

    Reference: [Murugesan et al., 2023](https://arxiv.org/abs/2303.06268)
    """

    space = {"alpha": (0.01, 0.5, "log"), "window": [3, 5]}
    adjustable = ("alpha",)

    def __init__(self, alpha=0.1, window=3, **options):
        super().__init__(**options)
        self.alpha = check_range("alpha", alpha, low=0)
        self.window = check_window(window)

    def loss(self, log_p):
        return -log_p

    def values(self, inputs):
        voxels, weight = inputs.voxels, inputs.weight
        total, count = inputs.sums(self)
        if self.class_weights is not None and (not voxels.sigmoid or voxels.classes == 1):
            factor = truth_factor(voxels.truth, self.factors(voxels), voxels.sigmoid)[..., 0]
            weight = factor if weight is None else ops.cast(weight, factor.dtype) * factor
        around = replaced(inputs, shares(voxels.truth, voxels.weight, self.window), weight)
        (penalty,) = around.sums(SharePenalty(self.epsilon))
        return self.from_statistics(inputs, total + self.alpha * penalty, count)


class SharePenalty:
    """Sums of `|tau - z|`, in the form that `Inputs.sums` takes; the truth is `tau`."""

    def __init__(self, epsilon):
        self.epsilon = epsilon

    def statistics(self, voxels):
        """Return the penalty summed over the voxels, `[batch, 1]` with a softmax, `[batch, classes]` with sigmoids."""
        if voxels.sigmoid:
            return (voxels.sum(ops.abs(voxels.truth - (1 + voxels.logits(self.epsilon)) / 2)),)
        z = voxels.log_probabilities(self.epsilon)
        z = z - ops.mean(z, axis=-1, keepdims=True) + 1 / voxels.classes
        return (voxels.sum(ops.mean(ops.abs(voxels.truth - z), axis=-1, keepdims=True)),)


def replaced(inputs, truth, weight):
    """Return the same predictions with another truth, `[batch, *spatial, classes]`, and other weights.

    What comes of them is summed slab by slab, as for every pixel loss; only the truth is a whole map.
    """
    return Inputs(inputs.prediction, ops.stop_gradient(truth), weight, inputs.sample_weight, inputs.view)


def softened(truth, weight, sides):
    """Return half of each voxel's truth and half of its neighbours', averaged by a separable window.

    Args:
        truth: `[batch, *spatial, classes]`.
        weight: `[batch, *spatial, 1]`, 0 where a voxel is ignored, or `None`.
        sides: The window along one axis, `[window]`, but for the 1 in its middle, where it is 0.

    Returns:
        `[batch, *spatial, classes]`.
    """
    axes = [axis for axis in spatial_axes(truth) if truth.shape[axis] != 1]
    if not axes:
        return truth
    # The weights of a product of windows, less the centre's, by steps that keep the digits of a small one.
    total, side = 0.0, ops.sum(sides)
    for _ in axes:
        total = total + (1 + total) * side
    if weight is None:
        return (truth + neighbour_sum(truth, axes, sides) / total) / 2
    counts = ops.cast(weight > 0, truth.dtype)
    truth = truth * counts
    soft, whole = (x + neighbour_sum(x, axes, sides) / total for x in (truth, counts))
    return safe.divide(soft, whole)


def neighbour_sum(x, axes, sides):
    """Return the weighted sum of all voxels in the window but its centre; border voxels are repeated outwards."""
    total = ops.zeros_like(x)
    # A window is a product over the axes of "the voxel and its neighbours". Multiplied out axis by axis, the voxel
    # itself is never added, so it need not be subtracted.
    for axis in axes:
        total = total + along(x + total, axis, sides, repeat=True)
    return total


def shares(truth, weight, window):
    """Return each class's share of the voxels in the window, `[batch, *spatial, classes]`, ignored ones left out."""
    taps = ops.ones((window,), dtype=truth.dtype)
    if weight is None:
        return averaged(truth, taps)
    counts = ops.cast(weight > 0, truth.dtype)
    return safe.divide(averaged(truth * counts, taps), averaged(counts, taps))


def averaged(x, taps):
    """Return the weighted average over what of the window lies inside, `[batch, *spatial, k]`."""
    for axis in spatial_axes(x):
        x = along(x, axis, taps, repeat=False)
    return x


def along(x, axis, taps, repeat):
    """Return the weighted sum over a window along one axis of `[batch, *spatial, k]`.

    Args:
        x: Any map.
        axis: The axis.
        taps: The window's weights, `[window]`.
        repeat: Whether the border voxels are repeated outwards; else it is the average over what lies inside.
    """
    size, reach = ops.shape(x)[axis], taps.shape[0] // 2
    voxel = ops.arange(size, dtype="int32")
    source = ops.expand_dims(voxel, 1) + ops.arange(-reach, reach + 1, dtype="int32")
    if repeat:
        source = ops.clip(source, 0, size - 1)
    hit = ops.equal(ops.reshape(voxel, (-1, 1, 1)), source)
    matrix = ops.sum(ops.cast(hit, x.dtype) * taps, axis=-1)
    if not repeat:
        matrix = matrix / ops.sum(matrix, axis=0)
    return product_along(x, axis, matrix)


def check_window(window, low=1):
    """Return a window size in voxels, a whole odd number >= `low`."""
    if not is_integer(window) or window < low or window % 2 == 0:
        raise ValueError(
            f"`window` must be an odd whole number >= {low}, so that it has a centre. Received: {window!r}."
        )
    return int(window)
