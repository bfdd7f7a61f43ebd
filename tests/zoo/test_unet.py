"""U-Net: its case of the contract, and the paper's numbers."""

import itertools

import keras
import numpy as np
import pytest
from base import ModelContract, images, run

from keras_seg import zoo


class TestUNet(ModelContract):
    build = staticmethod(zoo.unet)


def test_parameters_of_the_paper():
    """Figure 1 of Ronneberger et al. 2015: convolutions of kernel 3, up-convolutions of kernel 2, two maps."""
    widths = [64, 128, 256, 512, 1024]

    def convolution(kernel, channels, width):
        return kernel * kernel * channels * width + width

    expected = convolution(1, 64, 2)
    for channels, width in itertools.pairwise([1, *widths]):
        expected += convolution(3, channels, width) + convolution(3, width, width)
    for below, width in itertools.pairwise(widths[::-1]):
        expected += convolution(2, below, width) + convolution(3, 2 * width, width) + convolution(3, width, width)
    model = zoo.unet((None, None, 1), 2, widths, normalization=None, hidden_activation="relu")
    assert model.count_params() == expected == 31_030_658


@pytest.mark.parametrize("down", ["max_pool", "strided"])
@pytest.mark.parametrize("up", ["transposed", "upsample"])
def test_ways_down_and_up(down, up):
    model = zoo.unet((None, None, None, 1), 2, (2, 4, 8), down=down, up=up)
    assert run(model, images(3)).shape == (2, 8, 8, 16, 2)
    names = {type(layer).__name__ for layer in model.layers}
    assert ("MaxPooling3D" in names) == (down == "max_pool")
    assert ("Conv3DTranspose" in names) == (up == "transposed")
    assert ("UpSampling3D" in names) == (up == "upsample")
    assert zoo.size_factor(model) == (4, 4, 4)


@pytest.mark.parametrize(("option", "near"), [("down", "max_pool"), ("up", "upsample")])
def test_unknown_ways(option, near):
    with pytest.raises(ValueError, match=f"`{option}` must be one of .*Did you mean '{near}'"):
        zoo.unet(**{option: near + "ing"})


def test_a_convolution_before_repeating_voxels_is_one_after():
    """The cheaper order of `up="upsample"` computes the same."""
    x = images(2, channels=3)
    mix, repeat = keras.layers.Conv2D(2, 1), keras.layers.UpSampling2D(2)
    np.testing.assert_allclose(repeat(mix(x)), mix(repeat(x)), rtol=1e-5, atol=1e-6)
