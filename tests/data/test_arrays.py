import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_seg.data import Case, common_shape, fit_shape, stack, unfit_shape, zscore


def make(name, shape, value=0.0, channels=1, classes=2):
    generator = np.random.default_rng(len(name))
    image = generator.normal(value, 3, (*shape, channels)).astype("float32")
    return Case(name, image, generator.integers(0, classes, shape).astype("int32"), (1.0,) * len(shape))


def test_fit_pads_and_crops_about_the_centre():
    np.testing.assert_array_equal(fit_shape(np.array([1, 2, 3]), (6,), fill=9), [9, 1, 2, 3, 9, 9])
    np.testing.assert_array_equal(fit_shape(np.array([1, 2, 3, 4, 5, 6]), (3,)), [2, 3, 4])
    image = np.arange(24.0).reshape(3, 4, 2)
    fitted = fit_shape(image, (5, 2))
    assert fitted.shape == (5, 2, 2)
    np.testing.assert_array_equal(fitted[1:4], image[:, 1:3])


shapes = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9))


@settings(max_examples=200)
@given(shape=shapes, fitted=shapes)
def test_unfit_undoes_fit(shape, fitted):
    """Where the fitted shape is larger nothing is lost; where it is smaller the kept part returns to its place."""
    array = np.arange(1, 1 + np.prod(shape)).reshape(shape)
    back = unfit_shape(fit_shape(array, fitted), shape)
    assert back.shape == shape
    kept = back > 0
    np.testing.assert_array_equal(back[kept], array[kept])
    assert kept.sum() == np.prod(np.minimum(shape, fitted))


def test_fit_names_a_bad_shape():
    with pytest.raises(ValueError, match=r"leading axes of an array of shape \(3,\), but it is \(3, 3\)"):
        fit_shape(np.zeros(3), (3, 3))
    with pytest.raises(ValueError, match=r"but it is \(0,\)"):
        fit_shape(np.zeros(3), (0,))


def test_common_shape():
    cases = [make("a", (5, 30, 16)), make("b", (20, 3, 2))]
    assert common_shape(cases, 16) == (32, 32, 16)
    assert common_shape(cases, 1) == (20, 30, 16)
    assert common_shape(cases, (4, 8, 1)) == (20, 32, 16)
    for divisor in ((4, 4), 0):
        with pytest.raises(ValueError, match="`divisor` must be 1 or more, alone or for each of 3 axes"):
            common_shape(cases, divisor)


def test_stack():
    cases = [make("a", (5, 7), 100, channels=2), make("bb", (9, 3), -4, channels=2, classes=5)]
    x, y = stack(cases, divisor=4)
    assert x.shape == (2, 12, 8, 2)
    assert y.shape == (2, 12, 8)
    assert (x.dtype, y.dtype) == (np.float32, np.uint8)
    for case, image, label in zip(cases, x, y):
        np.testing.assert_array_equal(unfit_shape(label, case.shape), case.label)
        np.testing.assert_array_equal(unfit_shape(image, case.shape), zscore(case.image))
    assert np.count_nonzero(x[0]) == 5 * 7 * 2  # the padding is the mean of the image


def test_stack_without_normalizing_and_with_many_classes():
    case = make("a", (4, 4), classes=1000)
    x, y = stack([case], shape=(4, 4), normalize=None)
    np.testing.assert_array_equal(x[0], case.image)
    assert y.dtype == np.int32


def test_stack_says_what_does_not_fit():
    with pytest.raises(ValueError, match="the list of cases is empty"):
        stack([])
    with pytest.raises(ValueError, match="'a' has 1 and 'b' has 3"):
        stack([make("a", (4, 4)), make("b", (4, 4), channels=3)])
    with pytest.raises(ValueError, match="one size for each of 2 spatial axes"):
        stack([make("a", (4, 4))], shape=(4,))
