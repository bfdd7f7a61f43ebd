"""From whatever names a loss to the loss."""

import keras

from keras_seg.losses import registry, text
from keras_seg.losses.base import SegmentationLoss


def get(identifier, **options):
    """Make a loss from its name, its text form, its configuration, its class or an instance.

    Args:
        identifier: A name (`"tversky"`), a text (`"dice + 0.5 * focal(gamma=3)"`), the configuration that
            `keras.saving.serialize_keras_object` gives, a class, or an instance.
        **options: Arguments of the loss, such as `alpha=0.3` or `ignore_class=255`. In a text they go to every loss
            that takes them.

    Returns:
        A `keras.losses.Loss`; an instance comes back unchanged if no option asks for a change.

    Raises:
        ValueError: If there is no such loss or argument (the message names the nearest), or if an instance was made
            with `from_logits` or `multilabel` to the contrary.

    Example:
    >>> str(keras_seg.losses.get("dice + 0.5 * focal(gamma=3)"))
    'dice + 0.5 * focal(gamma=3)'
    """
    if isinstance(identifier, str):
        text.check_taken(options, [identifier])
        return text.read(identifier, **options)
    if isinstance(identifier, dict):
        identifier = keras.saving.deserialize_keras_object(identifier)
    if isinstance(identifier, type) and issubclass(identifier, SegmentationLoss):
        return identifier(**options)
    if isinstance(identifier, SegmentationLoss):
        changed = {key: value for key, value in options.items() if getattr(identifier, key, None) != value}
        return identifier.with_options(**changed) if changed else identifier
    raise ValueError(
        f"Cannot make a segmentation loss from {identifier!r}. Expected a name, a text such as "
        f"'dice + 0.5 * focal(gamma=3)', a configuration, or a loss of keras_seg. Known names: "
        f"{', '.join(registry.names())}."
    )
