"""Our losses against everybody else's, one row of `tests/oracles/oracle_table.py` at a time.

The fixtures hold what the peers gave, so the ordinary run needs none of them. Where the `oracles` extra is installed
the peers are asked again, on the inputs of the fixtures (do they still give the same?) and on fresh ones.
"""

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

import keras_seg

ORACLES = Path(__file__).parents[1] / "oracles"
sys.path.insert(0, str(ORACLES))

import oracle_cases  # noqa: E402
from oracle_row import TRANSFORMS  # noqa: E402
from oracle_table import FAMILIES, ROWS, TABLE  # noqa: E402

FIXTURES = ORACLES / "fixtures"
# NumPy 2 says this of torch tensors whenever Keras turns one into an array.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
by_row = pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])


def load(folder):
    arrays = {}
    for family in FAMILIES:
        with np.load(folder / f"{family}.npz") as stored:
            arrays |= stored
    return arrays


@pytest.fixture(scope="module")
def stored():
    return load(FIXTURES)


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """What the peers give now: on the inputs of the fixtures, and on fresh ones. They run in a process of their own."""
    pytest.importorskip("torch", reason="the peers are not installed: pip install 'keras-seg[oracles]'")
    folders = [tmp_path_factory.mktemp("oracles") for _ in range(2)]
    for seed, folder in enumerate(folders):
        options = ["--seed", str(seed), "--out", folder, "--installed-only"]
        subprocess.run([sys.executable, ORACLES / "make_fixtures.py", *options], check=True, capture_output=True)
    return [load(folder) for folder in folders]


def our_loss(row, case, from_logits):
    multilabel = {"multilabel": True} if case.kind == "multilabel" else {}
    return keras_seg.losses.get(row.loss, from_logits=from_logits, reduction=None, **multilabel, **row.options)


def evaluate(function, x, with_gradient=False):
    """Return `function(x)`, `[batch]`, and the gradient of its mean (or `None`), as NumPy arrays."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        def mean_and_values(x):
            values = function(x)
            return ops.mean(values), values

        # Compiled as a whole: one operation at a time takes JAX several times longer.
        if with_gradient:
            (_, values), gradient = jax.jit(jax.value_and_grad(mean_and_values, has_aux=True))(x)
        else:
            values, gradient = jax.jit(function)(x), None
    elif not with_gradient:
        values, gradient = function(x), None
    elif backend == "tensorflow":
        import tensorflow as tf

        x = tf.convert_to_tensor(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            values = function(x)
            mean = ops.mean(values)
        gradient = tape.gradient(mean, x)
    else:
        x = ops.convert_to_tensor(x).detach().requires_grad_()
        values = function(x)
        values.mean().backward()
        gradient = x.grad
    return ops.convert_to_numpy(values), None if gradient is None else ops.convert_to_numpy(gradient)


def check(row, arrays):
    """Compare our loss with a peer's values and gradient, from logits and from probabilities."""
    case = oracle_cases.from_arrays(row.case, arrays[f"{row.case}/prediction"], arrays[f"{row.case}/truth"])
    values = arrays[f"{row.name}/values"]
    gradient = arrays[f"{row.name}/gradient"] if row.gradient else None
    values, gradient = TRANSFORMS[row.transform](values, gradient, case.probabilities.shape[-1])
    tolerance = row.tolerance
    if case.logits is not None:
        loss = our_loss(row, case, from_logits=True)
        logits = case.logits.astype("float32")
        ours, our_gradient = evaluate(lambda x: loss(case.truth, x), logits, with_gradient=row.gradient)
        np.testing.assert_allclose(ours, values, rtol=tolerance, atol=tolerance, err_msg="from logits")
        if row.gradient:
            bound = max(tolerance, 1e-5) * np.abs(gradient).max()
            np.testing.assert_allclose(our_gradient, gradient, rtol=0, atol=bound, err_msg="gradient")
    loss = our_loss(row, case, from_logits=False)
    ours, _ = evaluate(lambda x: loss(case.truth, x), case.probabilities.astype("float32"))
    # Float32 holds a probability near 1 to 6e-8, which is less than its logit says.
    np.testing.assert_allclose(ours, values, rtol=max(tolerance, 1e-5), atol=tolerance, err_msg="from probabilities")


@by_row
def test_agrees_with_what_the_peer_gave(row, stored):
    check(row, stored)


@by_row
def test_agrees_with_the_peer_live(row, stored, live):
    key = f"{row.name}/values"
    again, fresh = live
    if key not in again:
        pytest.skip(f"{row.peer.library} is not installed")
    np.testing.assert_allclose(again[key], stored[key], rtol=1e-5, atol=1e-6, err_msg="the peer has changed")
    check(row, fresh)


@pytest.mark.parametrize("family", FAMILIES)
def test_fixtures_hold_the_table_and_nothing_else(family):
    provenance = json.loads((FIXTURES / f"{family}.json").read_text())["rows"]
    names = [row.name for row in TABLE[family]]
    assert len(set(names)) == len(names)
    assert list(provenance) == names
    with np.load(FIXTURES / f"{family}.npz") as arrays:
        assert {name.rpartition("/")[0] for name in arrays} == {*names, *(row.case for row in TABLE[family])}
    for row in TABLE[family]:
        about = provenance[row.name]
        assert (about["peer"].split()[0], about["call"]) == (row.peer.library, row.peer.call)
        assert about["ours"] == json.loads(json.dumps({"loss": row.loss, "options": row.options}))
