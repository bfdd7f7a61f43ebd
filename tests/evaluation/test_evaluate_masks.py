"""Masks in files against labels in files: values, colours and grids, what is left out, what is refused."""

import nibabel
import numpy as np
import PIL.Image
import pytest

from keras_seg import metrics
from keras_seg.data import LabelMap
from keras_seg.evaluation import evaluate_masks

AFFINE = np.diag([-1.0, 2.0, 3.0, 1.0])


def label(seed, shape=(8, 9, 5), classes=3):
    return np.random.default_rng(seed).integers(0, classes, shape).astype("uint8")


def save(folder, name, array, affine=AFFINE):
    folder.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(array, affine), folder / f"{name}.nii.gz")


@pytest.fixture
def folders(tmp_path):
    for seed in range(3):
        save(tmp_path / "labels", f"case_{seed}", label(seed))
        save(tmp_path / "masks", f"case_{seed}", label(seed + 10))
    return tmp_path / "masks", tmp_path / "labels"


def test_measures_of_files(folders):
    evaluation = evaluate_masks(*folders)
    table = [metrics.dice_per_class(label(seed), label(seed + 10), 3)[1:] for seed in range(3)]
    np.testing.assert_array_equal(evaluation.scores("dice"), table)
    assert evaluation.cases == ("case_0", "case_1", "case_2")
    assert evaluation.notes == ()
    expected = metrics.hd95(label(0) == 1, label(10) == 1, (1, 2, 3))
    assert evaluation.rows["case_0"][1]["hd95"] == expected
    assert evaluation.rows["case_0"][2]["volume_truth"] == pytest.approx((label(0) == 2).sum() * 6 / 1000)


def test_a_data_set_and_its_names(folders, tmp_path):
    masks, labels = folders
    for path in labels.iterdir():
        save(tmp_path / "DATA" / "imagesTr", path.name[:-7], label(0))
        (tmp_path / "DATA" / "labelsTr").mkdir(exist_ok=True)
        path.rename(tmp_path / "DATA" / "labelsTr" / path.name)
    (tmp_path / "DATA" / "dataset.json").write_text('{"labels": {"0": "background", "1": "liver", "2": "lesion"}}')
    assert evaluate_masks(masks, tmp_path / "DATA").names == ("liver", "lesion")


def test_single_files(folders):
    masks, labels = folders
    evaluation = evaluate_masks(masks / "case_0.nii.gz", labels / "case_1.nii.gz")
    assert evaluation.mean_dice == metrics.mean_dice([metrics.dice_per_class(label(1), label(10), 3)])
    assert evaluate_masks(masks / "case_0.nii.gz", labels).cases == ("case_0",)


def test_what_has_no_partner_is_left_out_and_said(folders):
    masks, labels = folders
    (masks / "case_1.nii.gz").rename(masks / "case_9.nii.gz")
    (masks / "cases.csv").write_text("")
    (masks / ".hidden.nii.gz").write_text("")
    evaluation = evaluate_masks(masks, labels)
    assert evaluation.cases == ("case_0", "case_2")
    first, second = evaluation.notes
    assert first.startswith("Left out: 1 labels")
    assert first.endswith(": case_1.")
    assert second.endswith(": case_9.")


def test_values_and_classes_that_only_one_side_holds(tmp_path):
    for part, arrays in (("labels", (0, 255)), ("masks", (0, 128, 255))):
        (tmp_path / part).mkdir()
        picture = np.array(arrays, "uint8")[np.random.default_rng(0).integers(0, len(arrays), (12, 12))]
        PIL.Image.fromarray(picture).save(tmp_path / part / "a.png")
    evaluation = evaluate_masks(tmp_path / "masks", tmp_path / "labels")
    assert evaluation.classes == (1, 2)
    assert evaluation.rows["a"][1]["dice"] == 0  # 128 is in the mask alone
    with pytest.raises(ValueError, match=r"a\.png: the label holds 128"):
        evaluate_masks(tmp_path / "masks", tmp_path / "labels", label_map=LabelMap("values", (0, 255)))


def test_objects_are_one_class(tmp_path):
    (tmp_path / "labels").mkdir()
    (tmp_path / "masks").mkdir()
    truths = []
    for number in range(4):
        objects = np.zeros((32, 32), "uint16")
        for place in range(40 + 5 * number):
            row, column = divmod(place, 8)
            objects[row * 4 : row * 4 + 2, column * 4 : column * 4 + 2] = place + 1
        truths.append(objects > 0)
        PIL.Image.fromarray(objects).save(tmp_path / "labels" / f"{number}.png")
        mask = np.roll(objects > 0, 1, 0).astype("uint8")
        PIL.Image.fromarray(mask).save(tmp_path / "masks" / f"{number}.png")
    evaluation = evaluate_masks(tmp_path / "masks", tmp_path / "labels")
    assert evaluation.classes == (1,)
    expected = [metrics.dice_per_class(truth, np.roll(truth, 1, 0), 1) for truth in truths]
    np.testing.assert_array_equal(evaluation.scores("dice"), expected)


def test_a_class_that_only_masks_hold_where_all_labels_are_empty(folders):
    masks, labels = folders
    for seed in range(3):
        save(labels, f"case_{seed}", np.zeros_like(label(seed)))
    evaluation = evaluate_masks(masks, labels)
    assert evaluation.mean_dice == 0
    assert evaluation.summary()[0].false_positive_cases == 3


def test_grids_that_differ_are_refused(folders):
    masks, labels = folders
    save(masks, "case_1", label(11), AFFINE @ np.diag([-1, 1, 1, 1]))
    with pytest.raises(
        ValueError, match=r"masks/case_1\.nii\.gz has a voxel of 1 x 2 x 3 mm and axes that run RAS, and .* LAS\."
    ):
        evaluate_masks(masks, labels)
    save(masks, "case_1", label(11), np.diag([-1.0, 2.0, 3.5, 1.0]))
    with pytest.raises(ValueError, match=r"1 x 2 x 3\.5 mm.*has a voxel of 1 x 2 x 3 mm"):
        evaluate_masks(masks, labels)
    save(masks, "case_1", label(11)[1:])
    with pytest.raises(ValueError, match=r"same shape, but .*case_1\.nii\.gz has \(7, 9, 5\)"):
        evaluate_masks(masks, labels)


def test_a_volume_and_a_picture_are_refused(folders):
    masks, labels = folders
    save(masks, "case_1", label(11)[..., 0], np.eye(4))
    with pytest.raises(ValueError, match=r"same shape, but .*masks/case_1\.nii\.gz has \(8, 9\) and .*\(8, 9, 5\)"):
        evaluate_masks(masks, labels)


def test_coloured_arrays_are_volumes_and_refused(tmp_path):
    """An array of three axes may be three slices."""
    colours = np.array([(0, 0, 0), (255, 0, 0)], "uint8")[label(0, (8, 9), 2)]
    for part in ("labels", "masks"):
        (tmp_path / part).mkdir()
    PIL.Image.fromarray(colours).save(tmp_path / "labels" / "a.png")
    np.save(tmp_path / "masks" / "a.npy", colours)
    with pytest.raises(ValueError, match=r"same shape, but .*a\.npy has \(8, 9, 3\) and .*a\.png has \(8, 9\)"):
        evaluate_masks(tmp_path / "masks", tmp_path / "labels")


def test_folders_without_a_common_name(folders, tmp_path):
    save(tmp_path / "others", "scan", label(0))
    with pytest.raises(ValueError, match="There are scan and case_0, case_1, case_2"):
        evaluate_masks(tmp_path / "others", folders[1])
    with pytest.raises(ValueError, match="there is no such folder"):
        evaluate_masks(tmp_path / "nowhere", folders[1])
    (folders[0] / "case_0.nii").write_bytes(b"")
    with pytest.raises(ValueError, match="two files of one name"):
        evaluate_masks(*folders)
