import matplotlib
import numpy as np
import PIL.Image
import pytest

from keras_seg.data import Case, phantoms
from keras_seg.overlay import CLASS_COLORS, ERRORS, _errors, _score_text, _slice, overlay, paint


@pytest.fixture(scope="module")
def cases():
    return phantoms(3, (32, 32, 16), num_classes=4, spacing=(1.0, 1.0, 2.0))


def pixels(path):
    with PIL.Image.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def test_rows_are_cases_and_columns_are_views(tmp_path, cases):
    predictions = [case.label for case in cases]
    sizes = {}
    for count in (1, 3):
        for columns in (("image", "truth"), ("image", "truth", "prediction", "error")):
            path = overlay(tmp_path / "a.png", cases, predictions, columns, max_cases=count, title="$phantoms")
            sizes[count, len(columns)] = pixels(path).shape
    assert sizes[3, 2][0] > 2 * sizes[1, 2][0]
    assert sizes[1, 4][1] > 1.7 * sizes[1, 2][1]


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_pictures_of_two_dimensions(tmp_path, channels):
    image = np.random.default_rng(0).random((20, 30, channels), "float32")
    case = Case("a$b_c", image, np.eye(20, 30, dtype="uint8"), (1.0, 1.0))
    assert pixels(overlay(tmp_path / "a.png", [case], [case.label], scores=[[0.5, np.nan]])).std() > 0


def test_scores_and_names_are_drawn(tmp_path, cases):
    predictions = [case.label for case in cases]
    plain = pixels(overlay(tmp_path / "a.png", cases, predictions))
    scored = pixels(overlay(tmp_path / "b.png", cases, predictions, scores=[0.1, 0.2, 0.3]))
    named = pixels(overlay(tmp_path / "c.png", cases, predictions, class_names=("organ", "vessel", "lesion")))
    assert plain.shape == named.shape
    assert (plain != named).any()
    assert plain.shape != scored.shape or (plain != scored).any()
    assert _score_text(0.25) == "Dice 0.250"
    assert _score_text([0.25, np.nan, 1]) == "Dice 0.250 / – / 1.000"


def test_a_constant_image_without_foreground(tmp_path):
    case = Case("a", np.zeros((8, 8, 8, 1), "float32"), np.zeros((8, 8, 8), "uint8"), (1.0, 1.0, 1.0))
    assert overlay(tmp_path / "a.png", [case], [case.label]).stat().st_size > 0


def test_the_slice_with_the_most_foreground_at_true_proportions():
    label = np.zeros((6, 8, 4), "uint8")
    label[0, 1, 3] = 1
    label[2, 4:6, 2] = 2
    case = Case("a", np.arange(192, dtype="float32").reshape(6, 8, 4, 1), label, (1.0, 2.0, 2.5))
    image, truth, prediction, aspect = _slice(case, label)
    assert aspect == 2.0  # rows are the second axis, 2 mm; columns the first, 1 mm
    np.testing.assert_array_equal(truth, label[:, :, 2].T[::-1])
    np.testing.assert_array_equal(prediction, truth)
    np.testing.assert_array_equal(image[..., 0], case.image[:, :, 2, 0].T[::-1])
    # Across the coarsest axis; without truth the prediction chooses.
    case = Case("b", case.image, np.zeros_like(label), (5.0, 1.0, 2.5))
    _, _, prediction, aspect = _slice(case, label)
    np.testing.assert_array_equal(prediction, label[2].T[::-1])
    assert aspect == 2.5


def test_errors_are_told_apart():
    truth = np.array([[0, 0, 1, 1, 2]])
    prediction = np.array([[0, 2, 0, 1, 1]])
    np.testing.assert_array_equal(_errors(truth, prediction), [[0, 1, 2, 0, 3]])
    assert [name for name, _ in ERRORS] == ["false positive", "false negative", "wrong class"]


def test_background_is_transparent_and_colours_begin_again():
    painted = paint(np.array([[0, 1, 2, 8]], "uint8"), CLASS_COLORS, 0.5)
    assert painted[0, 0].tolist() == [0, 0, 0, 0]
    assert painted[0, 1].tolist() == [*matplotlib.colors.to_rgb("#E69F00"), 0.5]
    np.testing.assert_array_equal(painted[0, 1], painted[0, 3])
    assert len(set(CLASS_COLORS)) == 7


def test_the_file_appears_whole_or_not_at_all(tmp_path, cases, monkeypatch):
    path = tmp_path / "new" / "a.png"
    overlay(path, cases, [case.label for case in cases])
    before = path.read_bytes()

    def broken(self, target, **_):
        target.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", broken)
    with pytest.raises(OSError, match="disk full"):
        overlay(path, cases, [case.label for case in cases])
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"path": "a.jpg"}, "must end in `.png`"),
        ({"cases": []}, "0 cases and 3 predictions"),
        ({"predictions": []}, "3 cases and 0 predictions"),
        ({"columns": ("image", "label")}, "`columns` must be some of"),
        ({"columns": ()}, "`columns` must be some of"),
        ({"max_cases": 0}, "`max_cases` must be 1 or more"),
        ({"scores": [0.5]}, r"one entry per case \(3\), but it has 1"),
        ({"predictions": [np.zeros((2, 2), "uint8")] * 3}, "phantom_0000.*unfit_shape"),
        ({"predictions": [np.zeros((32, 32, 16), "float32")] * 3}, "argmax"),
    ],
)
def test_arguments_that_do_not_fit(tmp_path, cases, change, message):
    arguments = {"path": "a.png", "cases": cases, "predictions": [case.label for case in cases], **change}
    arguments["path"] = tmp_path / arguments["path"]
    with pytest.raises(ValueError, match=message):
        overlay(**arguments)
