"""The decisions of a plan, one function for each part of a recipe; each with its reason."""

import math
import re

from keras_seg.training.network import untrained
from keras_seg.training.planning import scale, timing
from keras_seg.training.planning.workload import workload
from keras_seg.training.recipes.consistency import check_network, factor_of
from keras_seg.training.recipes.recipe import Recipe
from keras_seg.training.recipes.recipe_tables import NetworkTable

# Width of the first level by network: on cores, and on a GPU.
FILTERS = {"unet": (16, 32), "vnet": (8, 16)}
# Steps of a training that a time limit should leave room for, on cores and on a GPU, and the share of the time that
# they get. A step is made larger only if this many fit.
WANTED_STEPS = (1400, 5000)
STEPS_SHARE = 0.7
# Seconds of a step, least and most, on cores and on a GPU.
STEP_SECONDS = ((0.6, 0.9), (0.2, 0.8))
# Epochs that a time limit should leave room for.
FEWEST_EPOCHS = 10
# Times that a case is seen from which on small changes of it are learnt by heart.
OFTEN = 25
# Names of classes that a flip would swap.
SIDE = re.compile(r"(^|[^a-z])(left|right|lh|rh)([^a-z]|$)", re.IGNORECASE)
# Seconds for reading and preparing a case.
PREPARATION = 0.3
# Smallest and largest batch by rank.
BATCHES = {1: (4, 32), 2: (4, 16), 3: (2, 8)}


def check_rank(fixed, fingerprint):
    """Raise a `ValueError` if a given list is for another number of axes than the data have."""
    rank = fingerprint.rank
    lists = {"training.patch": fixed.get("training", {}).get("patch")}
    lists["data.spacing"] = fixed.get("data", {}).get("spacing")
    for step, stride in enumerate(fixed.get("network", {}).get("strides", ())):
        lists[f"network.strides[{step}]"] = stride
    for key, value in lists.items():
        if isinstance(value, tuple) and len(value) != rank:
            raise ValueError(
                f"`{key}` is {list(value)}, for {len(value)} axes, but the data are {rank}D. Give {rank} numbers, or "
                f"leave it out so that it is chosen from the data."
            )


def decide_data(draft, facts):
    """Choose the spacing and the normalization."""
    from keras_seg.data import looks_like_ct

    found = facts.fingerprint
    median = tuple(float(f"{size:.6g}") for size in found.median_spacing)
    if facts.rank < 3 and all(size == 1 for size in median):
        spacing = draft.decide("data.spacing", "stored", "the files say nothing about the size of a pixel")
    else:
        same = all(abs(a / b - 1) < 0.01 for case in found.spacings for a, b in zip(case, median, strict=True))
        reason = "the spacing of all cases" if same else "the median of all cases, in mm per axis"
        chosen = _coarsened(facts, median)
        if chosen != median:
            reason = (
                f"coarser than {_times(median)} mm, {reason}: in {facts.minutes:g} minutes the network then sees more "
                f"of each of the {facts.training} training cases"
            )
        spacing = draft.decide("data.spacing", chosen, reason)
        if spacing == chosen != median and draft.given("data.spacing") is None:
            name, voxels = facts.smallest()
            draft.warnings.append(
                f"Images are resampled from {_times(median)} to {_times(chosen)} mm to fit the time; '{name}', the "
                f"smallest class, keeps about {voxels * math.prod(median) / math.prod(chosen):.0f} voxels in a case. "
                f"With more time, or where it is made of many small parts, set `data.spacing` to {list(median)}."
            )
    is_ct, reason = looks_like_ct(found.intensities, facts.channel_names)
    draft.decide("data.normalization", "ct" if is_ct else "zscore", reason)
    return spacing


def decide_size(draft, facts):
    """Choose network, filters, strides, patch and batch size; return the `Workload` of a patch."""
    model = draft.decide("network.model", "unet", "trains faster than a V-Net of the same quality")
    draft.decide("network.options", {}, "the builder's own")
    filters, strides = draft.given("network.filters"), draft.given("network.strides")
    base = FILTERS.get(model, FILTERS["unet"])[facts.gpu]
    supervised = draft.decide(
        "network.deep_supervision",
        bool(facts.gpu and (strides is None or len(strides) >= 3) and (filters is None or len(filters) >= 4)),
        "coarse levels that predict too help long trainings" if facts.gpu else "on cores, more steps help more",
    )
    precision = draft.decide("training.precision", "float32", "the same numbers on every machine")
    spacing = draft.value("data.spacing")
    shape, voxel = facts.shape(spacing), facts.voxel(spacing)
    machine = _machine(facts, spacing)
    made = {}

    def width(strides):
        return filters or scale.choose_filters(base, len(strides) + 1, facts.rank)

    def cost(strides, patch):
        if strides not in made:
            network = NetworkTable(
                model=model,
                filters=width(strides),
                strides=strides,
                deep_supervision=supervised,
                options=draft.value("network.options"),
            )
            check_network(network)
            small = tuple(4 * by for by in factor_of(strides, facts.rank))
            made[strides] = workload(untrained(network, precision, facts.fingerprint), small), math.prod(small)
        work, voxels = made[strides]
        return work.scaled(math.prod(patch) / voxels)

    least, most = BATCHES[facts.rank]
    steps = len(filters) - 1 if filters else 4 if not facts.gpu else 5 if facts.rank == 3 else 6
    patch, strides, batch, limit = scale.settle(
        shape,
        voxel,
        machine,
        cost,
        steps=steps,
        exact=filters is not None,
        batches=(least, max(least, min(most, facts.training))),
        strides=strides,
        patch=draft.given("training.patch"),
        batch=draft.given("training.batch_size"),
    )
    _note_size(draft, facts, shape, voxel, patch, strides, batch, limit, width(strides))
    return cost(strides, patch)


def decide_training(draft, facts):
    """Choose the loss and the optimizer, and whatever else has a good value for all data."""
    draft.decide("loss.loss", "dice_ce", "overlap and voxels together, which holds for most data")
    share = min(facts.fingerprint.class_shares[1:], default=1.0)
    drowned = ", ".join(facts.drowned(draft.value("data.spacing"), draft.value("training.patch")))
    options, reason = {}, "the loss's own"
    # One that says so itself, perhaps for a single member, is taken at its word.
    if drowned and "include_background" not in draft.value("loss.loss"):
        options = {"include_background": False}
        reason = f"{drowned}: so rare that an overlap of the background would drown it"
    draft.decide("loss.options", options, reason)
    whole = math.prod(facts.shape(draft.value("data.spacing"))) <= 2 * math.prod(draft.value("training.patch"))
    rare = share < 0.01 and not whole
    reason = f"the rarest class covers {100 * share:.2g} % of the voxels" if rare else "as nnU-Net"
    draft.decide("training.foreground", 0.5 if rare else 0.33, reason)
    draft.decide("training.optimizer", "adamw", "bears high learning rates, which short trainings need")
    draft.decide("training.learning_rate", 2e-3, "of AdamW, with normalized layers")
    draft.decide("training.weight_decay", 4e-3, "of the kernels only")
    draft.decide("training.schedule", "cosine", "ends with small steps")
    draft.decide("training.clip_norm", 12.0, "cuts rare jumps of the gradient only, as nnU-Net")
    draft.decide("training.seed", 0, "any number")
    draft.decide("training.deterministic", False, "the same weights bit by bit cost speed")


def decide_augmentation(draft, facts, work):
    """Choose the preset, and write out its fields."""
    from keras_seg.data import Augmentation

    few = facts.training < 12
    short = not facts.gpu and not few and _sightings(draft, facts, work) < OFTEN
    preset = draft.decide(
        "augmentation.preset",
        "light" if short else "default",
        "small changes: the training is too short to overfit"
        if short
        else f"there are only {facts.training} training cases"
        if few
        else "each case is seen often",
    )
    fields = dict(vars(Augmentation.preset(preset, facts.rank)))
    flips, reason = _flips(facts, fields.pop("flip"))
    draft.decide("augmentation.flip", flips, reason)
    for key, value in fields.items():
        draft.decide(f"augmentation.{key}", value, None)


def _sightings(draft, facts, work):
    """Return how often the training will see each case as a whole, about."""
    epochs = draft.given("training.epochs")
    if epochs is not None:
        return epochs
    steps = timing.STEPS["gpu" if facts.gpu else "cpu"]
    if facts.minutes is not None:
        steps = _affordable(facts, work, draft.value("training.batch_size"))
    voxels = math.prod(facts.shape(draft.value("data.spacing")))
    share = min(1.0, math.prod(draft.value("training.patch")) / voxels)
    return steps * draft.value("training.batch_size") * share / facts.training


def _affordable(facts, work, batch):
    """Return how many steps fit into the time, by an estimate of the speed."""
    return 60 * facts.minutes * STEPS_SHARE * _speed(facts) / work.step_flops(batch)


def _flips(facts, flips):
    """Return the probability of a flip along each axis, and why it is not the preset's."""
    if not flips:
        return flips, None
    sided = next((name for name in facts.fingerprint.class_names if SIDE.search(name)), None)
    oriented = facts.rank == 3 and facts.fingerprint.oriented
    if sided is not None and not oriented:
        return (), f"a flip would make '{sided}' of the other side's class"
    if sided is not None:
        return (0.0, *flips[1:]), f"not from left to right, which would make '{sided}' of the other side's class"
    if oriented and not facts.gpu:
        return (flips[0], 0.0, 0.0), "left and right of a body are alike; front and back, up and down are not"
    return flips, None


def decide_inference(draft, facts):
    """Choose the overlap of windows, mirroring and how many windows go through the network at once."""
    spacing, patch = draft.value("data.spacing"), draft.value("training.patch")
    windows = timing.count_windows(facts.shape(spacing), patch, 0.5)
    draft.decide("inference.overlap", 0.5, "as nnU-Net")
    many = windows > 24
    reason = f"{windows} windows a case would take long while training" if many else "as in inference"
    draft.decide("validation.overlap", 0.25 if many else 0.5, reason)
    draft.decide("validation.mirror", (), "costs time while training")
    if many and not facts.gpu:
        axes, reason = (), f"{windows} windows a case take long enough"
    else:
        flips = draft.value("augmentation.flip")
        axes, reason = tuple(axis for axis, share in enumerate(flips) if share > 0), "the axes that training flips"
    draft.decide("inference.mirror", axes, reason)
    size = min(windows, 4 if not facts.gpu else 2 * draft.value("training.batch_size"))
    draft.decide("inference.batch_size", size, f"a typical case has {windows} window{'s' if windows > 1 else ''}")


def decide_length(draft, facts, work):
    """Choose epochs, their steps, and when to validate; return the `Recipe`, its `Schedule` and its `Timing`."""
    spacing, patch = draft.value("data.spacing"), draft.value("training.patch")
    shape, batch = facts.shape(spacing), draft.value("training.batch_size")
    visits = max(1.0, min(4.0, math.prod(shape) / math.prod(patch)))
    steps = min(250, max(25, math.ceil(facts.training * visits / batch)))
    each = "once" if visits < 1.5 else f"{visits:.2g} times"
    reason = f"each of the {facts.training} training cases about {each}"
    if facts.minutes is not None:
        affordable = _affordable(facts, work, batch)
        if affordable / FEWEST_EPOCHS < steps:
            steps, reason = max(5, int(affordable / FEWEST_EPOCHS)), f"so that {FEWEST_EPOCHS} epochs fit into the time"
    steps = draft.decide("training.steps_per_epoch", steps, reason)
    usual = max(1, timing.STEPS["gpu" if facts.gpu else "cpu"] // steps)
    rest = {"epochs": draft.given("training.epochs") or usual, "warmup_steps": 0, "ema": 0.99}
    trial = Recipe.from_dict({**draft.tables, "training": {**draft.tables["training"], **rest}})
    guess = timing.estimate_timing(work, trial, shape, facts.resources)
    budget = facts.minutes if draft.given("training.epochs") is None else None
    schedule = timing.epochs_for(
        trial, guess, budget, validation_cases=facts.validation, spent=PREPARATION * len(facts.fingerprint.names)
    )
    reason = f"what fits into {facts.minutes:g} minutes" if budget else f"about {usual * steps} steps in all"
    epochs = draft.decide("training.epochs", schedule.epochs, reason)
    total = epochs * steps
    draft.decide("training.warmup_steps", min(50, total // 20), "the first gradients are large")
    ema = 0.999 if total > 10_000 else 0.99 if total >= 500 else 0.95
    draft.decide("training.ema", ema, f"averages the weights of about {round(1 / (1 - ema))} steps")
    reason = "validation takes a quarter of the time at most"
    draft.decide("validation.every", schedule.every, reason)
    every = "all of them" if schedule.cases == 0 else reason
    draft.decide("validation.cases", schedule.cases, every)
    return Recipe.from_dict(draft.tables), schedule, guess


def _machine(facts, spacing):
    """Return what a step may take, in memory and in operations."""
    least, most = STEP_SECONDS[facts.gpu]
    seconds = most
    if facts.minutes is not None:
        seconds = min(most, max(least, 60 * facts.minutes * STEPS_SHARE / WANTED_STEPS[facts.gpu]))
    return scale.Machine(facts.gpu, facts.memory(spacing), seconds * _speed(facts))


def _speed(facts):
    return timing.speed_of(facts.resources)


def _coarsened(facts, median):
    """Return the spacing, coarser than the median where a short time on cores would else show too little."""
    if facts.gpu or facts.minutes is None or facts.rank < 3:
        return median
    # A network of the usual width takes about this many operations a voxel in a step.
    voxels = 60 * facts.minutes * STEPS_SHARE * _speed(facts) / (3 * 110_000)
    return scale.coarser_spacing(median, facts.shape(median), facts.smallest()[1], voxels, facts.training)


def _note_size(draft, facts, shape, voxel, patch, strides, batch, limit, filters):
    """Note patch, strides, batch size and filters with their reasons."""
    factor = factor_of(strides, facts.rank)
    if all(size >= of for size, of in zip(patch, shape, strict=True)):
        why = f"covers the median image, {_times(shape)}, in multiples of {_times(factor)}"
    else:
        lengths = _times([size * mm for size, mm in zip(patch, voxel, strict=True)])
        unit = f", {lengths} mm" if facts.rank == 3 else ""
        why = f"the largest part of the median image, {_times(shape)}, that {limit} allows{unit}"
    draft.decide("training.patch", patch, why)
    draft.decide("training.batch_size", batch, f"what {limit} allows")
    why = f"halved while {scale.LOWEST} voxels are left"
    if any(len({*step}) > 1 for step in strides):
        why += ", and not before the other axes are as coarse"
    draft.decide("network.strides", scale.simplify(strides), why)
    where = "a GPU" if facts.gpu else "cores"
    draft.decide("network.filters", filters, f"begins at a width for {where}, twice as wide per level")


def _times(sizes):
    return " x ".join(f"{size:.4g}" for size in sizes)
