"""Data sets made from others: the same images, other labels."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from keras_seg import data as datasets


def write(folder, labels, image=None):
    for number, label in enumerate(labels):
        grey = np.arange(label.size, dtype="uint8").reshape(label.shape) if image is None else image
        for part, array in (("images", grey), ("labels", label)):
            (folder / part).mkdir(parents=True, exist_ok=True)
            Image.fromarray(array.astype("uint8")).save(folder / part / f"case_{number}.png")
    return folder


def labels_of(folder):
    return [case.label for case in datasets.read_cases(folder)]


@pytest.fixture
def four_classes(tmp_path):
    label = np.zeros((12, 16), "uint8")
    label[1:5, 1:6], label[1:5, 6:10], label[7:11, 2:8] = 1, 2, 3
    return write(tmp_path / "data", [label, np.zeros_like(label)]), label


def test_classes_are_merged_and_numbered_anew(four_classes, tmp_path):
    folder, label = four_classes
    names = datasets.derive(folder, tmp_path / "new", merge=[1, 3])
    assert names == ("background", "class 1 + class 3", "class 2")
    new = labels_of(tmp_path / "new")
    np.testing.assert_array_equal(new[0], np.array([0, 1, 2, 1])[label])
    assert not new[1].any()


def test_classes_are_kept_alone(four_classes, tmp_path):
    folder, label = four_classes
    assert datasets.derive(folder, tmp_path / "new", keep=[3]) == ("background", "class 3")
    np.testing.assert_array_equal(labels_of(tmp_path / "new")[0], label == 3)


def test_images_are_the_same_files(four_classes, tmp_path):
    folder, _ = four_classes
    datasets.derive(folder, tmp_path / "new", keep=[3])
    for path in (folder / "images").iterdir():
        assert (tmp_path / "new" / "images" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("width", [1, 2])
def test_a_border_is_what_lies_near_an_edge(tmp_path, width):
    label = np.zeros((20, 24), "uint8")
    label[3:15, 0:14] = 255
    folder = write(tmp_path / "data", [label])
    assert datasets.derive(folder, tmp_path / "new", border=width)[-1] == "border"
    (new,) = labels_of(tmp_path / "new")
    # The distance to what is outside; the edge of the image is no edge of the object.
    distance = ndimage.distance_transform_edt(np.pad(label > 0, width + 1, mode="edge"))[
        width + 1 : -width - 1, width + 1 : -width - 1
    ]
    expected = np.where(distance > width, 1, 2) * (label > 0)
    np.testing.assert_array_equal(new, expected)


def test_objects_that_touch_have_a_border_between_them(tmp_path):
    generator = np.random.default_rng(0)
    labels = []
    for count in (50, 60, 80, 100):
        # 1 to n with another n in each case: objects, in squares of 5 pixels side by side.
        numbers = np.zeros(120, int)
        numbers[12 : 12 + count] = 1 + generator.permutation(count)
        labels.append(np.kron(numbers.reshape(10, 12), np.ones((5, 5), int)))
    folder = write(tmp_path / "data", labels, np.zeros((50, 60)))
    assert datasets.find_label_map(datasets.open_folder(folder)).kind == "instances"
    datasets.derive(folder, tmp_path / "new", border=1)
    for label, new in zip(labels, labels_of(tmp_path / "new")):
        assert set(np.unique(new)) == {0, 1, 2}
        np.testing.assert_array_equal(new[7:8, 5:10], [[2, 1, 1, 1, 2]])
        np.testing.assert_array_equal(new > 0, label > 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "Nothing is asked for"),
        ({"keep": [4]}, "classes of the data"),
        ({"merge": [1, 1]}, "each once"),
        ({"keep": [1], "merge": [1, 2]}, "`keep` drops"),
        ({"border": 0}, "whole number"),
    ],
)
def test_what_cannot_be_is_refused(four_classes, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        datasets.derive(four_classes[0], tmp_path / "new", **options)
    assert not (tmp_path / "new").exists()


def test_a_folder_with_something_in_it_is_left_alone(four_classes, tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="not empty"):
        datasets.derive(four_classes[0], tmp_path / "new", keep=[1])
    with pytest.raises(ValueError, match="not empty"):
        datasets.write_phantoms(tmp_path / "new", 2)


@pytest.mark.parametrize("shape", [(32, 24), (20, 18, 16)])
def test_phantoms_as_files_are_the_phantoms(tmp_path, shape):
    options = {"shape": shape, "num_classes": 3, "foreground": 0.1, "seed": 3}
    datasets.write_phantoms(tmp_path / "new", 3, **options)
    for read, made in zip(datasets.read_cases(tmp_path / "new"), datasets.phantoms(3, **options)):
        assert read.name == made.name
        np.testing.assert_array_equal(read.label, made.label)
        if len(shape) == 3:
            np.testing.assert_array_equal(read.image, made.image)
        else:
            np.testing.assert_allclose(read.image / 255, made.image / made.image.max(), atol=0.003)
