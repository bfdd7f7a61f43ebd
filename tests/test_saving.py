"""`keras_seg.load_model` gives back the same loss and the same training; `losses/` does it in a new process."""

import keras
import numpy as np
import pytest

import keras_seg

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 8, 8, 1)).astype("float32")
Y = RNG.integers(0, 3, (4, 8, 8)).astype("uint8")


@pytest.mark.parametrize(
    "loss", ["tversky(alpha=0.2, beta=0.9)", "dice + 0.5 * focal(gamma=3)", "dice_boundary(step=0.1)"]
)
def test_training_goes_on_where_it_stopped(loss, tmp_path):
    callbacks = [keras_seg.losses.EpochSchedule()]
    model = keras_seg.zoo.unet((8, 8, 1), num_classes=3, filters=(2, 4), loss=loss)
    model.fit(X, Y, epochs=2, shuffle=False, verbose=0, callbacks=callbacks)
    model.save(tmp_path / "model.keras")
    loaded = keras_seg.load_model(tmp_path / "model.keras")
    assert str(loaded.loss) == str(model.loss) == loss
    futures = [
        part.fit(X, Y, epochs=4, initial_epoch=2, shuffle=False, verbose=0, callbacks=callbacks).history
        for part in (model, loaded)
    ]
    assert futures[0].keys() == futures[1].keys()
    for key in futures[0]:
        np.testing.assert_allclose(futures[0][key], futures[1][key], rtol=1e-5)


def test_whether_to_jit_is_decided_anew(tmp_path):
    model = keras_seg.zoo.unet((8, 8, 1), filters=(2, 4), loss="dice", jit_compile=True)
    model.save(tmp_path / "model.keras")
    # As Keras decides for a model that is compiled here.
    expected = keras_seg.zoo.unet((8, 8, 1), filters=(2, 4), loss="dice").jit_compile
    assert keras_seg.load_model(tmp_path / "model.keras").jit_compile == expected


def test_without_compiling_it_opens_as_a_plain_network(tmp_path):
    model = keras_seg.zoo.vnet((None, None, 1), filters=(2, 4), loss="dice")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="absent"):
        keras_seg.load_model(tmp_path / "absent.keras")
