"""A mean of squared errors that stands in for the Hausdorff distance, by erosions."""

from keras import ops

from keras_seg.losses import backend
from keras_seg.losses.base import check_range, is_integer
from keras_seg.losses.boundary.surface import check_spacing, sizes_of
from keras_seg.losses.maps import MapLoss, spatial_axes, spatial_mean
from keras_seg.losses.registry import register

# A map that an erosion has left flatter than this is not rescaled: its gradient would grow as much, erosion by erosion.
FLAT = 1e-3


@register("hausdorff_erosion")
class HausdorffErosionLoss(MapLoss):
    """Squared error that costs more the more erosions it survives: mean of `sum_k k^alpha E_k` over `K` erosions.

    `E_0 = (p - g)^2`. An erosion takes the mean of a voxel and its neighbours by a face (0 beyond the edge of the
    volume), less `threshold`, at least 0, as in the paper; then, as in the implementations in use, rescales what is
    left to 0 ... 1 for each sample and class. What is no thicker than a voxel loses its ends with every erosion, a
    single voxel is gone at the first, and nothing is left while no error is above `threshold`. So it cannot train a
    network alone: use it beside a region loss, as the paper does, such as `dice + 0.1 * hausdorff_erosion`.

    Args:
        alpha: Power of the erosion's number. Larger: the thickest mistakes decide.
        erosions: Number of erosions, `K`.
        threshold: What is subtracted from each mean; 0 blurs instead of eroding.
        rescale: Whether each erosion is stretched to 0 ... 1. (Where less than 0.001 is left it is not.)
        spacing: Size of a voxel along each spatial axis. A neighbour's weight is `(smallest size / size)^2` of the
            centre's, so that an erosion reaches equally far along every axis. `None`: all the same.
        **options: See `SegmentationLoss`.

    Example: three of four voxels are wrong. Their means are `(2, 3, 2, 1) / 3`, less 0.5 and rescaled `(1/3, 1, 1/3,
        0)`, whose mean is 0.417.

    >>> y_true, y_pred = [[[0.0], [0.0], [0.0], [1.0]]], [[[1.0], [1.0], [1.0], [1.0]]]
    >>> round(float(keras_seg.losses.HausdorffErosionLoss(erosions=1)(y_true, y_pred)), 3)
    0.417

    Reference: [Karimi & Salcudean, 2019](https://arxiv.org/abs/1904.10030)
    """

    space = {"alpha": (1.0, 3.0), "erosions": [5, 10]}
    adjustable = ("alpha",)
    alone = False

    def __init__(self, alpha=2.0, erosions=10, threshold=0.5, rescale=True, spacing=None, **options):
        super().__init__(**options)
        if not is_integer(erosions) or erosions < 1:
            raise ValueError(f"`erosions` must be a whole number >= 1. Received: {erosions!r}.")
        self.alpha = check_range("alpha", alpha, low=0)
        self.erosions = int(erosions)
        self.threshold = check_range("threshold", threshold, low=0, high=1)
        self.rescale = bool(rescale)
        self.spacing = check_spacing(spacing)

    def values(self, inputs):
        p, g, weight = self.maps(inputs)
        sizes = sizes_of(self.spacing, p)

        def erode(x):
            x = ops.maximum(cross_mean(x, sizes) - self.threshold, 0)
            return stretched(x) if self.rescale else x

        factors = [k**self.alpha for k in range(1, self.erosions + 1)]
        return self.class_mean(spatial_mean(repeated(erode, ops.square(p - g), factors), weight))


def repeated(step, x, factors):
    """Return `sum_k factors[k] step^(k + 1)(x)`, with its gradient, by one loop there and one back.

    Written out, all steps would be fused into one another and computed many times over.

    Args:
        step: A function of a map that keeps its shape.
        x: The map.
        factors: One number per step.
    """
    count = len(factors)
    factors = ops.convert_to_tensor(factors, dtype=x.dtype)

    def place(k):
        return [k] + [0] * len(x.shape)

    @ops.custom_gradient
    def run(x):
        def there(k, state):
            stack, x, total = state
            stack, x = ops.slice_update(stack, place(k), ops.expand_dims(x, 0)), step(x)
            return stack, x, total + ops.take(factors, k) * x

        stack = ops.zeros((count, *ops.shape(x)), dtype=x.dtype)
        stack, _, total = ops.fori_loop(0, count, there, (stack, x, ops.zeros_like(x)))

        def gradient(*args, upstream=None):
            upstream = args[0] if upstream is None else upstream

            def back(number, slope):
                k = count - 1 - number
                before = ops.squeeze(ops.slice(stack, place(k), (1, *ops.shape(x))), 0)
                return backend.pull_back(step, before, slope + ops.take(factors, k) * upstream)

            return ops.fori_loop(0, count, back, ops.zeros_like(upstream))

        return total, gradient

    return run(x)


def cross_mean(x, sizes):
    """Weighted mean of each voxel and its neighbours by a face; 0 beyond the edge, no neighbours on an axis of one.

    Args:
        x: `[batch, *spatial, classes]`.
        sizes: Size of a voxel along each spatial axis: a neighbour weighs `(smallest / size)^2`, the voxel itself 1.
    """
    total, weight = x, 1.0
    for axis, size in zip(spatial_axes(x), sizes, strict=True):
        share = (min(sizes) / size) ** 2
        before = (slice(None),) * axis
        padded = ops.pad(x, [(1, 1) if a == axis else (0, 0) for a in range(len(x.shape))])
        total = total + share * (padded[(*before, slice(None, -2))] + padded[(*before, slice(2, None))])
        weight = weight + 2 * share * ops.cast(ops.shape(x)[axis] > 1, x.dtype)
    return total / weight


def stretched(x):
    """Rescale every map of `[batch, *spatial, classes]` to 0 ... 1, but those that are flat."""
    axes = spatial_axes(x)
    low = ops.min(x, axis=axes, keepdims=True)
    extent = ops.max(x, axis=axes, keepdims=True) - low
    flat = extent < FLAT
    return ops.where(flat, x, (x - low) / ops.where(flat, ops.ones_like(extent), extent))
