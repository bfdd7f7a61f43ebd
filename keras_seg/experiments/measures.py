"""What is measured of a finished training on the test cases, and kept beside it so that it never runs twice."""

import dataclasses
import zipfile

import numpy as np

from keras_seg import data as datasets
from keras_seg.evaluation.case import MEASURES, TOLERANCE, evaluate_case
from keras_seg.experiments.calibration import calibration_bins, calibration_error
from keras_seg.experiments.thresholds import THRESHOLDS, best_thresholds, dice_at_thresholds, histogram
from keras_seg.files import replacing

FILE = "measures.npz"
MASKS = "masks.npz"


@dataclasses.dataclass(frozen=True)
class Measures:
    """One training, judged on whole cases.

    Attributes:
        cases: Names of the test cases.
        scores: Array `[measures, cases, classes]` in the order of `keras_seg.evaluation.case.MEASURES`, foreground
            classes; NaN where one is not counted.
        histograms: Array `[cases, classes, 2, bins]` of the test cases, see `thresholds.histogram`.
        validation: The same of the validation cases.
        calibration: Array `[cases, bins, 3]` of the test cases, see `calibration.calibration_bins`.
    """

    cases: tuple[str, ...]
    scores: np.ndarray
    histograms: np.ndarray
    validation: np.ndarray
    calibration: np.ndarray

    def score(self, measure):
        """Return one of `MEASURES`, an array `[cases, classes]`."""
        return self.scores[MEASURES.index(measure)]

    @property
    def thresholds(self):
        """For each class the threshold of its probability with the best Dice on the validation cases."""
        return THRESHOLDS[best_thresholds(self.validation)]

    @property
    def dice_at_best_threshold(self):
        """Dice of the test cases at `thresholds`, an array `[cases, classes]`."""
        table = dice_at_thresholds(self.histograms)
        return np.take_along_axis(table, best_thresholds(self.validation)[None, :, None], axis=-1)[..., 0]

    @property
    def calibration_error(self):
        """Expected calibration error of the probability of foreground, near the foreground, over all test cases."""
        return calibration_error(self.calibration)

    def write(self, folder):
        """Write `measures.npz` into a folder, in one step."""
        arrays = {**vars(self), "cases": np.array(self.cases)}
        with replacing(folder / FILE) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)


def read_measures(folder):
    """Return the `Measures` of a run's folder; `None` if it has none or they cannot be read."""
    try:
        with np.load(folder / FILE, allow_pickle=False) as file:
            values = {name: file[name] for name in file.files}
        return Measures(**{**values, "cases": tuple(map(str, values["cases"]))})
    except (OSError, ValueError, EOFError, TypeError, KeyError, zipfile.BadZipFile):
        return None


def read_mask(folder, case):
    """Return what a run made of a test case, a label map.

    Raises:
        ValueError: If it is not there, or damaged.
    """
    try:
        with np.load(folder / MASKS, allow_pickle=False) as file:
            return file[case]
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{folder / MASKS}: the mask of {case!r} cannot be read ({error}). Remove {folder / FILE}, and the same "
            "command measures this run again."
        ) from error


def measure(run, pairs, watch=lambda done, total: None):
    """Let a run predict its validation and test cases, and judge it.

    Args:
        run: `keras_seg.training.Run` with a model.
        pairs: `{name: Pair}` of the data.
        watch: Function that is called with the number of cases done and of all, before each.

    Returns:
        `Measures`; they and the masks of the test cases are written into the folder of the run.

    Raises:
        ValueError: If a case cannot be read.
        OSError: If the disk is full or the folder cannot be written to.
    """
    predictor, ignored = run.predictor(), run.recipe.loss.ignore_class
    names = [*run.split.validation, *run.split.test]
    rows, histograms, bins, masks = [], [], [], {}
    for done, name in enumerate(names):
        watch(done, len(names))
        case = datasets.read_case(pairs[name], run.label_map)
        scores = predictor.scores(case.image, case.frame)
        counted = None if ignored is None else case.label != ignored
        histograms.append(_histograms(scores, case.label, counted, ignored))
        if name in run.split.validation:
            continue
        masks[name] = predictor.harden(scores)
        row = evaluate_case(case.label, masks[name], run.num_classes, case.spacing, TOLERANCE, ignore_class=ignored)
        rows.append([[values[key] for values in row.values()] for key in MEASURES])
        bins.append(calibration_bins(*_foreground(scores, case.label, ignored), counted))
    split = len(run.split.validation)
    found = Measures(
        tuple(run.split.test),
        np.moveaxis(np.array(rows, "float64"), 1, 0),
        np.array(histograms[split:]),
        np.array(histograms[:split]),
        np.array(bins),
    )
    with replacing(run.folder / MASKS) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **masks)
    found.write(run.folder)
    return found


def _histograms(scores, label, counted, ignored):
    """Return `[classes, 2, bins]` of a case, foreground classes."""
    if scores.shape[-1] == 1:
        classes = [(1, scores[..., 0])]
    else:
        classes = [(index, scores[..., index]) for index in range(1, scores.shape[-1]) if index != ignored]
    kept = slice(None) if counted is None else counted
    return np.stack([histogram(probability[kept], label[kept] == index) for index, probability in classes])


def _foreground(scores, label, ignored):
    """Return the probability that a voxel is foreground, and whether it is."""
    if scores.shape[-1] == 1:
        return scores[..., 0], label > 0
    probability = 1 - scores[..., 0]
    if ignored is not None and 0 < ignored < scores.shape[-1]:
        probability = probability - scores[..., ignored]
        return np.clip(probability, 0, 1), (label > 0) & (label != ignored)
    return np.clip(probability, 0, 1), label > 0
