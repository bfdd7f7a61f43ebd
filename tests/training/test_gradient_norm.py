"""The norm of the gradient in the logs: that of the gradient itself, before it is cut."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_seg.training.callbacks.gradient import NAME, GradientNorm, sum_gradient_norms

STEPS = 3


def fitted(policy=None, **options):
    """Return the logged norms of two epochs of a linear model that never moves, and its data."""
    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(4 * STEPS, 5)).astype("float32"), generator.normal(size=(4 * STEPS, 1))
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1, dtype=policy)])
    model.compile(keras.optimizers.SGD(0.0, **options), loss="mse")
    model.optimizer.build(model.trainable_variables)
    total = sum_gradient_norms(model.optimizer)
    history = model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0, callbacks=[GradientNorm(total)])
    return history.history[NAME], x, y, model


def expected(x, y, model):
    kernel, bias = model.get_weights()
    norms = []
    for start in range(0, len(x), 4):
        error = 2 * (x[start : start + 4] @ kernel + bias - y[start : start + 4]) / 4
        norms.append(np.sqrt(((x[start : start + 4].T @ error) ** 2).sum() + error.sum() ** 2))
    return np.mean(norms)


@pytest.mark.parametrize("options", [{}, {"global_clipnorm": 1e-3}, {"clipnorm": 1e-3}, {"use_ema": True}])
def test_it_is_the_mean_norm_before_cutting(options):
    norms, x, y, model = fitted(**options)
    np.testing.assert_allclose(norms, [expected(x, y, model)] * 2, rtol=1e-4)


def test_the_sum_is_a_variable_of_the_optimizer():
    *_, model = fitted()
    (total,) = [variable for variable in model.optimizer.variables if variable.name == NAME]
    assert float(ops.convert_to_numpy(total)) > 0
