"""Formulas of boundary losses transcribed from the papers into NumPy, float64, one sample and one class at a time."""

import numpy as np
from oracle_cases import IGNORED
from scipy.ndimage import binary_erosion, correlate, distance_transform_edt, generate_binary_structure

LIBRARY = "scipy"


def per_map(case, function, include_background=True):
    """Average `function(p, g, counts)` over each sample's maps; what is not counted is background on both sides."""
    values = []
    for sample, (p, g) in enumerate(zip(case.probabilities, case.one_hot)):
        counts = case.truth[sample] != IGNORED if case.kind == "classes" else np.ones(p.shape[:-1], bool)
        classes = range(0 if include_background else 1, p.shape[-1])
        values.append(np.mean([function(p[..., c] * counts, g[..., c] * counts, counts) for c in classes]))
    return np.array(values)


def sides(mask, spacing):
    """Distances outside to the mask and inside to what is outside it; both 0 without a surface."""
    if mask.all() or not mask.any():
        return np.zeros(mask.shape), np.zeros(mask.shape)
    spacing = (1.0,) * mask.ndim if spacing is None else spacing
    return distance_transform_edt(~mask, sampling=spacing), distance_transform_edt(mask, sampling=spacing)


def boundary(case, spacing=None, include_background=True):
    """Kervadec et al. 2019, 1812.07032: mean over voxels of the signed distance to the truth times the probability."""

    def one(p, g, counts):
        outside, inside = sides(g > 0.5, spacing)
        smallest = 1.0 if spacing is None else min(spacing)
        return np.mean((np.where(inside > 0, smallest - inside, outside) * p)[counts])

    return per_map(case, one, include_background)


def hausdorff_dt(case, alpha=2.0, log=False, spacing=None):
    """Karimi & Salcudean 2019, 1904.10030, equation 9, with distances on both sides of both masks."""

    def one(p, g, counts):
        distances = [sum(sides(mask > 0.5, spacing)) ** alpha for mask in (p, g)]
        value = np.mean(((p - g) ** 2 * sum(distances))[counts])
        return np.log(1 + value) if log else value

    return per_map(case, one)


def hausdorff_erosion(case, alpha=2.0, erosions=10, threshold=0.5, rescale=True, spacing=None):
    """Karimi & Salcudean 2019, 1904.10030, equation 10, with soft erosions."""

    def one(p, g, counts):
        kernel = generate_binary_structure(p.ndim, 1).astype("float64")
        for axis in range(p.ndim):
            share = 1.0 if spacing is None else (min(spacing) / spacing[axis]) ** 2
            for end in (0, 2):
                kernel[tuple(end if a == axis else 1 for a in range(p.ndim))] = share
        eroded, total = (p - g) ** 2, 0.0
        for k in range(erosions):
            eroded = np.maximum(correlate(eroded, kernel / kernel.sum(), mode="constant") - threshold, 0)
            low, high = eroded.min(), eroded.max()
            if rescale and high > low:
                eroded = (eroded - low) / (high - low)
            total = total + eroded * (k + 1) ** alpha
        return total[counts].mean()

    return per_map(case, one)


def boundary_dou(case, max_alpha=0.8, spacing=None):
    """Sun et al. 2023, 2308.00220, as their code computes it; the small number below the line only."""

    def one(p, g, counts):
        inside = g > 0.5
        boundary = np.zeros(g.shape)
        for axis in range(g.ndim):
            line = np.zeros((3,) * g.ndim, bool)
            line[tuple(slice(None) if a == axis else 1 for a in range(g.ndim))] = True
            share = 1.0 if spacing is None else min(spacing) / spacing[axis]
            boundary = np.maximum(boundary, share * (inside & ~binary_erosion(inside, line)))
        alpha = 2 * (1 - boundary.sum() / inside.sum()) - 1 if inside.any() else 0.0
        alpha = min(alpha, max_alpha)
        squares, both = (p**2).sum() + (g**2).sum(), (p * g).sum()
        return (squares - 2 * both) / (squares - (1 + alpha) * both + 1e-5)

    return per_map(case, one)


def distance_cross_entropy(case, spacing=None):
    """Caliva et al. 2019, 1908.03679: cross-entropy times one plus the reverted distance, by side."""

    def reverted(g):
        phi = np.zeros(g.shape)
        for distance in sides(g > 0.5, spacing):
            there = distance > 0
            phi[there] = (distance.max() - distance[there]) / distance.max() if there.any() else 0
        return phi

    if case.kind != "classes":
        p, values = case.probabilities, []
        for sample, g in enumerate(case.one_hot):
            q = np.where(g == 1, p[sample], 1 - p[sample])
            maps = range(g.shape[-1])
            values.append(np.mean([np.mean(-np.log(q[..., c]) * (1 + reverted(g[..., c]))) for c in maps]))
        return np.array(values)
    values = []
    for p, g in zip(case.probabilities, case.one_hot):
        phi = np.stack([reverted(g[..., c]) for c in range(g.shape[-1])], axis=-1)
        counts = g.any(axis=-1)
        values.append(np.mean((-np.log(p) * g * (1 + phi)).sum(axis=-1)[counts]))
    return np.array(values)
