"""Seconds: of a step, of a whole case, and how many epochs they leave room for."""

import dataclasses
import math
import time

import keras
import numpy as np

# Operations per second that count as given, of a core and of a GPU: a guess on the safe side, until steps are timed.
CORE_FLOPS = 80e9
GPU_FLOPS = 8e12
# How much slower convolutions are that XLA compiles for cores.
JAX_ON_CORES = 8
# Seconds from the first call of a step to its end, tracing included, where nothing is timed.
FIRST_STEP = 12.0
# Of a whole-case validation, beside the network: windows cut, blended, scored.
OVERHEAD = 1.3
# Time that steps take longer in a real training than when timed alone, and time that is kept in reserve.
SLOWER = 1.05
RESERVE = 0.03
# The most of the time that whole-case validation may take.
VALIDATION_SHARE = 0.25
# Steps of a training whose length nobody has limited.
STEPS = {"cpu": 5_000, "gpu": 25_000}


@dataclasses.dataclass(frozen=True)
class Timing:
    """Seconds that a recipe takes on a machine.

    Attributes:
        step: One training step.
        first_step: The first one, in which the graph is traced and compiled.
        case: The prediction and scoring of one whole case.
        measured: Whether steps were timed; else it is an estimate from the number of operations.
    """

    step: float
    first_step: float
    case: float
    measured: bool = False


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How a training fits into its time.

    Attributes:
        epochs: How many.
        every: Epochs from one validation to the next.
        cases: Cases of each validation; 0: all.
        training: Seconds of all steps.
        validation: Seconds of all validations.
        other: Seconds of what comes before the first step and after the last.
    """

    epochs: int
    every: int
    cases: int
    training: float
    validation: float
    other: float

    @property
    def minutes(self):
        """Minutes in all."""
        return (self.training + self.validation + self.other) / 60

    def values(self, fixed=None):
        """Return the values that belong into a recipe, `{"table.key": value}`.

        Args:
            fixed: What is given, `{table: {key: value}}`: left out.
        """
        values = {"training.epochs": self.epochs, "validation.every": self.every, "validation.cases": self.cases}
        given = {f"{title}.{key}" for title, table in (fixed or {}).items() for key in table}
        return {key: value for key, value in values.items() if key not in given}


def count_windows(shape, window, overlap):
    """Return how many windows of a sliding window cover an image.

    Args:
        shape: Size of the image.
        window: Size of the window.
        overlap: Share of a window that the next one covers again.
    """
    counts = []
    for size, edge in zip(shape, window, strict=True):
        step = max(1, int(edge * (1 - overlap)))
        counts.append(1 + max(0, -(-(int(size) - edge) // step)))
    return math.prod(counts)


def speed_of(resources):
    """Return the operations per second that `Resources` count for as long as nothing is timed."""
    if resources.gpu:
        return GPU_FLOPS
    return CORE_FLOPS * resources.cores / (JAX_ON_CORES if resources.backend == "jax" else 1)


def estimate_timing(work, recipe, shape, resources):
    """Guess from the number of operations what a recipe takes.

    Args:
        work: `Workload` of a patch.
        recipe: `Recipe`.
        shape: Size of a whole case.
        resources: `Resources`.

    Returns:
        `Timing`.
    """
    speed = speed_of(resources)
    windows = count_windows(shape, recipe.training.patch, recipe.validation.overlap)
    windows *= 2 ** len(recipe.validation.mirror)
    batches = math.ceil(windows / recipe.inference.batch_size)
    case = OVERHEAD * batches * recipe.inference.batch_size * work.flops / speed
    return Timing(work.step_flops(recipe.training.batch_size) / speed, FIRST_STEP, case)


def time_step(model, recipe, *, shape=None, batches=None, validate=None, steps=4):
    """Time a few training steps and one whole-case prediction; the model is left as it was.

    The first step, in which the graph is made, is timed apart.

    Args:
        model: A compiled model, as `build` makes it.
        recipe: `Recipe`.
        shape: Size of a whole case on the prepared grid. By default that of the patch.
        batches: A `keras.utils.PyDataset` to train on, such as `keras_seg.data.Patches`, so that the time for making
            batches counts. By default one batch of noise.
        validate: Function of no arguments that predicts and scores one whole case. By default windows of noise are
            predicted, as many as the case needs.
        steps: How many steps are timed.

    Returns:
        `Timing`.
    """
    weights = [keras.ops.convert_to_numpy(variable) for variable in model.variables]
    state = [keras.ops.convert_to_numpy(variable) for variable in model.optimizer.variables]
    clock = _Clock()
    try:
        first_batch = _Noise(model, recipe, 1 + steps) if batches is None else batches
        model.fit(first_batch, epochs=1, steps_per_epoch=1 + steps, shuffle=False, callbacks=[clock], verbose=0)
        case = _time_case(model, recipe, shape or recipe.training.patch, validate)
    finally:
        for variables, values in ((model.variables, weights), (model.optimizer.variables, state)):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
        model.stop_training = False
    return Timing(float(np.median(clock.seconds[1:])), clock.seconds[0], case, measured=True)


def epochs_for(recipe, timing, minutes=None, *, validation_cases=0, spent=0.0):
    """Fit a training into its time.

    Validation takes a quarter of the time at most: first it is done less often than after each epoch, up to a tenth of
    the training apart; then on fewer cases.

    Args:
        recipe: `Recipe`; its batch size, steps per epoch and, without `minutes`, epochs are taken.
        timing: `Timing`.
        minutes: The whole time, from the first file read to the last file written. `None`: as many epochs as the recipe
            says.
        validation_cases: Cases that there are for validation.
        spent: Seconds that are already over, or that reading and preparing the cases will take.

    Returns:
        `Schedule`. It has one epoch at least, however short the time is.
    """
    epoch = recipe.training.steps_per_epoch * timing.step * SLOWER
    # All validation cases are scored once more at the end.
    other = spent + timing.first_step + timing.case * validation_cases
    if minutes is None:
        epochs, cases = recipe.training.epochs, recipe.validation.cases or validation_cases
        every = _validate_every(epochs, epoch, cases, timing)
    else:
        left = max(0.0, 60 * minutes * (1 - RESERVE) - other)
        epochs, every, cases = _fill(left, epoch, validation_cases, timing.case)
    rounds = math.ceil(epochs / every) if cases else 0
    subset = 0 if cases >= validation_cases else cases
    return Schedule(epochs, every, subset, epochs * epoch, rounds * cases * timing.case, other)


def _validate_every(epochs, epoch, cases, timing):
    """How many epochs lie between two validations so that they take a quarter of the time at most."""
    allowed = epochs * epoch * VALIDATION_SHARE / (1 - VALIDATION_SHARE)
    rounds = max(1, int(allowed / max(cases * timing.case, 1e-9)))
    return min(epochs, math.ceil(epochs / rounds))


def _fill(left, epoch, cases, case):
    """Return epochs, epochs between validations and cases per validation that fill the seconds left."""
    if not cases:
        return max(1, int(left / epoch)), 1, 0
    # Ten looks at the validation cases tell when the best epoch was; fewer cases than six tell little.
    allowed = left * VALIDATION_SHARE
    taken = min(cases, max(min(cases, 6), int(allowed / 10 / case)))
    while taken > 1 and taken * case > allowed / 2:
        taken -= 1
    rounds = max(1, int(allowed / (taken * case)))
    epochs = max(1, int((left - min(rounds, left / epoch) * taken * case) / epoch))
    every = max(1, math.ceil(epochs / rounds))
    # What validations leave of their share is time for epochs.
    epochs = max(1, int(left / (epoch + taken * case / every)))
    return epochs, min(every, epochs), taken


def _time_case(model, recipe, shape, validate):
    if validate is not None:
        validate()
        start = time.perf_counter()
        validate()
        return time.perf_counter() - start
    size = recipe.inference.batch_size
    noise = np.random.default_rng(0).standard_normal((size, *recipe.training.patch, model.inputs[0].shape[-1]))
    noise = noise.astype("float32")
    model.predict_on_batch(noise)
    start = time.perf_counter()
    model.predict_on_batch(noise)
    batch = time.perf_counter() - start
    windows = count_windows(shape, recipe.training.patch, recipe.validation.overlap)
    return OVERHEAD * batch * math.ceil(windows * 2 ** len(recipe.validation.mirror) / size)


class _Noise(keras.utils.PyDataset):
    """The same batch of noise, over and over."""

    def __init__(self, model, recipe, steps):
        super().__init__()
        generator = np.random.default_rng(0)
        size, patch = recipe.training.batch_size, recipe.training.patch
        self.steps = steps
        self.x = generator.standard_normal((size, *patch, model.inputs[0].shape[-1])).astype("float32")
        y = generator.integers(0, model.outputs[0].shape[-1], (size, *patch)).astype("uint8")
        self.y = y if len(model.outputs) == 1 else (y,) * len(model.outputs)

    def __len__(self):
        return self.steps

    def __getitem__(self, index):
        return self.x, self.y


class _Clock(keras.callbacks.Callback):
    """Seconds of each step, from one end to the next, waiting for its batch included."""

    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_train_begin(self, logs=None):
        self.last = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        now = time.perf_counter()
        self.seconds.append(now - self.last)
        self.last = now
