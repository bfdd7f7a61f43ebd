"""Intensities on one scale: by the case itself, by the training set's Hounsfield units, or as stored."""

import dataclasses

import numpy as np

KINDS = ("zscore", "ct", "none")

# Voxels that are taken to float64 at a time.
SLAB = 1 << 20


def zscore(image):
    """Shift and scale each channel to mean 0 and standard deviation 1.

    Scanners write arbitrary units, so each image is normalised by itself. A constant channel becomes zeros.

    Args:
        image: Array `[*spatial, channels]`.

    Returns:
        Array of the same shape, float32.
    """
    image = np.asarray(image)
    result = np.empty(image.shape, dtype="float32")
    for channel in range(image.shape[-1]):
        values = np.ascontiguousarray(image[..., channel]).ravel()
        mean, std = moments(values)
        if values.size == 0 or values.min() == values.max():
            result[..., channel] = 0
        else:
            result[..., channel] = _scaled(values, mean, std).reshape(image.shape[:-1])
    return result


def moments(values):
    """Mean and standard deviation in float64: the squares of raw intensities overflow the precision of float32.

    Args:
        values: Array `[values]`.

    Returns:
        Tuple of two floats, 0 where there is no value.
    """
    if not len(values):
        return 0.0, 0.0
    slabs = [slice(start, start + SLAB) for start in range(0, len(values), SLAB)]
    mean = sum(np.sum(values[slab], dtype="float64") for slab in slabs) / len(values)
    squares = sum(np.sum(np.square(values[slab].astype("float64") - mean)) for slab in slabs)
    return float(mean), float(np.sqrt(squares / len(values)))


@dataclasses.dataclass(frozen=True)
class Normalization:
    """How the intensities of an image are brought to a scale that a network takes.

    Args:
        kind: `"zscore"`: each channel of each case to mean 0 and standard deviation 1. `"ct"`: clipped to the range of
            the foreground of the training set, then shifted and scaled by its mean and standard deviation, so that a
            Hounsfield unit means the same in each case. `"none"`: as stored.
        statistics: For `"ct"`, one dict per channel with `percentile_00_5`, `percentile_99_5`, `mean` and `std` of the
            foreground; `Normalization.of` takes them from a fingerprint. Others need none.

    Raises:
        ValueError: If the kind is unknown, or a statistic is missing or useless.
    """

    kind: str = "zscore"
    statistics: tuple[dict, ...] = ()

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(
                f"The normalization must be one of {', '.join(map(repr, KINDS))}, but it is {self.kind!r}."
            )
        keys = ("percentile_00_5", "percentile_99_5", "mean", "std")
        kept = self.statistics if self.kind == "ct" else ()
        if self.kind == "ct" and not kept:
            raise ValueError(
                "The normalization 'ct' needs `statistics` of the training set's foreground, one dict per channel, but "
                "there are none. Take it from a fingerprint: `Normalization.of('ct', fingerprint)`."
            )
        for channel, values in enumerate(kept):
            missing = [key for key in keys if key not in values]
            if missing:
                raise ValueError(f"`statistics` of channel {channel} lack {', '.join(missing)}: {dict(values)}.")
            if not values["percentile_00_5"] < values["percentile_99_5"] or not values["std"] > 0:
                raise ValueError(
                    f"`statistics` of channel {channel} say that the foreground of the training cases has one single "
                    f"intensity ({values['mean']:g}), which 'ct' cannot scale by. Use the normalization 'zscore'."
                )
        kept = tuple({key: float(values[key]) for key in keys} for values in kept)
        object.__setattr__(self, "statistics", kept)

    @classmethod
    def of(cls, kind, fingerprint, names=None):
        """Return the normalization of a kind, with the statistics that it needs.

        Args:
            kind: `"zscore"`, `"ct"` or `"none"`.
            fingerprint: `Fingerprint` of the data set.
            names: Names of the training cases; all by default.
        """
        return cls(kind, tuple(fingerprint.intensities_of(names)) if kind == "ct" else ())

    def __call__(self, image):
        """Normalise an image `[*spatial, channels]`; the result is float32."""
        if self.kind == "zscore":
            return zscore(image)
        image = np.asarray(image)
        if self.kind == "none":
            return image.astype("float32")
        if image.shape[-1] != len(self.statistics):
            raise ValueError(
                f"The image has {image.shape[-1]} channels, but the normalization has the statistics of "
                f"{len(self.statistics)}. Images must have the channels of the training images."
            )
        result = np.empty(image.shape, dtype="float32")
        for channel, values in enumerate(self.statistics):
            clipped = np.clip(image[..., channel], values["percentile_00_5"], values["percentile_99_5"])
            clipped = np.ascontiguousarray(clipped, dtype="float32").ravel()
            result[..., channel] = _scaled(clipped, values["mean"], values["std"]).reshape(image.shape[:-1])
        return result

    def to_dict(self):
        """Return kind and statistics as plain data, for JSON."""
        return {"kind": self.kind, "statistics": [dict(values) for values in self.statistics]}

    @classmethod
    def from_dict(cls, values):
        """Return the normalization that `to_dict` described."""
        return cls(values["kind"], tuple(values.get("statistics", ())))


def looks_like_ct(intensities, channel_names=None):
    """Tell whether the images are computed tomography in Hounsfield units, and why.

    A data set that names its channels decides it. Otherwise the values do: air is -1000, so that the typical lowest
    value of a scan lies far below zero, while MRI and microscopy have none there and normalised images stay near it.

    Args:
        intensities: One dict per channel, `Fingerprint.intensities`.
        channel_names: Names of the channels from `dataset.json`, or `None`.

    Returns:
        Tuple `(answer, reason)`: a boolean and a sentence.
    """
    names = [str(name) for name in channel_names or ()]
    if names and all("ct" in name.lower().replace("_", " ").replace("-", " ").split() for name in names):
        return True, f"the data set names its channels {', '.join(names)}"
    if names and not all(name.isdigit() or name.lower().startswith(("channel", "image")) for name in names):
        return False, f"the data set names its channels {', '.join(names)}, which is not CT alone"
    for channel, values in enumerate(intensities):
        low, high = values["typical_minimum"], values["maximum"]
        if not -4096 <= low <= -500 or not 100 <= high <= 65536:
            return False, (
                f"the values of channel {channel} are no Hounsfield units: an image's lowest is typically {low:g} "
                f"(air would be about -1000), the highest of all is {high:g}"
            )
    lowest = ", ".join(f"{values['typical_minimum']:g}" for values in intensities)
    return True, f"the lowest value of an image is typically {lowest}, as of air in Hounsfield units"


def _scaled(values, mean, std):
    """`(values - mean) / std`, reckoned in float64, one slab at a time."""
    result = np.empty(values.shape, dtype="float32")
    for start in range(0, len(values), SLAB):
        slab = slice(start, start + SLAB)
        result[slab] = (values[slab].astype("float64") - mean) / std
    return result
