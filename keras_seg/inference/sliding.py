"""Scores of an image of any size, from a network that sees one window at a time."""

import functools
import itertools

import keras
import numpy as np

from keras_seg.inference.probabilities import as_function
from keras_seg.inference.windows import BLENDS, window_shares, window_starts
from keras_seg.zoo.sizes import check_size, size_factor


def sliding_window(
    predict,
    image,
    window,
    *,
    overlap=0.5,
    batch_size=4,
    mirror=(),
    blend="gaussian",
    num_classes=None,
    progress=None,
):
    """Predict an image window by window, and blend the windows where they overlap.

    Every window has the same shape, so that a network is compiled for few batch sizes only; an image that is smaller is
    padded with 0 about its centre, and what was predicted for the padding is cut off. What is blended are
    probabilities, never logits: of a Keras model that returns logits the softmax (or sigmoid) is taken in each window.

    Memory holds the scores of the image and a batch of windows, however many windows there are.

    Args:
        predict: A `keras.Model`, whose main head is used, or a function from images `[batch, *window, channels]` to
            probabilities `[batch, *window, classes]`.
        image: Array `[*spatial, channels]`, prepared as in training. May be a memory map: only windows are read.
        window: Number of voxels along each spatial axis: multiples of what the network halves.
        overlap: Share of a window that its neighbour covers too, at least; 0 or more and below 1.
        batch_size: Number of windows at once. What is left over at the end goes in smaller batches.
        mirror: Spatial axes to mirror along: the scores are averaged over all combinations, of which there are 2 to
            the number of axes. `True` for all axes, `False` for none.
        blend: `"gaussian"` weighs a voxel by its distance from the middle of the window (standard deviation: 1/8 of
            the window), since a network knows less at the border; `"constant"` weighs all alike.
        num_classes: Number of classes that are expected, or `None`.
        progress: Function that takes the list of batches and yields it again while it shows how far it came, as
            `rich.progress.track`.

    Returns:
        Scores `[*spatial, classes]`, float32.

    Raises:
        ValueError: If image, window and network do not fit each other, or an argument is out of range.

    Example, with a network that returns its input:
    >>> image = np.linspace(0, 1, 7 * 9, dtype="float32").reshape(7, 9, 1)
    >>> scores = keras_seg.inference.sliding_window(lambda x: x, image, window=(4, 4))
    >>> bool(np.abs(scores - image).max() < 1e-6)
    True

    Reference: the Gaussian is that of [Isensee et al., 2021](https://doi.org/10.1038/s41592-020-01008-z)
    """
    window, axes = _check(image, window, overlap, batch_size, mirror, blend)
    if isinstance(predict, keras.Model):
        check_fit(predict, image.shape, window)
    predict = functools.partial(_checked, as_function(predict), num_classes)
    starts = [window_starts(size, length, overlap) for size, length in zip(image.shape, window)]
    shares = [window_shares(places, length, blend) for places, length in zip(starts, window)]
    scores = None
    batches = _batches(list(itertools.product(*(range(len(places)) for places in starts))), batch_size)
    for batch in progress(batches) if progress else batches:
        corners = [[places[i] for places, i in zip(starts, index)] for index in batch]
        predicted = _mirrored(predict, axes, _cut(image, corners, window))
        if scores is None:
            scores = np.zeros((*image.shape[:-1], predicted.shape[-1]), "float32")
        for index, corner, values in zip(batch, corners, predicted):
            weights = [share[i] for share, i in zip(shares, index)]
            _add(scores, corner, values, weights)
    return scores


def check_fit(model, shape, window):
    """Check that images of this shape and windows of this size can go into a model.

    Args:
        model: A `keras.Model`.
        shape: Shape of the image, `[*spatial, channels]`.
        window: Number of voxels of a window along each spatial axis.

    Raises:
        ValueError: If the rank, the number of channels or the sizes do not fit; the message says what would.
    """
    inputs = getattr(model, "inputs", None)
    if not inputs:  # a subclassed model tells nothing
        return
    _, *sizes, channels = inputs[0].shape
    if len(sizes) != len(window):
        raise ValueError(
            f"'{model.name}' takes images with {len(sizes)} spatial axes, but the image has {len(window)}: its shape "
            f"[*spatial, channels] is {tuple(shape)}."
        )
    if channels is not None and channels != shape[-1]:
        raise ValueError(
            f"'{model.name}' takes images with {channels} channel{'s' * (channels != 1)}, but the image has "
            f"{shape[-1]}: its shape [*spatial, channels] is {tuple(shape)}. (Grey images have 1, RGB images 3.)"
        )
    if any(size not in (None, length) for size, length in zip(sizes, window)):
        raise ValueError(
            f"'{model.name}' takes images of exactly {tuple(sizes)} voxels, so `window` must be that. "
            f"Received: window={tuple(window)}"
        )
    check_size(window, size_factor(model), f"'{model.name}'")


def _check(image, window, overlap, batch_size, mirror, blend):
    """Check the arguments of `sliding_window`; return the window and the axes to mirror along as tuples."""
    rank = np.ndim(image) - 1
    sizes = (window,) if np.ndim(window) == 0 else tuple(window)
    if not all(isinstance(size, (int, np.integer)) and size > 0 for size in sizes) or not 1 <= len(sizes) <= 3:
        raise ValueError(
            f"`window` must be a whole number of voxels along each of 1 to 3 spatial axes. Received: window={window!r}"
        )
    if len(sizes) != rank:
        raise ValueError(
            f"`image` must be `[*spatial, channels]` with the {len(sizes)} spatial axes of `window`. A grey image "
            "needs a last axis of one channel: `image[..., None]`. "
            f"Received: image.shape={np.shape(image)}, window={window}"
        )
    if 0 in np.shape(image):
        raise ValueError(f"`image` holds no voxel. Received: image.shape={np.shape(image)}")
    if not 0 <= overlap < 1:
        raise ValueError(f"`overlap` must be 0 or more and below 1. Received: overlap={overlap}")
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be 1 or more. Received: batch_size={batch_size}")
    if blend not in BLENDS:
        raise ValueError(f"`blend` must be one of {', '.join(map(repr, BLENDS))}. Received: blend={blend!r}")
    return tuple(int(size) for size in sizes), mirror_axes(mirror, rank)


def mirror_axes(mirror, rank):
    """Return the spatial axes to mirror along as a tuple.

    Args:
        mirror: Axes or a single one, `True` for all of them, `False` or `None` for none.
        rank: Number of spatial axes.

    Raises:
        ValueError: If an axis is named twice or does not exist.
    """
    if mirror is None or isinstance(mirror, (bool, np.bool_)):
        return tuple(range(rank)) if mirror else ()
    axes = tuple(mirror) if np.ndim(mirror) else (mirror,)  # 0 is an axis, though it equals False
    if len(set(axes)) != len(axes) or not all(axis in range(rank) for axis in axes):
        raise ValueError(
            f"`mirror` must name spatial axes from 0 to {rank - 1}, each at most once, or be `True` for all. "
            f"Received: mirror={mirror!r}"
        )
    return axes


def _batches(windows, batch_size):
    """Cut the list into batches: full ones, and the rest in powers of two, so that few shapes are ever compiled."""
    batches = []
    while windows:
        size = batch_size if len(windows) >= batch_size else 1 << (len(windows).bit_length() - 1)
        batches.append(windows[:size])
        windows = windows[size:]
    return batches


def _cut(image, corners, window):
    """Return the windows at these corners, `[batch, *window, channels]` float32, 0 outside of the image."""
    batch = np.zeros((len(corners), *window, image.shape[-1]), "float32")
    for row, corner in zip(batch, corners):
        inside, outside = _overlap(image.shape[:-1], corner, window)
        row[inside] = image[outside]
    return batch


def _add(scores, corner, values, weights):
    """Add a window of scores, weighted along each axis, to those of the image."""
    inside, outside = _overlap(scores.shape[:-1], corner, values.shape[:-1])
    weight = functools.reduce(np.multiply.outer, (line[part] for line, part in zip(weights, inside)))
    scores[outside] += values[inside] * weight[..., None]


def _overlap(shape, corner, window):
    """Return the slices of a window that lie in the image, and the slices of the image that lie in the window."""
    inside, outside = [], []
    for size, start, length in zip(shape, corner, window):
        first, last = max(start, 0), min(start + length, size)
        inside.append(slice(first - start, last - start))
        outside.append(slice(first, last))
    return tuple(inside), tuple(outside)


def _mirrored(predict, axes, batch):
    """Return the mean of the scores over all combinations of mirrored axes."""
    if not axes:
        return predict(batch)
    total = 0
    for count in range(len(axes) + 1):
        for chosen in itertools.combinations(axes, count):
            flipped = tuple(axis + 1 for axis in chosen)
            total = total + np.flip(predict(np.ascontiguousarray(np.flip(batch, flipped))), flipped)
    return total / 2 ** len(axes)


def _checked(predict, num_classes, batch):
    """Return what the network makes of a batch as an array of probabilities `[batch, *window, classes]`."""
    scores = np.asarray(keras.ops.convert_to_numpy(predict(batch)))
    classes = "classes" if num_classes is None else num_classes
    fits = scores.ndim == batch.ndim and scores.shape[:-1] == batch.shape[:-1]
    if not fits or num_classes not in (None, scores.shape[-1]):
        raise ValueError(
            f"The network must return probabilities `[batch, *window, {classes}]` = "
            f"[{', '.join(map(str, batch.shape[:-1]))}, {classes}], but they have the shape {list(scores.shape)}."
        )
    if scores.dtype.kind not in "fub":
        raise ValueError(f"The network must return probabilities, but they are of type {scores.dtype}.")
    return scores
