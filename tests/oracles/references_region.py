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
