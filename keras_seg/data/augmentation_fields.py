"""What the fields of an augmentation may be, and the named choices of them."""

import math
import numbers

# Below this share of the distance of its control points a cubic B-spline cannot fold (Choi & Lee, 2000).
LARGEST_ELASTIC = 0.4

# Fields that hold one number, with its largest value; the smallest is 0.
NUMBERS = {"rotation": 180.0, "elastic": LARGEST_ELASTIC}

# Fields that hold a range `(low, high)`, with the smallest `low`.
RANGES = {"scale": 0.1, "brightness": 0.0, "contrast": 0.0, "gamma": 0.1, "blur": 0.0, "noise": 0.0}

BORDERS = ("zero", "mirror")

# The ranges and probabilities of nnU-Net v2's trainer are `default`; its `noise` is a variance of 0 to 0.1.
DEFAULT = {
    "rotation": 30.0,
    "rotation_probability": 0.2,
    "scale": (0.7, 1.4),
    "scale_probability": 0.2,
    "brightness": (0.75, 1.25),
    "brightness_probability": 0.15,
    "contrast": (0.75, 1.25),
    "contrast_probability": 0.15,
    "gamma": (0.7, 1.5),
    "gamma_probability": 0.3,
    "inverted_gamma_probability": 0.1,
    "blur": (0.5, 1.0),
    "blur_probability": 0.1,
    "noise": (0.0, 0.3),
    "noise_probability": 0.1,
}
LIGHT = DEFAULT | {
    "rotation": 15.0,
    "scale": (0.85, 1.2),
    "brightness": (0.9, 1.1),
    "contrast": (0.9, 1.1),
    "gamma": (0.8, 1.25),
    "inverted_gamma_probability": 0.0,
    "blur_probability": 0.0,
    "noise": (0.0, 0.1),
}
STRONG = DEFAULT | {
    "rotation": 45.0,
    "rotation_probability": 0.5,
    "scale": (0.6, 1.6),
    "scale_probability": 0.4,
    "elastic": 0.25,
    "elastic_probability": 0.15,
    "brightness": (0.6, 1.5),
    "brightness_probability": 0.25,
    "contrast": (0.6, 1.5),
    "contrast_probability": 0.25,
    "gamma": (0.6, 1.8),
    "blur": (0.5, 1.5),
    "blur_probability": 0.2,
    "noise": (0.0, 0.4),
    "noise_probability": 0.2,
}
# A micrograph or an aerial image has no upright. Its patch is often the whole image, of which a rotation shows corners.
ANY_ROTATION = {"rotation": 180.0, "rotation_probability": 0.5, "border": "mirror"}

PRESETS = {
    "none": ({}, {}),
    "light": (LIGHT, ANY_ROTATION),
    "default": (DEFAULT, ANY_ROTATION),
    "strong": (STRONG, ANY_ROTATION | {"rotation_probability": 0.75}),
}


def preset(name, rank):
    """Return the fields of a named choice for 2 or 3 spatial axes.

    Raises:
        ValueError: If there is no such choice, or the rank is neither 2 nor 3.
    """
    if rank not in (2, 3):
        raise ValueError(f"`rank` is the number of spatial axes and must be 2 or 3, but it is {rank!r}.")
    if name not in PRESETS:
        raise ValueError(
            f"There is no augmentation preset {name!r}. Choose one of {', '.join(map(repr, PRESETS))}, or give the "
            "fields of `keras_seg.data.Augmentation` themselves."
        )
    fields, in_the_plane = PRESETS[name]
    flip = {"flip": (0.5,) * rank} if fields else {}
    return flip | fields | (in_the_plane if rank == 2 else {})


def checked(name, value):
    """Return the value of a field as a float, a tuple of floats or a text.

    Raises:
        ValueError: If the value is not one that the field may have.
    """
    if name == "border":
        if value not in BORDERS:
            raise ValueError(f"Augmentation: `border` must be 'zero' or 'mirror', but it is {value!r}.")
        return value
    if name == "flip":
        if not isinstance(value, list | tuple) or not all(_is_number(each) and 0 <= each <= 1 for each in value):
            raise ValueError(
                f"Augmentation: `flip` must hold one probability (0 to 1) per axis, as `(0.5, 0.5, 0.5)`, or be empty, "
                f"but it is {value!r}."
            )
        return tuple(map(float, value))
    if name in RANGES:
        return _range(name, value, RANGES[name])
    largest = NUMBERS.get(name, 1.0)
    if not _is_number(value) or not 0 <= value <= largest:
        raise ValueError(f"Augmentation: `{name}` must be a number from 0 to {largest:g}, but it is {value!r}.")
    return float(value)


def _range(name, value, smallest):
    pair = isinstance(value, list | tuple) and len(value) == 2 and all(map(_is_number, value))
    if not pair or not smallest <= value[0] <= value[1]:
        raise ValueError(
            f"Augmentation: `{name}` must be a range `(low, high)` of two numbers, the lower first and {smallest:g} or "
            f"more, but it is {value!r}."
        )
    return tuple(map(float, value))


def _is_number(value):
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
