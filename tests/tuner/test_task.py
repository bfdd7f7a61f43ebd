"""Cases to search on, and the test of the winner."""

import keras
import numpy as np
import pytest
from pictures import write_pngs

from keras_seg import tuner
from keras_seg.tuner import report


def test_phantoms_without_a_folder():
    task = tuner.load_task(limit=5, test=2, seed=3)
    assert task.source == "phantoms"
    assert list(map(len, task.split)) == [2, 1, 2]
    x, y = task.arrays("validation")
    assert (x.shape, y.shape) == ((1, 32, 32, 32, 1), (1, 32, 32, 32))
    assert (task.num_classes, task.class_names) == (3, ["organ", "vessels"])
    assert task.input_shape == (None, None, None, 1)
    np.testing.assert_array_equal(x, tuner.load_task(limit=5, test=2, seed=3).arrays("validation")[0])
    recipe = task.recipe()
    assert recipe["data"]["num_cases"] == 5
    assert recipe["split"]["test"] == task.split.test


def test_a_folder_is_read_split_and_padded(tmp_path):
    task = tuner.load_task(write_pngs(tmp_path), divisor=8)
    assert list(map(len, task.split)) == [6, 1, 1]
    assert task.shape == (16, 16)
    assert task.input_shape == (None, None, 1)
    assert (task.num_classes, task.class_names) == (2, ["class 1"])
    assert task.recipe()["data"] == {"source": str(tmp_path), "num_classes": 2, "shape": (16, 16)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validation": 0}, "At least one validation case"),
        ({"test": 6, "validation": 2}, "cannot be split"),
        ({"folder": "nowhere"}, "no such folder"),
    ],
)
def test_what_cannot_be_split_is_refused(tmp_path, options, message):
    folder = write_pngs(tmp_path)
    with pytest.raises(ValueError, match=message):
        tuner.load_task(**{"folder": folder, **options})


@pytest.mark.parametrize("value", [0, 128])
def test_labels_that_are_no_classes_are_refused(tmp_path, value):
    with pytest.raises(ValueError, match="without a gap"):
        tuner.load_task(write_pngs(tmp_path, value=value))


def test_the_test_scores_whole_cases(tmp_path):
    task = tuner.load_task(write_pngs(tmp_path), test=3)
    image = keras.Input(task.input_shape)
    # Logits of a threshold far above the noise: every square is found to the voxel.
    layer = keras.layers.Conv2D(2, 1)
    model = keras.Model(image, layer(image))
    layer.set_weights([np.array([[[[-5.0, 5.0]]]]), np.array([5.0, -5.0])])
    test = task.test(model)
    assert test.table.shape == (3, 1)
    assert test.dice == 1
    assert [prediction.shape for prediction in test.predictions] == [(16, 14)] * 3
    np.testing.assert_array_equal(test.predictions[0], test.cases[0].label)
    assert tuner.load_task(tmp_path, test=0).test(None) is None


def test_means_of_a_report():
    table = np.array([[0.5, np.nan], [0.7, 0.2], [np.nan, np.nan]])
    test = tuner.TestReport([], [], table, ["a", "b"])
    np.testing.assert_allclose(test.class_means, [0.6, 0.2])
    np.testing.assert_allclose(test.case_means, [0.5, 0.45, np.nan])
    assert test.dice == pytest.approx(0.4)


def test_table_of_a_report_shows_every_case_and_class(tmp_path):
    from rich.console import Console

    task = tuner.load_task(write_pngs(tmp_path), test=2)
    cases = [task.cases[name] for name in task.split.test]
    test = tuner.TestReport(cases, [], np.array([[0.25], [np.nan]]), ["class [1]"])
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.file:
        console.print(report.dice_table(test))
    text = console.export_text()
    assert all(word in text for word in (*task.split.test, "class [1]", "0.250", "-", "all cases"))
