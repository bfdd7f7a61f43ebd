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


def lovasz_by_buckets(case, buckets):
    """The same with errors in buckets: the mean over all true voxels of a bucket first and all false ones first.

    Each voxel of a bucket is worth the mean of what its kind is worth in these two orders.
    """
    values = []
    for z, p, g in samples(case):
        softmax = case.kind == "classes"
        errors = np.abs(g - p) if softmax else np.maximum(1 - z * (2 * g - 1), 0)
        counted = [c for c in range(g.shape[1]) if not softmax or g[:, c].any()]
        values.append(np.mean([_in_buckets(errors[:, c], g[:, c], buckets, not softmax) for c in counted]))
    return np.array(values)


def _in_buckets(errors, truth, buckets, logarithmic):
    place = np.log1p(errors) / np.log1p(errors.max()) if logarithmic else errors
    bucket = np.clip(((1 - place) * buckets).astype(int), 0, buckets - 1)
    right = union = truth.sum()
    value = 0.0

    def loss(right, union):
        return 1 - right / union if union else 0.0

    for k in range(buckets):
        inside = bucket == k
        true, false = truth[inside].sum(), (1 - truth[inside]).sum()
        after = loss(right - true, union + false)
        between = loss(right - true, union), loss(right, union + false)
        if true:
            share = (between[0] - loss(right, union) + after - between[1]) / 2
            value += share * errors[inside & (truth == 1)].mean()
        if false:
            share = (after - between[0] + between[1] - loss(right, union)) / 2
            value += share * errors[inside & (truth == 0)].mean()
        right, union = right - true, union + false
    return value
