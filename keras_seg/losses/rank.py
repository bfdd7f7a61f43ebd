"""Rank losses: what counts is the order of the errors."""

from keras import ops

from keras_seg.losses.base import SegmentationLoss, is_integer
from keras_seg.losses.jaccard_extension import bucket_factors, exact_factors
from keras_seg.losses.registry import register


@register("lovasz")
class LovaszLoss(SegmentationLoss):
    """The Lovász extension of the Jaccard loss: a convex surrogate that is exact on hard masks.

    The errors of a class are sorted down and weighed by how much each one adds to the Jaccard loss. With a softmax the
    errors are `|g - p|`; with sigmoids they are hinges on the logits, `1 - z (2g - 1)`, cut at 0. Per sample. A voxel
    of weight 2 stands twice in the order; an ignored one not at all.

    Sorting is nearly all of its cost. With `bins`, the errors are counted in `2 bins` buckets instead, and the voxels
    of a bucket share what the bucket adds.

    * With a softmax the buckets are `1 / (2 bins)` wide, and that is how far the value may be off: what a bucket adds
      depends only on what is in the buckets above, exactly as with a sort. In both cases the value is a mean of errors
      from that bucket times this amount, so it differs by at most a bucket's width times it; and all amounts together
      are at most 1.
    * Hinges have no upper end. Their buckets are even in `log(1 + error)` up to the largest error `M` of the sample and
      class, so that one that starts at `e` is at most `(1 + e) d` wide, `d = (1 + M)^(1 / (2 bins)) - 1`, about
      `log(1 + M) / (2 bins)`. By the same argument the value is off by at most `d (1 + value)`.

    Args:
        classes: With a softmax, which classes are averaged: `"present"` (those that a sample contains) or `"all"`.
            Sigmoid maps always count, as in the original.
        bins: `None` to sort, or how finely errors are told apart, such as 1024: several times faster on large volumes,
            and off by at most `1 / (2 bins)` with a softmax.
        **options: See `SegmentationLoss`.

    Example: the voxel of class 1 has error 0.5. For class 1 it is a miss of the only voxel and weighs 1; for class 0 it
    is a false positive beside one hit and weighs 1/2: `(0.5 + 0.25) / 2`.

    >>> y_true, y_pred = [[0, 1]], [[[1.0, 0.0], [0.5, 0.5]]]
    >>> round(float(keras_seg.losses.LovaszLoss()(y_true, y_pred)), 3)
    0.375

    Reference: [Berman et al., 2018](https://arxiv.org/abs/1705.08790)
    """

    space = {"classes": ["present", "all"]}

    def __init__(self, classes="present", bins=None, **options):
        super().__init__(**options)
        if classes not in ("present", "all"):
            raise ValueError(f"`classes` must be 'present' or 'all'. Received: {classes!r}.")
        if bins is not None and (not is_integer(bins) or bins < 1):
            raise ValueError(f"`bins` must be an integer >= 1 such as 1024, or None to sort. Received: {bins!r}.")
        self.classes = classes
        self.bins = bins if bins is None else int(bins)

    @property
    def sorts(self):
        return self.bins is None

    def values(self, inputs):
        errors, weight = inputs.voxel_map(self)
        truth = ops.reshape(inputs.voxels.truth, ops.shape(errors))
        errors, truth = self.foreground(errors, truth)
        weight = None if inputs.weight is None else weight
        if self.bins is None:
            factors = exact_factors(errors, truth, weight)
        else:
            largest = 1.0
            if inputs.sigmoid:
                counted = errors if weight is None else ops.where(weight > 0, errors, ops.zeros_like(errors))
                largest = ops.stop_gradient(ops.max(counted, axis=1, keepdims=True))
            factors = bucket_factors(errors, truth, weight, 2 * self.bins, largest, logarithmic=inputs.sigmoid)
        values = ops.sum(errors * factors, axis=1)
        present = ops.sum(truth if weight is None else truth * weight, axis=1) > 0
        skip = self.classes == "present" and not inputs.sigmoid
        return self.class_mean(values, present if skip else None)

    def voxel_map(self, voxels):
        """Return the error of each voxel and class, `[batch, voxels, classes]`."""
        if voxels.sigmoid:
            return ops.relu(1 - voxels.logits() * (2 * voxels.truth - 1))
        return ops.abs(voxels.truth - voxels.probabilities)
