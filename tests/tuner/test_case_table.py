"""The Dice of each case after a training by `fit`, against the definition; and logs for TensorBoard."""

import functools

import keras
import numpy as np
import pytest
from small_search import search

import keras_seg
from keras_seg import metrics
from keras_seg.tuner.fitting import case_table

RNG = np.random.default_rng(1)
IMAGES = RNG.normal(size=(5, 6, 6, 2)).astype("float32")


def model_of(classes, activation, loss="dice_ce", deep=False, **options):
    image = keras.Input((None, None, 2))
    keras.utils.set_random_seed(3)
    maps = [keras.layers.Conv2D(classes, 1, activation=activation)(image) for _ in range(1 + deep)]
    model = keras.Model(image, maps if deep else maps[0])
    return keras_seg.compile(model, keras_seg.losses.get(loss, **options), run_eagerly=True)


def labels_of(classes, ignore_class=None, masks=False):
    if masks:
        return RNG.integers(0, 2, (5, 6, 6, classes)).astype("uint8")
    labels = RNG.integers(0, classes, (5, 6, 6)).astype("int32")
    # A class is missing from a case.
    labels[1][labels[1] == classes - 1] = 0
    if ignore_class is not None:
        labels[:, :2] = ignore_class
    return labels


def expected(model, labels, classes, activation, ignore_class):
    scores = model.predict(IMAGES, verbose=0)
    scores = scores[0] if isinstance(scores, list) else scores
    if activation in ("softmax", None):
        hard = scores.argmax(-1)
    else:
        hard = (scores > 0.5).astype(int)
        hard = hard[..., 0] if classes == 1 else hard
    score = functools.partial(metrics.dice_per_class, multilabel=activation == "sigmoid" and classes > 1)
    rows = [score(one, found, classes, ignore_class=ignore_class) for one, found in zip(labels, hard)]
    # One mask comes as background and foreground.
    return [row[-1:] if classes == 1 else row for row in rows]


CASES = [
    (3, "softmax", "dice_ce", None, False),
    (3, "softmax", "dice + focal", 255, False),
    (3, "softmax", "tversky", 2, False),
    (3, None, "dice_ce", None, False),
    (1, "sigmoid", "dice_ce", None, False),
    (1, "sigmoid", "dice_ce", 255, False),
    (3, "sigmoid", "dice_ce", None, True),
    (2, "sigmoid", "focal", None, True),
]


@pytest.mark.parametrize(("classes", "activation", "loss", "ignore_class", "masks"), CASES)
def test_a_row_is_the_dice_of_a_sample(classes, activation, loss, ignore_class, masks):
    labels = labels_of(max(2, classes), ignore_class, masks)
    options = {} if ignore_class is None else {"ignore_class": ignore_class}
    model = model_of(classes, activation, loss, **options)
    table = case_table(model, (IMAGES, labels), batch_size=2)
    assert list(table) == [f"case {number}" for number in range(1, 6)]
    wanted = np.array(expected(model, labels, classes, activation, ignore_class))
    counted = [k for k in range(wanted.shape[1]) if not (classes > 1 and not masks and k == 0) and k != ignore_class]
    np.testing.assert_allclose(list(table.values()), wanted[:, counted], atol=1e-6)
    # And their mean is what Keras logs.
    logs = model.evaluate(IMAGES, labels, verbose=0, return_dict=True)
    assert metrics.mean_dice(list(table.values())) == pytest.approx(logs["dice"], abs=1e-6)


class Batches(keras.utils.PyDataset):
    """Batches of 2, 2 and 1 samples."""

    def __init__(self, *parts):
        super().__init__()
        self.parts = parts

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return tuple(part[2 * index : 2 * index + 2] for part in self.parts)


def as_tensors(*parts):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices(parts).batch(2)


@pytest.mark.parametrize("kind", [Batches, as_tensors])
def test_data_sets_give_the_same_table(kind):
    model, labels = model_of(3, "softmax"), labels_of(3)
    weights = RNG.random((5, 6, 6)).astype("float32")
    for parts in ((IMAGES, labels), (IMAGES, labels, weights)):
        wanted = case_table(model, parts)
        np.testing.assert_allclose(list(case_table(model, kind(*parts)).values()), list(wanted.values()), atol=1e-6)


def test_of_several_outputs_the_first_counts():
    labels = labels_of(3, 255)
    model = model_of(3, "softmax", deep=True, ignore_class=255)
    table = case_table(model, (IMAGES, [labels, labels]))
    wanted = np.array(expected(model, labels, 3, "softmax", 255))[:, 1:]
    np.testing.assert_allclose(list(table.values()), wanted, atol=1e-6)
    # A loss for each output by its name says as much.
    loss = keras_seg.losses.get("dice", ignore_class=255, from_logits=False)
    model.compile(loss=dict.fromkeys(model.output_names, loss), run_eagerly=True)
    np.testing.assert_equal(case_table(model, (IMAGES, [labels, labels])), table)


def test_another_loss_is_read_off_the_network():
    labels = labels_of(3)
    model = model_of(3, None)
    wanted = case_table(model, (IMAGES, labels))
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    np.testing.assert_equal(case_table(model, (IMAGES, labels)), wanted)


def test_tensorboard_has_a_run_per_training(tmp_path):
    result = search(losses=["dice", "focal"], trials=2, seeds=1, tensorboard=True, folder=tmp_path)
    runs = sorted(path.name for path in (tmp_path / "tensorboard").iterdir())
    confirmed = sorted(f"{one.folder}-0" for one in result.confirmation.candidates)
    assert runs == sorted(["trial-0001", "trial-0002", *confirmed])
    for name in runs:
        assert list((tmp_path / "tensorboard" / name).rglob("events.out.tfevents.*"))
    search(losses=["dice", "focal"], trials=2, seeds=1, tensorboard=True, folder=tmp_path)
    assert len(list((tmp_path / "tensorboard").rglob("events.out.*"))) == 2 * len(runs)


def test_callbacks_are_copies_and_see_every_training():
    class Note(keras.callbacks.Callback):
        seen = []

        def on_train_end(self, logs=None):
            self.count = getattr(self, "count", 0) + 1
            Note.seen.append(self.count)

    note = Note()
    search(losses=["dice"], trials=1, seeds=1, callbacks=[note])
    # A trial, and the confirmation of dice and of dice_ce.
    assert Note.seen == [1, 1, 1]
    assert not hasattr(note, "count")
