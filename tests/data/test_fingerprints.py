import json
import os

import nibabel
import numpy as np
import psutil
import pytest
from PIL import Image

from keras_seg.data import Fingerprint, Folder, LabelMap, Split, find_label_map, fingerprint, open_folder
from keras_seg.data import folder as folders


def write_volumes(folder, cases):
    """Write `{name: (image, label, affine)}` as NIfTI."""
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for name, (image, label, affine) in cases.items():
        nibabel.save(nibabel.Nifti1Image(image, affine), folder / "images" / f"{name}.nii")
        nibabel.save(nibabel.Nifti1Image(label, affine), folder / "labels" / f"{name}.nii")
    return open_folder(folder)


def some_cases(number, generator, classes=3, unit=100.0):
    cases = {}
    for index in range(number):
        shape = tuple(generator.integers(6, 12, 3))
        image = generator.normal(unit * index, 1 + index, shape).astype("float32")
        affine = np.diag([1.0, 1.0 + index, 3.0, 1.0])
        cases[f"case_{index}"] = (image, generator.integers(0, classes, shape).astype("uint8"), affine)
    return cases


@pytest.fixture
def data(tmp_path):
    cases = some_cases(5, np.random.default_rng(0))
    return cases, write_volumes(tmp_path / "DATA", cases)


def test_the_facts_are_those_of_the_arrays(data):
    cases, folder = data
    found = fingerprint(folder, LabelMap.identity(4, ("background", "liver", "tumour", "vessel")))
    assert found.names == sorted(cases)
    assert (found.rank, found.channels, found.num_classes) == (3, 1, 4)
    assert found.class_names == ("background", "liver", "tumour", "vessel")
    assert found.absent_classes == ["vessel"]
    assert found.shapes == [image.shape for image, _, _ in cases.values()]
    assert found.spacings == [(1, 1 + index, 3) for index in range(5)]
    assert found.median_spacing == (1, 3, 3)
    counts = np.sum([np.bincount(label.ravel(), minlength=4) for _, label, _ in cases.values()], axis=0)
    np.testing.assert_allclose(found.class_shares, counts / counts.sum())
    widths = [round(image.shape[1] * (1 + index) / 3) for index, (image, _, _) in enumerate(cases.values())]
    assert found.median_shape[1] == round(np.median(widths))
    assert found.median_shape[0] == np.median([image.shape[0] for image, _, _ in cases.values()])
    assert found.median_shape_at(None) == tuple(np.median(found.shapes, axis=0))


def test_intensities_are_those_of_the_foreground(data):
    """Each case counts the same; the reference draws a thousand voxels from each."""
    cases, folder = data
    found = fingerprint(folder, LabelMap.identity(3))
    for names in (None, ["case_0", "case_1", "case_4"]):
        (values,) = found.intensities_of(names)
        inside = [
            image[label > 0].astype("float64") for name, (image, label, _) in cases.items() if name in (names or cases)
        ]
        drawn = np.concatenate([np.random.default_rng(0).choice(part, 20_000) for part in inside])
        means = np.array([part.mean() for part in inside])
        assert values["mean"] == pytest.approx(means.mean())
        assert values["std"] == pytest.approx(drawn.std(), rel=0.01)
        for key, percent in (("percentile_00_5", 0.5), ("median", 50), ("percentile_99_5", 99.5)):
            assert values[key] == pytest.approx(np.percentile(drawn, percent), abs=0.02 * drawn.std())
    (values,) = found.intensities
    images = [image for image, _, _ in cases.values()]
    assert values["minimum"] == min(image.min() for image in images)
    assert values["maximum"] == max(image.max() for image in images)
    assert values["typical_minimum"] == np.median([image.min() for image in images])
    assert values["whole"] is False


def test_a_large_case_is_thinned_out_but_its_mean_is_exact(tmp_path):
    generator = np.random.default_rng(0)
    image = generator.gamma(2, 100, (150, 120, 100)).astype("float32").round()
    label = np.ones(image.shape, "uint8")
    label[:75] = 0
    folder = write_volumes(tmp_path, {"a": (image, label, np.eye(4))})
    (values,) = fingerprint(folder, LabelMap.identity(2)).intensities
    inside = image[75:].astype("float64")
    assert values["mean"] == pytest.approx(inside.mean(), rel=1e-9)
    assert values["std"] == pytest.approx(inside.std(), rel=1e-9)
    assert values["whole"] is True
    for key, percent in (("percentile_00_5", 0.5), ("median", 50), ("percentile_99_5", 99.5)):
        assert values[key] == pytest.approx(np.percentile(inside, percent), rel=0.1)


def test_without_foreground_all_voxels_count(tmp_path):
    image = np.arange(60, dtype="float32").reshape(3, 4, 5)
    folder = write_volumes(tmp_path, {"a": (image, np.zeros((3, 4, 5), "uint8"), np.eye(4))})
    (values,) = fingerprint(folder, LabelMap.identity(2)).intensities
    assert values["mean"] == pytest.approx(29.5)


def test_cases_without_foreground_do_not_count_where_others_have_some(tmp_path):
    air = np.full((3, 4, 5), -1000, "float32")
    organ, label = air.copy(), np.zeros(air.shape, "uint8")
    organ[1], label[1] = np.arange(20).reshape(4, 5), 1
    cases = {"a": (organ, label, np.eye(4)), "b": (air, np.zeros_like(label), np.eye(4))}
    (values,) = fingerprint(write_volumes(tmp_path, cases), LabelMap.identity(2)).intensities
    assert (values["mean"], values["minimum"]) == (9.5, -1000)
    assert values["percentile_00_5"] >= 0


def test_it_goes_through_json(data):
    _, folder = data
    found = fingerprint(folder, LabelMap.identity(3))
    again = Fingerprint.from_dict(json.loads(json.dumps(found.to_dict())))
    assert again == found
    assert again.intensities == found.intensities
    assert again.median_shape == found.median_shape


def test_axes_are_canonical(tmp_path):
    """One case is stored with its axes in another order: its shape and spacing are those of the others."""
    image = np.zeros((4, 5, 6), "float32")
    turned = np.array([[0, 0, 1, 0], [3, 0, 0, 0], [0, -2, 0, 0], [0, 0, 0, 1]], float)
    folder = write_volumes(
        tmp_path,
        {
            "a": (image, image.astype("uint8"), np.diag([1, 3, 2, 1])),
            "b": (image, image.astype("uint8"), turned),
        },
    )
    found = fingerprint(folder, LabelMap.identity(2))
    assert found.shapes == [(4, 5, 6), (6, 4, 5)]
    assert found.spacings == [(1, 3, 2), (1, 3, 2)]


def test_a_class_that_training_never_saw(tmp_path):
    cases = some_cases(4, np.random.default_rng(0), classes=2)
    cases["case_2"][1][0, 0, 0] = 2
    cases["case_3"][1][0, 0, 0] = 2
    found = fingerprint(write_volumes(tmp_path, cases), LabelMap.identity(3, ("background", "liver", "tumour")))
    found.check_split(Split(["case_0", "case_2"], ["case_1"], ["case_3"]))
    found.check_split(Split(["case_0", "case_2"], ["case_3"], []))
    for part, held in (("validation", (["case_2"], ["case_3"])), ("test", (["case_1"], ["case_2"]))):
        split = Split([name for name in found.names if name not in held[0] + held[1]], *held)
        if part == "test":
            split = Split(["case_0"], *held)
        with pytest.raises(
            ValueError, match=rf"The {part} case 'case_2' holds class 2 \(tumour\), which no training case"
        ):
            found.check_split(split)
    with pytest.raises(ValueError, match=r"It is in 'case_2', 'case_3'. Change the split"):
        found.check_split(Split(["case_0"], ["case_2"], []))
    with pytest.raises(ValueError, match="must be of cases in this fingerprint, one or more, but 'other' are not"):
        found.check_split(Split(["other"], [], []))
    with pytest.raises(ValueError, match="the list of names is empty"):
        found.intensities_of([])


def write_pictures(folder, arrays):
    for part in ("images", "labels"):
        (folder / part).mkdir()
    for name, array in arrays.items():
        Image.fromarray(array).save(folder / "images" / f"{name}.png")
        Image.fromarray(np.eye(8, dtype="uint8")).save(folder / "labels" / f"{name}.png")


def test_colour_beside_grey(tmp_path):
    write_pictures(tmp_path, {"a": np.zeros((8, 8), "uint8"), "b": np.zeros((8, 8, 3), "uint8")})
    with pytest.raises(ValueError, match=r"same number of channels, but 'a' has 1 and 'b' has 3 \(grey images have 1"):
        fingerprint(open_folder(tmp_path), LabelMap.identity(2))


def test_a_picture_beside_a_volume(tmp_path):
    write_pictures(tmp_path, {"a": np.zeros((8, 8), "uint8")})
    volume = np.zeros((4, 4, 4), "float32")
    folder = write_volumes(tmp_path, {"b": (volume, volume.astype("uint8"), np.eye(4))})
    with pytest.raises(ValueError, match=r"2D and 3D cases are mixed: 'a' has the shape \(8, 8\), 'b' has \(4, 4, 4\)"):
        fingerprint(folder, LabelMap.identity(2))


def test_a_bad_or_missing_file_is_named(data):
    _, folder = data
    with pytest.raises(ValueError, match="at least one case is needed"):
        fingerprint(folder, LabelMap.identity(3), pairs=[])
    with pytest.raises(ValueError, match=r"case_0\.nii: .*2 .*"):
        fingerprint(folder, LabelMap.identity(2))
    bare = folders.Pair("a", folder.pairs[0].images)
    with pytest.raises(ValueError, match=r"case_0\.nii: this image has no label, which training needs"):
        fingerprint(folder, LabelMap.identity(2), pairs=[bare])


def test_files_that_changed_are_known(data):
    _, folder = data
    found = fingerprint(folder, LabelMap.identity(3))
    assert found.changed_files() == []
    os.utime(folder.pairs[1].label, (1, 1))
    folder.pairs[3].image.unlink()
    assert found.changed_files() == [str(folder.pairs[1].label), str(folder.pairs[3].image)]


def test_progress_sees_each_pair_once(data):
    _, folder = data
    seen = []

    def progress(pairs):
        for pair in pairs:
            seen.append(pair.name)
            yield pair

    fingerprint(folder, LabelMap.identity(3), progress=progress)
    assert seen == sorted(seen)
    assert len(seen) == 5
    assert fingerprint(folder, LabelMap.identity(3), pairs=folder.pairs[1:3]).names == ["case_1", "case_2"]


def test_memory_does_not_grow_with_the_number_of_cases(monkeypatch, tmp_path):
    """Sixty volumes of 4 MB, one at a time."""
    template = np.random.default_rng(0).normal(size=(100, 100, 100, 1)).astype("float32")
    label = (template[..., 0] > 2).astype("uint8")
    pairs = [folders.Pair(f"case_{index}", (tmp_path / str(index),), tmp_path / str(index)) for index in range(60)]
    monkeypatch.setattr(
        folders,
        "read_case",
        lambda pair, label_map: folders.Case(pair.name, template.copy(), label.copy(), (1.0, 1.0, 1.0)),
    )
    folder = Folder(tmp_path, "images/labels", pairs)
    fingerprint(folder, LabelMap.identity(2), pairs[:4])
    before = psutil.Process().memory_info().rss
    fingerprint(folder, LabelMap.identity(2))
    assert psutil.Process().memory_info().rss - before < 60e6


def test_real_cases(data_folder):
    folder = open_folder(data_folder / "hippocampus")
    pairs = folder.pairs[::25]
    found = fingerprint(folder, find_label_map(pairs), pairs)
    assert (found.rank, found.num_classes, found.channels) == (3, 3, 1)
    assert found.median_spacing == (1, 1, 1)
    assert 0.01 < min(found.class_shares) < max(found.class_shares) < 0.98
    folder = open_folder(data_folder / "nuclei")
    pairs = folder.pairs[::25]
    found = fingerprint(folder, find_label_map(pairs), pairs)
    assert (found.rank, found.num_classes, found.median_shape) == (2, 2, (256, 256))
