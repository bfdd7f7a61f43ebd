"""Cases: find, read and prepare them, or make the embedded ones."""

from keras_seg.data.case import Case, check_alike, class_shares, num_classes
from keras_seg.data.folder import Pair, find_cases, read_case, read_cases
from keras_seg.data.phantom import phantoms
from keras_seg.data.prepare import Split, common_shape, fit_shape, split, stack, unfit_shape, zscore

__all__ = [
    "Case",
    "Pair",
    "Split",
    "check_alike",
    "class_shares",
    "common_shape",
    "find_cases",
    "fit_shape",
    "num_classes",
    "phantoms",
    "read_case",
    "read_cases",
    "split",
    "stack",
    "unfit_shape",
    "zscore",
]
