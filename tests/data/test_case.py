import numpy as np
import pytest

from keras_seg.data import Case, check_alike, class_shares, num_classes


def make(name="a", shape=(4, 5, 6), channels=1, dtype="uint8"):
    return Case(name, np.zeros((*shape, channels), "float32"), np.zeros(shape, dtype), (1.0,) * len(shape))


def test_a_case_knows_its_shape_and_channels():
    case = make(channels=3)
    assert case.shape == (4, 5, 6)
    assert case.channels == 3


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("label", np.zeros((4, 5, 6), "float32"), "must hold integers"),
        ("image", np.zeros((4, 5, 6, 1), "float64"), "must be float32"),
        ("image", np.zeros((4, 5, 6), "float32"), r"A grey image needs a last axis.*image\[..., None\]"),
        ("image", np.zeros((4, 5, 7, 1), "float32"), r"\(4, 5, 7, 1\) and \(4, 5, 6\)"),
        ("spacing", (1.0, 1.0), "one positive number of millimetres per spatial axis"),
        ("spacing", (1.0, 1.0, 0.0), "one positive number of millimetres per spatial axis"),
        ("spacing", (1.0, 1.0, float("nan")), "one positive number of millimetres per spatial axis"),
    ],
)
def test_fields_that_do_not_fit_are_named(field, value, message):
    fields = {**vars(make("scan7")), field: value}
    with pytest.raises(ValueError, match=message) as error:
        Case(**fields)
    assert "scan7" in str(error.value)


def test_alike_names_the_case_that_differs():
    with pytest.raises(ValueError, match="the list of cases is empty"):
        check_alike([])
    with pytest.raises(ValueError, match=r"2D and 3D cases are mixed: 'a' .* 'b'"):
        check_alike([make("a"), make("b", shape=(4, 5))])
    with pytest.raises(ValueError, match=r"'a' has 1 and 'c' has 3 .* RGB"):
        check_alike([make("a"), make("b"), make("c", channels=3)])
    check_alike([make("a"), make("b", shape=(7, 8, 9))])


def test_classes_are_counted_over_all_cases():
    one, two = make("a", (2, 2)), make("b", (2, 3), dtype="int32")
    assert num_classes([one, two]) == 2  # without foreground there are still two classes
    two.label[0, :2] = 3
    assert num_classes([one, two]) == 4
    np.testing.assert_allclose(class_shares([one, two]), [0.8, 0, 0, 0.2])
