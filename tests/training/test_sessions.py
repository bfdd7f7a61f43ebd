"""Nothing of a training stays in memory after its session."""

import gc
import weakref

import keras
import numpy as np
import pytest

import keras_seg
from keras_seg.losses.backend import compiled_gradients, custom_gradients
from keras_seg.training.sessions import session

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="its graphs are what stays")
X = np.zeros((2, 8, 8, 1), "float32")
Y = np.zeros((2, 8, 8), "uint8")


def trained():
    model = keras_seg.zoo.unet((None, None, 1), 2, filters=(2, 4), loss="dice_ce")
    model.fit(X, Y, verbose=0)
    return model


def graphs():
    gc.collect()
    return sum(type(one).__name__ == "FuncGraph" for one in gc.get_objects())


def test_graphs_are_let_go_and_a_model_still_predicts():
    # What is compiled of the loss stays, for all losses of its form.
    trained()
    before, known = graphs(), set(custom_gradients())
    with session():
        model = trained()
        assert set(custom_gradients()) > known
        expected = model.predict(X, verbose=0)
    assert set(custom_gradients()) == known
    np.testing.assert_array_equal(model.predict(X, verbose=0), expected)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
    assert graphs() <= before


def test_what_was_there_before_can_still_be_trained():
    model = trained()
    with session():
        trained()
    # Another shape: the step is traced anew, and finds the gradients that it registers.
    model.fit(X[:, :4], Y[:, :4], verbose=0)


def test_a_loss_that_was_only_evaluated_in_one_session_trains_in_the_next():
    """Its compiled form stays, so what differentiates it must, too."""
    loss = "dice(smooth=0.5) + log_dice"
    with session():
        keras_seg.zoo.unet((None, None, 1), 2, filters=(2, 4), loss=loss).evaluate(X, Y, verbose=0)
    assert compiled_gradients <= set(custom_gradients())
    with session():
        keras_seg.zoo.unet((None, None, 1), 2, filters=(2, 4), loss=loss).fit(X, Y, verbose=0)


def test_layers_have_the_same_names_in_each_session():
    names = []
    for _ in range(2):
        with session():
            names.append([layer.name for layer in keras_seg.zoo.unet((None, None, 1), 2, filters=(2, 4)).layers])
    assert names[0] == names[1]
