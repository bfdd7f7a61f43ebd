"""The search space: one conditional branch per loss, read from the losses themselves."""

import collections
import numbers

from keras_seg import losses
from keras_seg.losses import registry, text

# Name of the hyperparameter that says which loss it is.
LOSS = "loss"


def choose_loss(hp, names=None, grid=False, **options):
    """Let a KerasTuner search choose a loss and its parameters.

    Every loss has a branch of its own, with the ranges of its `space` and the defaults of its signature. All branches
    are declared at every call, so that the whole space is known before any network is built. In anybody's KerasTuner
    program:

    ```python
    def build(hp):
        model = my_network()
        return keras_seg.compile(model, loss=keras_seg.tuner.choose_loss(hp, ["dice_ce", "tversky"]))

    keras_tuner.RandomSearch(build, objective=keras_tuner.Objective("val_dice", "max"))
    ```

    Name the objective with its direction: KerasTuner minimises what it does not know, and `"val_dice"` is such a name.

    Args:
        hp: `keras_tuner.HyperParameters`.
        names: Names of losses, or texts such as `"dice + 0.5 * focal(gamma=3)"`. What a text says is kept, the
            arguments that it leaves out are searched. `None` or `"all"`: every loss that trains a network by itself.
        grid: Whether a range becomes three values, its ends and the default, for a search that tries everything.
        **options: Arguments for every loss that takes them, such as `ignore_class=255`. They are not searched.

    Returns:
        A `keras_seg.losses.SegmentationLoss`. Numbers are rounded to four digits, so that its text stays readable.

    Raises:
        ValueError: If there is no such loss or argument, or a `space` does not hold the default.
    """
    branches = branch_texts(names)
    text.check_taken(options, branches)
    chosen = hp.Choice(LOSS, list(branches))
    made = {}
    for branch in branches:
        with hp.conditional_scope(LOSS, [branch]):
            made[branch] = _Branch(branch, options, hp, grid).parse()
    return made[chosen]


def usable_alone():
    """Return the names of the losses that train a network by themselves; the others need a partner in a compound."""
    return tuple(name for name in losses.names() if registry.loss_class(name).alone)


def branch_texts(names):
    """Return what a search chooses from, as a tuple of texts without repetition.

    Raises:
        ValueError: If `names` is empty or holds something else than texts.
    """
    if names is None or names == "all":
        return usable_alone()
    names = (names,) if isinstance(names, str) else tuple(names)
    if not names or not all(isinstance(name, str) and name.strip() for name in names):
        raise ValueError(
            f"Expected names of losses or texts such as 'dice + focal', at least one, or 'all'. Received: {names!r}. "
            f"Known names: {', '.join(losses.names())}."
        )
    return tuple(dict.fromkeys(usable_alone() if "all" in names else map(str.strip, names)))


def explicit_text(loss):
    """Return the text of a loss with all that is searched of it, be it at its default or not.

    >>> explicit_text(keras_seg.losses.TverskyLoss(alpha=0.4))
    'tversky(beta=0.7, alpha=0.4)'
    """
    text_form = str(loss)
    if loss.registered_name is None:
        return text_form
    name, defaults = loss.registered_name, losses.defaults(loss.registered_name)
    silent = [key for key in losses.space(name) if getattr(loss, key) == defaults[key]]
    values = {key: getattr(loss, key) for key in silent}
    given = [f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value!r}" for key, value in values.items()]
    given += [text_form[len(name) + 1 : -1]] if text_form != name else []
    return f"{name}({', '.join(given)})" if given else name


def grid_size(hyperparameters):
    """Return how many trials a search over everything takes: the sum over losses of the products of their values."""
    sizes = collections.Counter()
    for parameter in hyperparameters.space:
        if parameter.name == LOSS:
            sizes.update(dict.fromkeys(parameter.values, 1))
    for parameter in hyperparameters.space:
        for condition in parameter.conditions:
            if condition.name == LOSS:
                sizes[condition.values[0]] *= len(list(parameter.values))
    return sizes.total()


class _Branch(text.Parser):
    """Reads a text and asks the search for each argument that the text leaves out."""

    def __init__(self, branch, options, hp, grid):
        super().__init__(branch, options)
        self.hp = hp
        self.grid = grid
        self.met = collections.Counter()

    def _loss(self, name, arguments):
        fixed = {*arguments, *self.options}
        space = {key: spec for key, spec in losses.space(name).items() if key not in fixed}
        prefix = self._prefix(name)
        sampled = {
            key: _sample(self.hp, f"{prefix}.{key}", spec, losses.defaults(name)[key], self.grid)
            for key, spec in space.items()
        }
        # In a branch that is not chosen, KerasTuner gives None for everything.
        sampled = {key: value for key, value in sampled.items() if value is not None}
        return super()._loss(name, arguments | sampled)

    def _prefix(self, name):
        """Return a name that no other branch, and no other member of this one, has."""
        self.met[name] += 1
        member = name if self.met[name] == 1 else f"{name}_{self.met[name]}"
        return name if self.text == name else f"{self.text}: {member}"


def _sample(hp, key, spec, default, grid):
    """Declare one argument, and return its value: `None` where its branch is not chosen."""
    if isinstance(spec, list):
        return _sample_choice(hp, key, spec, default)
    low, high, *scale = spec
    if not isinstance(default, numbers.Real) or not low <= default <= high:
        raise ValueError(f"The space of `{key}` is {spec}, which does not hold its default {default!r}. Widen it.")
    number = int if all(isinstance(value, int) for value in (low, high, default)) else float
    if grid:
        return _sample_choice(hp, key, sorted({number(value) for value in (low, default, high)}), number(default))
    sampling = scale[0] if scale else "linear"
    if number is int:
        return hp.Int(key, low, high, sampling=sampling, default=default)
    value = hp.Float(key, low, high, sampling=sampling, default=default)
    return None if value is None else float(f"{value:.4g}")


def _sample_choice(hp, key, values, default):
    if default not in values:
        raise ValueError(f"The space of `{key}` is {values}, which does not hold its default {default!r}. Add it.")
    kinds = {type(value) for value in values}
    if len(kinds) == 1 and kinds <= {str, int, float}:
        return hp.Choice(key, values, default=default)
    # KerasTuner chooses among values of one of these types, and makes 0 and 1 of `False` and `True`.
    by_text = {repr(value): value for value in values}
    return by_text.get(hp.Choice(key, list(by_text), default=repr(default)))
