"""Partial labels: the formulas of the paper, every way to write them down, and what they are for."""

import json

import keras
import numpy as np
import pytest
from loss_cases import batch_of, one_hot, tensorflow_only, value, value_and_gradient

import keras_seg
from keras_seg import losses

# Four classes; the first sample annotates 1, the second 2 and 3, the third all.
LABELED = {100: [1], 101: [2, 3]}
ANNOTATED = [(1,), (2, 3), (1, 2, 3)]
BACKGROUNDS = [100, 101, 0]
BATCH = batch_of("multiclass", (6, 5), classes=4)
# Where the samples are the same, only different classes are annotated.
PARTIAL = np.stack(
    [
        np.where(np.isin(labels, annotated), labels, background)
        for labels, annotated, background in zip(BATCH.labels, ANNOTATED, BACKGROUNDS, strict=True)
    ]
)


def partial(loss="dice_ce", **options):
    return losses.PartialLabelsLoss(loss, **{"labeled": LABELED, "reduction": "none", **options})


def merged(p, labels, annotated):
    """Return probabilities and one-hot truth of the classes that are left, `[voxels, 1 + annotated]`."""
    others = [c for c in range(p.shape[-1]) if c not in annotated]
    q = np.stack([p[:, others].sum(1), *(p[:, c] for c in annotated)], axis=1)
    z = np.stack([~np.isin(labels, annotated), *(labels == c for c in annotated)], axis=1)
    return q, z.astype("float64")


def dice_of(p, g):
    return np.mean([(2 * (p[:, c] * g[:, c]).sum() + 1e-5) / (p[:, c] + g[:, c]).sum() for c in range(p.shape[1])])


def transcribed(p, labels, annotated, exclusion_weight=1.0):
    """Shi et al. 2021: marginal cross-entropy and Dice, exclusion cross-entropy and Dice of one sample."""
    p, labels = p.reshape(-1, p.shape[-1]).astype("float64"), labels.ravel()
    q, z = merged(p, labels, annotated)
    marginal = -np.mean((z * np.log(q)).sum(1)) + 1 - dice_of(q, z)
    e = np.isin(labels, annotated).astype("float64")
    missing = [c for c in range(1, p.shape[-1]) if c not in annotated]
    if not missing:
        return marginal
    cross_entropy = np.mean(sum(e * np.log(p[:, n] + 1) for n in missing))
    dice = np.mean([2 * (e * p[:, n]).sum() / (e.sum() + p[:, n].sum()) for n in missing])
    return marginal + exclusion_weight * (cross_entropy + dice)


@pytest.mark.parametrize("exclusion_weight", [1.0, 0.0, 2.5])
def test_the_formulas_of_the_paper(exclusion_weight):
    expected = [
        transcribed(p, labels, annotated, exclusion_weight)
        for p, labels, annotated in zip(BATCH.probabilities, PARTIAL, ANNOTATED, strict=True)
    ]
    loss = partial(exclusion_weight=exclusion_weight)
    np.testing.assert_allclose(value(loss, PARTIAL, BATCH.probabilities), expected, rtol=1e-5)
    from_logits = partial(exclusion_weight=exclusion_weight, from_logits=True)
    np.testing.assert_allclose(value(from_logits, PARTIAL, BATCH.logits), expected, rtol=1e-5)


@pytest.mark.parametrize("name", losses.names())
def test_every_loss_sees_the_classes_that_are_left(name):
    """As if each sample were a problem of its own with fewer classes."""
    loss = losses.get(name, reduction=None)
    got = value(partial(loss, exclusion_weight=0), PARTIAL, BATCH.probabilities)
    for k, annotated in enumerate(ANNOTATED):
        q, z = merged(BATCH.probabilities[k].reshape(-1, 4), PARTIAL[k].ravel(), annotated)
        shape = (1, 6, 5, q.shape[-1])
        expected = value(loss, z.reshape(shape).astype("float32"), q.reshape(shape).astype("float32"))
        np.testing.assert_allclose(got[k : k + 1], expected, rtol=1e-4, atol=1e-6, err_msg=str(annotated))


def test_fully_annotated_masks_are_as_ever():
    got = value_and_gradient(partial(), BATCH.labels, BATCH.probabilities)
    expected = value_and_gradient(losses.get("dice_ce", reduction=None), BATCH.labels, BATCH.probabilities)
    for ours, theirs in zip(got, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)


def test_samples_do_not_see_each_other():
    whole = value(partial(), PARTIAL, BATCH.probabilities)
    alone = [value(partial(), PARTIAL[k : k + 1], BATCH.probabilities[k : k + 1])[0] for k in range(3)]
    np.testing.assert_allclose(whole, alone, rtol=1e-5)


def test_sums_over_the_batch_join_samples_that_annotate_the_same():
    twice = [np.concatenate([x, x[::-1]]) for x in (PARTIAL, BATCH.probabilities)]
    got = value(partial("dice", batch=True, exclusion_weight=0), *twice)
    for k in range(3):
        pair = [x[[k, 5 - k]] for x in twice]
        np.testing.assert_allclose(
            got[[k, 5 - k]], value(partial("dice", batch=True, exclusion_weight=0), *pair), rtol=1e-5
        )


def test_what_a_missing_class_is_given_counts_as_background():
    """Moving probability between background and a class that is not annotated changes nothing but the exclusion."""
    moved = BATCH.probabilities.copy()
    half = moved[0, ..., 0] / 2
    moved[0, ..., 0] -= half
    moved[0, ..., 2] += half
    loss = partial(exclusion_weight=0)
    expected = value(loss, PARTIAL, BATCH.probabilities)
    np.testing.assert_allclose(value(loss, PARTIAL, moved), expected, rtol=1e-5)
    assert value(partial(), PARTIAL, moved)[0] > value(partial(), PARTIAL, BATCH.probabilities)[0]


def test_rows_of_what_a_voxel_may_be():
    rows = one_hot(PARTIAL, 4)
    rows[0][PARTIAL[0] == 100] = [1, 0, 1, 1]
    rows[1][PARTIAL[1] == 101] = [1, 1, 0, 0]
    expected, gradient = value_and_gradient(partial(), PARTIAL, BATCH.probabilities)
    for dtype in ("float32", "uint8"):
        got = value_and_gradient(partial(), rows.astype(dtype), BATCH.probabilities)
        np.testing.assert_allclose(got[0], expected, rtol=1e-5)
        np.testing.assert_allclose(got[1], gradient, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
def test_types_of_masks(dtype):
    expected = value(partial(), PARTIAL, BATCH.probabilities)
    np.testing.assert_allclose(value(partial(), PARTIAL.astype(dtype), BATCH.probabilities), expected, rtol=1e-6)
    unit_axis = PARTIAL.astype(dtype)[..., None]
    np.testing.assert_allclose(value(partial(), unit_axis, BATCH.probabilities), expected, rtol=1e-6)


def test_ignored_voxels_change_nothing_whatever_they_hold():
    ignored = np.random.default_rng(1).random(PARTIAL.shape) < 0.3
    weight = 1 - ignored.astype("float32")
    expected, gradient = value_and_gradient(partial(), PARTIAL, BATCH.probabilities, weight)
    # A background of its own too, which would say what is annotated.
    labels = np.where(ignored, 101, PARTIAL)
    prediction = np.where(ignored[..., None], np.float32(np.nan), BATCH.probabilities)
    got = value_and_gradient(partial(), labels, prediction, weight)
    np.testing.assert_allclose(got[0], expected, rtol=1e-6)
    np.testing.assert_allclose(got[1], gradient, rtol=1e-5, atol=1e-8)
    by_class = value(partial(ignore_class=255), np.where(ignored, 255, PARTIAL), prediction)
    np.testing.assert_allclose(by_class, expected, rtol=1e-6)


def test_class_weights_are_those_of_the_classes_that_are_left():
    weights = [0.5, 1.0, 2.0, 4.0]
    got = value(partial(class_weights=weights, exclusion_weight=0), PARTIAL, BATCH.probabilities)
    loss = losses.get("dice_ce", class_weights=[weights[0], *weights[2:]], reduction=None)
    q, z = (
        x.reshape(1, 6, 5, 3).astype("float32")
        for x in merged(BATCH.probabilities[1].reshape(-1, 4), PARTIAL[1].ravel(), (2, 3))
    )
    np.testing.assert_allclose(got[1], value(loss, z, q)[0], rtol=1e-5)


def test_two_backgrounds_in_one_sample_are_the_mean_of_both_readings():
    labels = np.where(np.arange(5) < 2, 100, 101)[None, None] + np.zeros((1, 6, 1), "int32")
    p = BATCH.probabilities[:1]
    both = [value(partial(exclusion_weight=0), np.full_like(labels, code), p)[0] for code in (100, 101)]
    np.testing.assert_allclose(value(partial(exclusion_weight=0), labels, p)[0], np.mean(both), rtol=1e-5)


@pytest.mark.parametrize("fill", [0, 1, 2, 100, 101])
def test_value_and_gradient_are_finite_at_the_corners(fill):
    labels = np.full((4, 6, 5), fill)
    corners = np.stack([np.full((6, 5, 4), x, "float32") for x in (0.25, 0, 0, 0)])
    for k in range(3):
        corners[k + 1, ..., k] = 1
    for loss, prediction in ((partial(), corners), (partial(from_logits=True), 200 * corners - 100)):
        for array in value_and_gradient(loss, labels, prediction):
            assert np.all(np.isfinite(array))


def test_channels_first_and_half_precision():
    expected = value(partial(), PARTIAL, BATCH.probabilities)
    first = partial(data_format="channels_first")
    np.testing.assert_allclose(
        value(first, PARTIAL, np.moveaxis(BATCH.probabilities, -1, 1).copy()), expected, rtol=1e-5
    )
    half = keras.ops.cast(BATCH.logits, "bfloat16")
    np.testing.assert_allclose(value(partial(from_logits=True), PARTIAL, half), expected, rtol=3e-2)


def test_it_survives_its_configuration():
    loss = partial("dice + 0.5 * focal(gamma=3)", exclusion_weight=0.3, ignore_class=255, name="organs")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(loss)))
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == loss.get_config()
    assert (again.labeled, again.exclusion_weight, again.name, again.ignore_class) == (
        {100: (1,), 101: (2, 3)},
        0.3,
        "organs",
        255,
    )
    np.testing.assert_array_equal(value(again, PARTIAL, BATCH.probabilities), value(loss, PARTIAL, BATCH.probabilities))
    changed = losses.get(loss, from_logits=True, reduction="sum", name="other")
    assert (changed.from_logits, changed.loss.from_logits, changed.reduction, changed.name) == (
        True,
        True,
        "sum",
        "other",
    )
    assert str(partial()) == "partial_labels(dice_ce, labeled={100: [1], 101: [2, 3]})"
    assert [ramp.name for ramp in partial("dice_boundary").schedules()] == ["boundary_weight"]


@pytest.mark.parametrize(
    ("labeled", "message"),
    [
        (None, r"`labeled` must be like \{100: \[1\], 101: \[2, 3\]\}.*Received: None"),
        ({}, "`labeled` must be like"),
        ([[1], [2]], "`labeled` must be like"),
        ({100: []}, "`labeled` must be like"),
        ({100: [0, 1]}, r"`labeled` must be like.*Received: \{100: \[0, 1\]\}"),
        ({100: "1"}, "`labeled` must be like"),
        ({"liver": [1]}, "`labeled` must be like"),
        ({255: [1]}, "A background of 255 is ignored altogether"),
    ],
)
def test_tables_that_say_nothing(labeled, message):
    with pytest.raises(ValueError, match=message):
        losses.PartialLabelsLoss("dice", labeled, ignore_class=255)


def test_tables_that_do_not_fit_the_classes():
    for labeled in ({2: [1]}, {100: [4]}):
        with pytest.raises(
            ValueError, match=r"must map a number that is no class to classes from 1 to 3. Received: \{"
        ):
            losses.PartialLabelsLoss("dice", labeled)(PARTIAL, BATCH.probabilities)
    with pytest.raises(ValueError, match=r"needs a softmax over background and classes. Received: one map"):
        losses.PartialLabelsLoss("dice", {100: [1]})(PARTIAL, BATCH.probabilities[..., :1])
    with pytest.raises(
        ValueError, match=r"merges classes that exclude each other. Received a loss with multilabel=True"
    ):
        partial(multilabel=True)


def test_deep_supervision_resizes_masks_that_say_what_they_annotate():
    loss = losses.DeepSupervisionLoss(partial())
    large = np.repeat(np.repeat(PARTIAL, 2, axis=1), 2, axis=2)
    expected = value(partial(), PARTIAL, BATCH.probabilities)
    np.testing.assert_allclose(value(loss, large, BATCH.probabilities), expected, rtol=1e-5)


def small_network():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 5, 4))
    return keras.Model(inputs, keras.layers.Dense(4)(inputs))


@tensorflow_only
def test_fit_with_arrays_and_with_a_dataset_and_after_loading(tmp_path):
    """Samples of every kind in one batch, with Keras's own `fit`."""
    import tensorflow as tf

    model = keras_seg.compile(small_network(), partial(reduction="mean"), keras.optimizers.SGD(0.0))
    masks = PARTIAL.astype("uint8")
    expected = float(value(partial(from_logits=True, reduction="mean"), masks, model.predict(BATCH.logits, verbose=0)))
    history = model.fit(BATCH.logits, masks, batch_size=3, verbose=0).history
    dataset = tf.data.Dataset.from_tensor_slices((BATCH.logits, masks)).batch(3)
    model.save(tmp_path / "model.keras")
    again = keras_seg.load_model(tmp_path / "model.keras")
    assert again.loss.get_config() == model.loss.get_config()
    losses_of_fits = [history["loss"][0], again.fit(dataset, shuffle=False, verbose=0).history["loss"][0]]
    np.testing.assert_allclose(losses_of_fits, expected, rtol=1e-5)


def test_check_knows_the_backgrounds():
    model = keras_seg.compile(small_network(), partial(reduction="mean"))
    data = (BATCH.logits / 10, PARTIAL)
    assert keras_seg.check(model, data) == []
    findings = keras_seg.check(keras_seg.compile(small_network(), "dice"), data)
    assert "expected labels from 0 to 3" in str(findings[0])


def phantoms(number, seed):
    """Return images with a bright disc and a dark one in noise, and labels 1 and 2."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:24, :24]
    images, labels = rng.normal(size=(number, 24, 24, 1)) * 0.35, np.zeros((number, 24, 24), "uint8")
    for image, label in zip(images, labels, strict=True):
        for organ, brightness, radius in ((1, 1.0, 4), (2, -1.0, 3)):
            row, column = rng.integers(5, 19, 2)
            disc = ((y - row) ** 2 + (x - column) ** 2 <= radius**2) & (label == 0)
            label[disc] = organ
            image[disc] += brightness
    return images.astype("float32"), labels


def trained_dice(loss, masks, images, cases):
    """Train a small network and return the hard Dice of both organs on fully annotated cases."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((24, 24, 1))
    x = inputs
    for _ in range(2):
        x = keras.layers.Conv2D(8, 5, padding="same", activation="relu")(x)
    model = keras.Model(inputs, keras.layers.Conv2D(3, 1)(x))
    keras_seg.compile(model, loss, keras.optimizers.Adam(1e-2))
    model.fit(images, masks, batch_size=8, epochs=14, verbose=0)
    images, truth = cases
    found = model.predict(images, verbose=0).argmax(-1)
    return np.array(
        [2 * ((found == c) & (truth == c)).sum() / ((found == c).sum() + (truth == c).sum()) for c in (1, 2)]
    )


def test_two_half_labeled_data_sets_train_together():
    """Each organ is annotated in half of the images; taken for background, it is learnt away."""
    images, labels = phantoms(32, seed=0)
    first = np.arange(32) < 16
    annotated = np.where(first[:, None, None], labels == 1, labels == 2)
    naive = np.where(annotated, labels, 0).astype("uint8")
    coded = np.where(annotated, labels, np.where(first, 100, 101)[:, None, None]).astype("uint8")
    cases = phantoms(16, seed=1)
    loss = losses.PartialLabelsLoss("cross_entropy", labeled={100: [1], 101: [2]})
    together = trained_dice(loss, coded, images, cases)
    as_background = trained_dice("cross_entropy", naive, images, cases)
    assert np.all(together > 0.85), together
    assert np.all(together > as_background + 0.15), (together, as_background)
