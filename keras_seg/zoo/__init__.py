"""The networks: `unet`, `vnet`, and what finds them by name."""

from keras_seg.zoo.grammar import encoder_decoder
from keras_seg.zoo.heads import main_head
from keras_seg.zoo.lookup import get, names
from keras_seg.zoo.sizes import check_size, explain_sizes, size_factor
from keras_seg.zoo.unet import unet
from keras_seg.zoo.vnet import vnet

__all__ = [
    "check_size",
    "encoder_decoder",
    "explain_sizes",
    "get",
    "main_head",
    "names",
    "size_factor",
    "unet",
    "vnet",
]
