"""The boundary loss: an integral of the prediction over the truth's signed distance."""

from keras import ops

from keras_seg.losses.boundary.surface import check_spacing, signed_distance, sizes_of
from keras_seg.losses.maps import MapLoss, spatial_mean
from keras_seg.losses.registry import register


@register("boundary")
class BoundaryLoss(MapLoss):
    """Mean over the voxels of the truth's signed distance times the prediction.

    What is predicted far outside the truth costs much, deep inside it pays. The value can be negative, and alone it
    hardly trains (an empty prediction is nearly its minimum for a small object): use it beside a region loss, as the
    paper does, for example `dice_boundary`. An empty or full mask has no surface and counts 0.

    Args:
        spacing: Size of a voxel along each spatial axis, such as `(1.0, 1.0, 3.0)` in mm; the value has that unit.
            `None` means 1.
        **options: See `SegmentationLoss`. The paper leaves the background out: `include_background=False`.

    Example: the signed distances to the middle voxel are 1, 0, 1; predicted is `(0.5, 1, 0)`: `(0.5 + 0 + 0) / 3`.

    >>> y_true, y_pred = [[[0.0], [1.0], [0.0]]], [[[0.5], [1.0], [0.0]]]
    >>> round(float(keras_seg.losses.BoundaryLoss()(y_true, y_pred)), 3)
    0.167

    Reference: [Kervadec et al., 2019](https://arxiv.org/abs/1812.07032)
    """

    alone = False

    def __init__(self, spacing=None, **options):
        super().__init__(**options)
        self.spacing = check_spacing(spacing)

    def values(self, inputs):
        p, g, weight = self.maps(inputs)
        distance = ops.cast(signed_distance(g, sizes_of(self.spacing, p)), p.dtype)
        return self.class_mean(spatial_mean(p * distance, weight))
