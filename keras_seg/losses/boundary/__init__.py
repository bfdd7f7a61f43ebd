"""Boundary losses: what a mistake costs depends on how far it lies from the surface, measured inside the graph."""

from keras_seg.losses.boundary.difference_over_union import BoundaryDoULoss
from keras_seg.losses.boundary.distance_cross_entropy import DistanceCrossEntropyLoss
from keras_seg.losses.boundary.erosion import HausdorffErosionLoss
from keras_seg.losses.boundary.hausdorff import HausdorffDTLoss
from keras_seg.losses.boundary.integral import BoundaryLoss
from keras_seg.losses.boundary.surface import check_spacing, signed_distance, sizes_of, surface_distance

__all__ = [
    "BoundaryDoULoss",
    "BoundaryLoss",
    "DistanceCrossEntropyLoss",
    "HausdorffDTLoss",
    "HausdorffErosionLoss",
    "check_spacing",
    "signed_distance",
    "sizes_of",
    "surface_distance",
]
