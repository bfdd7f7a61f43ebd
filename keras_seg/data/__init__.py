"""Cases: find, read and prepare them, or make the embedded ones."""

from keras_seg.data.arrays import common_shape, fit_shape, stack, unfit_shape
from keras_seg.data.augmentation import Augmentation
from keras_seg.data.cache import cache_folder, cache_size, clear_cache
from keras_seg.data.case import Case, check_alike, class_shares, num_classes
from keras_seg.data.derived import derive, write_phantoms
from keras_seg.data.facts import CaseFacts
from keras_seg.data.fingerprints import Fingerprint, fingerprint
from keras_seg.data.folder import (
    Folder,
    Pair,
    find_cases,
    find_images,
    open_folder,
    read_case,
    read_cases,
    read_label,
)
from keras_seg.data.formats import read_image
from keras_seg.data.frame import Frame
from keras_seg.data.geometry import Geometry, median_spacing
from keras_seg.data.label_map import LabelMap
from keras_seg.data.label_scan import find_label_map
from keras_seg.data.normalization import Normalization, looks_like_ct, zscore
from keras_seg.data.patches import Patches
from keras_seg.data.phantom import phantoms
from keras_seg.data.prepared import PreparedCase, PreparedCases, prepare, prepare_image
from keras_seg.data.splits import Split, folds, read_groups, split
from keras_seg.data.writing import output_path, write_label, write_scores

__all__ = [
    "Augmentation",
    "Case",
    "CaseFacts",
    "Fingerprint",
    "Folder",
    "Frame",
    "Geometry",
    "LabelMap",
    "Normalization",
    "Pair",
    "Patches",
    "PreparedCase",
    "PreparedCases",
    "Split",
    "cache_folder",
    "cache_size",
    "check_alike",
    "class_shares",
    "clear_cache",
    "common_shape",
    "derive",
    "find_cases",
    "find_images",
    "find_label_map",
    "fingerprint",
    "fit_shape",
    "folds",
    "looks_like_ct",
    "median_spacing",
    "num_classes",
    "open_folder",
    "output_path",
    "phantoms",
    "prepare",
    "prepare_image",
    "read_case",
    "read_cases",
    "read_groups",
    "read_image",
    "read_label",
    "split",
    "stack",
    "unfit_shape",
    "write_label",
    "write_phantoms",
    "write_scores",
    "zscore",
]
