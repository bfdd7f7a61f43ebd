"""Image sizes that a network can halve as often as it has to."""

import functools
import math

from keras import layers


def check_size(spatial, factor, name="the network"):
    """Check that each spatial size can be halved at every level.

    Args:
        spatial: Sizes; `None` for one that is still open.
        factor: What they must be multiples of, one number or one per axis: `2^(levels - 1)`.
        name: Whom the message speaks about.

    Raises:
        ValueError: If a size is no multiple. The message names the nearest sizes that are.
    """
    factors = (factor,) * len(spatial) if isinstance(factor, int) else tuple(factor)
    misfits = [
        f"axis {axis} has {size} (nearest: {_nearest(size, by)})"
        for axis, (size, by) in enumerate(zip(spatial, factors, strict=True))
        if size is not None and size % by
    ]
    if misfits:
        multiple = factors[0] if len(set(factors)) == 1 else factors
        raise ValueError(
            f"{name} takes images whose sizes are multiples of {multiple}, since each level divides them. Received the "
            f"spatial size {tuple(spatial)}: {', '.join(misfits)}. Pad or crop the images, or use fewer levels."
        )


def size_factor(model):
    """Return what an image's size must be a multiple of for a U-shaped `model`, one number per spatial axis.

    It is the product of the strides of its convolutions and poolings.
    """
    rank = len(model.inputs[0].shape) - 2
    kinds = [getattr(layers, f"{kind}{rank}D") for kind in ("Conv", "MaxPooling", "AveragePooling")]
    ups = getattr(layers, f"Conv{rank}DTranspose")
    factors = (1,) * rank
    for layer in model.layers:
        if isinstance(layer, tuple(kinds)) and not isinstance(layer, ups):
            factors = tuple(map(math.prod, zip(factors, layer.strides, strict=True)))
    return factors


def explain_sizes(model):
    """Make a model with open sizes answer an image that does not fit with the message of `check_size`.

    Without it, TensorFlow or JAX complain about two shapes somewhere in the middle. The model stays a stock
    `keras.Model`, and what is saved does not change; one that was loaded can be given here again.

    Args:
        model: A U-shaped `keras.Model` with one input.

    Returns:
        The model.
    """
    factors = size_factor(model)
    call = model.call

    @functools.wraps(call)
    def checked(inputs, *args, **kwargs):
        image = inputs[0] if isinstance(inputs, (list, tuple)) else inputs
        check_size(tuple(image.shape[1:-1]), factors, f"'{model.name}'")
        return call(inputs, *args, **kwargs)

    model.call = checked
    return model


def _nearest(size, by):
    below, above = size // by * by, -(-size // by) * by
    return f"{below} or {above}" if below else f"{above}"
