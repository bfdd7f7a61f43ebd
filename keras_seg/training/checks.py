"""What is in a folder of cases, and what training on it would be like here; nothing is trained."""

import dataclasses
import time

import numpy as np

from keras_seg import data as datasets
from keras_seg.terminal import open_console, tracker
from keras_seg.training.network import build
from keras_seg.training.options import Options
from keras_seg.training.planning.machine import Resources, resources
from keras_seg.training.planning.plans import Plan, plan
from keras_seg.training.planning.timing import Schedule, Timing, epochs_for, time_step
from keras_seg.training.recipes.partial import partial_of
from keras_seg.training.setup import make_split

# Cases that are prepared to time steps with.
TIMED_CASES = 4


@dataclasses.dataclass(frozen=True)
class CheckReport:
    """What `check_data` found.

    Attributes:
        folder: `keras_seg.data.Folder`.
        label_map: `LabelMap`.
        fingerprint: `Fingerprint`.
        plan: `Plan`: the recipe, its reasons, warnings, the memory.
        resources: `Resources` of this machine.
        timing: `Timing`, measured.
        schedule: `Schedule`: epochs and minutes by that timing.
        parameters: Number of weights of the network.
        fixed: What of the recipe was given, `{table: {key: value}}`.
    """

    folder: object
    label_map: object
    fingerprint: object
    plan: Plan
    resources: Resources
    timing: Timing
    schedule: Schedule
    parameters: int
    fixed: dict = dataclasses.field(default_factory=dict)

    @property
    def recipe(self):
        """`Recipe` with the epochs that the measured speed leaves room for."""
        return self.plan.recipe.replace(**self.schedule.values(self.fixed))

    def show(self, console="auto"):
        """Print the report.

        Args:
            console: `rich.console.Console`; `"auto"` for one on the standard output.
        """
        from keras_seg.training.check_tables import show

        show(self, open_console(console))


def check_data(folder, minutes=None, *, fixed=None, validation=None, test=0, cache=None, console=None, machine=None):
    """Look at a folder of images and masks, and choose and time the recipe that `train` would follow.

    All files are read once, so that each mistake in them is found now.

    Args:
        folder: Path of the data.
        minutes: Time that training may take, or `None`.
        fixed: What of the recipe is given: path of a file, a `Recipe`, `{table: {key: value}}` or
            `{"table.key": value}`.
        validation: Number of validation cases; `None`: a fifth, at most 20.
        test: Number of cases kept for a test.
        cache: Where prepared cases are kept; a few are prepared to time steps with.
        console: `rich.console.Console` that shows how far it came, or `None`.
        machine: `Resources` to plan for; by default those of this machine.

    Returns:
        `CheckReport`.

    Raises:
        ValueError: For each mistake in the data or in what is given; the message names the file or the key.
    """
    fixed = partial_of(fixed)
    start = time.monotonic()
    opened = datasets.open_folder(folder)
    label_map = datasets.find_label_map(opened, progress=tracker(console, "reading labels"))
    found = datasets.fingerprint(opened, label_map, progress=tracker(console, "reading cases"))
    read = time.monotonic() - start
    machine = machine or resources()
    made = plan(
        found,
        resources=machine,
        minutes=minutes,
        fixed=fixed,
        validation_cases=validation,
        test_cases=test,
        channel_names=opened.channel_names,
    )
    made.warnings.extend(_of_split(found, validation, test))
    model = build(made.recipe, found)
    timing, prepared = _time(model, made.recipe, opened, label_map, found, cache, console)
    held = min(20, max(1, (len(found.names) - test) // 5)) if validation is None else validation
    given = "epochs" in fixed.get("training", {})
    schedule = epochs_for(
        made.recipe,
        timing,
        None if given else minutes,
        validation_cases=held,
        spent=read + prepared * len(found.names),
    )
    return CheckReport(opened, label_map, found, made, machine, timing, schedule, model.count_params(), fixed)


def _of_split(found, validation, test):
    """What is wrong with the split that `train` makes, unless it is told otherwise: no text, or one."""
    try:
        found.check_split(make_split(found.names, Options(validation=validation, test=test)))
    except ValueError as error:
        return [str(error)]
    return []


def _time(model, recipe, opened, label_map, found, cache, console):
    """Return the `Timing` of steps on a few prepared cases, and the seconds that the preparation of a case takes."""
    pairs = _typical(opened.pairs, found)
    start = time.monotonic()
    cases = datasets.prepare(
        pairs,
        label_map,
        None if recipe.data.spacing == "stored" else recipe.data.spacing,
        datasets.Normalization.of(recipe.data.normalization, found),
        cache,
        progress=tracker(console, "timing"),
    )
    prepared = (time.monotonic() - start) / len(pairs)
    steps = 4
    batches = datasets.Patches(
        cases,
        recipe.training.patch,
        recipe.training.batch_size,
        1 + steps,
        foreground=recipe.training.foreground,
        augmentation=recipe.augmentation.make(recipe.rank),
        seed=recipe.training.seed,
        outputs=len(model.outputs),
    )
    shape = found.median_shape_at(None if recipe.data.spacing == "stored" else recipe.data.spacing)
    return time_step(model, recipe, shape=shape, batches=batches, steps=steps), prepared


def _typical(pairs, found):
    """Return a few pairs whose cases are nearest to the median size."""
    sizes = {case.name: np.prod(case.shape) for case in found.cases}
    middle = np.median(list(sizes.values()))
    return sorted(pairs, key=lambda pair: abs(sizes[pair.name] - middle))[:TIMED_CASES]
