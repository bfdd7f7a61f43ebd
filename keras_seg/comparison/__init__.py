"""Comparisons of losses: the same network once per loss and seed, on the same cases, and what that amounts to."""

from keras_seg.comparison.comparing import compare
from keras_seg.comparison.comparison import Comparison, load_comparison
from keras_seg.comparison.contenders import ORIGINAL_FIVE

__all__ = ["ORIGINAL_FIVE", "Comparison", "compare", "load_comparison"]
