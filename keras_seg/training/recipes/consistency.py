"""What the tables of a recipe must agree on."""

import inspect
import math

from keras_seg.training.recipes import kinds

# Arguments of a builder that a recipe or the training sets elsewhere.
_TAKEN = {
    "filters": "network.filters",
    "strides": "network.strides",
    "deep_supervision": "network.deep_supervision",
    "loss": "loss.loss",
    "optimizer": "training.optimizer",
    "input_shape": None,
    "num_classes": None,
    "activation": None,
    "multilabel": None,
    "metrics": None,
    "jit_compile": None,
    "name": None,
}


def check_recipe(recipe):
    """Check what one table alone cannot tell.

    Raises:
        ValueError: If lists are for different numbers of axes, levels and halvings differ, the patch cannot be halved
            as often, or the network or the loss does not take its options.
    """
    rank = len(recipe.training.patch)
    _check_axes(recipe, rank)
    check_network(recipe.network)
    check_patch(recipe.training.patch, factor_of(recipe.network.strides, rank))
    _check_loss(recipe.loss)
    recipe.augmentation.make(rank)


def check_network(network):
    """Raise a `ValueError` unless levels and steps down of a `NetworkTable` fit, and the builder takes its options."""
    filters, strides = network.filters, network.strides
    if len(strides) != len(filters) - 1:
        raise ValueError(
            f"`network.filters` has {len(filters)} levels and `network.strides` {len(strides)} steps down between "
            f"them. Expected {len(filters) - 1} strides, such as {[2] * (len(filters) - 1)}, or {len(strides) + 1} "
            f"filters."
        )
    _check_builder(network)


def factor_of(strides, rank):
    """Return what sizes must be multiples of, one number per spatial axis: the product of the strides."""
    steps = [stride if isinstance(stride, tuple) else (stride,) * rank for stride in strides]
    return tuple(math.prod(axis) for axis in zip(*steps, strict=True))


def check_patch(patch, factor):
    """Raise a `ValueError` unless each size of the patch is a multiple of what the network's strides ask for."""
    if all(size % by == 0 for size, by in zip(patch, factor, strict=True)):
        return
    nearest = [max(1, round(size / by)) * by for size, by in zip(patch, factor, strict=True)]
    raise ValueError(
        f"`training.patch` is {list(patch)}, but with these `network.strides` its sizes must be multiples of "
        f"{list(factor)}. The nearest patch is {nearest}; fewer strides need less."
    )


def _check_axes(recipe, rank):
    """Check that all lists are for as many axes as the patch has."""
    spacing = recipe.data.spacing
    lists = {"data.spacing": spacing if spacing != "stored" else None}
    lists |= {f"network.strides[{step}]": stride for step, stride in enumerate(recipe.network.strides)}
    for key, value in lists.items():
        if isinstance(value, tuple) and len(value) != rank:
            raise ValueError(
                f"`{key}` is {list(value)}, for {len(value)} axes, but `training.patch` is "
                f"{list(recipe.training.patch)}, for {rank}. Give one entry per axis in both."
            )
    for title in ("validation", "inference"):
        axes = getattr(recipe, title).mirror
        if any(axis >= rank for axis in axes) or len(set(axes)) != len(axes):
            raise ValueError(
                f"`{title}.mirror` is {list(axes)}. Expected different axes from 0 to {rank - 1}, as `training.patch` "
                f"has {rank}."
            )


def builder_options(model):
    """Return the names of the arguments of a builder that `network.options` may set."""
    from keras_seg import zoo

    return [name for name in inspect.signature(zoo.get(model)).parameters if name not in _TAKEN]


def _check_builder(network):
    known = builder_options(network.model)
    for key in network.options:
        if key in known:
            continue
        if _TAKEN.get(key):
            raise ValueError(f"`network.options.{key}` is set by `{_TAKEN[key]}`. Set it there.")
        if key in _TAKEN:
            raise ValueError(f"`network.options.{key}` follows from the data and the training. Leave it out.")
        raise ValueError(
            f"Unknown option `{key}` in `network.options`: {network.model} does not take it."
            f"{kinds.nearest(key, known)} It takes: {', '.join(known)}."
        )


def _check_loss(loss):
    from keras_seg import losses

    for key in ("from_logits", "multilabel", "data_format", "reduction"):
        if key in loss.options:
            raise ValueError(f"`loss.options.{key}` follows from the network. Leave it out.")
    try:
        losses.get(loss.loss, **loss.options)
    except (TypeError, ValueError) as error:
        raise ValueError(f"[loss] loss = {loss.loss!r}: {error}") from None
