"""What a user should know of a plan before the training starts."""

from keras_seg.training.planning.draft import GPU_MEMORY

# A patch whose longest side is shorter than this, in longer images, shows too little.
SHORT = 32
# Fewer steps learn little.
FEW_STEPS = 300


def warnings_of(draft, facts, recipe, memory, schedule, timing):
    """Return what a user should know, a list of sentences.

    Args:
        draft: `Draft`.
        facts: `Facts`.
        recipe: `Recipe`.
        memory: Bytes that the training will hold.
        schedule: `Schedule`.
        timing: `Timing` that the schedule was made with.
    """
    found = [*_memory(facts, memory), *_patch(draft, facts, recipe), *_time(draft, facts, recipe, schedule, timing)]
    return [*found, *_rare(facts, recipe), *_cases(facts)]


def _memory(facts, memory):
    have = facts.resources.gpu_memory if facts.gpu else facts.resources.memory
    if facts.gpu and not have:
        have = GPU_MEMORY
        yield (
            f"Nothing tells how much memory the GPU has. The recipe is for {have / 1e9:.0f} GB; with more, choose a "
            f"larger `training.batch_size`."
        )
    if memory > have:
        yield (
            f"Training will need about {memory / 1e9:.1f} GB of memory, and {have / 1e9:.1f} GB are free. Make "
            f"`training.patch` or `training.batch_size` smaller, or `network.filters` narrower."
        )


def _patch(draft, facts, recipe):
    shape, patch = facts.shape(recipe.data.spacing), recipe.training.patch
    if draft.given("training.patch") is None and max(patch) < min(SHORT, max(shape)):
        yield (
            f"There is room for patches of {' x '.join(map(str, patch))} voxels only, too few to tell one structure "
            f"from another. Free some memory or give more time, make `network.filters` narrower, or `data.spacing` "
            f"coarser."
        )


def _time(draft, facts, recipe, schedule, timing):
    steps = schedule.epochs * recipe.training.steps_per_epoch
    if facts.resources.backend == "jax" and not facts.gpu:
        yield (
            "JAX computes on the cores here, where its convolutions are several times slower than TensorFlow's. Set "
            "the environment variable KERAS_BACKEND=tensorflow."
        )
    scores = timing.case * facts.validation / 60
    if facts.minutes and schedule.minutes > facts.minutes:
        yield (
            f"This will take about {schedule.minutes:.3g} minutes, more than the {facts.minutes:g} given. Give more "
            f"time, or fewer `training.epochs`."
        )
    elif steps < FEW_STEPS and draft.given("training.epochs") is None:
        yield f"There is time for {steps} steps only, too few to learn much; 1000 are a start. Give more time."
    if facts.minutes and scores > facts.minutes / 4:
        yield (
            f"Scoring all {facts.validation} validation cases once takes about {scores:.2g} of the {facts.minutes:g} "
            f"minutes. Hold fewer cases out for validation."
        )


def _rare(facts, recipe):
    from keras_seg import losses

    rare = facts.drowned(recipe.data.spacing, recipe.training.patch)
    loss = losses.get(recipe.loss.loss, **recipe.loss.options)
    overlaps = any(isinstance(member, losses.RegionLoss) for member in loss.members())
    if rare and overlaps and loss.include_background:
        name = min(rare, key=rare.get)
        yield (
            f"{name} covers {100 * rare[name]:.2g} % of the voxels, and `{loss}` averages in the "
            f"overlap of the background, where nearly all is right: a short training may end with empty masks. Set "
            f"`loss.options.include_background` to false."
        )


def _cases(facts):
    messages = []
    if facts.training < 8:
        messages.append(
            f"There are only {facts.training} training cases. Dice on {facts.validation} validation case"
            f"{'s' if facts.validation > 1 else ''} says little about others: use `folds`."
        )
    shares = zip(facts.fingerprint.class_names, facts.fingerprint.class_shares, strict=True)
    absent = [name for name, share in shares if not share]
    if absent:
        messages.append(f"No case holds {', '.join(absent)}: the network cannot learn it.")
    return messages
