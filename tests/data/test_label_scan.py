"""What the labels of a folder hold is found out, or refused with the reason."""

import io
import json

import nibabel
import numpy as np
import PIL.Image
import pytest

from keras_seg.data import LabelMap, find_label_map, open_folder, read_case, read_cases

RANDOM = np.random.default_rng(0)


def folder_of(tmp_path, labels, ending=".png", palettes=None):
    """A folder with these labels."""
    for part in ("images", "labels"):
        (tmp_path / part).mkdir()
    for number, label in enumerate(labels):
        image = np.zeros(label.shape[:2] if ending == ".png" else label.shape, "uint8")
        for part, array in (("images", image), ("labels", label)):
            path = tmp_path / part / f"case_{number:03d}{ending}"
            if ending == ".png":
                picture = PIL.Image.fromarray(array)
                if part == "labels" and palettes is not None:
                    picture = PIL.Image.frombytes("P", picture.size, picture.tobytes())
                    picture.putpalette(palettes[number])
                picture.save(path)
            else:
                nibabel.save(nibabel.Nifti1Image(array, np.eye(4)), path)
    return open_folder(tmp_path)


def draw(values, shape=(8, 9), dtype="uint8"):
    return RANDOM.choice(np.array(values, dtype), size=shape)


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([(0, 1, 2), (0, 1)], "identity", (0, 1, 2)),
        ([(0, 1), (0,)], "identity", (0, 1)),
        ([(1,)], "identity", (0, 1)),
        ([(0, 255), (0,), (255,)], "values", (0, 255)),
        ([(255,)], "values", (0, 255)),
        ([(0, 2), (0, 5)], "values", (0, 2, 5)),
        ([(0, 128, 255)], "values", (0, 128, 255)),
        ([(0, 1, 255), (0, 1)], "values", (0, 1, 255)),
        ([(4, 4, 4, 4, 9), (4, 4, 4, 2)], "values", (4, 2, 9)),
    ],
)
def test_values(tmp_path, values, kind, expected):
    folder = folder_of(tmp_path, [draw(case) for case in values])
    label_map = find_label_map(folder.pairs)
    assert (label_map.kind, label_map.values) == (kind, expected)
    assert find_label_map(folder) == label_map
    cases = read_cases(tmp_path, label_map=label_map)
    for case, stored in zip(cases, values):
        assert set(np.unique(case.label)) == {expected.index(value) for value in stored}


def test_progress_is_told(tmp_path):
    folder = folder_of(tmp_path, [draw((0, 1))] * 3)
    seen = []
    find_label_map(folder, progress=lambda items: [seen.append(item) or item for item in items])
    assert len(seen) == 3


def test_sixteen_bits_in_a_volume(tmp_path):
    folder = folder_of(tmp_path, [draw((0, 600, 7), (3, 4, 5), "uint16")], ".nii.gz")
    assert find_label_map(folder).values == (0, 7, 600)


def test_colours(tmp_path):
    colours = np.array([(0, 0, 0), (255, 0, 0), (0, 0, 255)], "uint8")
    classes = draw((0, 1, 2))
    folder = folder_of(tmp_path, [colours[classes], colours[classes * 0]])
    label_map = find_label_map(folder)
    assert (label_map.kind, label_map.values) == ("colors", ((0, 0, 0), (0, 0, 255), (255, 0, 0)))
    np.testing.assert_array_equal(read_case(folder.pairs[0], label_map).label, np.array([0, 2, 1])[classes])
    with pytest.raises(ValueError, match=r"3 channels.*find_label_map"):
        read_case(folder.pairs[0])


def test_the_most_frequent_colour_is_background_where_none_is_black(tmp_path):
    colours = np.array([(250, 250, 250), (10, 0, 0)], "uint8")
    folder = folder_of(tmp_path, [colours[draw((0, 0, 0, 1))]])
    assert find_label_map(folder).values == ((250, 250, 250), (10, 0, 0))


def test_grey_masks_beside_colour_masks(tmp_path):
    white = np.array([(0, 0, 0), (255, 255, 255)], "uint8")
    folder = folder_of(tmp_path, [white[draw((0, 1))], draw((0, 255))])
    label_map = find_label_map(folder)
    assert label_map.values == ((0, 0, 0), (255, 255, 255))
    assert [set(np.unique(read_case(pair, label_map).label)) for pair in folder.pairs] == [{0, 1}, {0, 1}]


PALETTE = [0, 0, 0, 255, 0, 0, 0, 255, 0]


def test_palette(tmp_path):
    folder = folder_of(tmp_path, [draw((0, 1)), draw((0, 2))], palettes=[PALETTE] * 2)
    label_map = find_label_map(folder)
    assert (label_map.kind, label_map.values) == ("identity", (0, 1, 2))
    assert label_map.palette[:3] == ((0, 0, 0), (255, 0, 0), (0, 255, 0))


def test_palettes_in_another_order_are_colours(tmp_path):
    label = draw((0, 1, 2))
    swapped = [0, 0, 0, 0, 255, 0, 255, 0, 0]
    folder = folder_of(tmp_path, [label, label], palettes=[PALETTE, swapped])
    label_map = find_label_map(folder)
    assert label_map.kind == "colors"
    first, second = (read_case(pair, label_map).label for pair in folder.pairs)
    np.testing.assert_array_equal(first, np.array([0, 2, 1])[second])


def number_objects(count, top=None):
    """A label whose objects are numbered, as by `scipy.ndimage.label`."""
    ids = np.arange(1, count + 1) if top is None else RANDOM.choice(np.arange(1, top), count, replace=False)
    label = np.zeros((40, 40), "uint16")
    label.ravel()[RANDOM.choice(label.size, count, replace=False)] = ids
    return label


@pytest.mark.parametrize("counts", [(5, 12, 40), (150, 300, 80)])
def test_numbered_objects_are_one_class(tmp_path, counts):
    folder = folder_of(tmp_path, [number_objects(count) for count in counts])
    label_map = find_label_map(folder)
    assert (label_map.kind, label_map.num_classes) == ("instances", 2)
    assert [int(read_case(pair, label_map).label.sum()) for pair in folder.pairs] == list(counts)


def test_objects_some_of_which_were_deleted(tmp_path):
    labels = [number_objects(count) for count in (30, 90, 40, 25)]
    for label in labels:
        label[label == 3] = 0
    assert find_label_map(folder_of(tmp_path, labels)).kind == "instances"


def test_objects_with_numbers_all_over(tmp_path):
    folder = folder_of(tmp_path, [number_objects(150, 60000) for _ in range(3)])
    assert find_label_map(folder).kind == "instances"


def test_a_few_objects_with_numbers_of_their_own(tmp_path):
    labels = [np.zeros((8, 9), "uint16") for _ in range(2)]
    for number, label in enumerate(labels, 1):
        label[::2, ::3] = 1000 * number + np.arange(12).reshape(4, 3)
    assert find_label_map(folder_of(tmp_path, labels)).kind == "instances"


def test_objects_in_colours_of_their_own(tmp_path):
    labels = []
    for _ in range(3):
        label = np.zeros((40, 40, 3), "uint8")
        label[:10] = RANDOM.integers(1, 255, (10, 40, 3))
        labels.append(label)
    folder = folder_of(tmp_path, labels)
    label_map = find_label_map(folder)
    assert (label_map.kind, label_map.values) == ("instances", ((0, 0, 0), (255, 255, 255)))
    assert read_case(folder.pairs[0], label_map).label.sum() == 400


def test_many_classes_are_no_objects(tmp_path):
    # Each case shows some of 60 classes, as street scenes or organs do.
    folder = folder_of(tmp_path, [draw(RANDOM.choice(60, 30, replace=False), (40, 40)) for _ in range(20)])
    assert find_label_map(folder).kind in ("identity", "values")


def test_names_say_that_numbers_are_classes(tmp_path):
    folder_of(tmp_path, [number_objects(count) for count in (5, 12, 40)])
    names = {"background": 0} | {f"vertebra {k}": k for k in range(1, 42)}
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": names}))
    label_map = find_label_map(open_folder(tmp_path))
    assert (label_map.kind, label_map.num_classes) == ("identity", 42)
    assert label_map.class_names[41] == "vertebra 41"


def test_named_classes_that_no_label_holds_are_kept(tmp_path):
    folder = folder_of(tmp_path, [draw((0, 1))])
    assert find_label_map(folder, ("background", "a", "b")).num_classes == 3
    label_map = find_label_map(folder, {0: "background", 1: "a", 4: "b"})
    assert (label_map.values, label_map.class_names) == ((0, 1, 4), ("background", "a", "b"))


def test_names_in_order_fit_values_with_gaps(tmp_path):
    folder = folder_of(tmp_path, [draw((0, 2, 5))])
    label_map = find_label_map(folder.pairs, ("background", "a", "b"))
    assert (label_map.values, label_map.class_names) == ((0, 2, 5), ("background", "a", "b"))


def test_one_name_for_a_mask_of_0_and_255(tmp_path):
    label_map = find_label_map(folder_of(tmp_path, [draw((0, 255))]), {0: "background", 1: "cell"})
    assert (label_map.values, label_map.class_names) == ((0, 255), ("background", "cell"))


def test_names_of_colours(tmp_path):
    colours = np.array([(0, 0, 0), (255, 0, 0)], "uint8")
    folder = folder_of(tmp_path, [colours[draw((0, 1))]])
    assert find_label_map(folder, ("background", "cell")).class_names == ("background", "cell")


def test_numbers_that_have_names_say_little_of_colours(tmp_path):
    colours = np.array([(0, 0, 0), (255, 0, 0), (0, 0, 255)], "uint8")
    (tmp_path / "two").mkdir()
    folder = folder_of(tmp_path / "two", [colours[draw((0, 1))]])
    assert find_label_map(folder, {0: "background", 1: "cell"}).class_names == ("background", "cell")
    (tmp_path / "three").mkdir()
    folder = folder_of(tmp_path / "three", [colours[draw((0, 1, 2))]])
    label_map = find_label_map(folder, {0: "background", 1: "cell", 2: "wall"})
    assert label_map.class_names == ("background", "#0000ff", "#ff0000")


def test_a_value_without_a_name(tmp_path):
    folder = folder_of(tmp_path, [draw((0, 1)), draw((0, 1, 7))])
    with pytest.raises(ValueError, match=r"case_001\.png: the label holds 7, which has no name; .* 0 background, 1 a"):
        find_label_map(folder, {0: "background", 1: "a"})


@pytest.mark.parametrize("names", [None, ("background", "a")])
def test_empty_labels(tmp_path, names):
    folder = folder_of(tmp_path, [draw((0,)), draw((0,))])
    with pytest.raises(ValueError, match=r"All 2 labels are empty: they hold nothing but 0, for example .*case_000"):
        find_label_map(folder, names)


def test_no_label_at_all(tmp_path):
    with pytest.raises(ValueError, match="There is no label"):
        find_label_map([])


def test_masks_of_0_and_1_beside_0_and_255(tmp_path):
    folder = folder_of(tmp_path, [draw((0, 1)), draw((0, 255))])
    with pytest.raises(
        ValueError, match=r"Some masks hold 0 and 1, as .*case_000\.png, and others 0 and 255, as .*001"
    ):
        find_label_map(folder)


def test_smeared_edges(tmp_path):
    label = np.zeros((64, 64), "uint8")
    label[20:40, 20:40] = 255
    label[20, 20:40] = np.arange(100, 120)
    label[40, 20:40] = np.arange(30, 50)
    with pytest.raises(ValueError, match=r"case_000\.png: .* 0 and 255, but also 40 values .*1\.0%.*mask > 127"):
        find_label_map(folder_of(tmp_path, [label]))


def test_colours_smeared_by_jpeg(tmp_path):
    labels = []
    for shift in range(3):
        label = np.zeros((96, 96, 3), "uint8")
        label[20:50, 20 + shift : 70] = (255, 0, 0)
        label[60:90, 30:90] = (0, 128, 255)
        content = io.BytesIO()
        PIL.Image.fromarray(label).save(content, "JPEG", quality=60)
        labels.append(np.asarray(PIL.Image.open(content)))
    with pytest.raises(ValueError, match=r"The labels hold \d+ colours, too many for classes.*saved as JPEG"):
        find_label_map(folder_of(tmp_path, labels))


def test_images_in_the_place_of_masks(tmp_path):
    labels = [RANDOM.integers(0, 1000, (40, 40)).astype("uint16") for _ in range(3)]
    labels[1:] = [labels[0]] * 2
    with pytest.raises(ValueError, match=r"too many for classes, for example in .*case_000.*images instead of masks"):
        find_label_map(folder_of(tmp_path, labels))


def test_a_value_met_later(tmp_path):
    folder = folder_of(tmp_path, [draw((0, 2)), draw((0, 3))])
    label_map = find_label_map(folder.pairs[:1])
    with pytest.raises(ValueError, match=r"case_001\.png: the label holds 3 .* known values 0, 2"):
        read_case(folder.pairs[1], label_map)


def test_without_a_map_numbers_are_classes(tmp_path):
    folder = folder_of(tmp_path, [draw((0, 2)), draw((0, 255))])
    assert [set(np.unique(read_case(pair).label)) for pair in folder.pairs] == [{0, 2}, {0, 1}]
    assert read_case(folder.pairs[0], LabelMap.identity(3)).label.max() == 2
