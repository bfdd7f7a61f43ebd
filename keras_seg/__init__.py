"""Segmentation losses, networks and a loss tuner for Keras 3."""

from keras_seg import losses, metrics
from keras_seg.checking import check
from keras_seg.compiling import compile
from keras_seg.saving import load_model

__version__ = "0.1.0"
