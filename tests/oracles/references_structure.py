"""Formulas of structure losses transcribed from papers and authors' code into NumPy, float64, a map at a time."""

import itertools

import numpy as np
from scipy.ndimage import correlate1d, maximum_filter

LIBRARY = "scipy"
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def _maps(case):
    """Yield for each sample a list of (probability, truth) maps."""
    for p, g in zip(case.probabilities, case.one_hot):
        yield [(p[..., c], g[..., c]) for c in range(p.shape[-1])]


def ms_ssim(case, window=11, sigma=1.5, k1=0.01, k2=0.03, weights=WEIGHTS, normalize="relu"):
    """Wang et al. 2003: contrast and structure of every scale, luminance of the last, means to the power of weights.

    As in the authors' `msssim.m`. Scales in which the window does not fit are left out.
    """
    return np.array(
        [
            1 - np.mean([_ms_ssim_map(p, g, window, sigma, k1, k2, weights, normalize) for p, g in maps])
            for maps in _maps(case)
        ]
    )


def _ms_ssim_map(p, g, window, sigma, k1, k2, weights, normalize):
    terms = []
    while len(terms) < len(weights) and (not terms or min(p.shape) >= window):
        luminance, contrast = _similarity(p, g, window, sigma, k1, k2)
        terms.append((np.mean(contrast), np.mean(luminance * contrast)))
        p, g = _half(p), _half(g)
    used = np.array(weights[: len(terms)]) / sum(weights[: len(terms)])
    means = np.array([contrast for contrast, _ in terms[:-1]] + [terms[-1][1]])
    means = np.maximum(means, 0) if normalize == "relu" else (1 + means) / 2
    return np.prod(means**used)


def _similarity(p, g, window, sigma, k1, k2):
    sizes = [min(window, size - 1 + size % 2) for size in p.shape]

    def mean(x):
        for axis, size in enumerate(sizes):
            taps = np.exp(-((np.arange(size) - size // 2) ** 2) / (2 * sigma**2))
            x = correlate1d(x, taps / taps.sum(), axis=axis)
        return x[tuple(slice(size // 2, -(size // 2) or None) for size in sizes)]

    mean_p, mean_g = mean(p), mean(g)
    variance_p, variance_g = mean(p * p) - mean_p**2, mean(g * g) - mean_g**2
    covariance = mean(p * g) - mean_p * mean_g
    luminance = (2 * mean_p * mean_g + k1**2) / (mean_p**2 + mean_g**2 + k1**2)
    return luminance, (2 * covariance + k2**2) / (variance_p + variance_g + k2**2)


def _half(x):
    """Mean of blocks of two along every axis; the last voxel of an odd axis is left out."""
    for axis in range(x.ndim):
        even = x.shape[axis] // 2 * 2
        x = (x.take(range(0, even, 2), axis) + x.take(range(1, even, 2), axis)) / 2
    return x


def region_mutual_information(case, balance=0.5, radius=3, pool=3):
    """Zhao et al. 2019, 1910.12037, as in the authors' `rmi.py`: cross-entropy and the lower bound, by class."""
    values = []
    for maps in _maps(case):
        per_class = []
        for p, g in maps:
            q = np.clip(p, 1e-7, 1 - 1e-7)
            entropy = -np.mean(g * np.log(q) + (1 - g) * np.log(1 - q))
            per_class.append(balance * entropy + (1 - balance) * _lower_bound(g, p, radius, pool))
        values.append(np.mean(per_class))
    return np.array(values)


def _lower_bound(g, p, radius, pool, ridge=5e-4):
    for axis, size in enumerate(p.shape):
        if size >= pool * radius:
            g, p = (_max_pool(x, axis, pool) for x in (g, p))
    y, x = (_vectors(x, [min(radius, size) for size in x.shape]) for x in (g, p))
    y, x = (v - v.mean(axis=1, keepdims=True) for v in (y, x))
    identity = ridge * np.eye(len(y))
    remains = y @ y.T - y @ x.T @ np.linalg.inv(x @ x.T + identity) @ x @ y.T
    return 0.5 * np.linalg.slogdet(remains + identity)[1] / len(y)


def _max_pool(x, axis, pool):
    rest = -x.shape[axis] % pool
    pads = [(0, 0)] * x.ndim
    pads[axis] = (rest // 2, rest - rest // 2)
    x = np.pad(x, pads)
    return maximum_filter(x, [pool if a == axis else 1 for a in range(x.ndim)]).take(
        range(pool // 2, x.shape[axis], pool), axis
    )


def _vectors(x, sides):
    """All neighbourhoods that fit, `[values of one, neighbourhoods]`."""
    starts = itertools.product(*(range(size - side + 1) for size, side in zip(x.shape, sides)))
    parts = [x[tuple(slice(start, start + side) for start, side in zip(at, sides))] for at in starts]
    return np.stack([part.ravel() for part in parts], axis=1)


def active_contour(case, region_weight=1.0, epsilon=1e-8):
    """Chen et al. 2019, equations 11 and 12 as means; the differences are taken in the middle between voxels."""
    values = []
    for maps in _maps(case):
        values.append(np.mean([_contour(p, epsilon) + region_weight * _wrong_side(p, g) for p, g in maps]))
    return np.array(values)


def _contour(p, epsilon):
    lengths = []
    for at in np.ndindex(*(size - 1 for size in p.shape)):
        cell = p[tuple(slice(i, i + 2) for i in at)]
        lengths.append(np.sqrt(sum(np.mean(np.diff(cell, axis=axis) ** 2) for axis in range(p.ndim)) + epsilon))
    return np.mean(lengths)


def _wrong_side(p, g):
    return abs(np.mean(p * (g - 1) ** 2)) + abs(np.mean((1 - p) * (g - 0) ** 2))
