"""What pixel losses share: one value per voxel, averaged over the voxels that count."""

from keras import ops

from keras_seg.losses import safe
from keras_seg.losses.base import SegmentationLoss
from keras_seg.losses.maps import spatial_mean


class PixelLoss(SegmentationLoss):
    """Base of losses that are a mean over voxels of `f(log p_t)`, `p_t` the probability given to what is true.

    With a softmax, a voxel's value is `f` at its true class (for soft truth, its expectation); with a sigmoid per
    class, each class is an outcome of its own, true or false, and the classes are averaged.
    """

    streams = True
    label_smoothing = 0.0
    epsilon = 1e-7

    def loss(self, log_p):
        """Return the price of giving the truth the log-probability `log_p`; any shape."""
        raise NotImplementedError(f"{type(self).__name__} needs a formula: define `loss(self, log_p)`.")

    @property
    def smooths_labels(self):
        """Whether the truth is to be mixed with an even one."""
        return not safe.is_constant(self.label_smoothing, 0)

    def class_factors(self, classes):
        """Return a factor per true class, with sigmoids `(false, true)`; `None` where all are 1."""
        return None

    def factors(self, voxels):
        """Return `class_factors` times class weights: `[classes]` with a softmax, `(false, true)` with sigmoids."""
        dtype = voxels.prediction.dtype
        given = [self.class_factors(voxels.classes)]
        # Overlapping classes are averaged by their weights at the end, see `map_mean`.
        given += [] if voxels.sigmoid and voxels.classes > 1 else [self.class_weights]
        total = ops.ones((2 if voxels.sigmoid else voxels.classes,), dtype=dtype)
        for one in given:
            if one is not None:
                total = total * ops.convert_to_tensor(one, dtype=dtype)
        return total

    def voxel_map(self, voxels, factors=None):
        """Return a value per voxel, `[batch, ..., 1]` with a softmax, `[batch, ..., classes]` with sigmoids."""
        factors = self.factors(voxels) if factors is None else factors
        if voxels.has_labels and not voxels.sigmoid and not self.smooths_labels:
            # One evaluation per voxel instead of one per class. A label beyond the classes has log p = 0 and factor 0.
            log_p = voxels.log_probabilities(self.epsilon)
            value = self.loss(ops.sum(voxels.truth * log_p, axis=-1, keepdims=True))
            return value * truth_factor(voxels.truth, factors, voxels.sigmoid)
        truth = voxels.truth
        if self.smooths_labels:
            outcomes = 2 if voxels.sigmoid else voxels.classes
            truth = truth * (1 - self.label_smoothing) + self.label_smoothing / outcomes
        return self.expectation(voxels, truth, factors)

    def expectation(self, voxels, truth, factors):
        """Return what `voxel_map` does for a truth that says how likely each outcome is, `[batch, ..., classes]`."""
        price = self.loss(voxels.log_probabilities(self.epsilon))
        if not voxels.sigmoid:
            return ops.sum(truth * factors * price, axis=-1, keepdims=True)
        if_false = factors[0] * (1 - truth) * self.loss(voxels.log_complements(self.epsilon))
        return factors[1] * truth * price + if_false

    def statistics(self, voxels):
        """Return the summed values, `[batch, 1 or classes]`, and `N`, `[batch, 1]`."""
        return voxels.sum(self.voxel_map(voxels)), voxels.count

    def from_statistics(self, inputs, total, count):
        """Return one value per sample, `[batch]`."""
        return self.map_mean(safe.divide(total, count))

    def map_mean(self, means):
        """Average `[batch, 1 or classes]` means over voxels to `[batch]`."""
        return means[:, 0] if means.shape[-1] == 1 else self.class_mean(means)


class PixelMapLoss(PixelLoss):
    """Base of pixel losses in which the truth *around* a voxel has a say in its value.

    `voxel_map` sees the batch in its own shape instead of slabs of a flattened one. The options mean what they mean for
    every pixel loss; an ignored voxel has no say in its neighbours' values.
    """

    streams = False

    def values(self, inputs):
        value = self.voxel_map(inputs.voxels)
        weight = inputs.voxels.weight
        return self.map_mean(spatial_mean(value, ops.ones_like(value[..., :1]) if weight is None else weight))


def truth_factor(truth, factors, sigmoid):
    """Return the factor of what is true at each voxel, `[batch, ..., 1]` or, with sigmoids, `[batch, ..., classes]`."""
    if sigmoid:
        return factors[1] * truth + factors[0] * (1 - truth)
    return ops.sum(truth * factors, axis=-1, keepdims=True)
