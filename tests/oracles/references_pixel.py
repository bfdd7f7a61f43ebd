"""Formulas of pixel losses transcribed from the papers into NumPy, float64, one sample and one class at a time."""

import numpy as np
from oracle_cases import samples


def softmax_focal(case, gamma=2.0, alpha=None):
    """Lin et al. 2017, 1708.02002, with the softmax in the place of the sigmoid. `alpha`: one number per class."""
    values = []
    for _, p, g in samples(case):
        p_true = (p * g).sum(-1)
        factor = 1 if alpha is None else (g * np.asarray(alpha)).sum(-1)
        values.append(np.mean(factor * -((1 - p_true) ** gamma) * np.log(p_true)))
    return np.array(values)


def clipped_cross_entropy(case, epsilon=1e-7):
    """Cross-entropy of probabilities that may be exactly 0 or 1."""
    values = []
    for _, p, g in samples(case):
        p = np.clip(p, epsilon, 1 - epsilon)
        values.append(-np.mean(g * np.log(p) + (1 - g) * np.log(1 - p)))
    return np.array(values)


def top_k(case, k=10.0):
    """Wu et al. 2016, 1605.06885: the mean of the `k` percent largest values; binary per map, maps averaged."""
    values = []
    for _, p, g in samples(case):
        if case.kind == "classes":
            maps = -np.log((p * g).sum(-1, keepdims=True))
        else:
            maps = -(g * np.log(p) + (1 - g) * np.log(1 - p))
        kept = round(len(maps) * k / 100)
        values.append(np.sort(maps, axis=0)[::-1][:kept].mean())
    return np.array(values)
