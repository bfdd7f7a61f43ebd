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


def balanced_cross_entropy(case):
    """Xie & Tu 2015, 1504.06375, equation 2, as a mean over the pixels; one class against the rest, averaged."""
    values = []
    for _, p, g in samples(case):
        maps = []
        if case.kind == "classes":  # a voxel to ignore is a row of zeros
            p, g = p[g.sum(-1) > 0], g[g.sum(-1) > 0]
        for c in range(p.shape[-1]):
            beta = np.mean(g[:, c] == 0)
            positive = -np.log(p[g[:, c] == 1, c]).sum()
            negative = -np.log(1 - p[g[:, c] == 0, c]).sum()
            maps.append((beta * positive + (1 - beta) * negative) / len(g))
        values.append(np.mean(maps))
    return np.array(values)


def price_of_truth(case, price):
    """The mean of `price(p_t)`: at the true class, or at what is true or false of every map."""
    values = []
    for _, p, g in samples(case):
        p_true = (p * g).sum(-1) if case.kind == "classes" else np.where(g == 1, p, 1 - p)
        values.append(price(p_true).mean())
    return np.array(values)


def poly_cross_entropy(case, epsilon1=1.0):
    """Leng et al. 2022, 2204.12511, equation 4."""
    return price_of_truth(case, lambda p: -np.log(p) + epsilon1 * (1 - p))


def poly_focal(case, alpha=None, gamma=2.0, epsilon1=1.0):
    """Leng et al. 2022, 2204.12511, code listing; `alpha`: weight of what is true, `1 - alpha` of what is false."""
    values = []
    for _, p, g in samples(case):
        p_true = (p * g).sum(-1) if case.kind == "classes" else p * g + (1 - p) * (1 - g)
        weight = 1 if alpha is None else alpha * g + (1 - alpha) * (1 - g)
        focal = weight * -((1 - p_true) ** gamma) * np.log(p_true)
        values.append(np.mean(focal + epsilon1 * (1 - p_true) ** (gamma + 1) * weight))
    return np.array(values)


def generalized_cross_entropy(case, q=0.7):
    """Zhang & Sabuncu 2018, 1805.07836, equation 6."""
    return price_of_truth(case, lambda p: (1 - p**q) / q)


def ohem(case, threshold=0.7, min_kept=1 / 16):
    """The rule of the segmentation codes: sort `p_t`, keep those below the larger of threshold and k-th smallest."""
    values = []
    for _, p, g in samples(case):
        if case.kind == "classes":
            p_true = (p * g).sum(-1, keepdims=True)[g.sum(-1) > 0]
        else:
            p_true = np.where(g == 1, p, 1 - p)
        maps = []
        for column in p_true.T:
            k = round(len(column) * min_kept)
            limit = max(np.sort(column)[min(k, len(column) - 1)], threshold)
            maps.append(-np.log(column[column < limit]).mean())
        values.append(np.mean(maps))
    return np.array(values)


def whole_samples(case):
    """Yield logits, probabilities and one-hot truth of each sample, `[*spatial, classes]`."""
    logits = [None] * len(case.one_hot) if case.logits is None else case.logits
    yield from zip(logits, case.probabilities, case.one_hot)


def svls(case, window=3, sigma=1.0):
    """Islam & Glocker 2021, 2104.05788, and the authors' code: the kernel, the padding and the division by 2.

    Voxels to ignore, rows of zeros in the truth, are not in their code: the weights of the others are scaled to sum to
    1, and the mean is over the others.
    """
    values = []
    for _, p, g in whole_samples(case):
        rank, reach = g.ndim - 1, window // 2
        grid = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * rank, indexing="ij"))
        kernel = np.exp(-(grid**2).sum(0) / (2 * sigma**2))
        kernel /= kernel.sum()
        neighbours = 1 - kernel[(reach,) * rank]
        kernel[(reach,) * rank] = neighbours
        kernel /= neighbours
        known = g.sum(-1) > 0 if case.kind == "classes" else np.ones(g.shape[:-1], bool)
        padding = [(reach, reach)] * rank
        padded, known_padded = np.pad(g, [*padding, (0, 0)], mode="edge"), np.pad(known, padding, mode="edge")
        soft = np.zeros_like(g)
        for place in np.ndindex(g.shape[:-1]):
            box = tuple(slice(i, i + window) for i in place)
            weight = kernel * known_padded[box]
            soft[place] = (weight[..., None] * padded[box]).sum(tuple(range(rank))) / max(weight.sum(), 1e-9)
        price = -soft * np.log(p)
        if case.kind == "classes":
            values.append(price.sum(-1)[known].mean())
        else:
            values.append((price - (1 - soft) * np.log(1 - p)).mean())
    return np.array(values)


def nacl(case, alpha=0.1, window=3):
    """Murugesan et al. 2023, 2303.06268, equation 10, with the shares of what is there and logits of their mean.

    A sigmoid map counts as the two classes with logits -z/2 and z/2.
    """
    values = []
    for z, p, g in whole_samples(case):
        maps = []
        two = [
            (np.stack([-z[..., c], z[..., c]], -1) / 2, np.stack([1 - g[..., c], g[..., c]], -1))
            for c in range(p.shape[-1])
        ]
        for logits, one_hot in [(z, g)] if case.kind == "classes" else two:
            classes, reach = one_hot.shape[-1], window // 2
            known = one_hot.sum(-1) > 0
            tau = np.zeros_like(one_hot)
            for place in np.argwhere(known):
                box = tuple(slice(max(i - reach, 0), i + reach + 1) for i in place)
                inside = one_hot[box].reshape(-1, classes)
                tau[tuple(place)] = inside.sum(0) / inside.sum()
            shifted = logits - logits.mean(-1, keepdims=True) + 1 / classes
            log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
            value = -(one_hot * log_p).sum(-1) + alpha * np.abs(tau - shifted).mean(-1)
            maps.append(value[known].mean())
        values.append(np.mean(maps))
    return np.array(values)
