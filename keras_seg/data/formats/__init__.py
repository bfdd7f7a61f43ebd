"""The file formats of images and labels: NIfTI, PNG, TIFF and NumPy's own, one file for each."""

from keras_seg.data.formats.reading import read_image, read_raw_label
from keras_seg.data.formats.supported import EXTENSIONS, extension, format_of, stem

__all__ = ["EXTENSIONS", "extension", "format_of", "read_image", "read_raw_label", "stem"]
