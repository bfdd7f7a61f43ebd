"""What is compiled gives what is not: inside a plain graph, inside XLA, and voxels visited in slabs."""

import numpy as np
import pytest
from loss_cases import EVERY, QUICK, VOXELWISE, batch_of, every_loss, make, tensorflow_only, value_and_gradient

from keras_seg import losses
from keras_seg.losses import stream

pytestmark = tensorflow_only
BATCH = batch_of("multiclass", samples=2)


def in_a_graph(loss, y_true, y_pred, weight=None, open_sizes=False, **options):
    """Return value and gradient from inside a `tf.function`."""
    import tensorflow as tf

    arguments = [tf.constant(x) for x in (y_true, y_pred, weight) if x is not None]
    signature = [tf.TensorSpec([None] * len(x.shape[:-1]) + [x.shape[-1]], x.dtype) for x in arguments]
    if open_sizes:
        options["input_signature"] = signature

    @tf.function(autograph=False, **options)
    def step(y_true, y_pred, weight=None):
        with tf.GradientTape() as tape:
            tape.watch(y_pred)
            values = loss(y_true, y_pred, weight)
        return values, tape.gradient(values, y_pred)

    return tuple(x.numpy() for x in step(*arguments))


def assert_same(got, expected):
    values, gradient = got
    np.testing.assert_allclose(values, expected[0], rtol=1e-5)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-3, atol=1e-5 * np.abs(expected[1]).max())


@every_loss
def test_in_a_plain_graph_as_in_eager_mode(text):
    """Where the loss compiles itself."""
    loss = make(text, from_logits=True)
    expected = value_and_gradient(loss, BATCH.labels, BATCH.logits)
    assert_same(in_a_graph(loss, BATCH.labels, BATCH.logits), expected)


@every_loss
def test_jitted_and_in_slabs_as_in_eager_mode(text, monkeypatch):
    """Slabs are a matter of the compiled loop; eager mode visits all voxels at once."""
    loss = make(text, from_logits=True)
    expected = value_and_gradient(loss, BATCH.truth, BATCH.logits)
    # 120 voxels: some slabs of 11 and a rest of 10.
    monkeypatch.setattr(stream, "SLAB_ELEMENTS", 64)
    assert_same(in_a_graph(loss, BATCH.truth, BATCH.logits, jit_compile=True), expected)


def slab_sizes(voxels, classes, elements, monkeypatch):
    monkeypatch.setattr(stream, "SLAB_ELEMENTS", elements)
    return stream._slabs(np.zeros((2, voxels, classes)))


def test_the_slabs_of_these_tests_are_several(monkeypatch):
    import tensorflow as tf

    counts = []
    tf.function(lambda: counts.append(slab_sizes(120, 3, 64, monkeypatch)) or tf.constant(0))()
    size, full, rest = counts[0]
    assert size * full + rest == 120
    assert full > 5
    assert rest > 0


SLABBED = [text for text in VOXELWISE if text in ("cross_entropy", "dice", "lovasz", "topk_cross_entropy", "dice_ce")]


@pytest.mark.parametrize("text", SLABBED)
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("elements", [64, 90], ids=["with_a_rest", "without_a_rest"])
@pytest.mark.parametrize("encoding", ["labels", "one-hot"])
def test_slabs_of_every_shape(text, weighted, elements, encoding, monkeypatch):
    weight = None
    if weighted:
        weight = np.random.default_rng(0).random(BATCH.labels.shape).astype("float32")
        weight[0, 0] = 0
    truth = BATCH.labels if encoding == "labels" else BATCH.truth
    loss = make(text, from_logits=True)
    expected = value_and_gradient(loss, truth, BATCH.logits, weight)
    monkeypatch.setattr(stream, "SLAB_ELEMENTS", elements)
    assert_same(in_a_graph(loss, truth, BATCH.logits, weight), expected)


@pytest.mark.parametrize("text", EVERY)
def test_open_sizes(text):
    """A network for any size has `None` in its shapes, and so has what the loss gets."""
    import tensorflow as tf

    loss = make(text, from_logits=True)
    traced = tf.function(
        lambda y_true, y_pred: loss(y_true, y_pred),
        autograph=False,
        input_signature=[tf.TensorSpec([None] * 4, "int32"), tf.TensorSpec([None] * 4 + [3], "float32")],
    )
    for batch in (BATCH, batch_of("multiclass", (7, 6, 5), samples=1)):
        expected = value_and_gradient(loss, batch.labels, batch.logits)[0]
        np.testing.assert_allclose(traced(batch.labels, batch.logits), expected, rtol=1e-5)


def test_one_loss_serves_inputs_of_every_kind_in_turn():
    """It keeps what it compiled for one encoding beside what it compiled for the next."""
    loss = losses.get("dice_ce", reduction=None, ignore_class=255)
    weight = np.ones(BATCH.labels.shape, "float32")
    expected = value_and_gradient(loss, BATCH.labels, BATCH.probabilities)
    for truth, given in ((BATCH.labels, None), (BATCH.truth, None), (BATCH.labels, weight), (BATCH.labels, None)):
        assert_same(in_a_graph(loss, truth, BATCH.probabilities, given), expected)
    assert QUICK
