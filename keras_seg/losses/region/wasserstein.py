"""Dice in which some confusions are worse than others."""

import numbers

from keras import ops

from keras_seg.losses.region.base import RegionLoss
from keras_seg.losses.registry import register


@register("generalized_wasserstein_dice")
class GeneralizedWassersteinDiceLoss(RegionLoss):
    """Dice over all foreground classes at once, with a distance that says how bad each confusion is.

    A voxel of class `g` is wrong by `d = sum_l M[l][g] p_l`, the Wasserstein distance of its prediction to its label:
    `1 - (2 tp + smooth) / (2 tp + sum w d + smooth)` with `tp = sum w (1 - d)` over the voxels that are foreground.
    With a single sigmoid map, and for each map of `multilabel`, the classes are background and foreground; with the
    default distances that is `dice`.

    Class 0 is the background: it is never a hit, and what is predicted there is an error of the class that is
    predicted. So `include_background` changes nothing between exclusive classes, and `class_weights` act on the
    foreground classes: on hits and errors where the class is, and on what is taken for it in the background.

    Args:
        distances: Square matrix, a list of rows, of the distance from class `l` (row, predicted) to class `g` (column,
            true): 0 on the diagonal, >= 0 elsewhere, scaled so that the largest is 1. `None`: every confusion costs 1.
        squared: Use `sum w d^2` in the denominator, which makes `dice(squared=True)` of a single map.
        **options: See `RegionLoss`. Classes share one ratio, so `absent="skip"` leaves out samples without foreground.

    Example: two kinds of one tumour, 0.5 apart. A voxel of kind 1 is taken for kind 2, one of kind 2 is right:
    `tp = 0.5 + 1`, the error is 0.5, so `1 - 3 / (3 + 0.5) = 0.143`.

    >>> y_true, y_pred = [[1, 2, 0]], [[[0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]]
    >>> distances = [[0, 1, 1], [1, 0, 0.5], [1, 0.5, 0]]
    >>> round(float(keras_seg.losses.GeneralizedWassersteinDiceLoss(distances)(y_true, y_pred)), 3)
    0.143

    Reference: [Fidon et al., 2017](https://arxiv.org/abs/1707.00478)
    """

    def __init__(self, distances=None, squared=False, **options):
        super().__init__(squared=squared, **options)
        self.distances = check_distances(distances)

    def check_classes(self, classes):
        super().check_classes(classes)
        wanted = 2 if self.multilabel or classes == 1 else classes
        if self.distances is not None and len(self.distances) != wanted:
            why = "each map is background against foreground" if wanted != classes else "the background included"
            raise ValueError(
                f"`distances` must be a {wanted} x {wanted} matrix for a prediction of {classes} class(es): {why}. "
                f"Received: {len(self.distances)} x {len(self.distances)}."
            )

    def scaled(self, classes):
        """Return the distances as nested lists, the largest 1."""
        if self.distances is None:
            return [[float(row != column) for column in range(classes)] for row in range(classes)]
        largest = max(max(row) for row in self.distances)
        return [[distance / largest for distance in row] for row in self.distances]

    def statistics(self, voxels):
        """Return hits, errors and the foreground, `[batch, 1]`, or `[batch, classes]` of sigmoid maps."""
        p, g = voxels.probabilities, voxels.truth
        if voxels.sigmoid:
            matrix = self.scaled(2)
            distance = matrix[0][1] * (1 - p) * g + matrix[1][0] * p * (1 - g)
            hits, errors, foreground = g * (1 - distance), distance, g
        else:
            matrix, weights = self.scaled(voxels.classes), self.foreground_weights(voxels.classes)
            distance = cost(p, g, matrix)
            # An error in the background, column 0, is one of the class that is predicted there.
            priced = [
                [entry * weights[true or predicted] for true, entry in enumerate(row)]
                for predicted, row in enumerate(matrix)
            ]
            hits = ops.sum(g * ops.convert_to_tensor(weights, p.dtype), axis=-1, keepdims=True) * (1 - distance)
            errors = distance if self.class_weights is None else cost(p, g, priced)
            foreground = ops.sum(g[..., 1:], axis=-1, keepdims=True)
        if self.squared:
            errors = errors * distance
        return voxels.sum(hits), voxels.sum(errors), voxels.sum(foreground)

    def foreground_weights(self, classes):
        """Return one weight per class, 0 for the background, 1 on average over the others."""
        given = [1.0] * classes if self.class_weights is None else self.class_weights
        total = sum(given[1:])
        return [0.0, *(weight * (classes - 1) / total if total else 0.0 for weight in given[1:])]

    def from_statistics(self, inputs, *sums):
        hits, errors, foreground = self.pooled(inputs, *sums)
        values = 1 - self.ratio(2 * hits, 2 * hits + errors)
        if inputs.sigmoid:
            values, foreground = self.foreground(values, foreground)
            return self.present_mean(values, foreground > 0)
        if self.absent == "skip":
            values = ops.where(foreground > 0, values, ops.zeros_like(values))
        return values[:, 0]


def cost(p, g, matrix):
    """Return `sum_lk p_l M[l][k] g_k` of each voxel, `[batch, ..., 1]`."""
    return ops.sum(ops.matmul(p, ops.convert_to_tensor(matrix, p.dtype)) * g, axis=-1, keepdims=True)


def check_distances(distances):
    """Return the matrix as a tuple of tuples of floats, or `None`.

    Raises:
        ValueError: If it is not square, negative somewhere, not 0 on the diagonal, or 0 everywhere.
    """
    if distances is None:
        return None
    try:
        rows = tuple(tuple(row) for row in distances)
    except TypeError:
        rows = ()
    entries = [entry for row in rows for entry in row]
    are_numbers = all(isinstance(entry, numbers.Real) and 0 <= entry < float("inf") for entry in entries)
    if len(rows) < 2 or any(len(row) != len(rows) for row in rows) or not are_numbers:
        raise ValueError(
            f"`distances` must be a square matrix of numbers >= 0, a row and a column per class, the background "
            f"included. Received: {distances!r}."
        )
    if any(rows[k][k] != 0 for k in range(len(rows))):
        raise ValueError(
            f"`distances` must be 0 on the diagonal: no class is far from itself. Received: {distances!r}."
        )
    if max(entries) == 0:
        raise ValueError(f"`distances` are all 0: no confusion would cost anything. Received: {distances!r}.")
    return tuple(tuple(float(entry) for entry in row) for row in rows)
