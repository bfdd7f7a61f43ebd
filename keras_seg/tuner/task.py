"""Cases to search on: read or made, split by name, stacked; and the test of the winner."""

import dataclasses
import pathlib

import numpy as np

from keras_seg import data, metrics
from keras_seg.data.phantom import KINDS
from keras_seg.reading import read_outputs

# The embedded data: an organ and vessels in it, 6 % of the voxels together.
PHANTOMS = {"shape": (32, 32, 32), "num_classes": 3, "foreground": 0.06}
NUM_PHANTOMS = 36


@dataclasses.dataclass
class Task:
    """Cases in three parts, of one shape.

    Attributes:
        source: The folder, as an absolute path, or `"phantoms"`.
        cases: All cases by name.
        split: `keras_seg.data.Split` of their names.
        shape: Spatial shape that all cases are cropped or padded to.
        num_classes: Number of classes, the background counted.
        class_names: Names of the foreground classes.
        seed: Seed of the split, and of the phantoms.
    """

    source: str
    cases: dict
    split: data.Split
    shape: tuple
    num_classes: int
    class_names: list
    seed: int

    @property
    def input_shape(self):
        """What a network of the zoo takes: open sizes and the number of channels."""
        return (None,) * len(self.shape) + (next(iter(self.cases.values())).channels,)

    def arrays(self, part):
        """Return `(x, y)` of a part of the split: `"train"`, `"validation"` or `"test"`."""
        return data.stack([self.cases[name] for name in getattr(self.split, part)], shape=self.shape)

    def test(self, model):
        """Let a model segment the test cases, and score them whole.

        Args:
            model: A `keras.Model` with one map per class.

        Returns:
            A `TestReport`, or `None` if the split has no test cases.
        """
        if not self.split.test:
            return None
        cases = [self.cases[name] for name in self.split.test]
        x, _ = self.arrays("test")
        scores = model.predict(x, batch_size=1, verbose=0)
        if isinstance(scores, (list, tuple)):
            scores = scores[0]
        output = read_outputs(model)[0]
        hard = [metrics.harden(case_scores, from_logits=bool(output.from_logits)) for case_scores in scores]
        predictions = [data.unfit_shape(labels, case.shape) for labels, case in zip(hard, cases)]
        rows = [
            metrics.dice_per_class(case.label, prediction, self.num_classes)
            for case, prediction in zip(cases, predictions)
        ]
        return TestReport(cases, predictions, np.array(rows)[:, 1:], self.class_names)

    def recipe(self):
        """Return the tables `data` and `split` of a recipe."""
        source = {"source": self.source, "num_classes": self.num_classes, "shape": self.shape}
        if self.source == "phantoms":
            source |= {"num_cases": len(self.cases), "foreground": PHANTOMS["foreground"], "seed": self.seed}
        return {"data": source, "split": {"seed": self.seed, **self.split._asdict()}}


@dataclasses.dataclass
class TestReport:
    """Test cases, what a model made of them, and their Dice.

    Attributes:
        cases: List of `keras_seg.data.Case`.
        predictions: List of label maps, each of the shape of its case.
        table: Dice `[cases, foreground classes]`; NaN where a class does not count.
        class_names: Names of the foreground classes.
    """

    __test__ = False  # pytest takes classes of such a name for tests

    cases: list
    predictions: list
    table: np.ndarray
    class_names: list

    @property
    def dice(self):
        """Each class averaged over the cases, then the classes; NaN if nothing counts."""
        return metrics.mean_dice(self.table)

    @property
    def class_means(self):
        """Mean of each class over the cases where it counts, an array; NaN where there is none."""
        return np.array([metrics.mean_dice(self.table[:, [k]]) for k in range(self.table.shape[1])])

    @property
    def case_means(self):
        """Mean of each case over its classes, an array; NaN where none counts."""
        return np.array([metrics.mean_dice(row[None]) for row in self.table])


def load_task(folder=None, test=None, validation=None, limit=None, divisor=4, seed=0, progress=None):
    """Read the cases of a folder, or make the embedded ones, and split them.

    Args:
        folder: A folder of cases, in any layout of `keras_seg.data.open_folder`; `None`: phantoms, 3D, with an organ
            and vessels.
        test: Number of test cases, which the search does not touch. `None`: a fifth, at most 20.
        validation: Number of validation cases. `None`: a fifth, at most 20.
        limit: Read (or make) the first `limit` cases only.
        divisor: What sizes must be multiples of: 2 to the number of times that the network halves them.
        seed: Seed of the split, and of the phantoms.
        progress: As in `keras_seg.data.read_cases`.

    Returns:
        A `Task`.

    Raises:
        ValueError: As `keras_seg.data.read_cases` and `keras_seg.data.split` do, and if the labels have gaps.
    """
    if folder is None:
        source, class_names = "phantoms", list(KINDS[: PHANTOMS["num_classes"] - 1])
        cases = data.phantoms(limit or NUM_PHANTOMS, seed=seed, **PHANTOMS)
    else:
        source, class_names = str(pathlib.Path(folder).resolve()), None
        cases = data.read_cases(folder, limit=limit, progress=progress)
    num_classes = data.num_classes(cases)
    _check_labels(folder, cases, num_classes)
    # A fifth each; of three cases, one each.
    share = min(20, max(1, len(cases) // 5))
    parts = data.split(
        [case.name for case in cases],
        test=share if test is None else test,
        validation=share if validation is None else validation,
        seed=seed,
    )
    if not parts.validation:
        raise ValueError("At least one validation case is needed: losses are compared by their Dice on those.")
    return Task(
        source=source,
        cases={case.name: case for case in cases},
        split=parts,
        shape=data.common_shape(cases, divisor),
        num_classes=num_classes,
        class_names=class_names or [f"class {k}" for k in range(1, num_classes)],
        seed=seed,
    )


def _check_labels(folder, cases, num_classes):
    """Refuse labels that are no classes: every class from 1 to the largest label must be in some case."""
    found = np.flatnonzero(data.class_shares(cases)).tolist()
    if set(range(1, num_classes)) - set(found):
        shown = ", ".join(map(str, found[:8])) + (", ..." if len(found) > 8 else "")
        raise ValueError(
            f"{folder}: the labels of all {len(cases)} cases hold {shown}. Expected 0 for the background and 1, 2, ... "
            f"for the classes, without a gap. Map the labels to those numbers."
        )
