"""Deep supervision: the same target for outputs at several scales."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_seg")
class DeepSupervisionLoss(keras.losses.Loss):
    """A loss for outputs of a lower resolution than the target: the target is resized to the output by nearest voxel.

    Keras gives each output of a model its own loss and target, so each head gets the full-size target and one of these;
    `keras_seg.compile` and the zoo do that. Called with a list of outputs, the loss is their weighted mean.

    Args:
        loss: The loss at each scale: anything that `keras_seg.losses.get` takes.
        weights: Weights of a list of outputs, the finest first. `None`: halved from one to the next. They are
            normalised to sum to 1.
        reduction: See `SegmentationLoss`; `None` takes that of `loss`.
        name: Name of the instance.

    Example:
    >>> y_true = np.ones((1, 4, 4, 1))
    >>> outputs = [np.ones((1, 4, 4, 1)), np.zeros((1, 2, 2, 1))]
    >>> round(float(keras_seg.losses.DeepSupervisionLoss("dice")(y_true, outputs)), 3)
    0.333
    """

    def __init__(self, loss, weights=None, reduction=None, name="deep_supervision"):
        from keras_seg.losses.lookup import get

        loss = get(loss)
        if reduction is not None and reduction != loss.reduction:
            loss = loss.with_options(reduction=reduction)
        super().__init__(name=name, reduction=loss.reduction, dtype=loss.dtype)
        self.loss = loss
        self.weights = None if weights is None else tuple(float(weight) for weight in weights)

    def __call__(self, y_true, y_pred, sample_weight=None):
        if not isinstance(y_pred, (list, tuple)):
            return self.at_scale(y_true, y_pred, sample_weight)
        weights = head_weights(len(y_pred), self.weights)
        values = [weight * self.at_scale(y_true, x, sample_weight) for weight, x in zip(weights, y_pred, strict=True)]
        return sum(values[1:], start=values[0])

    def call(self, y_true, y_pred):
        return self.with_options(reduction="none")(y_true, y_pred)

    def at_scale(self, y_true, y_pred, sample_weight):
        """Return the loss of one output against the target resized to it."""
        y_pred = ops.convert_to_tensor(y_pred)
        first = 2 if self.loss.channels_first else 1
        sizes = ops.shape(y_pred)[first : first + len(y_pred.shape) - 2]
        y_true = resize(ops.convert_to_tensor(y_true), sizes, len(y_pred.shape), first)
        if sample_weight is not None:
            sample_weight = ops.convert_to_tensor(sample_weight)
            if len(sample_weight.shape) >= len(y_pred.shape) - 1:
                sample_weight = resize(sample_weight, sizes, len(y_pred.shape), first)
        return self.loss(y_true, y_pred, sample_weight)

    def with_options(self, **options):
        """Return the same wrapper around the loss with some options changed."""
        return DeepSupervisionLoss(self.loss.with_options(**options), weights=self.weights, name=self.name)

    def schedules(self):
        """Return the schedules of the loss inside."""
        return self.loss.schedules()

    def get_config(self):
        return {
            "loss": keras.saving.serialize_keras_object(self.loss),
            "weights": self.weights,
            "reduction": self.reduction,
            "name": self.name,
        }


def head_weights(count, weights=None):
    """Return the weights of `count` outputs, the finest first: `1 / 2^k` unless given, summing to 1.

    Raises:
        ValueError: If their number is not `count` or their sum is not above 0.
    """
    weights = [0.5**k for k in range(count)] if weights is None else list(weights)
    if len(weights) != count or min(weights) < 0 or sum(weights) <= 0:
        raise ValueError(f"`weights` must be {count} numbers >= 0, one per output, not all 0. Received: {weights}.")
    return [weight / sum(weights) for weight in weights]


def resize(target, sizes, rank, first):
    """Resize the spatial axes of a target to `sizes`, each voxel taking the value at its centre's place.

    Args:
        target: Labels `[batch, *spatial]` or values with a class axis.
        sizes: Wanted sizes.
        rank: Number of axes of the prediction.
        first: First spatial axis of the prediction (2 if channels come first).

    Returns:
        The target at the wanted size, its dtype unchanged.
    """
    axis = first if len(target.shape) == rank else 1
    for k, size in enumerate(sizes):
        if target.shape[axis + k] == size:
            continue
        length = ops.shape(target)[axis + k]
        # Integer arithmetic, so that no rounding depends on the backend: floor((i + 1/2) * length / size).
        places = (2 * ops.arange(size, dtype="int32") + 1) * length // (2 * size)
        target = ops.take(target, places, axis=axis + k)
    return target
