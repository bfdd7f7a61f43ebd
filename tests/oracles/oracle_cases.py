"""Inputs on which this package and its peers are compared: small, seeded, with the corners that divide implementations.

Logits are rounded to float32, so that every peer and every backend sees the same numbers.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

IGNORED = 255


@dataclass(frozen=True)
class Case:
    """One batch.

    `logits` are `[batch, *spatial, classes]`, or `None` where the case is made of exact probabilities. `truth` holds
    labels, `[batch, *spatial]`, for `"classes"`, and zeros and ones, `[batch, *spatial, classes]`, for `"binary"` and
    `"multilabel"`.
    """

    name: str
    kind: str
    logits: np.ndarray
    truth: np.ndarray
    probabilities: np.ndarray

    @property
    def one_hot(self):
        """The truth as float64 `[batch, *spatial, classes]`; a voxel to ignore is a row of zeros."""
        if self.kind != "classes":
            return self.truth.astype("float64")
        return (self.truth[..., None] == np.arange(self.probabilities.shape[-1])).astype("float64")


def sigmoid(z):
    return np.where(z >= 0, 1 / (1 + np.exp(-np.abs(z))), np.exp(-np.abs(z)) / (1 + np.exp(-np.abs(z))))


def softmax(z):
    exp = np.exp(z - z.max(axis=-1, keepdims=True))
    return exp / exp.sum(axis=-1, keepdims=True)


def make(name, seed=0):
    """Return the case called `name`, drawn from `seed`."""
    kind, shape, fill = CASES[name]
    rng = np.random.default_rng([seed, int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)])
    logits, truth = fill(rng, kind, shape)
    return from_arrays(name, logits.astype("float32"), truth.astype("uint8"))


def from_arrays(name, logits, truth):
    """Return the case called `name` from the two arrays that a fixture holds."""
    kind = CASES[name][0]
    if name.startswith("exact"):
        return Case(name, kind, None, truth.astype("int32"), logits.astype("float64"))
    logits = logits.astype("float64")
    probabilities = softmax(logits) if kind == "classes" else sigmoid(logits)
    return Case(name, kind, logits, truth.astype("int32"), probabilities)


def samples(case):
    """Yield each sample's logits, probabilities and one-hot truth, `[voxels, classes]`."""
    classes = case.probabilities.shape[-1]
    for sample in range(len(case.probabilities)):
        logits = None if case.logits is None else case.logits[sample].reshape(-1, classes)
        yield logits, case.probabilities[sample].reshape(-1, classes), case.one_hot[sample].reshape(-1, classes)


def _noisy(rng, kind, shape):
    """Independent voxels; the samples after the first are corners."""
    classes = shape[-1]
    if kind == "classes":
        truth = rng.integers(0, classes, shape[:-1])
        truth[-1][truth[-1] == classes - 1] = 0  # the last class is absent from the last sample
        signed = 2.0 * (truth[..., None] == np.arange(classes)) - 1
    else:
        truth = rng.integers(0, 2, shape)
        truth[-1, ..., -1] = 0  # the last map of the last sample is empty
        signed = 2.0 * truth - 1
    logits = rng.normal(size=shape) * 1.5 + 0.5 * signed
    if shape[0] > 2:
        logits[1] = 4 * signed[1] + rng.normal(size=shape[1:]) * 0.3  # right everywhere, and almost sure of it
    return logits, truth


def _wrong(rng, kind, shape):
    """The first sample is noise, the last is wrong everywhere; its truth is all foreground where there is one map."""
    logits, truth = _noisy(rng, kind, shape)
    if kind == "classes":
        truth[-1] = rng.integers(0, shape[-1], shape[1:-1])
        logits[-1] = -6.0 * (truth[-1][..., None] == np.arange(shape[-1]))
    else:
        truth[-1] = 1
        logits[-1] = -5
    # No two voxels alike: which of them a sort puts first is nobody's to decide.
    logits[-1] += rng.normal(size=shape[1:]) * 0.3
    return logits, truth


def _ignored(rng, kind, shape):
    logits, truth = _noisy(rng, kind, shape)
    truth[rng.random(truth.shape) < 0.2] = IGNORED
    return logits, truth


def _shapes(rng, kind, shape):
    """Bodies with a surface: the truth is smoothed noise above its quantile, the prediction knows it roughly."""
    sigma = (0, *[1.6] * (len(shape) - 2), 0)
    body = gaussian_filter(rng.normal(size=shape), sigma)
    body /= body.std()
    logits = 2 * body + gaussian_filter(rng.normal(size=shape), tuple(s / 2 for s in sigma)) * 3
    truth = body.argmax(axis=-1) if kind == "classes" else body > 0.5
    return logits, truth


def _exact(rng, kind, shape):
    """Probabilities of exactly 0 and 1: perfect, inverted, none in none, all in all, and half where there is none."""
    half = rng.integers(0, 2, shape[1:])
    none, full = np.zeros_like(half), np.ones_like(half)
    pairs = [(half, half), (1 - half, half), (none, none), (full, full), (half, none)]
    prediction, truth = (np.stack(arrays) for arrays in zip(*pairs))
    return prediction, truth


# Name: kind, `[batch, *spatial, classes]`, how it is filled. Ten percent of each sample's voxels is a whole number.
CASES = {
    "binary_2d": ("binary", (3, 8, 10, 1), _noisy),
    "binary_3d": ("binary", (2, 5, 6, 4, 1), _wrong),
    "classes_2d": ("classes", (3, 8, 10, 4), _noisy),
    "classes_3d": ("classes", (2, 5, 6, 4, 3), _wrong),
    "multilabel_2d": ("multilabel", (2, 8, 10, 3), _noisy),
    "ignored_2d": ("classes", (2, 8, 10, 4), _ignored),
    "exact_2d": ("binary", (5, 6, 5, 1), _exact),
    "shapes_2d": ("classes", (2, 20, 17, 3), _shapes),
    "shapes_3d": ("binary", (2, 12, 13, 14, 1), _shapes),
}
