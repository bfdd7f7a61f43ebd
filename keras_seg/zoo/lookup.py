"""From a network's name to its builder."""

from keras_seg.zoo.arguments import one_of
from keras_seg.zoo.unet import unet
from keras_seg.zoo.vnet import vnet

_BUILDERS = {builder.__name__: builder for builder in (unet, vnet)}


def names():
    """Return the names of all networks, sorted.

    >>> keras_seg.zoo.names()
    ('unet', 'vnet')
    """
    return tuple(sorted(_BUILDERS))


def get(identifier):
    """Return the builder of a network.

    Args:
        identifier: Its name, or a builder, which comes back itself.

    Raises:
        ValueError: If there is no such network; the message names the nearest.

    Example:
    >>> keras_seg.zoo.get("vnet")(filters=(4, 8)).name
    'vnet'
    """
    if callable(identifier):
        return identifier
    one_of("model", identifier, names())
    return _BUILDERS[identifier]
