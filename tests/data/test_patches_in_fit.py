"""Which batches `fit` gets to see, epoch by epoch, however many threads make them."""

import keras
import numpy as np
import pytest
from keras.src.trainers.epoch_iterator import EpochIterator

from keras_seg.data import phantoms
from keras_seg.data.augmentation import Augmentation
from keras_seg.data.patches import Patches

SHAPE, STEPS = (16, 16), 3


class Seen(keras.layers.Layer):
    """Remembers the sum of each batch that comes through."""

    def __init__(self, sums):
        super().__init__()
        # A list as an attribute would be wrapped in one of Keras's own.
        self.remember = lambda value: sums.append(value)

    def call(self, x):
        self.remember(float(keras.ops.convert_to_numpy(x).sum(dtype="float64")))
        return x


def make(**options):
    cases = phantoms(4, shape=(24, 24), foreground=0.1, num_classes=2)
    options = {"augmentation": Augmentation.preset("strong", 2), "seed": 3, **options}
    return Patches(cases, SHAPE, 2, STEPS, **options)


def network(sums, outputs=1):
    x = Seen(sums)
    inputs = keras.Input((*SHAPE, 1))
    heads = [keras.layers.Conv2D(1, 1, activation="sigmoid")(inputs) for _ in range(outputs)]
    inner = keras.Model(inputs, heads if outputs > 1 else heads[0])

    class Watched(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner, self.seen = inner, x

        def train_step(self, data):
            self.seen(data[0])
            return super().train_step(data)

        def call(self, inputs, training=None):
            return self.inner(inputs, training=training)

    model = Watched()
    model.compile("sgd", loss=["mse"] * outputs if outputs > 1 else "mse", run_eagerly=True)
    return model


def sums_of(epochs):
    patches = make()
    return [float(patches.batch(epoch, index)[0].sum(dtype="float64")) for epoch in epochs for index in range(STEPS)]


needs_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="looks into batches in TensorFlow's eager mode"
)


@needs_tensorflow
@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("threads", [0, 1, 4])
def test_epochs_follow_each_other_for_any_number_of_threads(threads, outputs):
    sums, patches = [], make(threads=threads, outputs=outputs)
    network(sums, outputs).fit(patches, epochs=3, shuffle=False, verbose=0)
    np.testing.assert_allclose(sums, sums_of(range(3)), rtol=1e-6)
    assert patches.epoch == 3


@needs_tensorflow
@pytest.mark.parametrize("threads", [1, 2])
def test_a_second_fit_and_a_resumed_one_go_on(threads):
    sums, patches = [], make(threads=threads)
    model = network(sums)
    model.fit(patches, epochs=1, shuffle=False, verbose=0)
    model.fit(patches, initial_epoch=1, epochs=3, shuffle=False, verbose=0)
    np.testing.assert_allclose(sums, sums_of(range(3)), rtol=1e-6)
    resumed = []
    network(resumed).fit(make(threads=threads, epoch=2), initial_epoch=2, epochs=3, shuffle=False, verbose=0)
    np.testing.assert_allclose(resumed, sums[2 * STEPS :], rtol=1e-6)


@needs_tensorflow
def test_an_epoch_that_was_stopped_is_begun_again():
    sums, patches = [], make()
    model = network(sums)
    stop = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: setattr(model, "stop_training", batch == 1)
    )
    model.fit(patches, epochs=2, shuffle=False, verbose=0, callbacks=[stop])
    model.fit(patches, epochs=1, shuffle=False, verbose=0)
    np.testing.assert_allclose(sums, sums_of([0])[:2] + sums_of([0]), rtol=1e-6)
    assert patches.epoch == 1


def test_a_look_at_one_batch_before_the_training_is_no_epoch():
    # What `fit` does on JAX and torch with a model that is not built yet.
    patches = make()
    iterator = EpochIterator(patches, shuffle=False)
    for _ in iterator:
        break
    iterator.reset()
    assert patches.epoch == 0
    seen = [float(x.sum(dtype="float64")) for _ in range(2) for _, _, [(x, _)] in iterator]
    np.testing.assert_allclose(seen, sums_of(range(2)), rtol=1e-6)
    assert patches.epoch == 2


def test_hooks_that_keras_calls_once_too_often_do_not_count():
    patches = make()
    patches.on_epoch_end()
    assert patches.epoch == 0
    patches.on_epoch_begin()
    patches.on_epoch_end()
    patches.on_epoch_end()
    assert patches.epoch == 1


@pytest.mark.parametrize("threads", [0, 1, 4])
def test_batches_that_are_asked_for_in_any_order_are_right(threads):
    patches, expected = make(threads=threads), sums_of([2])
    for epoch, order in enumerate([(2, 0, 1), (0, 0, 2), (1, 2, 0)]):
        patches.epoch = epoch
        for index in order:
            found = patches[index][0]
            np.testing.assert_array_equal(found, patches.batch(epoch, index)[0])
    assert float(found.sum(dtype="float64")) == expected[0]


def test_an_error_in_a_thread_reaches_the_training():
    cases = phantoms(2, shape=(24, 24), num_classes=2)
    other = phantoms(1, shape=(16, 16, 16), num_classes=2)
    with pytest.raises(ValueError, match="Case 'phantom_0000' does not fit the others"):
        list(Patches([*cases, *other], SHAPE, 2, 4))


def test_two_threads_at_once_make_the_same_batches():
    from concurrent.futures import ThreadPoolExecutor

    patches = make()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda index: patches.batch(0, index % STEPS)[0], range(24)))
    for number, x in enumerate(found):
        np.testing.assert_array_equal(x, found[number % STEPS])
