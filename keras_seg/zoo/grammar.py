"""One encoder and decoder for every network: the order of the parts, not the parts."""

from keras import layers


def concatenate(x, skip):
    """Put a skip connection beside the features that came up: `[batch, *spatial, width + skip_width]`."""
    return layers.Concatenate()([x, skip])


def encoder_decoder(x, filters, block, down, up, merge=concatenate):
    """Go down one level per entry of `filters`, and up again along skip connections.

    Args:
        x: Input tensor, `[batch, *spatial, channels]`. The number of spatial axes is read from it.
        filters: Width of each level, the finest first. Each level has half the resolution of the one before, or what
            `down` makes of it.
        block: `block(x, width, level)`: the convolutions of a level, used on the way down and on the way up.
        down: `down(x, width)`: halves the resolution; `width` is that of the level below. Or a list of such functions,
            one for each step down, the finest first.
        up: `up(x, width)`: doubles the resolution; `width` is that of the level above. Or a list, in the order of
            `down`: the finest first.
        merge: `merge(x, skip)`: joins what came up with the features of the same level on the way down.

    Returns:
        The features of every level on the way up, the finest first; the last are those of the lowest level.
    """
    halvings = len(filters) - 1
    downs, ups = (list(part) if isinstance(part, (list, tuple)) else [part] * halvings for part in (down, up))
    skips = []
    for level, width in enumerate(filters[:-1]):
        x = block(x, width, level)
        skips.append(x)
        x = downs[level](x, filters[level + 1])
    x = block(x, filters[-1], len(filters) - 1)
    features = [x]
    for level, skip in reversed(list(enumerate(skips))):
        x = block(merge(ups[level](x, filters[level]), skip), filters[level], level)
        features.insert(0, x)
    return features
