"""The functions that formulas stand on: right where they are defined, finite with their gradient where they are not."""

import numpy as np
import pytest
from keras import ops
from loss_cases import differentiated

from keras_seg.losses import safe

POSITIVE = np.array([[1e-6, 0.3, 1.0, 7.0, 1e6]], "float32")


def pulled(function, x):
    """Return `function(x)` and its gradient, as NumPy arrays."""
    parts = differentiated(lambda y_true, y_pred, weight: function(y_pred), None, np.asarray(x, "float32"))
    return tuple(ops.convert_to_numpy(part) for part in parts)


@pytest.mark.parametrize("exponent", [0, 0.3, 1, 4 / 3, 2, 2.5])
def test_power(exponent):
    value, gradient = pulled(lambda x: safe.power(x, exponent), POSITIVE)
    np.testing.assert_allclose(value, POSITIVE**exponent, rtol=1e-5)
    np.testing.assert_allclose(gradient, exponent * POSITIVE ** (exponent - 1.0), rtol=1e-4, atol=1e-12)
    value, gradient = pulled(lambda x: safe.power(x, exponent), [[0.0]])
    assert value == 0.0**exponent
    assert gradient == (1 if exponent == 1 else 0)


def test_sqrt():
    value, gradient = pulled(safe.sqrt, POSITIVE)
    np.testing.assert_allclose(value, np.sqrt(POSITIVE), rtol=1e-6)
    np.testing.assert_allclose(gradient, 0.5 / np.sqrt(POSITIVE), rtol=1e-5)
    assert pulled(safe.sqrt, [[0.0]]) == (0, 0)


def test_log():
    value, gradient = pulled(safe.log, POSITIVE)
    np.testing.assert_allclose(value, np.log(POSITIVE), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(gradient, 1 / POSITIVE, rtol=1e-5)
    value, gradient = pulled(safe.log, [[0.0]])
    np.testing.assert_allclose(value, np.log(1e-7), rtol=1e-5)
    assert gradient == 0


@pytest.mark.parametrize("numerator", [0.0, 2.0])
def test_divide(numerator):
    value, gradient = pulled(lambda x: safe.divide(numerator, x), POSITIVE)
    np.testing.assert_allclose(value, numerator / POSITIVE, rtol=1e-6)
    np.testing.assert_allclose(gradient, -numerator / POSITIVE.astype("float64") ** 2, rtol=1e-5)
    assert pulled(lambda x: safe.divide(numerator, x, empty=1.0), [[0.0]]) == (1, 0)
    assert pulled(lambda x: safe.divide(x, ops.zeros_like(x), empty=0.5), [[numerator]]) == (0.5, 0)
