"""From cases to arrays: normalise, bring to one shape, stack, and split by name."""

import itertools
from typing import NamedTuple

import numpy as np

from keras_seg.data.case import check_alike


class Split(NamedTuple):
    """Disjoint names of cases, each part sorted."""

    train: list[str]
    validation: list[str]
    test: list[str]


def split(names, test, validation, seed=0):
    """Split the names of cases into three disjoint parts, the same for the same names and seed.

    The test part is `numpy.random.default_rng(seed).choice(sorted(names), test, replace=False)`; the validation part
    is drawn from the rest by the same generator.

    Args:
        names: Names of the cases, in any order.
        test: Number of test cases.
        validation: Number of validation cases.
        seed: Seed of the draw.

    Returns:
        `Split(train, validation, test)`, three sorted lists of names.

    Raises:
        ValueError: If a name appears twice, or if no case is left to train on.
    """
    names = sorted(names)
    if len(set(names)) != len(names):
        twice = next(name for name, following in itertools.pairwise(names) if name == following)
        raise ValueError(f"Names of cases must be unique, but {twice!r} appears twice.")
    if test < 0 or validation < 0 or test + validation >= len(names):
        raise ValueError(
            f"{len(names)} cases cannot be split into {test} for the test, {validation} for validation and at least "
            "one to train on. Lower `test` or `validation`, or add cases."
        )
    generator = np.random.default_rng(seed)
    # Indices, not names: NumPy's own strings would not compare or print like the given ones.
    chosen = {names[i] for i in generator.choice(len(names), test, replace=False)}
    rest = [name for name in names if name not in chosen]
    held = {rest[i] for i in generator.choice(len(rest), validation, replace=False)}
    return Split([name for name in rest if name not in held], sorted(held), sorted(chosen))


def zscore(image):
    """Shift and scale each channel to mean 0 and standard deviation 1.

    Scanners write arbitrary units, so each image is normalised by itself. A constant channel becomes zeros.

    Args:
        image: Array `[*spatial, channels]`.

    Returns:
        Array of the same shape, float32.
    """
    axes = tuple(range(image.ndim - 1))
    # In float64: the squares of raw intensities overflow the precision of float32.
    wide = np.asarray(image, dtype="float64")
    constant = wide.max(axis=axes) == wide.min(axis=axes)
    centred = wide - wide.mean(axis=axes)
    deviation = np.where(constant, 1.0, centred.std(axis=axes))
    return np.where(constant, 0.0, centred / deviation).astype("float32")


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
