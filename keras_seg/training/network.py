"""From a recipe to a compiled network."""

import contextlib

import keras

from keras_seg import losses
from keras_seg.compiling import compile

# What weight decay would only pull away from where it belongs: scales, slopes and biases.
NOT_DECAYED = ("bias", "gamma", "beta", "alpha")


def build(recipe, fingerprint):
    """Build the network of a recipe and compile it; it returns logits.

    The weights are drawn by the recipe's seed: Keras's random state is set to it. The learning rate starts at the
    recipe's highest; its schedule is the training's business.

    Args:
        recipe: `Recipe`.
        fingerprint: `keras_seg.data.Fingerprint`, or anything with `rank`, `channels` and `num_classes`.

    Returns:
        A compiled `keras.Model` for open sizes, `[batch, *spatial, channels]` to `[batch, *spatial, num_classes]`. With
        deep supervision the main output is the first.

    Raises:
        ValueError: If the recipe is for another number of axes than the data, a builder or loss refuses its options, or
            the class to ignore is none of the data's.
    """
    if recipe.rank != fingerprint.rank:
        raise ValueError(
            f"The recipe is for {recipe.rank}D (`training.patch` is {list(recipe.training.patch)}), the data are "
            f"{fingerprint.rank}D. Change the patch, or leave it out so that it is chosen from the data."
        )
    ignored = recipe.loss.ignore_class
    if ignored is not None and not 0 <= ignored < fingerprint.num_classes:
        raise ValueError(
            f"`ignore_class` of the loss is {ignored}, but the classes of the data are 0 to "
            f"{fingerprint.num_classes - 1}. Give the number of the class and not its value in the files (`keras-seg "
            f"check` shows which is which), or leave it out."
        )
    keras.utils.set_random_seed(recipe.training.seed)
    model = untrained(recipe.network, recipe.training.precision, fingerprint)
    loss = losses.get(recipe.loss.loss, **recipe.loss.options)
    return compile(model, loss, make_optimizer(recipe.training), data_format="channels_last")


def untrained(network, precision, fingerprint):
    """Return the network of a `NetworkTable` for the data of a fingerprint, not compiled; it returns logits.

    Raises:
        ValueError: If the builder refuses its options.
    """
    from keras_seg import zoo

    try:
        with dtype_policy(precision):
            return zoo.get(network.model)(
                (None,) * fingerprint.rank + (fingerprint.channels,),
                num_classes=fingerprint.num_classes,
                filters=network.filters,
                strides=network.strides,
                deep_supervision=network.deep_supervision,
                activation=None,
                **network.options,
            )
    except (TypeError, ValueError) as error:
        raise ValueError(f"[network]: {error}") from error


def make_optimizer(training):
    """Return the optimizer of a `TrainingTable`, with its moving average of weights and its cut gradient."""
    options = {
        "learning_rate": training.learning_rate,
        # AdamW does not take `None`, and the others would compute with a 0.
        "weight_decay": training.weight_decay if training.optimizer == "adamw" else training.weight_decay or None,
        "use_ema": training.ema > 0,
        "ema_momentum": training.ema or 0.99,
        "global_clipnorm": training.clip_norm or None,
    }
    if training.optimizer == "sgd":
        options |= {"momentum": 0.99, "nesterov": True}
    kinds = {"adamw": "AdamW", "adam": "Adam", "sgd": "SGD", "lion": "Lion"}
    optimizer = getattr(keras.optimizers, kinds[training.optimizer])(**options)
    if training.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=list(NOT_DECAYED))
    return optimizer


@contextlib.contextmanager
def dtype_policy(policy):
    """Set Keras's policy of data types for what is built inside."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
