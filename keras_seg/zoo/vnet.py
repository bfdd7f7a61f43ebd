"""V-Net: residual blocks of large kernels."""

import functools

import keras

from keras_seg.zoo import arguments, blocks, heads
from keras_seg.zoo.grammar import encoder_decoder


def vnet(
    input_shape=(None, None, None, 1),
    num_classes=1,
    filters=(16, 32, 64, 128, 256),
    *,
    convolutions=None,
    kernel_size=5,
    strides=2,
    normalization="instance",
    hidden_activation="prelu",
    dropout=0.0,
    deep_supervision=False,
    activation="auto",
    multilabel=False,
    loss=None,
    optimizer="adam",
    metrics=None,
    jit_compile="auto",
    name="vnet",
):
    """Build a V-Net for volumes or images.

    The network of Figure 2 and Table 1 of the paper: blocks of one, two, three, three and three convolutions of kernel
    5 that add what they compute to what they got, strided convolutions down, transposed ones up, a learnt slope per
    channel (PReLU). The first block adds the image to each of its 16 maps. On the way up a block is as wide as the two
    inputs it joins. The paper does not normalize: `normalization=None` is its network, weight by weight. The default
    does, because it stands the learning rates at which training is fast; without, they end in an empty prediction.

    Channels come last, whatever Keras's `image_data_format`: `[batch, *spatial, channels]`.

    Args:
        input_shape: Spatial sizes, one to three of them, and the number of channels: `(None, None, None, 1)` for
            volumes, `(None, None, 3)` for colour images. `None` leaves a size open. Every size has to be a multiple of
            the product of its strides, `2^(levels - 1)` by default.
        num_classes: Number of classes, the background counted; 1 for a single foreground map.
        filters: Width of each level, the finest first: as many levels as entries.
        convolutions: How many per block, one number or one for each level. `None`: one at the first level, two at the
            second, three at all others.
        kernel_size: Size of their kernel, one number or one per spatial axis.
        strides: By how much each step down divides the resolution: a number, or one entry per step (one less than
            `filters`), each a number or one per spatial axis. `[(2, 2, 1), 2, 2]` leaves thick slices alone at first.
        normalization: `"instance"` (each channel of each sample), `"batch"`, `"group"` (eight groups of channels),
            `"layer"` (the channels of each voxel) or `None`.
        hidden_activation: `"leaky_relu"` (slope 0.01), `"prelu"` (a learnt slope per channel), or any activation of
            Keras by its name.
        dropout: Share of the channels set to zero after each level, while training.
        deep_supervision: Whether the coarser levels predict too. The outputs are then `"main"`, `"aux_1"` (half the
            resolution), `"aux_2"`, ...; see `main_head`.
        activation: `"auto"` returns probabilities: a softmax, or a sigmoid for one class or `multilabel=True`. `None`
            returns logits. Always float32.
        multilabel: Whether classes may overlap.
        loss: What `keras_seg.losses.get` takes: the model is compiled by `keras_seg.compile` and logs `val_dice`.
            `None`: it is not compiled.
        optimizer: As in `keras.Model.compile`.
        metrics: Metrics besides the hard Dice.
        jit_compile: As in `keras_seg.compile`.
        name: Name of the model.

    Returns:
        A functional `keras.Model` of stock Keras layers.

    Raises:
        ValueError: If an argument is not one of those above, or a given size cannot be divided as often as there are
            levels; the message names the nearest sizes that can.

    Example:
    >>> keras_seg.zoo.vnet((32, 32, 16, 1), filters=(4, 8, 16)).output_shape
    (None, 32, 32, 16, 1)

    Reference: [Milletari et al., 2016](https://arxiv.org/abs/1606.04797)
    """
    inputs, filters, steps = heads.open_network(input_shape, num_classes, filters, strides)
    if convolutions is None:
        convolutions = [min(level + 1, 3) for level in range(len(filters))]
    counts = arguments.per_level("convolutions", convolutions, len(filters))
    unit = blocks.make_unit(kernel_size, normalization, hidden_activation, dropout)

    def block(x, width, level):
        return unit.drop(blocks.residual(x, width, counts[level], unit))

    downs = [functools.partial(unit, kernel_size=step, strides=step) for step in steps]
    ups = [functools.partial(unit.transpose, strides=step) for step in steps]
    features = encoder_decoder(inputs, filters, block, downs, ups)
    outputs = heads.add_heads(features, num_classes, activation, multilabel, deep_supervision)
    model = keras.Model(inputs, outputs, name=name)
    return heads.finish(model, loss, optimizer, metrics, multilabel, jit_compile)
