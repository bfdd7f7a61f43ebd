"""However the options are combined, one batch has one value and one gradient.

The ordinary run takes cells that cover every pair of choices, `-m matrix` takes all.
"""

import numpy as np
import pytest
from loss_cases import BY_RANK, batch_of, make, value_and_gradient
from option_grid import every_cell, pairwise

CELLS = every_cell()
PAIRWISE = pairwise(CELLS)


def check(cell):
    """Compare a cell with the plainest way to say the same: one-hot truth, probabilities, a weight per voxel."""
    batch = batch_of(cell.kind, BY_RANK[cell.rank])
    ignored = np.random.default_rng(8).random(batch.truth.shape[:-1]) < 0.25
    weight = np.where(ignored, 0, 1).astype("float32") if cell.ignored != "nothing" else None
    truth = batch.labels if cell.encoding == "labels" else batch.truth
    logits = cell.prediction == "logits"
    prediction = batch.logits if logits else batch.probabilities
    given_weight, options = weight, {**batch.options, "include_background": cell.background}
    if cell.ignored == "by class":
        given_weight = None
        truth = np.where(ignored if cell.encoding == "labels" else ignored[..., None], 255, truth)
    if cell.ignored != "nothing":
        # Whatever they hold.
        prediction = np.where(ignored[..., None], np.float32(np.nan), prediction)

    ignore = {"ignore_class": 255} if cell.ignored == "by class" else {}
    loss = make(cell.text, **options, **ignore, from_logits=logits)
    values, gradient = value_and_gradient(loss, truth, prediction, given_weight)
    plain = make(cell.text, **options)
    expected, by_probability = value_and_gradient(plain, batch.truth, batch.probabilities, weight)
    assert np.all(np.isfinite(gradient))
    assert np.all(gradient.any(axis=tuple(range(1, gradient.ndim))))
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-6)
    expected_gradient = chained(by_probability, batch) if logits else by_probability
    largest = np.abs(expected_gradient).max()
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-3, atol=1e-5 * largest)


def chained(gradient, batch):
    """Return the gradient by logits that belongs to a gradient by probabilities."""
    p = batch.probabilities
    if batch.kind != "multiclass":
        return gradient * p * (1 - p)
    return p * (gradient - (gradient * p).sum(-1, keepdims=True))


@pytest.mark.parametrize("cell", PAIRWISE, ids=str)
def test_pairs_of_options(cell):
    check(cell)


@pytest.mark.matrix
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_all_combinations_of_options(cell):
    check(cell)


def test_the_ordinary_run_covers_every_pair():
    assert set().union(*(cell.pairs for cell in CELLS)) == set().union(*(cell.pairs for cell in PAIRWISE))
    assert len(PAIRWISE) < len(CELLS) / 20
