"""Segmentation losses, networks and a loss tuner for Keras 3."""

from keras_seg import losses

__version__ = "0.1.0"
