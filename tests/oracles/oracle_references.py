"""Formulas transcribed from the papers into NumPy and SciPy, float64, one sample and one class at a time."""

import numpy as np
from scipy.ndimage import distance_transform_edt, maximum_filter1d, minimum_filter1d


def _samples(case):
    """Yield each sample's logits, probabilities and one-hot truth, `[voxels, classes]`."""
    classes = case.probabilities.shape[-1]
    for sample in range(len(case.probabilities)):
        logits = None if case.logits is None else case.logits[sample].reshape(-1, classes)
        yield logits, case.probabilities[sample].reshape(-1, classes), case.one_hot[sample].reshape(-1, classes)


def softmax_focal(case, gamma=2.0, alpha=None):
    """Lin et al. 2017, 1708.02002, with the softmax in the place of the sigmoid. `alpha`: one number per class."""
    values = []
    for _, p, g in _samples(case):
        p_true = (p * g).sum(-1)
        factor = 1 if alpha is None else (g * np.asarray(alpha)).sum(-1)
        values.append(np.mean(factor * -((1 - p_true) ** gamma) * np.log(p_true)))
    return np.array(values)


def clipped_cross_entropy(case, epsilon=1e-7):
    """Cross-entropy of probabilities that may be exactly 0 or 1."""
    values = []
    for _, p, g in _samples(case):
        p = np.clip(p, epsilon, 1 - epsilon)
        values.append(-np.mean(g * np.log(p) + (1 - g) * np.log(1 - p)))
    return np.array(values)


def top_k(case, k=10.0):
    """Wu et al. 2016, 1605.06885: the mean of the `k` percent largest values; binary per map, maps averaged."""
    values = []
    for _, p, g in _samples(case):
        if case.kind == "classes":
            maps = -np.log((p * g).sum(-1, keepdims=True))
        else:
            maps = -(g * np.log(p) + (1 - g) * np.log(1 - p))
        kept = round(len(maps) * k / 100)
        values.append(np.sort(maps, axis=0)[::-1][:kept].mean())
    return np.array(values)


def focal_tversky(case, alpha=0.3, beta=0.7, gamma=4 / 3, smooth=1e-5):
    """Abraham & Khan 2018, 1810.07842, `(1 - TI)^(1 / gamma)`; `alpha` on false positives here."""
    values = []
    for _, p, g in _samples(case):
        tp, fp, fn = (p * g).sum(0), (p * (1 - g)).sum(0), ((1 - p) * g).sum(0)
        index = (tp + smooth) / (tp + alpha * fp + beta * fn + smooth)
        values.append(np.mean((1 - index) ** (1 / gamma)))
    return np.array(values)


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
    for z, p, g in _samples(case):
        if case.kind == "classes":
            errors = np.abs(g - p)
            counted = [c for c in range(g.shape[1]) if classes == "all" or g[:, c].any()]
        else:
            errors = np.maximum(1 - z * (2 * g - 1), 0)
            counted = range(g.shape[1])
        values.append(np.mean([_lovasz_extension(errors[:, c], g[:, c]) for c in counted]))
    return np.array(values)


def boundary(case, spacing=None, include_background=True):
    """Kervadec et al. 2019, 1812.07032: mean over voxels of the signed distance to the truth times the probability."""
    spatial = case.probabilities.ndim - 2
    spacing = (1.0,) * spatial if spacing is None else spacing
    values = []
    for p, g in zip(case.probabilities, case.one_hot):
        per_class = []
        for c in range(0 if include_background else 1, p.shape[-1]):
            mask = g[..., c] > 0.5
            if mask.all() or not mask.any():
                per_class.append(0.0)
                continue
            outside = distance_transform_edt(~mask, sampling=spacing)
            inside = distance_transform_edt(mask, sampling=spacing)
            phi = np.where(mask, -(inside - min(spacing)), outside)
            per_class.append(np.mean(phi * p[..., c]))
        values.append(np.mean(per_class))
    return np.array(values)


def cl_dice(case, iterations=10, smooth=1.0, include_background=True):
    """Shit et al. 2021, 2003.07311, algorithms 1 and 2, in which the skeletons are soft."""
    values = []
    for p, g in zip(case.probabilities, case.one_hot):
        per_class = []
        for c in range(0 if include_background else 1, p.shape[-1]):
            prediction, truth = p[..., c], g[..., c]
            skeleton, truth_skeleton = _skeleton(prediction, iterations), _skeleton(truth, iterations)
            precision = ((skeleton * truth).sum() + smooth) / (skeleton.sum() + smooth)
            sensitivity = ((truth_skeleton * prediction).sum() + smooth) / (truth_skeleton.sum() + smooth)
            per_class.append(1 - 2 * precision * sensitivity / (precision + sensitivity))
        values.append(np.mean(per_class))
    return np.array(values)


def _skeleton(image, iterations):
    def erode(x):
        # The border is repeated, which for a minimum is the same as not looking beyond it.
        return np.min([minimum_filter1d(x, 3, axis=axis, mode="nearest") for axis in range(x.ndim)], axis=0)

    def open_(x):
        x = erode(x)
        for axis in range(x.ndim):
            x = maximum_filter1d(x, 3, axis=axis, mode="nearest")
        return x

    skeleton = np.maximum(image - open_(image), 0)
    for _ in range(iterations):
        image = erode(image)
        delta = np.maximum(image - open_(image), 0)
        skeleton = skeleton + np.maximum(delta - skeleton * delta, 0)
    return skeleton
