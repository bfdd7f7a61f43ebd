import os
import pathlib
import pickle
import signal
import subprocess
import sys

import nibabel
import numpy as np
import psutil
import pytest

import keras_seg
from keras_seg.data import (
    Case,
    Geometry,
    LabelMap,
    Normalization,
    find_label_map,
    open_folder,
    prepare,
    prepare_image,
    read_case,
    zscore,
)
from keras_seg.data import folder as folders

LABELS = LabelMap.identity(3)


def write_case(folder, name, shape, generator, affine=None):
    affine = np.diag([1.0, 1.0, 2.0, 1.0]) if affine is None else affine
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    image = generator.normal(100, 20, shape).astype("float32")
    label = np.zeros(shape, "uint8")
    label[2:6, 2:6, 1:4] = 1
    label[6:8, 2:6, 1:4] = 2
    nibabel.save(nibabel.Nifti1Image(image, affine), folder / "images" / f"{name}.nii.gz")
    nibabel.save(nibabel.Nifti1Image(label, affine), folder / "labels" / f"{name}.nii.gz")


@pytest.fixture
def pairs(tmp_path):
    generator = np.random.default_rng(0)
    for index in range(4):
        write_case(tmp_path / "DATA", f"case_{index}", (9 + index, 8, 6), generator)
    return open_folder(tmp_path / "DATA").pairs


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "CACHE"


@pytest.fixture
def reads(monkeypatch):
    """The names of the cases that were read from their files."""
    names = []
    read = folders.read_case

    def counted(pair, label_map=None):
        names.append(pair.name)
        return read(pair, label_map)

    monkeypatch.setattr(folders, "read_case", counted)
    return names


def test_a_case_is_oriented_resampled_and_normalised(pairs, cache):
    prepared = prepare(pairs, LABELS, (1.0, 1.0, 1.0), Normalization("zscore"), cache)
    for pair, found in zip(pairs, prepared):
        case = read_case(pair, LABELS)
        geometry = Geometry(case.shape, (1, 1, 2), "RAS", (1, 1, 1))
        assert (found.name, found.spacing, found.geometry) == (pair.name, (1, 1, 1), geometry)
        np.testing.assert_array_equal(found.image, zscore(geometry.image(case.image)))
        np.testing.assert_array_equal(found.label, geometry.label(case.label))
        assert (found.image.dtype, found.label.dtype) == (np.float32, np.uint8)
        assert found.shape == (case.shape[0], 8, 12)
        assert found.channels == 1


def test_orientations_of_one_scan_give_one_case(tmp_path, cache):
    array = np.random.default_rng(0).normal(size=(5, 6, 7)).astype("float32")
    scan = nibabel.Nifti1Image(array, np.diag([1, 2, 3, 1]))
    for name, codes in (("a", "RAS"), ("b", "LPS"), ("c", "PIR")):
        turn = nibabel.orientations.ornt_transform(
            nibabel.orientations.axcodes2ornt("RAS"), nibabel.orientations.axcodes2ornt(codes)
        )
        turned = scan.as_reoriented(turn)
        for part, data in (("images", turned.get_fdata(dtype="float32")), ("labels", turned.dataobj > 0)):
            (tmp_path / part).mkdir(exist_ok=True)
            nibabel.save(
                nibabel.Nifti1Image(np.asarray(data, "float32" if part == "images" else "uint8"), turned.affine),
                tmp_path / part / f"{name}.nii",
            )
    cases = prepare(open_folder(tmp_path).pairs, LabelMap.identity(2), None, Normalization("none"), cache)
    for case in cases:
        np.testing.assert_array_equal(case.image[..., 0], array)
        np.testing.assert_array_equal(case.label, array > 0)
        assert case.spacing == (1, 2, 3)
    assert [case.geometry.orientation for case in cases] == ["RAS", "LPS", "PIR"]


def test_prediction_prepares_alike(pairs, cache):
    case = read_case(pairs[0], LABELS)
    image, geometry = prepare_image(case.image, case.frame, (1.5, 1, 1))
    found = prepare(pairs[:1], LABELS, (1.5, 1, 1), cache=cache)[0]
    np.testing.assert_array_equal(found.image, image)
    assert found.geometry == geometry


def test_it_is_a_sequence(pairs, cache):
    cases = prepare(pairs, LABELS, cache=cache)
    assert len(cases) == 4
    assert cases.names == [pair.name for pair in pairs]
    assert [case.name for case in cases] == cases.names
    assert cases[-1].name == "case_3"
    assert cases[1:3].names == ["case_1", "case_2"]
    assert cases.by_name("case_2").name == "case_2"
    assert cases.select(["case_3", "case_0"]).names == ["case_3", "case_0"]
    assert cases.size == sum(path.stat().st_size for path in cache.rglob("*.case"))
    assert repr(cases) == f"<PreparedCases: 4 cases, {cases.size / 1e6:.1f} MB on disk>"
    again = pickle.loads(pickle.dumps(cases))
    np.testing.assert_array_equal(again[2].image, cases[2].image)
    with pytest.raises(IndexError):
        cases[4]
    with pytest.raises(ValueError, match="no prepared case 'other' among 4"):
        cases.by_name("other")


def test_places_of_the_foreground(pairs, cache, monkeypatch):
    monkeypatch.setattr("keras_seg.data.prepared.PLACES", 40)
    found = prepare(pairs[:1], LabelMap.identity(4), cache=cache)[0]
    assert [len(places) for places in found.foreground] == [0, 40, 24, 0]
    for number, places in enumerate(found.foreground):
        assert places.shape[1:] == (3,)
        assert (found.label[tuple(places.T)] == number).all()
        assert len(np.unique(places, axis=0)) == len(places)
    # All of the smaller class, and the larger one from end to end.
    np.testing.assert_array_equal(found.foreground[2], np.argwhere(found.label == 2))
    np.testing.assert_array_equal(found.foreground[1].min(axis=0), [2, 2, 1])
    np.testing.assert_array_equal(found.foreground[1].max(axis=0), [5, 5, 3])


def test_a_class_that_the_spacing_loses_is_told(tmp_path, cache):
    write_case(tmp_path, "a", (12, 12, 12), np.random.default_rng(0), np.eye(4))
    path = tmp_path / "labels" / "a.nii.gz"
    label = np.zeros((12, 12, 12), "uint8")
    label[:8] = 1
    label[10, 10, 10] = 2
    nibabel.save(nibabel.Nifti1Image(label, np.eye(4)), path)
    pairs = open_folder(tmp_path).pairs
    assert prepare(pairs, LABELS, (3, 3, 3), cache=cache)[0].lost == (2,)
    assert prepare(pairs, LABELS, (1, 1, 1), cache=cache)[0].lost == ()


def test_many_classes_are_kept(tmp_path, cache):
    write_case(tmp_path, "a", (9, 8, 6), np.random.default_rng(0), np.eye(4))
    label = np.arange(9 * 8 * 6, dtype="int32").reshape(9, 8, 6)
    nibabel.save(nibabel.Nifti1Image(label, np.eye(4)), tmp_path / "labels" / "a.nii.gz")
    found = prepare(open_folder(tmp_path).pairs, LabelMap.identity(432), cache=cache)[0]
    assert found.label.dtype == np.int32
    np.testing.assert_array_equal(found.label, label)


def test_what_is_there_is_not_made_again(pairs, cache, reads):
    first = prepare(pairs[:3], LABELS, cache=cache)
    times = [path.stat().st_ino for path in first.paths.values()]
    again = prepare(pairs, LABELS, cache=cache)
    assert reads == ["case_0", "case_1", "case_2", "case_3"]
    assert [path.stat().st_ino for path in again.paths.values()][:3] == times


def test_it_is_made_anew_when_something_changed(pairs, cache, reads):
    prepare(pairs[:1], LABELS, cache=cache)
    for spacing, normalization, labels in (
        ((1, 1, 1), None, LABELS),
        (None, Normalization("none"), LABELS),
        (None, None, LabelMap.identity(4)),
        (None, None, LabelMap("values", (0, 2, 1))),
    ):
        reads.clear()
        prepare(pairs[:1], labels, spacing, normalization, cache)
        assert reads == ["case_0"]
    for path in (pairs[0].image, pairs[0].label):
        reads.clear()
        os.utime(path, (1, 1))
        prepare(pairs[:1], LABELS, cache=cache)
        assert reads == ["case_0"]
    reads.clear()
    prepare(pairs[:1], LABELS, None, Normalization("zscore"), cache)
    assert reads == []


def flip(path, place):
    """Change one byte; the time of the file stays as it was."""
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[place] ^= 0xFF
    path.write_bytes(content)
    return status


@pytest.mark.parametrize("damage", ["cut", "empty", "longer", "header", "mark", "content", "other"])
def test_a_damaged_entry_is_made_anew(pairs, cache, reads, damage):
    cases = prepare(pairs, LABELS, cache=cache)
    expected = np.array(cases[1].image)
    path = cases.paths["case_1"]
    if damage in ("header", "mark"):
        status = flip(path, 60 if damage == "header" else 3)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    elif damage == "content":
        flip(path, -1000)
        os.utime(path, (1, 1))
    elif damage == "other":
        path.write_bytes(b"something else" * 100)
    else:
        size = {"cut": path.stat().st_size - 100, "empty": 0, "longer": path.stat().st_size + 64}[damage]
        os.truncate(path, size)
    if damage != "content":
        with pytest.raises(ValueError, match=r"this prepared case is .* Call `keras_seg.data.prepare` again"):
            cases[1]
    reads.clear()
    again = prepare(pairs, LABELS, cache=cache)
    assert reads == ["case_1"]
    np.testing.assert_array_equal(again[1].image, expected)


def test_a_copied_cache_is_checked_and_kept(pairs, cache, reads):
    """Copying changes the times of the files: their content is compared with its check sum then."""
    cases = prepare(pairs, LABELS, cache=cache)
    for path in cases.paths.values():
        os.utime(path, (1, 1))
    reads.clear()
    prepare(pairs, LABELS, cache=cache)
    assert reads == []


def test_a_removed_entry_says_what_to_do(pairs, cache):
    cases = prepare(pairs, LABELS, cache=cache)
    cases.paths["case_1"].unlink()
    with pytest.raises(ValueError, match=r"this prepared case is gone; was the cache cleared meanwhile\? Call"):
        cases[1]


def test_it_is_killed_in_the_middle(pairs, cache, reads):
    """Two cases are there and stay; the half-written third is never taken for one, and removed when it is old."""
    script = pathlib.Path(__file__).with_name("killed_preparation.py")
    command = [sys.executable, str(script), str(pairs[0].image.parents[1]), str(cache)]
    root = str(pathlib.Path(keras_seg.__file__).parents[1])
    ended = subprocess.run(
        command, env={**os.environ, "KERAS_BACKEND": "numpy", "PYTHONPATH": root}, capture_output=True, text=True
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert len(list(cache.rglob("[!.]*.case"))) == 2
    (left,) = cache.rglob(".*.case")
    cases = prepare(pairs, LABELS, cache=cache)
    assert reads == ["case_2", "case_3"]
    assert [case.name for case in cases] == cases.names
    assert left.exists()  # it might be another process at work
    os.utime(left, (1, 1))
    prepare(pairs, LABELS, cache=cache)
    assert not left.exists()


def test_memory_does_not_grow_with_the_number_of_cases(tmp_path, cache, monkeypatch):
    """Sixty volumes of 4 MB: prepared, then looked at one after another."""
    template = np.random.default_rng(0).normal(size=(100, 100, 100, 1)).astype("float32")
    label = (template[..., 0] > 2).astype("uint8")
    pairs = [folders.Pair(f"case_{index}", (tmp_path / str(index),), tmp_path / str(index)) for index in range(60)]
    monkeypatch.setattr(
        folders, "read_case", lambda pair, label_map: Case(pair.name, template.copy(), label.copy(), (1.0, 1.0, 1.0))
    )
    prepare(pairs[:4], LABELS, cache=cache)
    process = psutil.Process()
    before = process.memory_info().rss
    cases = prepare(pairs, LABELS, cache=cache)
    after = process.memory_info().rss
    assert after - before < 60e6
    total = 0.0
    for case in cases:
        total += float(case.image.sum())
    del case
    assert process.memory_info().rss - after < 20e6
    assert not any(".case" in entry.path for entry in process.memory_maps())
    assert len(process.open_files()) < 20


def test_the_arrays_cannot_be_written_to(pairs, cache):
    case = prepare(pairs[:1], LABELS, cache=cache)[0]
    with pytest.raises(ValueError, match="read-only"):
        case.image[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        case.label[0] = 1


def test_what_cannot_be_prepared_is_said(pairs, cache):
    with pytest.raises(ValueError, match=r"case_0\.nii\.gz: this image has no label"):
        prepare([folders.Pair("a", pairs[0].images)], LABELS, cache=cache)
    with pytest.raises(ValueError, match="'case_0' appears twice"):
        prepare([pairs[0], pairs[0]], LABELS, cache=cache)
    with pytest.raises(ValueError, match=r"`target_spacing` must be one positive number .* for each of 3 axes"):
        prepare(pairs, LABELS, (1, 1), cache=cache)
    pairs[2].image.write_bytes(pairs[2].image.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"case_2\.nii\.gz: "):
        prepare(pairs, LABELS, cache=cache)


def test_ranks_and_channels_must_agree(pairs, tmp_path, cache):
    other = tmp_path / "OTHER"
    for part in ("images", "labels"):
        (other / part).mkdir(parents=True)
        np.save(other / part / "flat.npy", np.ones((8, 8), "uint8"))
    flat = open_folder(other).pairs
    with pytest.raises(ValueError, match=r"2D and 3D cases are mixed: 'case_0' has .* 'flat' has"):
        prepare([pairs[0], *flat], LABELS, cache=cache)


@pytest.mark.parametrize("name", ["hippocampus", "nuclei"])
def test_real_cases_there_and_back(data_folder, cache, name):
    pairs = open_folder(data_folder / name).pairs[::40]
    labels = find_label_map(pairs)
    for pair, found in zip(pairs, prepare(pairs, labels, cache=cache)):
        case = read_case(pair, labels)
        np.testing.assert_array_equal(found.geometry.label_back(found.label), case.label)
        assert abs(found.image.mean()) < 1e-4
        assert [len(places) > 0 for places in found.foreground] == [False] + [True] * (labels.num_classes - 1)
