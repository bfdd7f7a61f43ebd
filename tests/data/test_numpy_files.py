"""`.npy` and `.npz`: which axis holds channels, which array is meant."""

import numpy as np
import pytest

from keras_seg.data import read_image, read_label, write_label


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((6, 7), (6, 7, 1)),
        ((6, 7, 1), (6, 7, 1)),
        ((6, 7, 3), (6, 7, 3)),
        ((6, 7, 4), (6, 7, 4)),
        ((6, 7, 5), (6, 7, 5, 1)),
        ((6, 7, 5, 2), (6, 7, 5, 2)),
    ],
)
def test_channels_of_an_array(tmp_path, shape, expected):
    np.save(tmp_path / "a.npy", np.zeros(shape, "int16"))
    image, frame = read_image(tmp_path / "a.npy")
    assert image.shape == expected
    assert frame.shape == expected[:-1]
    assert frame.spacing == (1.0,) * len(frame.shape)


def test_known_channels_decide(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((6, 7, 12)))
    assert read_image(tmp_path / "a.npy", channels=12)[0].shape == (6, 7, 12)


@pytest.mark.parametrize(("spacing", "expected"), [((0.5, 0.5), (6, 7, 12)), ((0.5, 0.5, 2.0), (6, 7, 12, 1))])
def test_a_spacing_tells_the_axes(tmp_path, spacing, expected):
    np.savez(tmp_path / "a.npz", image=np.zeros((6, 7, 12)), spacing=spacing)
    image, frame = read_image(tmp_path / "a.npz")
    assert image.shape == expected
    assert frame.spacing == spacing


@pytest.mark.parametrize("names", [("image", "label"), ("data",), ("arr_0",), ("scan",)])
def test_names_of_arrays(tmp_path, names):
    np.savez(tmp_path / "a.npz", **{name: np.full((6, 7), k) for k, name in enumerate(names)})
    assert read_image(tmp_path / "a.npz")[0].max() == 0
    assert read_label(tmp_path / "a.npz")[0].max() == len(names) - 1


def test_several_arrays_without_a_known_name(tmp_path):
    np.savez(tmp_path / "a.npz", one=np.zeros((6, 7)), two=np.zeros((6, 7)))
    with pytest.raises(ValueError, match=r"a\.npz: the file holds the arrays one, two; .* named `image` or `data`"):
        read_image(tmp_path / "a.npz")
    with pytest.raises(ValueError, match=r"named `label` or `data`"):
        read_label(tmp_path / "a.npz")


def test_spacing_that_does_not_fit(tmp_path):
    np.savez(tmp_path / "a.npz", image=np.zeros((6, 7)), spacing=(1, 1, 1, 1))
    with pytest.raises(ValueError, match=r"a\.npz: `spacing` holds 4 numbers for an array of the shape \(6, 7\)"):
        read_image(tmp_path / "a.npz")


def test_python_objects_are_not_loaded(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"x": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"a\.npy: the file holds Python objects, which are not loaded for safety"):
        read_image(tmp_path / "a.npy")


@pytest.mark.parametrize("ending", [".npy", ".npz", ".NPY"])
@pytest.mark.parametrize("shape", [(6, 7), (6, 7, 5), (6, 7, 1)])
def test_a_mask_comes_back(tmp_path, ending, shape):
    path = tmp_path / f"a{ending}"
    with path.open("wb") as file:
        if ending == ".npz":
            np.savez(file, image=np.zeros(shape), spacing=(0.5,) * len(shape))
        else:
            np.save(file, np.zeros(shape))
    frame = read_image(path)[1]
    classes = np.random.default_rng(0).integers(0, 3, frame.shape)
    write_label(tmp_path / "out" / path.name, classes, frame)
    label, other = read_label(tmp_path / "out" / path.name)
    np.testing.assert_array_equal(label, classes)
    assert other.spacing == frame.spacing
