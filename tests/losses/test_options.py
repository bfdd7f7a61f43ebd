"""What the options mean, for every loss that has them, and what a search may vary."""

import numpy as np
import pytest
from loss_cases import (
    EVERY,
    QUICK,
    activated,
    batch_of,
    every_loss,
    having,
    leaves,
    make,
    one_hot,
    other_value,
    value,
    value_and_gradient,
)

from keras_seg import losses
from keras_seg.losses.schedule import epoch_variable

REGION = [name for name in losses.names() if leaves(losses.get(name), losses.RegionLoss)]
# U-Net's border term is added to the class weight instead of being multiplied by it.
PIXEL = [
    name
    for name in losses.names()
    if leaves(losses.get(name), losses.PixelLoss) and not leaves(losses.get(name), losses.BorderCrossEntropyLoss)
]
# Losses that average over classes alone, so that a class of weight 0 is a class left out.
PER_CLASS = [
    name for name in losses.names() if not any(leaves(m, losses.PixelLoss) for m in losses.get(name).members())
]


@every_loss
@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_class_weights_of_1_are_none(text, kind):
    batch = batch_of(kind)
    weights = [1] * max(2, batch.truth.shape[-1])
    expected, expected_gradient = value_and_gradient(make(text, **batch.options), batch.truth, batch.probabilities)
    loss = make(text, **batch.options, class_weights=weights)
    values, gradient = value_and_gradient(loss, batch.truth, batch.probabilities)
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-5, atol=1e-8)


@every_loss
def test_an_overlapping_class_of_weight_0_is_left_out(text):
    """Maps of their own are independent, so every loss is the mean over those whose weight is not 0."""
    batch = batch_of("multilabel")
    loss = make(text, multilabel=True, class_weights=[0, 1, 1])
    rest = value(make(text, multilabel=True), batch.truth[..., 1:], batch.probabilities[..., 1:])
    values, gradient = value_and_gradient(loss, batch.truth, batch.probabilities)
    np.testing.assert_allclose(values, rest, rtol=1e-4)
    np.testing.assert_array_equal(gradient[..., 0], 0)


@pytest.mark.parametrize("name", PER_CLASS)
def test_an_exclusive_class_of_weight_0_is_left_out(name):
    batch = batch_of("multiclass")
    zero = value(make(name, class_weights=[0, 1, 1]), batch.labels, batch.probabilities)
    without = value(make(name, include_background=False), batch.labels, batch.probabilities)
    np.testing.assert_allclose(zero, without, rtol=1e-4)


@pytest.mark.parametrize("name", PER_CLASS)
def test_class_weights_are_an_average(name):
    """Twice the weights are the same weights, and what is between two sets of weights costs what is between."""
    batch = batch_of("multiclass")

    def at(*weights):
        return value(make(name, class_weights=weights), batch.labels, batch.probabilities)

    np.testing.assert_allclose(at(2, 4, 6), at(1, 2, 3), rtol=1e-4)
    between = np.sort([at(1, 0, 0), at(1, 1, 0), at(0, 1, 0)], axis=0)
    np.testing.assert_allclose(at(1, 1, 0), between[1], rtol=1e-6)


@pytest.mark.parametrize("name", PIXEL)
def test_class_weights_of_pixel_losses_multiply_the_voxels_of_a_class(name):
    """And the mean is still over all voxels: the weighted value is a sum of one share per class."""
    batch = batch_of("multiclass")
    if name == "topk_cross_entropy":
        # Its hardest voxels are those of the largest weighted value; among all voxels it is a mean like the others.
        options = {"k": 100}
    else:
        options = {}
    shares = [
        value(make(name, class_weights=np.eye(3)[c], **options), batch.labels, batch.probabilities) for c in range(3)
    ]
    weighted = value(make(name, class_weights=[1, 2, 0.5], **options), batch.labels, batch.probabilities)
    np.testing.assert_allclose(weighted, np.array([1, 2, 0.5]) @ shares, rtol=1e-5)


@pytest.mark.parametrize("name", losses.names())
def test_without_background_class_0_has_no_share(name):
    """A change within class 0 alone: what is foreground and how likely each foreground class is stays the same."""
    batch = batch_of("multilabel")
    other = batch.probabilities.copy()
    other[..., 0] = 1 - other[..., 0]
    loss = make(name, include_background=False, multilabel=True)
    values, gradient = value_and_gradient(loss, batch.truth, batch.probabilities)
    if name in PER_CLASS:
        np.testing.assert_allclose(value(loss, batch.truth, other), values, rtol=1e-6)
        np.testing.assert_array_equal(gradient[..., 0], 0)
        rest = value(make(name, multilabel=True), batch.truth[..., 1:], batch.probabilities[..., 1:])
        np.testing.assert_allclose(values, rest, rtol=1e-5)
    else:
        # Pixel losses see it always, compounds with one of them through it.
        assert np.all(gradient[..., 0].any(axis=(1, 2, 3)))


@pytest.mark.parametrize("name", PIXEL)
def test_pixel_losses_always_see_the_background(name):
    batch = batch_of("multiclass")
    without = value(make(name, include_background=False), batch.labels, batch.probabilities)
    np.testing.assert_array_equal(without, value(make(name), batch.labels, batch.probabilities))


@pytest.mark.parametrize("name", REGION)
def test_an_absent_class_is_scored_or_skipped(name):
    batch = batch_of("multilabel")
    truth, probabilities, fewer = batch.truth.copy(), batch.probabilities.copy(), batch.probabilities.copy()
    truth[0, ..., 1] = 0
    fewer[0, ..., 1] = 0
    skip, score = (make(name, multilabel=True, absent=absent) for absent in ("skip", "score"))
    values, gradient = value_and_gradient(skip, truth, probabilities)
    np.testing.assert_array_equal(value(skip, truth, fewer), values)
    np.testing.assert_array_equal(gradient[0, ..., 1], 0)
    rest = [0, 2]
    alone = value(make(name, multilabel=True), truth[:1, ..., rest], probabilities[:1, ..., rest])
    np.testing.assert_allclose(values[:1], alone, rtol=1e-5)
    scored = value(score, truth, probabilities)
    assert value(score, truth, fewer)[0] < scored[0]
    assert not np.isclose(scored[0], values[0], rtol=1e-4)
    np.testing.assert_allclose(scored[1:], values[1:], rtol=1e-5)
    # A sample without any class has nothing to count.
    assert value(skip, np.zeros_like(truth), probabilities).tolist() == [0, 0, 0]


@pytest.mark.parametrize("name", [name for name in REGION if name != "adaptive_tversky"])
def test_sums_over_the_batch_see_one_image(name):
    """But for a loss with a grid, which does not know how samples lie beside each other: it sums region by region."""
    batch = batch_of("multiclass")
    one_image = [np.concatenate(list(x))[None] for x in (batch.truth, batch.probabilities)]
    expected, expected_gradient = value_and_gradient(make(name), *one_image)
    values, gradient = value_and_gradient(make(name, batch=True), batch.truth, batch.probabilities)
    np.testing.assert_allclose(values, np.repeat(expected, 3), rtol=1e-5)
    # Three samples have the value, each moved by every voxel.
    np.testing.assert_allclose(np.concatenate(list(gradient))[None], 3 * expected_gradient, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in PIXEL if name in having("label_smoothing")])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_label_smoothing_is_a_softer_truth(name, kind):
    """Spread over the classes of a softmax, over true and false with a sigmoid."""
    batch = batch_of(kind)
    smoothed = value_and_gradient(make(name, **batch.options, label_smoothing=0.2), batch.truth, batch.probabilities)
    softer = 0.8 * batch.truth + 0.2 / (3 if kind == "multiclass" else 2)
    expected = value_and_gradient(make(name, **batch.options), softer, batch.probabilities)
    np.testing.assert_allclose(smoothed[0], expected[0], rtol=1e-5)
    np.testing.assert_allclose(smoothed[1], expected[1], rtol=1e-4, atol=1e-7)
    if kind == "multiclass":
        by_label = value(make(name, label_smoothing=0.2), batch.labels, batch.probabilities)
        np.testing.assert_allclose(by_label, expected[0], rtol=1e-5)


@pytest.mark.parametrize("name", having("squared"))
def test_squares_of_0_and_1_are_no_squares(name):
    batch = batch_of("multiclass")
    hard = one_hot(batch.logits.argmax(-1))
    plain, squared = make(name, squared=False), make(name, squared=True)
    np.testing.assert_allclose(value(squared, batch.labels, hard), value(plain, batch.labels, hard), rtol=1e-5)
    soft = [value(loss, batch.labels, batch.probabilities) for loss in (plain, squared)]
    assert np.all(np.abs(soft[0] - soft[1]) > 1e-3)


@pytest.mark.parametrize("name", having("smooth"))
def test_smoothing_pulls_towards_agreement(name):
    batch = batch_of("multiclass")
    little, much = (value(make(name, smooth=s), batch.labels, batch.probabilities) for s in (1e-5, 30.0))
    assert np.all(much < little)


@pytest.mark.parametrize(("name", "key"), [(name, key) for name in losses.names() for key in losses.space(name)])
def test_every_key_of_a_search_space_matters(name, key):
    """Moving it off its default moves the value, on some generic batch or where nearly all is right already."""
    default = {**losses.defaults(name), **QUICK.get(name, {})}[key]
    other = make(name, **{key: other_value(name, key, default)})
    before = float(epoch_variable().numpy()) if hasattr(epoch_variable(), "numpy") else 0.0
    # In epoch 0 no growth can show.
    epoch_variable().assign(3.0)
    moved = []
    try:
        for kind in ("binary", "multiclass"):
            batch = batch_of(kind)
            truth = batch.truth.copy()
            truth[0, ..., -1] = 0
            nearly_right = activated(batch.logits + 8 * (2 * batch.truth - 1), kind)
            for prediction in (batch.probabilities, nearly_right):
                pair = [value(loss, truth, prediction) for loss in (make(name), other)]
                moved.append(np.abs(pair[1] - pair[0]).max() > 1e-4 * np.abs(pair[0]).max())
    finally:
        epoch_variable().assign(before)
    assert any(moved)


@pytest.mark.parametrize(("name", "key"), [(name, key) for name in losses.names() for key in losses.space(name)])
def test_the_default_lies_inside_the_search_space(name, key):
    spec, default = losses.space(name)[key], losses.defaults(name)[key]
    if isinstance(spec, list):
        assert default in spec
        assert len(set(spec)) == len(spec) > 1
        return
    low, high, *scale = spec
    assert low < default < high or default in (low, high)
    assert low < high
    assert scale in ([], ["log"])
    assert not scale or low > 0
    assert make(name, **{key: low})
    assert make(name, **{key: high})


def test_the_laws_see_every_loss():
    assert set(losses.names()) < set(EVERY)
    assert set(REGION) | set(PIXEL) < set(losses.names())
