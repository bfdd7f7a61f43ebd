"""A mean of squared errors that stands in for the Hausdorff distance, by distance transforms."""

from keras import ops

from keras_seg.losses.base import check_range
from keras_seg.losses.boundary.surface import check_spacing, sizes_of, surface_distance
from keras_seg.losses.maps import MapLoss, spatial_mean
from keras_seg.losses.registry import register


@register("hausdorff_dt")
class HausdorffDTLoss(MapLoss):
    """Squared error that costs more the farther it is from both surfaces: mean of `(p - g)^2 (d_p^alpha + d_g^alpha)`.

    `d_g` is a voxel's distance to the truth's surface and `d_p` that to the surface of the prediction above 0.5, each
    measured on both sides to the nearest voxel on the other; `d_p` has no gradient. As in MONAI's `HausdorffDTLoss`, a
    mask that is empty or full has no surface and its distance is 0 everywhere. Where neither mask has one (nothing is
    there, nothing reaches 0.5) the value is 0. It has the unit of `spacing` to the power of `alpha` and grows with the
    volume; summed in float32 it is good to about 3e-5 of itself at 96^3. Alone it hardly trains: far from a small
    object everything costs much, at the object little, so that nothing is predicted. Use it beside a region loss, as
    the paper does, such as `dice + 0.01 * hausdorff_dt`.

    Args:
        alpha: Power of the distances. Larger: the farthest mistakes decide.
        log: Whether to take `log(1 + value)` of each class.
        spacing: Size of a voxel along each spatial axis, such as `(1.0, 1.0, 3.0)` in mm. `None` means 1.
        **options: See `SegmentationLoss`. The paper leaves the background out: `include_background=False`.

    Example: both masks are the first of four voxels, the last one is predicted at 0.5, three voxels away:
        `0.5^2 (3^2 + 3^2) / 4 = 1.125`.

    >>> y_true, y_pred = [[[1.0], [0.0], [0.0], [0.0]]], [[[1.0], [0.0], [0.0], [0.5]]]
    >>> round(float(keras_seg.losses.HausdorffDTLoss()(y_true, y_pred)), 3)
    1.125

    Reference: [Karimi & Salcudean, 2019](https://arxiv.org/abs/1904.10030)
    """

    space = {"alpha": (1.0, 3.0), "log": [False, True]}
    adjustable = ("alpha",)
    alone = False

    def __init__(self, alpha=2.0, log=False, spacing=None, **options):
        super().__init__(**options)
        self.alpha = check_range("alpha", alpha, low=0, open_low=True)
        self.log = bool(log)
        self.spacing = check_spacing(spacing)

    def values(self, inputs):
        p, g, weight = self.maps(inputs)
        # Four maps, inside and outside of two masks, in one call.
        masks = ops.concatenate([ops.stop_gradient(p), g], axis=0) > 0.5
        of_p, of_g = ops.split(surface_distance(masks, sizes_of(self.spacing, p), self.alpha), 2, axis=0)
        value = spatial_mean(ops.square(p - g) * ops.cast(of_p + of_g, p.dtype), weight)
        return self.class_mean(ops.log1p(value) if self.log else value)
