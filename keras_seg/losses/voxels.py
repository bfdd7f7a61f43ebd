"""Some voxels of a batch, and what follows from their prediction and truth."""

from functools import cached_property

from keras import ops


class Voxels:
    """Prediction, truth and weight of some voxels: a slab of the flattened batch, or the whole of it in its own shape.

    Args:
        prediction: Logits or probabilities, `[batch, ..., classes]`.
        truth: Integer labels `[batch, ...]` or, with a class axis, one value per class `[batch, ..., classes]`.
        weight: Voxel weights `[batch, ...]` or `None`.
        from_logits: Whether `prediction` holds logits.
        sigmoid: Whether each class has its own sigmoid (one class, multi-label) instead of a softmax over all.
        dtype: The dtype to compute in, float32 or wider.
    """

    def __init__(self, prediction, truth, weight, from_logits, sigmoid, dtype):
        prediction = ops.cast(prediction, dtype)
        if weight is not None:
            weight = ops.expand_dims(ops.cast(weight, dtype), -1)
            # Whatever an ignored voxel predicts, NaN included, must not reach a sum or a gradient.
            prediction = ops.where(weight > 0, prediction, ops.zeros_like(prediction))
        self.prediction = prediction
        self.weight = weight
        self.from_logits = from_logits
        self.sigmoid = sigmoid
        self.classes = prediction.shape[-1]
        self._truth = truth

    @property
    def has_labels(self):
        """Whether the truth is one class index per voxel."""
        return len(self._truth.shape) < len(self.prediction.shape)

    @cached_property
    def truth(self):
        """One value per class, `[batch, ..., classes]`. From labels it is a compare that XLA fuses into its reader."""
        dtype = self.prediction.dtype
        if not self.has_labels:
            truth = ops.cast(self._truth, dtype)
            return truth if self.weight is None else ops.where(self.weight > 0, truth, ops.zeros_like(truth))
        labels = ops.expand_dims(ops.cast(self._truth, "int32"), -1)
        return ops.cast(ops.equal(labels, ops.arange(self.classes, dtype="int32")), dtype)

    @cached_property
    def probabilities(self):
        """`p`, `[batch, ..., classes]`."""
        if not self.from_logits:
            return self.prediction
        return ops.sigmoid(self.prediction) if self.sigmoid else ops.softmax(self.prediction, axis=-1)

    def log_probabilities(self, epsilon=1e-7):
        """`log p`, `[batch, ..., classes]`; probabilities are clipped to `[epsilon, 1 - epsilon]`, logits are not."""
        if self.from_logits:
            return ops.log_sigmoid(self.prediction) if self.sigmoid else ops.log_softmax(self.prediction, axis=-1)
        return ops.log(ops.clip(self.prediction, epsilon, 1 - epsilon))

    def log_complements(self, epsilon=1e-7):
        """`log(1 - p)` of a sigmoid map, `[batch, ..., classes]`; clipped like `log_probabilities`."""
        if self.from_logits:
            return ops.log_sigmoid(-self.prediction)
        # Clipped after the subtraction: in float32, `1 - (1 - 1e-5)` is wrong in the third digit.
        return ops.log(ops.clip(1 - self.prediction, epsilon, 1 - epsilon))

    def logits(self, epsilon=1e-7):
        """`z` of sigmoid maps, `[batch, ..., classes]`."""
        return self.prediction if self.from_logits else self.log_probabilities(epsilon) - self.log_complements(epsilon)

    def sum(self, values):
        """Weighted sum over the voxels: `[batch, ..., k]` to `[batch, k]`."""
        if self.weight is not None:
            values = values * self.weight
        return ops.sum(values, axis=tuple(range(1, len(values.shape) - 1)))

    @cached_property
    def count(self):
        """`N`, the sum of the voxel weights, `[batch, 1]`."""
        return self.sum(ops.ones_like(self.prediction[..., :1]))
