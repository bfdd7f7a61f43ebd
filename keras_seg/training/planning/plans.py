"""From a data set's fingerprint, the machine and the time to a recipe."""

import dataclasses

from keras_seg.training.planning import decisions, timing
from keras_seg.training.planning.cautions import warnings_of
from keras_seg.training.planning.draft import Draft, Facts
from keras_seg.training.planning.workload import Workload
from keras_seg.training.recipes.partial import partial_of
from keras_seg.training.recipes.recipe import Recipe


@dataclasses.dataclass(frozen=True)
class Plan:
    """A recipe, and why it is so.

    Attributes:
        recipe: `Recipe`.
        reasons: `{"training.patch": "..."}`, one sentence per value.
        warnings: What a user should know, a list of sentences.
        workload: `Workload` of one patch.
        memory: Bytes that training will hold at its peak: of the GPU, or of main memory, the process included.
        schedule: `Schedule` by an estimate of the speed; `time_step` and `epochs_for` make a better one.
    """

    recipe: Recipe
    reasons: dict
    warnings: list
    workload: Workload
    memory: int
    schedule: timing.Schedule


def plan(
    fingerprint,
    *,
    resources,
    minutes=None,
    fixed=None,
    validation_cases=None,
    test_cases=0,
    channel_names=None,
):
    """Choose a recipe for a data set, a machine and a time.

    Args:
        fingerprint: `keras_seg.data.Fingerprint`.
        resources: `Resources`.
        minutes: Time for everything, or `None` for a training of the usual length.
        fixed: What is given: a part of a recipe, `{table: {key: value}}` or `{"table.key": value}`, a `Recipe`, or the
            path of a file. The rest is chosen to fit.
        validation_cases: Cases kept for validation. `None`: a fifth, at most 20.
        test_cases: Cases kept for a test at the end.
        channel_names: Names of the channels, where the folder says them: CT is then known for sure.

    Returns:
        `Plan`.

    Raises:
        ValueError: If `minutes` is not above 0, or what is given cannot be, or does not fit the data.
    """
    if minutes is not None and not minutes > 0:
        raise ValueError(f"`minutes` must be above 0, or `None` for no limit. Received: {minutes!r}.")
    fixed = partial_of(fixed)
    decisions.check_rank(fixed, fingerprint)
    total = len(fingerprint.names)
    held = min(20, max(1, (total - test_cases) // 5)) if validation_cases is None else validation_cases
    facts = Facts(fingerprint, resources, minutes, max(1, total - held - test_cases), held, channel_names)
    draft = Draft(fixed)
    decisions.decide_data(draft, facts)
    work = decisions.decide_size(draft, facts)
    decisions.decide_training(draft, facts)
    decisions.decide_augmentation(draft, facts, work)
    decisions.decide_inference(draft, facts)
    recipe, schedule, guess = decisions.decide_length(draft, facts, work)
    memory = work.memory(recipe.training.batch_size)
    if not facts.gpu:
        memory += facts.reserved(recipe.data.spacing)
    warnings = draft.warnings + warnings_of(draft, facts, recipe, memory, schedule, guess)
    return Plan(recipe, draft.reasons, warnings, work, memory, schedule)
