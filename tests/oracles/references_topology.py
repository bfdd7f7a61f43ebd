"""Formulas of topology losses transcribed from the papers into NumPy, float64, one sample and one class at a time."""

import numpy as np
from scipy.ndimage import (
    binary_dilation,
    distance_transform_edt,
    generate_binary_structure,
    label,
    maximum_filter1d,
    minimum_filter1d,
)

LIBRARY = "scipy"


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


def skeleton_recall(case, iterations=10, radius=2, smooth=1e-5, include_background=True):
    """Kirchhoff et al. 2024, 2404.03010, equation 2 and the authors' tube: dilated twice by a cross, cut to the truth.

    The skeleton is the soft one of a binary mask instead of a thinning.
    """
    values = []
    for p, g in zip(case.probabilities, case.one_hot):
        per_class = []
        for c in range(0 if include_background else 1, p.shape[-1]):
            truth = g[..., c] > 0.5
            tube = _skeleton(truth.astype("float64"), iterations) > 0.5
            if radius:
                tube = binary_dilation(tube, generate_binary_structure(tube.ndim, 1), iterations=radius)
            tube &= truth
            per_class.append(1 - (p[..., c][tube].sum() + smooth) / (tube.sum() + smooth))
        values.append(np.mean(per_class))
    return np.array(values)


def blob(case, alpha=0.5, beta=0.5, full=False, max_instances=None, include_background=True, smooth=1e-5):
    """Kofler et al. 2022, 2205.08209, equation 3: the loss of all, twice, and its mean over the instances.

    The loss is Tversky's; half and half is Dice's, to `smooth / 2`. What lies in other instances is taken out.
    """

    def tversky(p, g):
        tp, fp, fn = (p * g).sum(), (p * (1 - g)).sum(), ((1 - p) * g).sum()
        return 1 - (tp + smooth) / (tp + alpha * fp + beta * fn + smooth)

    values = []
    for p, g in zip(case.probabilities, case.one_hot):
        mains, blobs = [], []
        for c in range(0 if include_background else 1, p.shape[-1]):
            prediction, truth = p[..., c], g[..., c]
            mains.append(tversky(prediction, truth))
            instances = _instances(truth > 0.5, full, max_instances)
            each = []
            for k in range(1, instances.max() + 1):
                seen = (instances == 0) | (instances == k)
                each.append(tversky(prediction[seen], truth[seen]))
            if each:
                blobs.append(np.mean(each))
        values.append(2 * np.mean(mains) + (np.mean(blobs) if blobs else 0))
    return np.array(values)


def border_cross_entropy(case, w0=10.0, sigma=5.0, spacing=None, class_weights=None):
    """Ronneberger et al. 2015, 1505.04597, equation 2: a cross-entropy weighted by the gaps between instances."""
    values = []
    for p, g in zip(case.probabilities, case.one_hot):
        classes = p.shape[-1]
        if case.kind == "classes":
            instances = [component for c in range(1, classes) for component in _components(g[..., c] > 0.5, full=False)]
            w = np.ones(classes) if class_weights is None else np.array(class_weights)
            weight = (g * w).sum(axis=-1) + _border(instances, p.shape[:-1], w0, sigma, spacing)
            values.append((weight * -(g * np.log(p)).sum(axis=-1)).mean())
        else:
            per_class = []
            for c in range(classes):
                border = _border(_components(g[..., c] > 0.5, full=False), p.shape[:-1], w0, sigma, spacing)
                price = -(g[..., c] * np.log(p[..., c]) + (1 - g[..., c]) * np.log(1 - p[..., c]))
                per_class.append(((1 + border) * price).mean())
            values.append(np.mean(per_class))
    return np.array(values)


def _border(instances, shape, w0, sigma, spacing):
    if len(instances) < 2:
        return np.zeros(shape)
    distances = np.sort([distance_transform_edt(~instance, sampling=spacing) for instance in instances], axis=0)
    return w0 * np.exp(-((distances[0] + distances[1]) ** 2) / (2 * sigma**2))


def _components(mask, full):
    labels, count = label(mask, generate_binary_structure(mask.ndim, mask.ndim if full else 1))
    return [labels == k for k in range(1, count + 1)]


def _instances(mask, full, max_instances):
    """Numbers of the components, the largest first; those beyond the limit share the last number."""
    numbers = np.zeros(mask.shape, "int64")
    for k, component in enumerate(sorted(_components(mask, full), key=np.sum, reverse=True), 1):
        numbers[component] = k if max_instances is None else min(k, max_instances)
    return numbers
