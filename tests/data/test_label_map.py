"""File values to classes and back."""

import json

import numpy as np
import pytest

from keras_seg.data import LabelMap

MAPS = [
    LabelMap.identity(3),
    LabelMap.identity(300),
    LabelMap("values", (0, 255)),
    LabelMap("values", (0, 2, 5), ("background", "liver", "tumour")),
    LabelMap("values", (7, 0, 100000)),
    LabelMap("colors", ((0, 0, 0), (255, 0, 0), (0, 128, 255))),
    LabelMap("colors", ((255, 255, 255), (0, 0, 0))),
    LabelMap("instances", (0, 1)),
    LabelMap("instances", ((0, 0, 0), (255, 255, 255))),
    LabelMap("identity", (0, 1), palette=((0, 0, 0), (255, 0, 0))),
]


@pytest.mark.parametrize("label_map", MAPS)
def test_there_and_back(label_map):
    classes = np.random.default_rng(0).integers(0, label_map.num_classes, (5, 6, 7))
    values = label_map.to_values(classes)
    expected = np.array(label_map.values)[classes]
    np.testing.assert_array_equal(values, expected)
    back = label_map.to_classes(values)
    assert back.dtype == ("uint8" if label_map.num_classes <= 256 else "int32")
    np.testing.assert_array_equal(back, classes)


@pytest.mark.parametrize("label_map", MAPS)
def test_plain_data_through_json(label_map):
    assert LabelMap.from_dict(json.loads(json.dumps(label_map.to_dict()))) == label_map


@pytest.mark.parametrize(
    ("values", "dtype"), [((0, 255), "uint8"), ((0, 256), "uint16"), ((0, 65536), "int32"), ((3, 0), "uint8")]
)
def test_values_take_the_smallest_type(values, dtype):
    assert LabelMap("values", values).to_values(np.eye(3, dtype=int)).dtype == dtype


@pytest.mark.parametrize("label_map", [LabelMap.identity(2), LabelMap("instances", (0, 1))])
def test_booleans_are_0_and_1(label_map):
    raw = np.array([[True, False, True], [False, False, True]])
    np.testing.assert_array_equal(label_map.to_classes(raw), raw.astype("uint8"))


def test_large_values_are_searched():
    label_map = LabelMap("values", (0, 5, 2_000_000_000))
    raw = np.array([[0, 2_000_000_000], [5, 5]], "int32")
    np.testing.assert_array_equal(label_map.to_classes(raw), [[0, 2], [1, 1]])
    with pytest.raises(ValueError, match=r"holds 6 \(1 voxels\)"):
        label_map.to_classes(raw + np.eye(2, dtype="int32") * [0, 1])


@pytest.mark.parametrize("label_map", [LabelMap.identity(3), LabelMap("values", (0, 2, 5))])
@pytest.mark.parametrize("value", [7, 70000])
def test_unknown_value_names_file_and_value(label_map, value):
    raw = np.array([[0, value], [value, 2]])
    with pytest.raises(ValueError, match=rf"labels/a\.png: the label holds {value} \(2 voxels\).*known values 0, "):
        label_map.to_classes(raw, "labels/a.png")


def test_unknown_colour_names_file_and_colour():
    label_map = LabelMap("colors", ((0, 0, 0), (255, 0, 0)))
    with pytest.raises(ValueError, match=r"a\.png: the label holds #00ff00 .* known values #000000, #ff0000"):
        label_map.to_classes(np.array([[[0, 255, 0]]], "uint8"), "a.png")


def test_grey_pixels_are_colours_too():
    label_map = LabelMap("colors", ((0, 0, 0), (255, 255, 255)))
    np.testing.assert_array_equal(label_map.to_classes(np.array([[0, 255]], "uint8")), [[0, 1]])


def test_objects_are_one_class():
    label_map = LabelMap("instances", (0, 1))
    np.testing.assert_array_equal(label_map.to_classes(np.array([[0, 7, 70000]])), [[0, 1, 1]])
    assert label_map.class_names == ("background", "object")


@pytest.mark.parametrize("classes", [np.array([3]), np.array([-1]), np.array([0.5])])
def test_classes_that_the_map_does_not_know(classes):
    with pytest.raises(ValueError, match="Classes must be integers from 0 to 2"):
        LabelMap.identity(3).to_values(classes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("colours", (0, 1)), "`kind` of a label map must be one of identity, values, colors, instances"),
        (("values", (0,)), "at least two classes"),
        (("values", (0, 1, 1)), "one different value"),
        (("colors", (0, 1)), "or colour"),
        (("identity", (0, 2)), "must be 0, 1, 2"),
        (("values", (0, 2), ("a",)), "2 classes need as many `class_names`"),
    ],
)
def test_maps_that_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        LabelMap(*arguments)


def test_plain_data_that_lacks_something():
    with pytest.raises(ValueError, match=r"lacks \['values'\]"):
        LabelMap.from_dict({"kind": "values"})


@pytest.mark.parametrize(
    ("label_map", "expected"),
    [
        (LabelMap.identity(2), ["2 classes: 0 background, 1 class 1"]),
        (MAPS[3], ["mapped to 3 classes", "0 -> 0 background", "2 -> 1 liver", "5 -> 2 tumour"]),
        (MAPS[4], ["7 -> 0 background", "No label holds 0: the most frequent value, 7,"]),
        (MAPS[5], ["Colours", "#ff0000 -> 1 #ff0000"]),
        (LabelMap("colors", ((255, 255, 255), (9, 0, 0))), ["No label is black: the most frequent colour, #ffffff"]),
        (MAPS[7], ["one class 'object'", "dataset.json"]),
        (LabelMap("values", (0, 1, 255)), ["`ignore_class=2`"]),
    ],
)
def test_description_for_people(label_map, expected):
    text = "\n".join(label_map.describe())
    for part in expected:
        assert part in text
