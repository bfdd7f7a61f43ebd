"""The parts that networks share, of stock Keras layers; 1D, 2D or 3D as the tensor that comes in."""

import dataclasses
import math

import keras
from keras import layers

from keras_seg.zoo.arguments import one_of

NORMALIZATIONS = ("batch", "instance", "layer", "group")
# These know no other order of axes, and take no argument for it.
_CHANNELS_LAST_IN_1D = ("UpSampling{}D", "SpatialDropout{}D")


def rank(x):
    """Return the number of spatial axes of `x`, `[batch, *spatial, channels]`."""
    return len(x.shape) - 2


def spatial_layer(kind, x, *args, **kwargs):
    """Apply the layer of this kind and of the rank of `x`: `"Conv{}D"` is `Conv3D` for a volume."""
    if rank(x) > 1 or kind not in _CHANNELS_LAST_IN_1D:
        kwargs["data_format"] = "channels_last"
    return getattr(layers, kind.format(rank(x)))(*args, **kwargs)(x)


def convolution(x, width, kernel_size, strides=1, use_bias=True):
    """Convolve, with padding: `[batch, *spatial / strides, width]`."""
    return spatial_layer(
        "Conv{}D",
        x,
        width,
        kernel_size,
        strides=strides,
        padding="same",
        use_bias=use_bias,
        kernel_initializer="he_normal",
    )


def transposed(x, width, strides=2, use_bias=True):
    """Double the resolution by a transposed convolution of kernel 2 (or `strides`), in which no two voxels overlap."""
    return spatial_layer("Conv{}DTranspose", x, width, strides, strides=strides, padding="same", use_bias=use_bias)


@dataclasses.dataclass(frozen=True)
class Unit:
    """Convolution, normalization, activation: what all hidden layers of a network are made of.

    Attributes:
        kernel_size: Size of the kernel, one number or one per spatial axis.
        normalization: `"batch"`, `"instance"`, `"layer"`, `"group"` or `None`.
        activation: `"prelu"`, `"leaky_relu"` or any activation of Keras, by name or as a function.
        dropout: Share of the channels that `drop` sets to zero.
    """

    kernel_size: int | tuple
    normalization: str | None
    activation: object
    dropout: float

    def __call__(self, x, width, kernel_size=None, strides=1):
        """Convolve, normalize and activate: `[batch, *spatial / strides, width]`."""
        return self.activate(self.convolve(x, width, kernel_size, strides))

    def convolve(self, x, width, kernel_size=None, strides=1):
        """Convolve and normalize."""
        kernel_size = self.kernel_size if kernel_size is None else kernel_size
        # A normalization subtracts the mean, and with it any bias.
        use_bias = self.normalization is None
        return self.normalize(convolution(x, width, kernel_size, strides=strides, use_bias=use_bias))

    def transpose(self, x, width, strides=2):
        """Raise the resolution by a transposed convolution, normalize and activate.

        `[batch, *spatial * strides, width]`.
        """
        return self.activate(self.normalize(transposed(x, width, strides, use_bias=self.normalization is None)))

    def normalize(self, x):
        """Normalize."""
        if self.normalization is None:
            return x
        if self.normalization == "batch":
            # Keras's momentum of 0.99 forgets the first statistics only after several hundred steps.
            return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
        if self.normalization == "instance":
            _check_several_voxels(x)
            return layers.GroupNormalization(groups=-1, epsilon=1e-5)(x)
        if self.normalization == "layer":
            return layers.LayerNormalization(epsilon=1e-5)(x)
        return layers.GroupNormalization(groups=math.gcd(8, x.shape[-1]), epsilon=1e-5)(x)

    def activate(self, x):
        """Apply the activation."""
        if self.activation is None:
            return x
        if self.activation == "prelu":
            # One slope per channel. Without `shared_axes` it would be one per voxel, and the size could not stay open.
            axes = list(range(1, rank(x) + 1))
            return layers.PReLU(alpha_initializer=keras.initializers.Constant(0.25), shared_axes=axes)(x)
        if self.activation == "leaky_relu":
            return layers.LeakyReLU(negative_slope=0.01)(x)
        return layers.Activation(self.activation)(x)

    def drop(self, x):
        """Set some channels to zero while training; whole maps, since a voxel could be guessed from its neighbours."""
        return spatial_layer("SpatialDropout{}D", x, self.dropout) if self.dropout else x


def make_unit(kernel_size, normalization, hidden_activation, dropout):
    """Check the options that concern hidden layers, and return their `Unit`.

    Raises:
        ValueError: If there is no such normalization or activation, or `dropout` is not in `[0, 1)`.
    """
    if normalization is not None:
        one_of("normalization", normalization, NORMALIZATIONS)
    if isinstance(hidden_activation, str) and hidden_activation not in ("prelu", "leaky_relu"):
        try:
            keras.activations.get(hidden_activation)
        except ValueError as error:
            raise ValueError(
                f"`hidden_activation='{hidden_activation}'` is unknown. Expected 'relu', 'leaky_relu', 'prelu', "
                f"'gelu', 'silu', another activation of Keras by its name, or a function."
            ) from error
    if not 0 <= dropout < 1:
        raise ValueError(f"`dropout` is a share of the channels, at least 0 and below 1. Received: {dropout}.")
    return Unit(kernel_size, normalization, hidden_activation, dropout)


def tile_channels(x, width):
    """Bring `x` to `width` channels for a sum: repeated where they divide, else mixed by a convolution of kernel 1."""
    channels = x.shape[-1]
    if channels == width:
        return x
    if width % channels == 0:
        return layers.Concatenate()([x] * (width // channels))
    return convolution(x, width, 1, use_bias=False)


def residual(x, width, convolutions, unit):
    """Add to `x` what a chain of convolutions makes of it, then activate.

    Args:
        x: Features, `[batch, *spatial, channels]`.
        width: Width of the block. Where `x` has more channels, the block is as wide as `x`.
        convolutions: How many; there is an activation between two of them, none between the last and the sum.
        unit: What they are made of.

    Returns:
        Features, `[batch, *spatial, max(width, channels)]`.
    """
    width = max(width, x.shape[-1])
    shortcut = tile_channels(x, width)
    for _ in range(convolutions - 1):
        x = unit(x, width)
    return unit.activate(layers.Add()([unit.convolve(x, width), shortcut]))


def _check_several_voxels(x):
    sizes = x.shape[1:-1]
    if None not in sizes and math.prod(sizes) == 1:
        raise ValueError(
            "At its lowest level this network has one voxel left, and instance normalization makes a single voxel 0 "
            "whatever it holds. Use fewer levels in `filters`, larger images, or `normalization='batch'`."
        )
