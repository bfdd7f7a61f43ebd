"""V-Net: its case of the contract, the paper's numbers and MONAI's."""

import keras
import numpy as np
import pytest
from base import ModelContract

from keras_seg import zoo


class TestVNet(ModelContract):
    build = staticmethod(zoo.vnet)
    # Kernels of 5 on a few voxels.
    levels = (2, 4, 8)


def convolutions(model):
    """Return the convolutions in the order in which the features pass them."""
    kinds = (keras.layers.Conv2D, keras.layers.Conv3D, keras.layers.Conv2DTranspose, keras.layers.Conv3DTranspose)
    return [layer for layer in model.layers if isinstance(layer, kinds)]


def test_parameters_of_the_paper():
    """Figure 2 of Milletari et al. 2016; every convolution has a bias and, but for the last, a slope per map."""
    left = [(1, 16, 1), (32, 32, 2), (64, 64, 3), (128, 128, 3), (256, 256, 3)]  # maps in, maps out, convolutions
    right = [(256, 256, 3), (128, 128, 3), (64, 64, 2), (32, 32, 1)]

    def convolution(kernel, channels, width):
        return kernel**3 * channels * width + width + width

    expected = 0
    for channels, width, count in left + right:
        expected += convolution(5, channels, width) + (count - 1) * convolution(5, width, width)
    expected += sum(convolution(2, width, 2 * width) for width in (16, 32, 64, 128))
    expected += sum(convolution(2, channels, width) for channels, width in [(256, 128), (256, 64), (128, 32), (64, 16)])
    expected += 32 * 2 + 2
    assert zoo.vnet(num_classes=2, normalization=None).count_params() == expected == 65_175_314


def test_sizes_and_receptive_fields_of_the_paper():
    """Table 1: the size of the feature maps of each stage, and how many voxels wide it sees."""
    model = zoo.vnet((128, 128, 64, 1), 2, filters=(1, 2, 4, 8, 16))
    sizes, fields, jump, field = [], [], 1, 1
    for layer in convolutions(model):
        size, stride, kernel = layer.output.shape[1], layer.strides[0], layer.kernel_size[0]
        if isinstance(layer, keras.layers.Conv3DTranspose):
            jump //= stride
            field += (kernel - 1) * jump
        else:
            field += (kernel - 1) * jump
            jump *= stride
        if not sizes or sizes[-1] != size:
            sizes.append(size)
            fields.append(field)
        fields[-1] = field
    assert sizes == [128, 64, 32, 16, 8, 16, 32, 64, 128]
    assert fields == [5, 22, 72, 172, 372, 476, 528, 546, 551]


# `sum(p.numel() for p in monai.networks.nets.VNet(spatial_dims=rank).parameters())`, MONAI 1.6.1.
MONAI = {2: 9_357_924, 3: 45_593_892}


@pytest.mark.parametrize("rank", [2, 3])
def test_parameters_of_monai(rank):
    """MONAI follows another code than the paper: fewer convolutions, and not as many up as down."""
    model = zoo.vnet(
        (None,) * rank + (1,), normalization="batch", hidden_activation="elu", convolutions=(1, 1, 2, 3, 2)
    )
    ours = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    kernel = 5**rank
    # Its first block on the way up has two convolutions, where that of the same level on the way down has three.
    ours -= kernel * 256 * 256 + 2 * 256
    # It ends in a convolution of kernel 5 and a normalization before the one of kernel 1, which sees one map, not 32.
    ours += kernel * 32 + 2 - (32 - 1)
    # Its transposed convolutions have a bias, though a normalization follows.
    ours += 128 + 64 + 32 + 16
    assert ours == MONAI[rank]


def test_first_block_adds_the_image_to_every_map():
    """With kernels of 0, what leaves the first block is the image sixteen times, through the activation."""
    model = zoo.vnet((8, 8, 8, 1), filters=(16, 32), normalization=None, hidden_activation="relu")
    added = next(layer for layer in model.layers if isinstance(layer, keras.layers.Add))
    first = keras.Model(model.input, added.output)
    first.set_weights([np.zeros_like(weight) for weight in first.get_weights()])
    x = np.random.default_rng(0).normal(size=(1, 8, 8, 8, 1)).astype("float32")
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(first(x)), np.repeat(x, 16, axis=-1))


def test_slopes_are_one_per_map():
    model = zoo.vnet(filters=(2, 4))
    slopes = [layer for layer in model.layers if isinstance(layer, keras.layers.PReLU)]
    assert slopes
    for layer in slopes:
        assert layer.alpha.shape == (1, 1, 1, layer.output.shape[-1])
        np.testing.assert_array_equal(layer.alpha, 0.25)


def test_counts_follow_the_depth():
    def blocks(**options):
        model = zoo.vnet((None, None, 1), **options)
        return sum(layer.kernel_size == (5, 5) for layer in convolutions(model))

    assert blocks(filters=(2, 4)) == 1 + 2 + 1
    assert blocks(filters=(1, 2, 2, 2, 2, 2)) == 2 * (1 + 2 + 3 + 3 + 3) + 3
    assert blocks(filters=(2, 4), convolutions=1) == 3
