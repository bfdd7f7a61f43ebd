"""U-Net: convolutions at every level, skip connections by concatenation."""

import functools

import keras

from keras_seg.zoo import arguments, blocks, heads
from keras_seg.zoo.grammar import encoder_decoder


def unet(
    input_shape=(None, None, 1),
    num_classes=1,
    filters=(16, 32, 64, 128, 256),
    *,
    convolutions=2,
    kernel_size=3,
    strides=2,
    normalization="instance",
    hidden_activation="leaky_relu",
    down="max_pool",
    up="transposed",
    dropout=0.0,
    deep_supervision=False,
    activation="auto",
    multilabel=False,
    loss=None,
    optimizer="adam",
    metrics=None,
    jit_compile="auto",
    name="unet",
):
    """Build a U-Net for images or volumes.

    The shape is the paper's: two convolutions per level, half the resolution and twice the width from one to the next,
    and the features of the way down put beside those of the way up. Unlike the paper's, convolutions keep the size, so
    that the prediction lies on the image, and normalize; the filters start at 16, which a CPU can train.

    Channels come last, whatever Keras's `image_data_format`: `[batch, *spatial, channels]`.

    Args:
        input_shape: Spatial sizes, one to three of them, and the number of channels: `(None, None, 3)` for colour
            images, `(None, None, None, 1)` for volumes. `None` leaves a size open. Every size has to be a multiple of
            the product of its strides, `2^(levels - 1)` by default.
        num_classes: Number of classes, the background counted; 1 for a single foreground map.
        filters: Width of each level, the finest first: as many levels as entries.
        convolutions: How many per level, one number or one for each level.
        kernel_size: Size of their kernel, one number or one per spatial axis.
        strides: By how much each step down divides the resolution: a number, or one entry per step (one less than
            `filters`), each a number or one per spatial axis. `[(2, 2, 1), 2, 2]` leaves thick slices alone at first.
        normalization: `"instance"` (each channel of each sample), `"batch"`, `"group"` (eight groups of channels),
            `"layer"` (the channels of each voxel) or `None`.
        hidden_activation: `"leaky_relu"` (slope 0.01), `"prelu"` (a learnt slope per channel), or any activation of
            Keras by its name.
        down: How the resolution is halved: `"max_pool"`, the paper's, or `"strided"`, a convolution of kernel 2.
        up: How it is doubled: `"transposed"`, a transposed convolution of kernel 2, the paper's, or `"upsample"`, a
            convolution of kernel 1 and repeated voxels.
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
    >>> keras_seg.zoo.unet((64, 64, 1), filters=(8, 16, 32)).output_shape
    (None, 64, 64, 1)

    Reference: [Ronneberger et al., 2015](https://arxiv.org/abs/1505.04597),
    [Çiçek et al., 2016](https://arxiv.org/abs/1606.06650) (3D)
    """
    inputs, filters, steps = heads.open_network(input_shape, num_classes, filters, strides)
    counts = arguments.per_level("convolutions", convolutions, len(filters))
    arguments.one_of("down", down, ("max_pool", "strided"))
    arguments.one_of("up", up, ("transposed", "upsample"))
    unit = blocks.make_unit(kernel_size, normalization, hidden_activation, dropout)

    def block(x, width, level):
        for _ in range(counts[level]):
            x = unit(x, width)
        return unit.drop(x)

    def halve(step, x, width):
        if down == "strided":
            return unit(x, width, kernel_size=step, strides=step)
        return blocks.spatial_layer("MaxPooling{}D", x, step)

    def double(step, x, width):
        if up == "transposed":
            return blocks.transposed(x, width, step)
        # The convolution commutes with repeating voxels, and is cheaper before it.
        return blocks.spatial_layer("UpSampling{}D", blocks.convolution(x, width, 1), step)

    downs = [functools.partial(halve, step) for step in steps]
    ups = [functools.partial(double, step) for step in steps]
    features = encoder_decoder(inputs, filters, block, downs, ups)
    outputs = heads.add_heads(features, num_classes, activation, multilabel, deep_supervision)
    model = keras.Model(inputs, outputs, name=name)
    return heads.finish(model, loss, optimizer, metrics, multilabel, jit_compile)
