"""What is compiled gives what is not: inside a plain graph, inside XLA, with open sizes, voxels visited in slabs."""

import numpy as np
import pytest
from loss_cases import EVERY, REPRESENTATIVES, VOXELWISE, batch_of, make, tensorflow_only, value_and_gradient

from keras_seg import losses
from keras_seg.losses import backend, stream

pytestmark = tensorflow_only
BATCH = batch_of("multiclass", samples=2)
# 120 voxels of 3 classes: slabs of 11 and a rest of 10, or of 15 without a rest.
WITH_REST, WITHOUT_REST = 64, 90


def in_a_graph(loss, y_true, y_pred, weight=None, sizes_are_open=False, **options):
    """Return value and gradient from inside a `tf.function`."""
    import tensorflow as tf

    arguments = [tf.constant(x) for x in (y_true, y_pred, weight) if x is not None]
    if sizes_are_open:
        rank = len(y_pred.shape)
        shapes = [[None] * (rank - 1) + list(x.shape[rank - 1 :]) for x in arguments]
        options["input_signature"] = [tf.TensorSpec(shape, x.dtype) for shape, x in zip(shapes, arguments, strict=True)]

    def step(y_true, y_pred, weight=None):
        with tf.GradientTape() as tape:
            tape.watch(y_pred)
            values = loss(y_true, y_pred, weight)
        return values, tape.gradient(values, y_pred)

    return tuple(x.numpy() for x in tf.function(step, autograph=False, **options)(*arguments))


def assert_same(got, expected):
    values, gradient = got
    np.testing.assert_allclose(values, expected[0], rtol=1e-5)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-3, atol=1e-5 * np.abs(expected[1]).max())


@pytest.mark.parametrize("jitted", [True, False])
def test_nothing_is_compiled_on_its_own_inside_a_jitted_step(jitted):
    """XLA may make constants of what it hands to a nested function, and compile it anew for every batch."""
    import tensorflow as tf

    loss = make("ssim", from_logits=True)
    step = tf.function(lambda y_true, y_pred: loss(y_true, y_pred), jit_compile=jitted, autograph=False)
    graph = step.get_concrete_function(BATCH.labels, BATCH.logits).graph
    compiled = [op.name for op in graph.get_operations() if "PartitionedCall" in op.type]
    assert bool(compiled) is not jitted


@pytest.mark.parametrize(
    ("text", "compiles"),
    [("dice", True), ("lovasz(bins=64)", True), ("lovasz", False), ("dice + 0.5 * log1p(lovasz)", False)],
)
def test_what_sorts_is_not_compiled_on_a_cpu(text, compiles):
    """XLA sorts on one core there, and slowly; on a GPU it is left to XLA."""
    import tensorflow as tf

    if tf.config.list_logical_devices("GPU"):
        pytest.skip("about CPUs")
    loss = make(text, from_logits=True)
    for whole in (loss, losses.PartialLabelsLoss(loss, labeled={100: [1]})):
        graph = tf.function(lambda y_true, y_pred, loss=whole: loss(y_true, y_pred), autograph=False)
        operations = graph.get_concrete_function(BATCH.labels, BATCH.logits).graph.get_operations()
        assert any("PartitionedCall" in operation.type for operation in operations) is compiles


def drawn(space, seed):
    """Return a number from each range of a space; what is chosen from a list stays as it is."""
    ranges = {name: values for name, values in space.items() if isinstance(values, tuple)}
    shares = np.random.default_rng(seed).random(len(ranges))
    return {name: low + share * (high - low) for share, (name, (low, high, *_)) in zip(shares, ranges.items())}


def assert_same_in_a_plain_graph_of_open_sizes(loss):
    """Where the loss compiles itself. A network for any size has `None` in its shapes, so the loss gets such."""
    expected = value_and_gradient(loss, BATCH.labels, BATCH.logits)
    assert_same(in_a_graph(loss, BATCH.labels, BATCH.logits, sizes_are_open=True), expected)


RANGED = [name for name in losses.names() if drawn(losses.space(name), seed=0)]


@pytest.mark.parametrize("name", RANGED)
def test_in_a_plain_graph_losses_that_differ_in_numbers_share_what_is_compiled(name):
    for seed in (0, 1):
        known = len(backend._COMPILED)
        loss = make(name, from_logits=True, **drawn(losses.space(name), seed))
        assert_same_in_a_plain_graph_of_open_sizes(loss)
    assert len(backend._COMPILED) == known


# The defaults of most are tried in `test_losses_train.py` too, whose sizes are known, and again here by `-m matrix`.
@pytest.mark.parametrize(
    "text",
    [pytest.param(text, marks=pytest.mark.matrix if text in {*RANGED} - {*REPRESENTATIVES} else ()) for text in EVERY],
)
def test_in_a_plain_graph_of_open_sizes_as_in_eager_mode(text):
    assert_same_in_a_plain_graph_of_open_sizes(make(text, from_logits=True))


@pytest.mark.parametrize("text", VOXELWISE)
def test_jitted_and_in_slabs_as_in_eager_mode(text, monkeypatch):
    """Slabs are a matter of the compiled loop; eager mode visits all voxels at once.

    A loss that looks at neighbours has no slabs; `test_losses_train.py` compiles it for sizes that are known.
    """
    loss = make(text, from_logits=True)
    expected = value_and_gradient(loss, BATCH.truth, BATCH.logits)
    monkeypatch.setattr(stream, "SLAB_ELEMENTS", WITH_REST)
    assert_same(in_a_graph(loss, BATCH.truth, BATCH.logits, jit_compile=True), expected)


@pytest.mark.parametrize(
    ("text", "elements"),
    [(text, WITH_REST) for text in VOXELWISE] + [(text, WITHOUT_REST) for text in VOXELWISE if text in REPRESENTATIVES],
)
def test_slabs_of_any_size_and_encoding(text, elements, monkeypatch):
    """The slabs themselves need no compiler, only a loop: here Python walks through it."""
    weight = np.random.default_rng(0).random(BATCH.labels.shape).astype("float32")
    weight[0, 0] = 0
    cells = [(truth, given) for truth in (BATCH.labels, BATCH.truth) for given in (None, weight)]
    loss = make(text, from_logits=True)
    expected = [value_and_gradient(loss, truth, BATCH.logits, given) for truth, given in cells]
    monkeypatch.setattr(stream, "SLAB_ELEMENTS", elements)
    monkeypatch.setattr(backend, "loops_are_compiled", lambda: True)
    for (truth, given), wanted in zip(cells, expected, strict=True):
        assert_same(value_and_gradient(loss, truth, BATCH.logits, given), wanted)


def test_the_slabs_of_these_tests_are_several(monkeypatch):
    """Lest the laws above compare one pass with one pass."""
    loss = losses.get("dice", from_logits=True)
    sizes = []

    def statistics(voxels):
        sizes.append(voxels.prediction.shape[1])
        return type(loss).statistics(loss, voxels)

    monkeypatch.setattr(loss, "statistics", statistics, raising=False)
    monkeypatch.setattr(stream, "SLAB_ELEMENTS", WITH_REST)
    monkeypatch.setattr(backend, "loops_are_compiled", lambda: True)
    loss(BATCH.labels, BATCH.logits)
    assert sum(sizes) == 120
    assert len(sizes) == 11
    assert len(set(sizes)) == 2


def test_one_loss_serves_inputs_of_every_kind_in_turn():
    """It keeps what it compiled for one encoding beside what it compiled for the next."""
    loss = losses.get("dice_ce", reduction=None, ignore_class=255)
    weight = np.ones(BATCH.labels.shape, "float32")
    expected = value_and_gradient(loss, BATCH.labels, BATCH.probabilities)
    for truth, given in ((BATCH.labels, None), (BATCH.truth, None), (BATCH.labels, weight), (BATCH.labels, None)):
        assert_same(in_a_graph(loss, truth, BATCH.probabilities, given), expected)
