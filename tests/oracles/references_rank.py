"""Formulas of rank losses transcribed from the papers into NumPy, float64, one sample and one class at a time."""

import numpy as np
from oracle_cases import samples


def _lovasz_extension(errors, truth):
    """Berman et al. 2018, 1705.08790: the sum of `m_i (J(first i) - J(first i - 1))`, `J` the Jaccard loss."""
    order = np.argsort(-errors, kind="stable")
    errors, truth = errors[order], truth[order]
    total, previous = 0.0, 0.0
    for i in range(len(errors)):
        # The first i + 1 voxels are taken to be wrong: truth among them is missed, the rest of them is false alarm.
        missed, alarms = truth[: i + 1].sum(), (1 - truth[: i + 1]).sum()
        jaccard_loss = 1 - (truth.sum() - missed) / (truth.sum() + alarms)
        total += errors[i] * (jaccard_loss - previous)
        previous = jaccard_loss
    return total


def lovasz(case, classes="present"):
    """Lovász softmax over the classes, Lovász hinge on the logits of each sigmoid map; per sample."""
    values = []
    for z, p, g in samples(case):
        if case.kind == "classes":
            errors = np.abs(g - p)
            counted = [c for c in range(g.shape[1]) if classes == "all" or g[:, c].any()]
        else:
            errors = np.maximum(1 - z * (2 * g - 1), 0)
            counted = range(g.shape[1])
        values.append(np.mean([_lovasz_extension(errors[:, c], g[:, c]) for c in counted]))
    return np.array(values)
