"""Region mutual information: how much of the truth's neighbourhoods the prediction's do not explain."""

import math

from keras import ops

from keras_seg.losses import backend, safe
from keras_seg.losses.base import check_range, is_integer
from keras_seg.losses.maps import MapLoss, spatial_axes, spatial_mean
from keras_seg.losses.registry import register

# Added to the diagonals of covariances, as in the authors' code; the covariances are sums, not means, over voxels.
RIDGE = 5e-4


@register("region_mutual_information")
class RegionMutualInformationLoss(MapLoss):
    """Cross-entropy plus what the prediction around a voxel leaves unexplained of the truth around it.

    Each voxel stands for the vector of the `radius^d` values in its neighbourhood (`d` axes). The covariances of these
    vectors over the image are `S_Y` of the truth, `S_P` of the prediction and `S_YP` between them. What remains of the
    truth's once the prediction is known (linearly) is `M = S_Y - S_YP S_P^-1 S_YP^T`, and `1/2 log det M` bounds the
    negative mutual information from above, up to a constant. The loss is
    `balance * cross-entropy + (1 - balance) * 1/2 log det M / radius^d`. It can be negative.

    As in the authors' code, both terms are per class, one class against the rest; both maps are reduced by a max-pool
    before the second; covariances are sums over the vectors and get `5e-4` on their diagonals. Theirs adds up the
    classes, ours averages them; theirs reads each class through a sigmoid, ours as the loss is told (softmax or
    sigmoid). A pooling window starts at the first voxel where theirs starts one earlier, unless the size leaves a rest
    of 1.

    Mutual information cannot tell a mask from its negative. The authors fine-tune networks that know what an object
    is; from scratch the second term may win with an inverted mask. Use it beside a region loss then, such as
    `dice_ce + region_mutual_information`.

    The neighbourhood of an ignored voxel has background there in truth and prediction; a vector counts by the mean
    weight of its voxels.

    Args:
        balance: Share of the cross-entropy, 0 to 1.
        radius: Side of the neighbourhood in (pooled) voxels; along a shorter axis, the whole axis.
        pool: Window and stride of the max-pool; 1 leaves the maps as they are. Along an axis of fewer than
            `pool * radius` voxels nothing is pooled.
        **options: See `SegmentationLoss`.

    Example: one voxel of two is predicted right, the other is even. With a neighbourhood of one voxel, the truth `(1,
    0)` has `S_Y = 1/2`, the prediction `(1, 1/2)` has `S_P = 1/8` and `S_YP = 1/4`, so
    `M = 1/2 - 1/16 / (1/8 + 0.0005) + 0.0005 = 0.0025` and the loss is `(ln 2 / 2 + ln(0.0025) / 2) / 2 = -1.325`.

    >>> y_true, y_pred = [[[1.0], [0.0]]], [[[1.0], [0.5]]]
    >>> loss = keras_seg.losses.RegionMutualInformationLoss(radius=1, pool=1)
    >>> round(float(loss(y_true, y_pred)), 3)
    -1.325

    Reference: [Zhao et al., 2019](https://arxiv.org/abs/1910.12037)
    """

    space = {"balance": (0.2, 0.8), "radius": [2, 3], "pool": [1, 3]}
    adjustable = ("balance",)
    alone = False

    def __init__(self, balance=0.5, radius=3, pool=3, **options):
        super().__init__(**options)
        self.balance = check_range("balance", balance, low=0, high=1)
        for argument, value in (("radius", radius), ("pool", pool)):
            if not is_integer(value) or value < 1:
                raise ValueError(f"`{argument}` must be an integer >= 1. Received: {value!r}.")
        self.radius = int(radius)
        self.pool = int(pool)

    def values(self, inputs):
        p, g, weight = self.maps(inputs)
        region = self.unexplained(p, g, None if inputs.weight is None else weight)
        pixel = spatial_mean(self.cross_entropy_map(inputs.voxels), weight)
        return self.class_mean(self.balance * pixel + (1 - self.balance) * region)

    def cross_entropy_map(self, voxels):
        """Return the cross-entropy of each class against the rest, `[batch, *spatial, classes]`."""
        log_p = voxels.log_probabilities()
        log_not = voxels.log_complements() if voxels.sigmoid else safe.log(1 - voxels.probabilities)
        return self.foreground(-voxels.truth * log_p - (1 - voxels.truth) * log_not)[0]

    def unexplained(self, p, g, weight):
        """Return `1/2 log det M / radius^d` of each class, `[batch, classes]`."""
        sizes = [self.pool if self.is_pooled(p.shape[axis]) else 1 for axis in spatial_axes(p)]
        p, g = (_pooled(x, sizes, ops.max_pool) for x in (p, g))
        sides = [self.radius if size is None else min(self.radius, size) for size in p.shape[1:-1]]
        vectors = ops.concatenate([_neighbourhoods(x, sides) for x in (p, g)], axis=1)
        if weight is not None:
            weight = _neighbourhoods(_pooled(weight, sizes, ops.average_pool), sides)
            weight = ops.repeat(ops.mean(weight, axis=1, keepdims=True), p.shape[-1], axis=0)
        value = half_log_det(vectors, weight, math.prod(sides)) / math.prod(sides)
        return ops.cast(ops.reshape(value, (-1, p.shape[-1])), p.dtype)

    def is_pooled(self, size):
        """Whether an axis is long enough to be pooled; an open one is taken to be."""
        return size is None or size >= self.pool * self.radius


def half_log_det(vectors, weight, given, dtype=None):
    """`1/2 log det` of the covariance of some variables once others are known.

    If `W` is the lower triangular matrix with `W J W^T = 1` for the joint covariance `J`, the known variables first, it
    is the sum of `-log W_ii` over the rows `W_o` of the others, and its gradient by the centred vectors `X` is
    `W_o^T W_o X`: that of `1/2 |W_o X|^2` with `W_o` held fast.

    Float64 needs no more. Float32 cannot hold a covariance of 1e5 vectors and the ridge of 5e-4 at once; there the
    vectors are first brought close to a covariance of 1, twice, by the `W` of their covariance plus what hides its
    rounding. The determinant changes by those of the `W`, whatever they are.

    Args:
        vectors: `[maps, variables, voxels]`, the known variables first.
        weight: `[maps, 1, voxels]` or `None`.
        given: The number of known variables.
        dtype: The dtype to compute in; `None` is the widest there is.

    Returns:
        `[maps]`.
    """
    dtype = dtype or backend.widest_float()
    x = ops.cast(vectors, dtype)
    if weight is None:
        x = x - ops.mean(x, axis=-1, keepdims=True)
    else:
        weight = ops.cast(weight, dtype)
        mean = safe.divide(ops.sum(x * weight, axis=-1, keepdims=True), ops.sum(weight, axis=-1, keepdims=True))
        x = (x - mean) * safe.sqrt(weight)
    identity = ops.eye(x.shape[1], dtype=dtype)
    ridge, total = RIDGE**0.5 * identity + ops.zeros_like(x[:, :, :1]), 0.0
    with backend.full_precision():
        for hidden in (0.0,) if dtype == "float64" else (1e-5, 1e-5, 0.0):
            covariance = _gram(x) + _gram(ridge)
            trace = ops.sum(covariance * identity, axis=(1, 2), keepdims=True)
            whitening, log_pivots = map(ops.stop_gradient, whiten(covariance + hidden * trace * identity))
            total = total + ops.sum(log_pivots[:, given:], axis=1) / 2
            x, ridge = ops.matmul(whitening, x), ops.matmul(whitening, ridge)
    square = ops.sum(ops.square(x[:, given:]), axis=(1, 2)) / 2
    # The value is the sum of logarithms; the square brings the gradient.
    return total + (square - ops.stop_gradient(square))


def whiten(covariance):
    """Return the lower triangular `W` with `W covariance W^T = 1`, and `-2 log W_ii`.

    Plain elimination in a loop. The Cholesky factors and triangular solves of TensorFlow's XLA are unrolled: those of
    54 variables take two minutes to compile.

    Args:
        covariance: `[maps, variables, variables]`, positive definite.

    Returns:
        Tuple of `[maps, variables, variables]` and `[maps, variables]`.
    """
    size, dtype = covariance.shape[1], covariance.dtype
    identity = ops.eye(size, dtype=dtype)
    rows = ops.arange(size, dtype="int32")

    def eliminate(k, both):
        chosen = ops.cast(ops.equal(rows, k), dtype)
        below = ops.cast(rows > k, dtype)
        row = ops.sum(both * ops.expand_dims(chosen, 1), axis=1, keepdims=True)
        column = ops.sum(both[:, :, :size] * chosen, axis=2)
        pivot = ops.sum(column * chosen, axis=1, keepdims=True)
        return both - ops.expand_dims(below * column / ops.maximum(pivot, safe.TINY), 2) * row

    both = ops.concatenate([covariance, identity + ops.zeros_like(covariance)], axis=2)
    both = ops.fori_loop(0, size, eliminate, both)
    pivots = ops.maximum(ops.sum(both[:, :, :size] * identity, axis=2), safe.TINY)
    return both[:, :, size:] / ops.expand_dims(ops.sqrt(pivots), 2), ops.log(pivots)


def _gram(x):
    return ops.matmul(x, ops.swapaxes(x, 1, 2))


def _pooled(x, sizes, pool):
    if max(sizes) == 1:
        return x
    return pool(x, tuple(sizes), tuple(sizes), padding="same", data_format="channels_last")


def _neighbourhoods(x, sides):
    """Gather the neighbourhoods of `[batch, *spatial, k]` that fit, `[batch * k, prod(sides), neighbourhoods]`."""
    x = ops.moveaxis(x, -1, 1)
    shape = ops.shape(x)
    # Where in a flattened map a neighbourhood starts, and how far each of its values is from there.
    starts, steps = (ops.zeros((1,), dtype="int32") for _ in range(2))
    for size, side in zip(shape[2:], sides, strict=True):
        starts, steps = (
            ops.reshape(ops.expand_dims(places * size, 1) + ops.arange(count, dtype="int32"), (-1,))
            for places, count in ((starts, size - side + 1), (steps, side))
        )
    places = ops.expand_dims(steps, 1) + starts
    # A gather, not a stack of shifted maps: of 27 of those XLA makes minutes of compilation.
    return ops.take(ops.reshape(x, (shape[0] * shape[1], -1)), places, axis=1)
