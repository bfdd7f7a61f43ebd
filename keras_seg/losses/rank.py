"""Rank losses: what counts is the order of the errors."""

from keras import ops

from keras_seg.losses.base import SegmentationLoss
from keras_seg.losses.registry import register


@register("lovasz")
class LovaszLoss(SegmentationLoss):
    """The Lovász extension of the Jaccard loss: a convex surrogate that is exact on hard masks.

    The errors of a class are sorted down and weighed by how much each one adds to the Jaccard loss. With a softmax the
    errors are `|g - p|`; with sigmoids they are hinges on the logits, `1 - z (2g - 1)`, cut at 0. Per sample. A voxel
    of weight 2 stands twice in the order; an ignored one not at all.

    Args:
        classes: With a softmax, which classes are averaged: `"present"` (those that a sample contains) or `"all"`.
            Sigmoid maps always count, as in the original.
        **options: See `SegmentationLoss`.

    Example: the voxel of class 1 has error 0.5. For class 1 it is a miss of the only voxel and weighs 1; for class 0 it
        is
    a false positive beside one hit and weighs 1/2: `(0.5 + 0.25) / 2`.

    >>> y_true, y_pred = [[0, 1]], [[[1.0, 0.0], [0.5, 0.5]]]
    >>> round(float(keras_seg.losses.LovaszLoss()(y_true, y_pred)), 3)
    0.375

    Reference: [Berman et al., 2018](https://arxiv.org/abs/1705.08790)
    """

    space = {"classes": ["present", "all"]}

    def __init__(self, classes="present", **options):
        super().__init__(**options)
        if classes not in ("present", "all"):
            raise ValueError(f"`classes` must be 'present' or 'all'. Received: {classes!r}.")
        self.classes = classes

    def values(self, inputs):
        errors, weight = inputs.voxel_map(self)
        truth = ops.reshape(inputs.voxels.truth, ops.shape(errors))
        errors, truth = self.foreground(errors, truth)
        factors, present = lovasz_factors(errors, truth, weight)
        values = ops.sum(errors * factors, axis=1)
        skip = self.classes == "present" and not inputs.sigmoid
        return self.class_mean(values, present if skip else None)

    def voxel_map(self, voxels):
        """Return the error of each voxel and class, `[batch, voxels, classes]`."""
        if voxels.sigmoid:
            return ops.relu(1 - voxels.logits() * (2 * voxels.truth - 1))
        return ops.abs(voxels.truth - voxels.probabilities)


def lovasz_factors(errors, truth, weight):
    """How much each voxel's error adds to the Jaccard loss when errors are taken from the largest down.

    Args:
        errors: `[batch, voxels, classes]`.
        truth: `[batch, voxels, classes]`.
        weight: `[batch, voxels, 1]`.

    Returns:
        Factors `[batch, voxels, classes]` without gradient, and whether a class is in the truth `[batch, classes]`.
    """
    # Sorting runs along the last axis. Ignored voxels sort below every real error and add nothing.
    errors, truth, weight = (ops.swapaxes(ops.stop_gradient(x), 1, 2) for x in (errors, truth, weight))
    weight = weight + ops.zeros_like(errors)
    order = ops.argsort(ops.where(weight > 0, -errors, ops.ones_like(errors)), axis=-1)
    truth, weight = (ops.take_along_axis(x, order, axis=-1) for x in (truth * weight, weight))
    total = ops.sum(truth, axis=-1, keepdims=True)
    misses = ops.cumsum(truth, axis=-1)
    union = total + ops.cumsum(weight - truth, axis=-1)
    jaccard = 1 - (total - misses) / ops.where(union > 0, union, ops.ones_like(union))
    jaccard = ops.where(union > 0, jaccard, ops.zeros_like(jaccard))
    added = jaccard - ops.pad(jaccard[..., :-1], [(0, 0), (0, 0), (1, 0)])
    back = ops.argsort(order, axis=-1)
    factors = ops.take_along_axis(added, back, axis=-1)
    return ops.stop_gradient(ops.swapaxes(factors, 1, 2)), ops.squeeze(total, -1) > 0
