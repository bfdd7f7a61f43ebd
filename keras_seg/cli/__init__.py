"""The command `keras-seg`: check, train, predict, evaluate."""

from keras_seg.cli.main import main

__all__ = ["main"]
