"""What all trainings of an experiment share: data, split, recipe; and the folder in which they lie."""

import dataclasses
import shutil

from keras_seg import losses
from keras_seg.files import make_folder
from keras_seg.terminal import say
from keras_seg.training.callbacks.clock import Clock
from keras_seg.training.fitting import Network
from keras_seg.training.folder import RunFolder
from keras_seg.training.options import check_same
from keras_seg.training.sessions import session
from keras_seg.training.setup import Setup, check_unchanged, new_setup, read_setup
from keras_seg.training.trainings import fit_into_time

SETUP, RUNS = "setup", "runs"


@dataclasses.dataclass
class Experiment:
    """Trainings that share everything but what they are to be compared in.

    Attributes:
        folder: `pathlib.Path` of the experiment. `setup/` holds what its trainings share, `runs/` the trainings.
        setup: `Setup`; its recipe is that of every training but for its loss, seed and learning rate.
        options: `Options` that each run is written with.
        cases: `PreparedCases` of the training and validation cases.
    """

    folder: object
    setup: Setup
    options: object
    cases: object

    def setup_of(self, job):
        """Return the `Setup` of a job."""
        reasons = {**self.setup.reasons, "loss.loss": f"{job.label}, one of those compared"}
        reasons["training.seed"] = "each loss is trained with the same seeds"
        return dataclasses.replace(self.setup, recipe=job.recipe(self.setup.recipe), reasons=reasons)

    def check(self, job):
        """Check that the loss of a job fits the data.

        Raises:
            ValueError: If it does not take the options that all share, or is for another number of classes.
        """
        table = job.recipe(self.setup.recipe).loss
        losses.get(table.loss, **table.options).check_classes(self.setup.fingerprint.num_classes)

    def run_of(self, job):
        """Return the path of a job's run."""
        return self.folder / RUNS / job.folder


def open_experiment(
    folder, data, options, fixed, *, jobs=(), cache=None, console=None, overwrite=False, own=(), minutes=None
):
    """Set an experiment up, or open the one that stands in a folder.

    Args:
        folder: `pathlib.Path` of the experiment.
        data: Path of the data.
        options: `Options`: split, and the minutes of each training, from which the epochs of all follow.
        fixed: What of the recipe is given, `{table: {key: value}}`.
        jobs: List of `Job` that are checked before anything is thrown away or written.
        cache: Folder of the prepared cases.
        console: `rich.console.Console` or `None`.
        overwrite: Throw away the experiment in the folder.
        own: Names of other files and folders that belong to an experiment, to be thrown away with it.
        minutes: Function that is asked for the minutes of each training when all cases are prepared. `None`: those of
            the options.

    Returns:
        `Experiment`.

    Raises:
        ValueError: If the folder holds something else, or an experiment with other options, the data have changed, or a
            job does not fit them.
        OSError: If the folder cannot be written to.
    """
    shared = RunFolder(folder / SETUP)
    _check_folder(folder, shared, own)
    make_folder(folder)
    known = shared.is_set_up and not overwrite
    if known:
        recorded, recipe = shared.read("options"), shared.read_recipe()
        given = {name: value for name, value in fixed.items() if value}
        check_same(folder, [(recorded, options.given()), (recipe.to_dict(), given)], what="experiment")
        setup = read_setup(data, shared)
        check_unchanged(data, setup.fingerprint, setup.pairs, setup.split.test)
        cases = setup.prepare(cache, console)
    else:
        setup = new_setup(data, options, fixed, console)
        for warning in setup.warnings:
            say(console, f"Note: {warning}")
        cases = setup.prepare(cache, console)
        each = dataclasses.replace(options, minutes=options.minutes if minutes is None else minutes())
        if each.minutes is not None:
            # The minutes are those of each training, without the reading of the cases, which all share.
            with session():
                fit_into_time(setup, Network(setup.recipe, setup.fingerprint), cases, each, fixed, Clock(), console)
    experiment = Experiment(folder, setup, dataclasses.replace(options, minutes=None), cases)
    for job in jobs:
        experiment.check(job)
    if not known:
        # Only now: a mistake in what is given must not cost the experiment that is to be overwritten.
        if overwrite:
            _clear(folder, shared, own)
        make_folder(shared.path)
        setup.write(shared, options)
    return experiment


def _check_folder(folder, shared, own):
    """Refuse a folder that holds something that is no experiment."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: this is a file; an experiment needs a folder to write into.")
    found = folder.iterdir() if folder.is_dir() else ()
    inside = sorted(path.name for path in found if path.name[0] != "." and path.name not in own)
    if inside and not shared.path.is_dir():
        listed = ", ".join(inside[:4])
        raise ValueError(f"{folder}: this folder holds something else ({listed}). Choose another one for the results.")


def _clear(folder, shared, own):
    """Remove an experiment, and nothing else; what makes it one goes last."""
    for name in (RUNS, *own):
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    shared.clear()
