"""Formulas of region losses transcribed from the papers into NumPy, float64, one sample and one class at a time."""

import numpy as np
from oracle_cases import samples


def focal_tversky(case, alpha=0.3, beta=0.7, gamma=4 / 3, smooth=1e-5):
    """Abraham & Khan 2018, 1810.07842, `(1 - TI)^(1 / gamma)`; `alpha` on false positives here."""
    values = []
    for _, p, g in samples(case):
        tp, fp, fn = (p * g).sum(0), (p * (1 - g)).sum(0), ((1 - p) * g).sum(0)
        index = (tp + smooth) / (tp + alpha * fp + beta * fn + smooth)
        values.append(np.mean((1 - index) ** (1 / gamma)))
    return np.array(values)


def mean_of_classes(case, formula):
    """Apply `formula(p, g)` to the voxels of each class of each sample and average over classes."""
    return np.array([np.mean([formula(p[:, c], g[:, c]) for c in range(p.shape[1])]) for _, p, g in samples(case)])


def dice(p, g, smooth):
    return (2 * (p * g).sum() + smooth) / (p.sum() + g.sum() + smooth)


def log_dice(case, smooth=1e-5):
    """Wong 2018, 1809.00076: `-ln Dice`."""
    return mean_of_classes(case, lambda p, g: -np.log(dice(p, g, smooth)))


def log_cosh_dice(case, smooth=1e-5):
    """Jadon 2020, 2006.14822: `log((e^x + e^-x) / 2)` of the Dice loss `x`."""

    def formula(p, g):
        x = 1 - dice(p, g, smooth)
        return np.log((np.exp(x) + np.exp(-x)) / 2)

    return mean_of_classes(case, formula)


def focal_dice(case, beta=2.0, smooth=1e-5):
    """Wang & Chung 2018: `1 - mean Dice^(1 / beta)`."""
    return mean_of_classes(case, lambda p, g: 1 - dice(p, g, smooth) ** (1 / beta))


def f_beta(case, beta=1.5, smooth=1e-5):
    """Hashemi 2018, 1803.11078, eq. 5."""

    def formula(p, g):
        hits = (1 + beta**2) * (p * g).sum() + smooth
        return 1 - hits / (hits + beta**2 * ((1 - p) * g).sum() + (p * (1 - g)).sum())

    return mean_of_classes(case, formula)


def sensitivity_specificity(case, r=0.05, smooth=1e-5):
    """Brosch 2015: the squared errors of the lesion and of the rest, each over its own size."""

    def formula(p, g):
        error = (g - p) ** 2
        return r * (error * g).sum() / (g.sum() + smooth) + (1 - r) * (error * (1 - g)).sum() / ((1 - g).sum() + smooth)

    return mean_of_classes(case, formula)


def penalty_generalized_dice(case, k=2.5):
    """Yang 2019, on Sudre's loss with weights `1 / G^2` and no smoothing; every class must be in the sample."""
    values = []
    for _, p, g in samples(case):
        weights = 1 / g.sum(0) ** 2
        loss = 1 - 2 * (weights * (p * g).sum(0)).sum() / (weights * (p + g).sum(0)).sum()
        values.append(loss / (1 + k * (1 - loss)))
    return np.array(values)


def noise_robust_dice(case, gamma=1.5, smooth=1e-5, power=1):
    """Wang 2020; `power=1` is the denominator of the authors' library, `power=2` that of the paper."""

    def formula(p, g):
        return (np.abs(p - g) ** gamma).sum() / ((p**power).sum() + (g**power).sum() + smooth)

    return mean_of_classes(case, formula)


def tanimoto(case, smooth=1e-5):
    """Diakogiannis 2020, 1904.00592, eqs. 3 and 6, class by class."""

    def coefficient(p, g):
        product = (p * g).sum()
        return (product + smooth) / ((p**2).sum() + (g**2).sum() - product + smooth)

    return mean_of_classes(case, lambda p, g: 1 - (coefficient(p, g) + coefficient(1 - p, 1 - g)) / 2)


def jdt(case, alpha, beta, smooth):
    """Wang 2023, 2302.05666 and 2303.16296, as the authors' `JDTLoss` computes it: cardinalities are norms."""

    def formula(p, g):
        size_p, size_g, size_difference = (np.linalg.norm(x, ord=1) for x in (p, g, p - g))
        tp = (size_p + size_g - size_difference) / 2
        return 1 - (tp + smooth) / (tp + alpha * (size_p - tp) + beta * (size_g - tp) + smooth)

    return mean_of_classes(case, formula)


def generalized_wasserstein_dice(case, distances=None, smooth=1e-5, squared=False):
    """Fidon 2017, 1707.00478, voxel by voxel; `distances[l][k]` from the predicted class to the true one."""
    values = []
    for _, p, g in samples(case):
        if case.kind == "classes":
            maps = [(p, g)]
        else:
            maps = [
                (np.stack([1 - p[:, c], p[:, c]], 1), np.stack([1 - g[:, c], g[:, c]], 1)) for c in range(p.shape[1])
            ]
        of_maps = []
        for p_of_map, g_of_map in maps:
            matrix = 1 - np.eye(p_of_map.shape[1]) if distances is None else np.array(distances) / np.max(distances)
            hits = errors = 0
            for p_of_voxel, label in zip(p_of_map, g_of_map.argmax(1)):
                distance = sum(p_of_voxel[predicted] * matrix[predicted, label] for predicted in range(len(matrix)))
                hits += (1 - distance) * (label > 0)
                errors += distance**2 if squared else distance
            of_maps.append(1 - (2 * hits + smooth) / (2 * hits + errors + smooth))
        values.append(np.mean(of_maps))
    return np.array(values)


def adaptive_tversky(case, lowest=0.3, gap=0.4, regions=16, smooth=1.0):
    """Chen 2023, box by box: `A + B FP / (FP + FN)`; voxels on a border are shared out by what lies on each side."""
    values = []
    for p, g in zip(case.probabilities, case.one_hot):
        spatial = p.shape[:-1]
        counts = [min(regions, size) for size in spatial]
        total = []
        for box in np.ndindex(*counts):
            weight = np.ones(spatial)
            for axis, (size, count, k) in enumerate(zip(spatial, counts, box)):
                start, end = size * k / count, size * (k + 1) / count
                inside = [max(0, min(v + 1, end) - max(v, start)) for v in range(size)]
                weight *= np.reshape(inside, [-1 if a == axis else 1 for a in range(len(spatial))])
            for c in range(p.shape[-1]):
                p_c, g_c = p[..., c], g[..., c]
                tp, fp, fn = ((weight * x).sum() for x in (p_c * g_c, p_c * (1 - g_c), (1 - p_c) * g_c))
                errors = fp + fn if fp + fn > 0 else 1
                alpha, beta = lowest + gap * fp / errors, lowest + gap * fn / errors
                total.append(1 - (tp + smooth) / (tp + alpha * fp + beta * fn + smooth))
        values.append(np.mean(total))
    return np.array(values)
