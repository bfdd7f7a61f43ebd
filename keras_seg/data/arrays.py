"""From cases to arrays that `fit` takes: bring to one shape and stack."""

import numpy as np

from keras_seg.data.case import check_alike
from keras_seg.data.normalization import zscore


def fit_shape(array, shape, fill=0):
    """Crop or pad the leading axes about their centre.

    Args:
        array: Array `[*spatial, ...]`.
        shape: Wanted sizes of the leading `len(shape)` axes; the axes after them (channels) are kept.
        fill: Value of the padding.

    Returns:
        Array `[*shape, ...]` of the same dtype.
    """
    if len(shape) > array.ndim or any(size < 1 for size in shape):
        raise ValueError(
            f"`shape` must give a size of 1 or more for some leading axes of an array of shape {array.shape}, but it "
            f"is {tuple(shape)}."
        )
    source, target = [], []
    for have, want in zip(array.shape, shape):
        kept = min(have, want)
        source.append(slice((have - kept) // 2, (have - kept) // 2 + kept))
        target.append(slice((want - kept) // 2, (want - kept) // 2 + kept))
    result = np.full((*shape, *array.shape[len(shape) :]), fill, dtype=array.dtype)
    result[tuple(target)] = array[tuple(source)]
    return result


def unfit_shape(array, shape, fill=0):
    """Bring a prediction of a fitted shape back to the shape of its own case: the inverse of `fit_shape`.

    What `fit_shape` padded is cut off, and what it cropped is filled, so that scores count the whole case.

    Args:
        array: Array `[*fitted, ...]`, for example a predicted label map.
        shape: Spatial shape of the case, `case.shape`.
        fill: Value where `fit_shape` had cropped: 0, the background.

    Returns:
        Array `[*shape, ...]` of the same dtype.
    """
    # Both put the surplus of an odd difference at the far end, so that the same centring undoes itself.
    return fit_shape(array, shape, fill)


def common_shape(cases, divisor=16):
    """Smallest spatial shape that holds every case and can be divided by `divisor`.

    Args:
        cases: List of `Case`.
        divisor: Integer, or one per spatial axis: 2 to the number of times that the network halves its input.

    Returns:
        Tuple of integers, one per spatial axis.
    """
    check_alike(cases)
    rank = len(cases[0].shape)
    divisors = (divisor,) * rank if np.ndim(divisor) == 0 else tuple(divisor)
    if len(divisors) != rank or any(number < 1 for number in divisors):
        raise ValueError(f"`divisor` must be 1 or more, alone or for each of {rank} axes, but it is {divisor!r}.")
    largest = np.max([case.shape for case in cases], axis=0)
    return tuple(int(-(-size // number) * number) for size, number in zip(largest, divisors))


def stack(cases, shape=None, divisor=16, normalize=zscore):
    """Stack cases to two arrays that `fit` and `predict` take.

    Each image is normalised as a whole, then cropped or padded about its centre; padding is 0, the mean of a
    normalised image, in the background class. `unfit_shape` brings predictions back.

    Args:
        cases: List of `Case` of the same rank and number of channels.
        shape: Spatial shape. By default the smallest that holds every case and can be divided by `divisor`. A smaller
            one crops, foreground too.
        divisor: Integer, or one per spatial axis; used if `shape` is not given.
        normalize: Function from an image `[*spatial, channels]` to one of the same shape, or `None` to keep it.

    Returns:
        Tuple `(x, y)`: `x` `[cases, *shape, channels]` float32, `y` `[cases, *shape]` uint8, or int32 where there
        are more than 256 classes.
    """
    check_alike(cases)
    rank = len(cases[0].shape)
    shape = common_shape(cases, divisor) if shape is None else tuple(int(size) for size in shape)
    if len(shape) != rank:
        raise ValueError(f"`shape` must have one size for each of {rank} spatial axes, but it is {shape}.")
    dtype = "uint8" if max(int(case.label.max(initial=0)) for case in cases) < 256 else "int32"
    x = np.empty((len(cases), *shape, cases[0].channels), dtype="float32")
    y = np.empty((len(cases), *shape), dtype=dtype)
    for index, case in enumerate(cases):
        x[index] = fit_shape(normalize(case.image) if normalize else case.image, shape)
        y[index] = fit_shape(case.label, shape)
    return x, y
