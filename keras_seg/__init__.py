"""Segmentation losses, networks, training and a loss tuner for Keras 3."""

import importlib
import pathlib
import sys
from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "check",
    "compare",
    "comparison",
    "compile",
    "data",
    "evaluation",
    "inference",
    "load_model",
    "load_run",
    "losses",
    "metrics",
    "overlay",
    "train",
    "training",
    "tune",
    "tuner",
    "zoo",
]

# Imported when first used: reading files, training and searching are not needed to load a model.
_MODULES = ("comparison", "data", "evaluation", "inference", "losses", "metrics", "overlay", "training", "tuner", "zoo")
_MEMBERS = {
    "check": "keras_seg.checking",
    "compare": "keras_seg.comparison",
    "compile": "keras_seg.compiling",
    "load_model": "keras_seg.saving",
    "load_run": "keras_seg.training",
    "train": "keras_seg.training",
    "tune": "keras_seg.tuner",
}


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"keras_seg.{name}")
    if name in _MEMBERS:
        return getattr(importlib.import_module(_MEMBERS[name]), name)
    raise AttributeError(f"module 'keras_seg' has no attribute '{name}'")


def __dir__():
    return __all__


# Losses and metrics are registered with Keras when they are imported, so that any process that has imported this
# library can load a model. The command `keras-seg` does it later: `--help` need not wait for TensorFlow.
if pathlib.Path(sys.argv[0] if sys.argv else "").stem != "keras-seg":
    from keras_seg import losses, metrics
    from keras_seg.checking import check
    from keras_seg.compiling import compile
    from keras_seg.saving import load_model

if TYPE_CHECKING:
    from keras_seg.comparison import compare
    from keras_seg.training import load_run, train
    from keras_seg.tuner import tune
