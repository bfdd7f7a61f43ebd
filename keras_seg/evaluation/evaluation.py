"""The judgement of a network: a row for each case and class, a summary, files and a table."""

import csv
import dataclasses
import functools
import io
import pathlib

import numpy as np

from keras_seg.evaluation.case import MEASURES, TOLERANCE, evaluate_case
from keras_seg.evaluation.summary import summarize
from keras_seg.files import make_folder, write_text
from keras_seg.metrics import mean_dice

CASES = "cases.csv"
SUMMARY = "summary.csv"

LENGTHS = ("hd95",)
VOLUMES = ("volume_truth", "volume_prediction", "volume_difference", "volume_error", "false_positive_volume")


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """What was measured of some cases: `evaluate_case` for each of them.

    Args:
        rows: Dict from the name of a case to what `evaluate_case` returned, all for the same classes.
        rank: Number of spatial axes. With 3 volumes are in ml, with 2 areas in mm^2.
        class_names: Names of all classes, the background's first, or `None` for `"class 1"`, `"class 2"`, ...
        tolerance: Tolerance of the surface Dice in mm.
        notes: Texts that belong to the result, such as which files were left out.

    Raises:
        ValueError: If there is no case, or cases were measured for different classes.
    """

    rows: dict
    rank: int = 3
    class_names: tuple[str, ...] | None = None
    tolerance: float = TOLERANCE
    notes: tuple[str, ...] = ()

    measures = MEASURES

    def __post_init__(self):
        if not self.rows:
            raise ValueError("At least one case is needed, but there is none to evaluate.")
        for case, row in self.rows.items():
            if tuple(row) != self.classes:
                raise ValueError(
                    f"All cases must be measured for the same classes, but case {case!r} has {tuple(row)} and "
                    f"{self.cases[0]!r} has {self.classes}."
                )
        if self.class_names is not None and len(self.class_names) <= max(self.classes, default=0):
            raise ValueError(
                f"`class_names` must name every class, the background first: {max(self.classes) + 1} names. "
                f"Received: {list(self.class_names)}"
            )

    @property
    def cases(self):
        """Names of the cases."""
        return tuple(self.rows)

    @property
    def classes(self):
        """Numbers of the classes that are measured, the background left out."""
        return tuple(next(iter(self.rows.values())))

    @property
    def names(self):
        """Names of the classes that are measured."""
        if self.class_names is None:
            return tuple(f"class {index}" for index in self.classes)
        return tuple(str(self.class_names[index]) for index in self.classes)

    @property
    def mean_dice(self):
        """The one number: each class averaged over the cases where it counts, then the classes."""
        return mean_dice(self.scores("dice"))

    def scores(self, measure):
        """Return one measure of all cases.

        Args:
            measure: One of `Evaluation.measures`.

        Returns:
            Array `[cases, classes]`, float64, NaN where it is not counted.
        """
        if measure not in MEASURES:
            raise ValueError(f"`measure` must be one of {', '.join(MEASURES)}. Received: {measure!r}")
        rows = [[row[index][measure] for index in self.classes] for row in self.rows.values()]
        return np.array(rows, "float64").reshape(len(self.rows), len(self.classes))

    def summary(self):
        """Return a list of `Summary`: one for each class, and the one of their mean last."""
        return self._summary

    def to_csv(self):
        """Return the rows as CSV text: case, class, name and measures; empty where a measure is not counted."""
        header = ["case", "class", "name", *(self.column(measure) for measure in MEASURES)]
        lines = [
            [case, index, name, *(row[index][measure] for measure in MEASURES)]
            for case, row in self.rows.items()
            for index, name in zip(self.classes, self.names)
        ]
        return _csv(header, lines)

    def summary_to_csv(self):
        """Return the summary as CSV text, a row for each class and one for their mean."""
        fields = [field.name for field in dataclasses.fields(self.summary()[0])]
        lines = [[getattr(row, field) for field in fields] for row in self.summary()]
        return _csv([self.column(field) for field in fields], lines)

    def column(self, measure):
        """Return the heading of a measure in a table: its name with its unit."""
        if measure in LENGTHS:
            return f"{measure}_mm"
        if measure in VOLUMES:
            return f"{measure}_{self.volume_unit}"
        return measure

    @property
    def volume_unit(self):
        """Unit of the volumes as it stands in headings: `"ml"`, or `"mm2"` for images with two axes."""
        return "ml" if self.rank == 3 else "mm2"

    def table(self, console=None, worst=10):
        """Print the summary and the worst cases.

        Args:
            console: `rich.console.Console`, or `None` for the terminal.
            worst: How many cases to show, those of the lowest mean Dice. All are in the CSV.
        """
        from rich.console import Console

        from keras_seg.evaluation.table import absent_table, case_table, dice_table, distance_table

        console = console or Console()
        tables = [
            dice_table(self),
            distance_table(self),
            absent_table(self),
            case_table(self, worst) if worst else None,
        ]
        for table in tables:
            if table is not None:
                console.print(table)
        for note in self.notes:
            console.print(note, markup=False, highlight=False)

    def write(self, folder):
        """Write `cases.csv` and `summary.csv`.

        Args:
            folder: Where to; made if it is missing.

        Returns:
            List of the paths written.
        """
        folder = make_folder(pathlib.Path(folder))
        write_text(folder / CASES, self.to_csv())
        write_text(folder / SUMMARY, self.summary_to_csv())
        return [folder / CASES, folder / SUMMARY]

    @functools.cached_property
    def _summary(self):
        return summarize(self)


def evaluate_cases(
    cases, num_classes, *, class_names=None, tolerance=TOLERANCE, ignore_class=None, notes=(), progress=None
):
    """Measure one case after the other; only one is in memory at a time.

    Args:
        cases: Tuples `(name, truth, prediction, spacing)`, in a list or made one by one: label maps `[*spatial]` and
            the size of a voxel in mm.
        num_classes: Number of classes, background included.
        class_names: Names of all classes, the background's first, or `None`.
        tolerance: Distance in mm that is no error for the surface Dice.
        ignore_class: Label of the truth whose voxels are left out, or `None`.
        notes: Texts that belong to the result.
        progress: Function that takes `cases` and yields them again while it shows how far it came.

    Returns:
        An `Evaluation`.

    Raises:
        ValueError: If a case has the name of another, or its arrays do not fit; the message names the case.
    """
    rows, rank = {}, None
    for name, truth, prediction, spacing in progress(cases) if progress else cases:
        if name in rows:
            raise ValueError(f"Two cases are called {name!r}. Names must be unique.")
        rank = len(spacing) if rank is None else rank
        if len(spacing) != rank:
            raise ValueError(f"Case {name!r} has {len(spacing)} spatial axes, the cases before it have {rank}.")
        try:
            rows[name] = evaluate_case(truth, prediction, num_classes, spacing, tolerance, ignore_class=ignore_class)
        except ValueError as error:
            raise ValueError(f"Case {name!r}: {error}") from None
    return Evaluation(rows, rank or 3, None if class_names is None else tuple(class_names), tolerance, tuple(notes))


def _csv(header, lines):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in line] for line in lines)
    return text.getvalue()


def _cell(value):
    if not isinstance(value, float):
        return value
    return "" if np.isnan(value) else f"{value:.6g}"
