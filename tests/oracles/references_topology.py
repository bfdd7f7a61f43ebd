"""Formulas of topology losses transcribed from the papers into NumPy, float64, one sample and one class at a time."""

import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d

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
