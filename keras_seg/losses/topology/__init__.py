"""Topology losses: skeletons and instances."""

from keras_seg.losses.topology.border import BorderCrossEntropyLoss
from keras_seg.losses.topology.center_line import CLDiceLoss, SkeletonRecallLoss
from keras_seg.losses.topology.instances import BlobLoss
from keras_seg.losses.topology.skeleton import soft_skeleton

__all__ = ["BlobLoss", "BorderCrossEntropyLoss", "CLDiceLoss", "SkeletonRecallLoss", "soft_skeleton"]
