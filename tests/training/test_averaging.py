import keras
import numpy as np
import pytest

from keras_seg.training.callbacks.averaging import averaged_weights, warm_up_average


def small_model(use_ema=True, momentum=0.9, policy=None):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, dtype=policy), keras.layers.Dense(1)])
    optimizer = keras.optimizers.Adam(0.05, use_ema=use_ema, ema_momentum=momentum)
    model.compile(optimizer, loss="mse", jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    warm_up_average(model.optimizer)
    return model


class Record(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.kernels = []

    def on_train_batch_end(self, batch, logs=None):
        self.kernels.append(np.array(self.model.layers[0].kernel))


@pytest.fixture(scope="module")
def trained():
    model, record = small_model(), Record()
    x = np.random.default_rng(0).normal(size=(160, 4)).astype("float32")
    model.fit(x, x.sum(1, keepdims=True), batch_size=2, epochs=1, shuffle=False, verbose=0, callbacks=[record])
    # `fit` ends by giving the model its average.
    return model, record.kernels, np.array(model.layers[0].kernel)


def test_average_is_the_formula(trained):
    _, kernels, average = trained
    expected = np.zeros_like(kernels[0])
    for step, kernel in enumerate(kernels):
        momentum = min(0.9, step / (step + 9))
        expected = momentum * expected + (1 - momentum) * kernel
    np.testing.assert_allclose(average, expected, rtol=1e-4, atol=1e-6)


def test_average_forgets_the_start_sooner_than_without_warm_up(trained):
    _, kernels, _ = trained
    first_ten = kernels[:10]
    warm, plain = np.zeros_like(kernels[0]), kernels[0]
    for step, kernel in enumerate(first_ten):
        momentum = min(0.99, step / (step + 9))
        warm = momentum * warm + (1 - momentum) * kernel
        plain = 0.99 * plain + 0.01 * kernel
    assert np.abs(warm - first_ten[-1]).max() < 0.6 * np.abs(plain - first_ten[-1]).max()


def test_average_is_lent_and_given_back(trained):
    model, kernels, average = trained
    model.layers[0].kernel.assign(kernels[-1])
    with averaged_weights(model):
        np.testing.assert_array_equal(model.layers[0].kernel, average)
    np.testing.assert_array_equal(model.layers[0].kernel, kernels[-1])
    with pytest.raises(KeyboardInterrupt), averaged_weights(model):
        raise KeyboardInterrupt
    np.testing.assert_array_equal(model.layers[0].kernel, kernels[-1])


@pytest.mark.parametrize("use_ema", [True, False])
def test_without_an_average_the_weights_stay(use_ema):
    model = small_model(use_ema)  # not a step done
    before = np.array(model.layers[0].kernel)
    with averaged_weights(model):
        np.testing.assert_array_equal(model.layers[0].kernel, before)


def test_average_under_loss_scaling():
    model = small_model()
    model.compile(
        keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.05, use_ema=True)), loss="mse", jit_compile=False
    )
    warm_up_average(model.optimizer)
    x = np.ones((8, 4), "float32")
    model.fit(x, x[:, :1], batch_size=2, verbose=0)
    with averaged_weights(model):
        assert np.isfinite(model.layers[0].kernel).all()
