"""Formulas of compound losses transcribed from the papers into NumPy, float64, one sample and one class at a time."""

import numpy as np
from oracle_cases import samples


def _dice(p, g, smooth):
    """Return the Dice of each class."""
    return (2 * (p * g).sum(0) + smooth) / (p.sum(0) + g.sum(0) + smooth)


def combo(case, alpha=0.5, beta=0.5, smooth=1e-5):
    """Taghanaki et al. 2018, 1805.02798: every class against the rest, then minus Dice; classes averaged."""
    values = []
    for _, p, g in samples(case):
        by_class = []
        for c in range(p.shape[-1]):
            t, q = g[:, c], p[:, c]
            by_class.append(-np.mean(beta * t * np.log(q) + (1 - beta) * (1 - t) * np.log(1 - q)))
        values.append(alpha * np.mean(by_class) - (1 - alpha) * _dice(p, g, smooth).mean())
    return np.array(values)


def exp_log(case, dice_weight=0.8, cross_entropy_weight=0.2, gamma=0.3, smooth=1e-5, frequencies=None):
    """Wong et al. 2018, 1809.00076: frequencies of the labels of each sample unless those of a training set are given.

    With sigmoids each map has the labels false and true, and the maps are averaged.
    """
    values = []
    for _, p, g in samples(case):
        dice = np.mean((-np.log(_dice(p, g, smooth))) ** gamma)
        if case.kind == "classes":
            problems = [[(p[:, c], g[:, c]) for c in range(p.shape[-1])]]
        else:
            problems = [[(1 - p[:, c], 1 - g[:, c]), (p[:, c], g[:, c])] for c in range(p.shape[-1])]
        cross = []
        for labels in problems:
            sizes = [t.sum() for _, t in labels] if frequencies is None else frequencies
            total = 0.0
            for (q, t), size in zip(labels, sizes):
                for voxel in np.flatnonzero(t):
                    total += np.sqrt(sum(sizes) / size) * (-np.log(q[voxel])) ** gamma
            cross.append(total / len(p))
        values.append(dice_weight * dice + cross_entropy_weight * np.mean(cross))
    return np.array(values)


def unified_focal(case, weight=0.5, delta=0.6, gamma=0.5, symmetric=False, smooth=1e-5):
    """Yeung et al. 2021, 2102.04525, equations of the symmetric and the asymmetric form, more classes than two.

    A sigmoid map is one foreground class to the Tversky part; the focal part takes `1 - p` as its background.
    """
    values = []
    for _, p, g in samples(case):
        tversky = []
        for c in range(p.shape[-1]):
            tp, fn, fp = (p[:, c] * g[:, c]).sum(), ((1 - p[:, c]) * g[:, c]).sum(), (p[:, c] * (1 - g[:, c])).sum()
            index = (tp + smooth) / (tp + delta * fn + (1 - delta) * fp + smooth)
            is_background = case.kind == "classes" and c == 0
            tversky.append(1 - index if is_background and not symmetric else (1 - index) ** (1 - gamma))
        if case.kind == "classes":
            problems = [[(p[:, c], g[:, c]) for c in range(p.shape[-1])]]
        else:
            problems = [[(1 - p[:, c], 1 - g[:, c]), (p[:, c], g[:, c])] for c in range(p.shape[-1])]
        focal = []
        for labels in problems:
            (q, t), *foreground = labels
            per_voxel = (1 - delta) * (1 - q) ** gamma * -t * np.log(q)
            for q, t in foreground:
                per_voxel = per_voxel + delta * ((1 - q) ** gamma if symmetric else 1) * -t * np.log(q)
            focal.append(per_voxel.mean())
        values.append(weight * np.mean(tversky) + (1 - weight) * np.mean(focal))
    return np.array(values)


def _gaussian_means(x, window, sigma):
    """Return the Gaussian mean of every window that fits, axis by axis."""
    taps = np.exp(-((np.arange(window) - window // 2) ** 2) / (2 * sigma**2))
    for axis in range(x.ndim):
        x = np.apply_along_axis(np.convolve, axis, x, taps / taps.sum(), mode="valid")
    return x


def _halved(x):
    """Return the means of blocks of two voxels along each axis; an odd voxel at the end is left over."""
    for axis in range(x.ndim):
        x = np.moveaxis(x, axis, 0)
        even = len(x) // 2 * 2
        x = np.moveaxis((x[0:even:2] + x[1:even:2]) / 2, 0, axis)
    return x


def _ms_ssim(p, g, window, sigma=1.5, c1=0.01**2, c2=0.03**2):
    """Wang et al. 2003, over the scales on which the window fits, their exponents made to sum to 1."""
    exponents, terms = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333], []
    while len(terms) < len(exponents) and min(p.shape) >= window:
        mean_p, mean_g, square_p, square_g, product = (
            _gaussian_means(x, window, sigma) for x in (p, g, p * p, g * g, p * g)
        )
        contrast = (2 * (product - mean_p * mean_g) + c2) / (square_p - mean_p**2 + square_g - mean_g**2 + c2)
        luminance = (2 * mean_p * mean_g + c1) / (mean_p**2 + mean_g**2 + c1)
        terms.append((contrast.mean(), (luminance * contrast).mean()))
        p, g = _halved(p), _halved(g)
    exponents = np.array(exponents[: len(terms)]) / sum(exponents[: len(terms)])
    bases = [contrast for contrast, _ in terms[:-1]] + [terms[-1][1]]
    return np.prod(np.maximum(bases, 0) ** exponents)


def unet3plus(case, focal_weight=1.0, ms_ssim_weight=1.0, jaccard_weight=1.0, gamma=2.0, window=11, smooth=1e-5):
    """Huang et al. 2020, 2004.08790: focal loss, multi-scale structural similarity and Jaccard, summed."""
    values = []
    for (_, p, g), maps, truth in zip(samples(case), case.probabilities, case.one_hot):
        if case.kind == "classes":
            focal = np.mean((g * (1 - p) ** gamma * -np.log(p)).sum(1))
        else:
            focal = np.mean(0.25 * g * (1 - p) ** gamma * -np.log(p) + 0.75 * (1 - g) * p**gamma * -np.log(1 - p))
        classes = range(p.shape[-1])
        structure = np.mean([1 - _ms_ssim(maps[..., c], truth[..., c], window) for c in classes])
        both, either = (p * g).sum(0), (p + g - p * g).sum(0)
        jaccard = np.mean(1 - (both + smooth) / (either + smooth))
        values.append(focal_weight * focal + ms_ssim_weight * structure + jaccard_weight * jaccard)
    return np.array(values)
