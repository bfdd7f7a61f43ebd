"""Segmentation losses, networks and a loss tuner for Keras 3."""

import importlib

from keras_seg import losses, metrics
from keras_seg.checking import check
from keras_seg.compiling import compile
from keras_seg.saving import load_model

__version__ = "0.1.0"

__all__ = ["check", "compile", "data", "load_model", "losses", "metrics", "overlay", "tuner", "zoo"]

# Imported when first used: reading files, drawing and searching are not needed to load a model.
_LATER = ("data", "overlay", "tuner", "zoo")


def __getattr__(name):
    if name in _LATER:
        return importlib.import_module(f"keras_seg.{name}")
    raise AttributeError(f"module 'keras_seg' has no attribute '{name}'")


def __dir__():
    return __all__
