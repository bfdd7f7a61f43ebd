"""Where masks and predictions are at an end: empty, full, a single voxel, certain, even."""

import numpy as np
from loss_cases import SPATIAL, batch_of, one_hot


def corner_masks(kind):
    """Return masks `[samples, *spatial, classes]`: empty, full, one voxel, a class that is absent, and a random one."""
    generic = batch_of(kind, SPATIAL, samples=2)
    classes = generic.truth.shape[-1]
    empty, full, dot, absent = (np.zeros((*SPATIAL, classes), "float32") for _ in range(4))
    if kind == "multiclass":
        empty[..., 0], full[..., -1], dot[..., 0] = 1, 1, 1
        dot[2, 2, 2] = one_hot(np.array(classes - 1), classes)
        absent = one_hot(generic.labels[0] % (classes - 1), classes)
    else:
        full[...], dot[2, 2, 2, -1] = 1, 1
        absent[..., :1] = generic.truth[0, ..., :1]
    return np.stack([empty, full, dot, absent, generic.truth[1]])


def corners(kind):
    """Return masks and probabilities: each mask met by perfect, inverted, empty, full, even and random predictions.

    They are stacked along the batch, so that a loss is differentiated once.
    """
    masks = corner_masks(kind)
    classes = masks.shape[-1]
    even = np.full_like(masks, 1 / classes if kind == "multiclass" else 0.5)
    inverted = np.roll(masks, 1, axis=-1) if kind == "multiclass" else 1 - masks
    background, foreground = np.zeros_like(masks), np.zeros_like(masks)
    background[..., 0], foreground[..., -1] = 1, 1
    random = batch_of(kind, SPATIAL, samples=len(masks)).probabilities
    predictions = [masks, inverted, even, background, foreground, random]
    if kind != "multiclass":
        predictions += [np.zeros_like(masks), np.ones_like(masks)]
    return np.concatenate([masks] * len(predictions)), np.concatenate(predictions)
