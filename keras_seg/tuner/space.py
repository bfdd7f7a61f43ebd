"""The search space: one conditional branch per loss, read from the losses themselves."""

import collections

from keras_seg import losses
from keras_seg.losses import algebra, registry, text
from keras_seg.tuner import sampling

# Name of the hyperparameter that says which loss it is.
LOSS = "loss"

# Where the weight of a summand is searched, and what it is by default.
WEIGHT, EQUAL = (0.1, 10.0, "log"), 1.0


def choose_loss(hp, names=None, grid=False, ranges=None, **options):
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

    In a sum, every loss after the first has a weight that is searched too, from 0.1 to 10, unless a number is written
    before it: `"dice + focal"` searches it, `"dice + 1 * focal"` does not. Its name is `"dice + focal: focal weight"`.

    Args:
        hp: `keras_tuner.HyperParameters`.
        names: Names of losses, or texts such as `"dice + 0.5 * focal(gamma=3)"`. What a text says is kept, the
            arguments that it leaves out are searched. `None` or `"all"`: every loss that trains a network by itself.
        grid: Whether a range becomes three values, its ends and the default, for a search that tries everything.
        ranges: Dict of what is searched instead of the `space` of a loss, by `"loss.argument"`, for any argument and
            wherever a text does not give it: `{"tversky.alpha": (0.2, 0.8), "focal_tversky.gamma": (0.5, 2, "log"),
            "focal.gamma": [1, 2, 3], "tversky.beta": 0.7}`. A list are choices; one value is given, not searched. The
            full name of a hyperparameter is that of a single branch, as `"dice + focal: focal.gamma"` or
            `"dice + focal: focal weight"`. A default that lies outside becomes the nearest value, the first choice.
        **options: Arguments for every loss that takes them, such as `ignore_class=255`. They are not searched, unless
            `ranges` name them.

    Returns:
        A `keras_seg.losses.SegmentationLoss`. Numbers are rounded to four digits, so that its text stays readable.

    Raises:
        ValueError: If there is no such loss or argument, a range is none or of nothing that these losses search, or a
            `space` does not hold the default.
    """
    branches = branch_texts(names)
    text.check_taken(options, branches)
    ranges = sampling.GivenRanges(ranges)
    chosen = hp.Choice(LOSS, list(branches))
    made = {}
    for branch in branches:
        with hp.conditional_scope(LOSS, [branch]):
            made[branch] = _Branch(branch, options, hp, grid, ranges).parse()
    ranges.check_used(branches)
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


def loss_of(text_form, options):
    """Return the loss of a text, with those options that a loss in it takes.

    Args:
        text_form: Text of a loss, such as that of a `Trial`.
        options: Dict of arguments that every loss is given that takes them.
    """
    words = text.words(text_form)
    taken = {key for name in losses.names() if name in words for key in text.options_of(registry.loss_class(name))}
    return losses.get(text_form, **{key: value for key, value in options.items() if key in taken})


def grid_size(hyperparameters):
    """Return how many trials a search over everything takes: the sum over losses of the products of their values.

    What is searched whichever the loss is, such as a learning rate, multiplies it.
    """
    sizes, common = collections.Counter(), 1
    for parameter in hyperparameters.space:
        if parameter.name == LOSS:
            sizes.update(dict.fromkeys(parameter.values, 1))
    for parameter in hyperparameters.space:
        if not parameter.conditions and parameter.name != LOSS:
            common *= len(list(parameter.values))
        for condition in parameter.conditions:
            if condition.name == LOSS:
                sizes[condition.values[0]] *= len(list(parameter.values))
    return common * sizes.total()


class _Branch(text.Parser):
    """Reads a text and asks the search for each argument and each weight that the text leaves out."""

    def __init__(self, branch, options, hp, grid, ranges):
        super().__init__(branch, options)
        self.hp = hp
        self.grid = grid
        self.ranges = ranges
        self.met = collections.Counter()
        self.member = None

    def sum(self):
        value = self.product()
        while self.kind == "mark" and self.word in "+-":
            operation, start = self.next(), self.place
            term = self.product()
            if all(isinstance(x, losses.SegmentationLoss) for x in (value, term)) and not _is_scaled(term):
                term = _scaled(self._weight(start, term), term)
            value = algebra.combine(operation, value, term)
        return value

    def _loss(self, name, arguments):
        self.member = self._unique(name)
        prefix = name if self.text == name else f"{self.text}: {self.member}"
        space, defaults = losses.space(name), text.options_of(registry.loss_class(name))
        sampled = {}
        for key in {**space, **self.ranges.arguments(name, prefix)}:
            if key in arguments:
                continue
            spec, default = self.ranges.find(f"{prefix}.{key}", f"{name}.{key}"), defaults.get(key)
            if spec:
                sampled[key] = self._given(f"{prefix}.{key}", spec, default)
            elif key not in self.options:
                sampled[key] = sampling.sample(self.hp, f"{prefix}.{key}", space[key], default, self.grid)
        return super()._loss(name, arguments | sampled)

    def _weight(self, start, term):
        """Return the weight of the summand that begins at a token."""
        if isinstance(term, algebra.CompoundLoss):
            written = self.text[self.tokens[start][2] : self.tokens[self.place][2]]
            label = self._unique(" ".join(written.split()))
        else:
            label = self.member
        key = f"{self.text}: {label} weight"
        spec = self.ranges.find(key) or WEIGHT
        if isinstance(spec, list) and not all(map(sampling.is_number, spec)):
            raise ValueError(f"The weight `{key}` must be a number. Received: {', '.join(map(repr, spec))}.")
        return self._given(key, spec, EQUAL)

    def _given(self, key, spec, default):
        if isinstance(spec, list) and len(spec) == 1:
            return spec[0]
        return sampling.sample(self.hp, key, spec, sampling.inside(spec, default), self.grid)

    def _unique(self, label):
        """Return a name that no other member of this branch has."""
        self.met[label] += 1
        return label if self.met[label] == 1 else f"{label}_{self.met[label]}"


def _is_scaled(value):
    """Return whether a number is written before or after a loss, be it in parentheses or a sign."""
    if not isinstance(value, losses.SegmentationLoss):
        return True
    return isinstance(value, algebra.CompoundLoss) and value.operation == "*" and any(map(_is_scaled, value.operands))


def _scaled(weight, loss):
    """Return `weight * loss` as its text is read: a product takes the weight at its first factor."""
    if isinstance(loss, algebra.CompoundLoss) and loss.operation == "*":
        left, right = loss.operands
        return algebra.combine("*", _scaled(weight, left), right)
    return algebra.combine("*", weight, loss)
