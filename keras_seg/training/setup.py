"""What a run is before its first step: the data looked at, split and planned for; kept in the run's folder."""

import dataclasses
import pathlib
import platform

import keras
import numpy as np

from keras_seg import data as datasets
from keras_seg.terminal import tracker
from keras_seg.training.planning.machine import resources
from keras_seg.training.planning.plans import plan
from keras_seg.training.recipes.recipe import Recipe

# A fifth of the cases validates, at most this many.
MOST_VALIDATION_CASES = 20


@dataclasses.dataclass
class Setup:
    """What a run is made of.

    Attributes:
        recipe: `Recipe`.
        path: Path of the data.
        pairs: `{name: Pair}`.
        label_map: `LabelMap`.
        fingerprint: `Fingerprint`.
        normalization: `Normalization`.
        split: `Split`.
        reasons: Why the recipe is what it is, `{"training.patch": "..."}`.
        warnings: Texts that the user should see.
    """

    recipe: Recipe
    path: pathlib.Path
    pairs: dict
    label_map: object
    fingerprint: object
    normalization: object
    split: object
    reasons: dict = dataclasses.field(default_factory=dict)
    warnings: list = dataclasses.field(default_factory=list)

    @property
    def class_names(self):
        """Names of the foreground classes."""
        return list(self.fingerprint.class_names[1:])

    @property
    def spacing(self):
        """Spacing that cases are brought to, in mm, or `None` where each keeps its own."""
        return None if self.recipe.data.spacing == "stored" else tuple(self.recipe.data.spacing)

    def prepare(self, cache, console):
        """Return `PreparedCases` of the training and validation cases."""
        return datasets.prepare(
            [self.pairs[name] for name in (*self.split.train, *self.split.validation)],
            self.label_map,
            self.spacing,
            self.normalization,
            cache,
            progress=tracker(console, "preparing"),
        )

    def write(self, folder, options):
        """Write everything into a `RunFolder`; what makes it a run, the options, last."""
        self.recipe.save(folder.recipe, self.reasons)
        folder.write("split", self.split._asdict())
        values = {
            "path": str(self.path),
            "class_names": list(self.fingerprint.class_names),
            "label_map": self.label_map.to_dict(),
            "normalization": self.normalization.to_dict(),
            "fingerprint": self.fingerprint.to_dict(),
            "reasons": self.reasons,
        }
        folder.write("data", values)
        folder.write("versions", versions())
        folder.write("options", options.to_dict())


def new_setup(path, options, fixed, console):
    """Look at the data, split it, and choose a recipe.

    Args:
        path: Path of the data.
        options: `Options`.
        fixed: What of the recipe is given, `{table: {key: value}}`.
        console: `rich.console.Console` or `None`.

    Returns:
        A `Setup`.
    """
    folder = datasets.open_folder(path)
    label_map = datasets.find_label_map(folder, progress=tracker(console, "reading labels"))
    found = datasets.fingerprint(folder, label_map, progress=tracker(console, "reading cases"))
    split = make_split(found.names, options)
    found.check_split(split)
    # What is kept for the test has no say in how the network is trained.
    seen = dataclasses.replace(found, cases=tuple(case for case in found.cases if case.name not in split.test))
    made = plan(
        seen,
        resources=resources(),
        minutes=options.minutes,
        fixed=fixed,
        validation_cases=len(split.validation),
        channel_names=folder.channel_names,
    )
    normalization = datasets.Normalization.of(made.recipe.data.normalization, found, split.train)
    pairs = {pair.name: pair for pair in folder.pairs}
    return Setup(
        made.recipe,
        pathlib.Path(path),
        pairs,
        label_map,
        found,
        normalization,
        split,
        dict(made.reasons),
        list(made.warnings),
    )


def read_setup(path, folder):
    """Read the setup of a run, and find its cases in the data.

    Args:
        path: Path of the data, which may have moved.
        folder: `RunFolder`.

    Raises:
        ValueError: If a file of the run cannot be read, or the data are no longer those of the run.
    """
    values = folder.read("data")
    split = datasets.Split(**folder.read("split"))
    found = datasets.Fingerprint.from_dict(values["fingerprint"])
    pairs = {pair.name: pair for pair in datasets.open_folder(path).pairs}
    check_unchanged(path, found, pairs, [*split.train, *split.validation])
    return Setup(
        folder.read_recipe(),
        pathlib.Path(path),
        pairs,
        datasets.LabelMap.from_dict(values["label_map"]),
        found,
        datasets.Normalization.from_dict(values["normalization"]),
        split,
        # A run of an earlier version has them in its recipe alone.
        values.get("reasons", {}),
    )


def check_unchanged(path, found, pairs, names):
    """Refuse to go on with a run whose cases are gone or hold something else; they may have moved.

    Args:
        path: Path of the data, for the message.
        found: `Fingerprint` that the run was started with.
        pairs: `{name: Pair}` of the data as they are now.
        names: Names of the cases that the run needs.
    """
    facts = {case.name: case for case in found.cases}
    for name in names:
        if name not in pairs:
            raise ValueError(
                f"{path}: the run trains on the case {name!r}, which is not there. Give the folder that the run was "
                "started with."
            )
        pair = pairs[name]
        now = sorted(
            (pathlib.Path(file).name, pathlib.Path(file).stat().st_size) for file in (*pair.images, pair.label)
        )
        then = sorted((pathlib.Path(file).name, values[0]) for file, values in facts[name].files.items())
        if now != then:
            raise ValueError(
                f"{path}: the case {name!r} is not the one that the run was started with: its files are {_files(now)} "
                f"now and were {_files(then)} then. Bring it back, or train anew into another folder."
            )


def make_split(names, options):
    """Return the `Split` that the options ask for."""
    groups = None if options.groups is None else datasets.read_groups(options.groups, names)
    if options.folds is not None:
        return datasets.folds(names, options.folds, options.fold, options.split_seed, groups, test=options.test)
    if len(names) < 2:
        raise ValueError(f"Training needs at least two cases, one of which validates, but there is {len(names)}.")
    share = min(MOST_VALIDATION_CASES, max(1, len(names) // 5))
    validation = share if options.validation is None else options.validation
    return datasets.split(names, options.test, validation, options.split_seed, groups)


def versions():
    """Return what a run was made with: libraries, backend, machine."""
    from keras_seg import __version__

    backend = keras.backend.backend()
    return {
        "keras_seg": __version__,
        "keras": keras.__version__,
        "backend": backend,
        backend: getattr(__import__(backend), "__version__", ""),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": resources().describe(),
    }


def _files(files):
    return ", ".join(f"{name} ({size} bytes)" for name, size in files)
