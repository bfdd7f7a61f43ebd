"""What all losses share: options, inputs, weights, reduction, configuration. No formula."""

import inspect
import numbers

import keras
from keras import ops

from keras_seg.losses import backend
from keras_seg.losses.form import assemble, dismantle
from keras_seg.losses.inputs import Inputs, canonical

# Options that every member of a compound must agree on, since they say how to read the same arrays.
SHARED = (
    "from_logits",
    "multilabel",
    "class_weights",
    "include_background",
    "ignore_class",
    "data_format",
    "dtype",
)


class SegmentationLoss(keras.losses.Loss):
    """Base of all losses: one value per sample from maps of any encoding, 1D to 3D.

    Calling a loss:

    * `y_pred`: probabilities (or logits), `[batch, *spatial, classes]`, 1 to 3 spatial axes.
    * `y_true`: integer labels `[batch, *spatial]` or `[batch, *spatial, 1]`, or one-hot, soft or multi-label values
      `[batch, *spatial, classes]`.
    * `sample_weight`: `[batch]` multiplies a sample's value; `[batch, *spatial]` or `[batch, *spatial, 1]` weighs
      voxels inside the sums. A voxel of weight 0 is ignored, whatever it holds; one of weight 2 counts twice. A sample
      without any weight has value 0 and no gradient.

    Args:
        from_logits: Whether `y_pred` holds logits. `None` means probabilities, and lets `keras_seg.compile` and the zoo
            set it from the network's last layer.
        multilabel: Whether classes may overlap: a sigmoid per class instead of a softmax over all. One class is always
            a sigmoid. `None` means `False`, and lets `keras_seg.compile` and the zoo set it.
        class_weights: One number per class, background included; with a single map, `(background, foreground)`. Region,
            boundary, topology and structure losses average their classes with them. Pixel losses multiply each voxel's
            value by the weight of its true class and still divide by the number of voxels.
        include_background: Whether class 0 has a share in region, rank, boundary, topology and structure losses. Pixel
            losses always see it. `False` needs at least two classes.
        ignore_class: Label of voxels that do not count, such as 255. In one-hot targets such a voxel has its `1` at
            that class, or is a row of zeros, or a row filled with that value.
        data_format: `"channels_last"`, `"channels_first"` or `None` for Keras's setting.
        reduction: `"sum_over_batch_size"` (or `"mean"`), `"sum"`, `"mean_with_sample_weight"` or `None` for `[batch]`.
        name: Name of the instance.
        dtype: Dtype of the computation; sums are float32 or wider.
    """

    # What a search may vary: `{argument: (low, high) | (low, high, "log") | [choices]}`.
    space = {}
    registered_name = None
    # Whether the value follows from sums over voxels alone (`statistics` and `from_statistics`).
    streams = False
    # Whether it trains a network by itself; one that does not is left out of a search over all losses.
    alone = True
    # Whether it sorts all voxels, which XLA is slow at on a CPU.
    sorts = False
    # Attributes whose numbers only enter the arithmetic of the formula (no `if`, no size): `form.py` says what for.
    adjustable = ()

    def __init__(
        self,
        *,
        from_logits=None,
        multilabel=None,
        class_weights=None,
        include_background=True,
        ignore_class=None,
        data_format=None,
        reduction="sum_over_batch_size",
        name=None,
        dtype=None,
    ):
        super().__init__(name=name or self.registered_name, reduction=reduction, dtype=dtype)
        if data_format not in (None, "channels_last", "channels_first"):
            raise ValueError(
                f"`data_format` must be 'channels_last', 'channels_first' or None. Received: {data_format!r}."
            )
        if ignore_class is not None and not is_integer(ignore_class):
            raise ValueError(f"`ignore_class` must be an integer label such as 255. Received: {ignore_class!r}.")
        self.from_logits = from_logits
        self.multilabel = multilabel
        self.class_weights = positive_numbers("class_weights", class_weights)
        self.include_background = include_background
        self.ignore_class = ignore_class if ignore_class is None else int(ignore_class)
        self.data_format = data_format
        # Keras sums over the batch, honours `reduction` and divides among the replicas of a distribution strategy;
        # given values of one per sample it does just what we want, so it does it. Only its casts of `y_true` are
        # bypassed.
        self._reduce = _Reduction(name=self.name, reduction=reduction, dtype=dtype)

    def __call__(self, y_true, y_pred, sample_weight=None):
        with keras.name_scope(self.name):
            values, weight = backend.as_written(self._values)(y_true, y_pred, sample_weight)
            return self._reduce(values, values, weight)

    def call(self, y_true, y_pred):
        """Return one value per sample, `[batch]`."""
        return backend.as_written(self._values)(y_true, y_pred, None)[0]

    def values(self, inputs):
        """Return one value per sample, `[batch]`, from canonical `Inputs`. A loss without sums overrides this."""
        return self.from_statistics(inputs, *inputs.sums(self))

    def members(self):
        """Return the losses that this one is made of: itself, or a compound's leaves."""
        return (self,)

    def schedules(self):
        """Return the schedules of weights that change with the epoch."""
        return ()

    def _values(self, y_true, y_pred, sample_weight):
        if isinstance(y_pred, (list, tuple)) and len(getattr(y_pred[0], "shape", ())) > 2:
            raise ValueError(
                f"`{self.name}` takes one output. Received a list of {len(y_pred)}. For deep supervision use "
                f"`keras_seg.losses.DeepSupervisionLoss`, or `keras_seg.compile`, which does so by itself."
            )
        self.before_call(y_pred)
        inputs = canonical(y_true, y_pred, sample_weight, self)
        compiles = backend.compiles(sorts=self.sorts)
        values = self._compiled_values(inputs) if compiles else self._weighed_values(inputs)
        return values, inputs.sample_weight

    def _compiled_values(self, inputs):
        form, numbers_ = dismantle(self)
        # A compiled function takes tensors only: what is absent is left out and put back inside.
        optional = (inputs.weight, inputs.sample_weight)
        present = tuple(x is not None for x in optional)
        view = inputs.view

        def function(prediction, truth, numbers_, *weights):
            weights = iter(weights)
            weight, sample_weight = (next(weights) if here else None for here in present)
            loss = assemble(self, ops.unstack(numbers_))
            return loss._weighed_values(Inputs(prediction, truth, weight, sample_weight, view))

        numbers_ = ops.convert_to_tensor(numbers_, dtype=inputs.dtype)
        tensors = [inputs.prediction, inputs.truth, numbers_, *(x for x in optional if x is not None)]
        return backend.compiled((form, present, *view.items()), function, tensors)

    def _weighed_values(self, inputs):
        """Return `values`, and 0 for a sample without any weight."""
        values, weight = self.values(inputs), inputs.weight
        if weight is None:
            return values
        total = ops.sum(ops.reshape(weight, (ops.shape(weight)[0], -1)), axis=1)
        return ops.where(total > 0, values, ops.zeros_like(values))

    def before_call(self, y_pred):
        """Look at the raw prediction before anything is compiled (scheduled losses do)."""
        return None

    @property
    def channels_first(self):
        """Whether the class axis is the second one."""
        return (self.data_format or keras.config.image_data_format()) == "channels_first"

    def check_classes(self, classes):
        """Raise a `ValueError` if the options do not fit a prediction of `classes` maps."""
        if self.class_weights is not None and len(self.class_weights) != max(classes, 2):
            expected = "2 numbers, (background, foreground)," if classes == 1 else f"{classes} numbers"
            raise ValueError(
                f"`class_weights` must hold {expected} for a prediction of {classes} class(es). Received: "
                f"{self.class_weights}. One weight per class, background included."
            )
        if classes == 1 and not self.include_background:
            raise ValueError(
                "`include_background=False` leaves nothing of a prediction of one class: a single sigmoid map is all "
                "foreground. Use the default, or two classes with a softmax."
            )

    def foreground(self, *tensors):
        """Drop class 0 from `[..., classes]` tensors unless `include_background`."""
        if self.include_background:
            return tensors
        return tuple(x[..., 1:] for x in tensors)

    def class_mean(self, values, present=None):
        """Average per-class values `[batch, classes]` to `[batch]`.

        Args:
            values: One value per sample and class; class 0 is dropped already if it has no share.
            present: `[batch, classes]`, 1 where the class counts; `None` where all do.
        """
        weights = ops.ones_like(values) if present is None else ops.cast(present, values.dtype)
        if self.class_weights is not None:
            given = self.class_weights[-1:] if values.shape[-1] == 1 else self.class_weights[-values.shape[-1] :]
            weights = weights * ops.convert_to_tensor(given, dtype=values.dtype)
        total = ops.sum(weights, axis=-1)
        mean = ops.sum(values * weights, axis=-1) / ops.where(total > 0, total, ops.ones_like(total))
        return ops.where(total > 0, mean, ops.zeros_like(mean))

    def with_options(self, **options):
        """Return the same loss with some options changed.

        Raises:
            ValueError: If `from_logits` or `multilabel` was set explicitly to the contrary.
        """
        for option in ("from_logits", "multilabel"):
            ours, asked = getattr(self, option), options.get(option)
            if None not in (ours, asked) and bool(ours) != bool(asked):
                raise ValueError(
                    f"The loss '{self.name}' was made with {option}={ours}, but the model asks for {option}={asked}. "
                    f"Leave `{option}` out of the loss: it is read off the model."
                )
        return type(self).from_config({**self.get_config(), **options})

    def get_config(self):
        """Return every argument of every `__init__` up to this base."""
        config = {}
        for cls in type(self).__mro__:
            if "__init__" in vars(cls):
                for parameter in inspect.signature(cls.__init__).parameters.values():
                    if parameter.name != "self" and parameter.kind is not parameter.VAR_KEYWORD:
                        config[parameter.name] = getattr(self, parameter.name)
            if cls is SegmentationLoss:
                return config

    def __str__(self):
        """Return the text that `keras_seg.losses.get` would make this loss from."""
        from keras_seg.losses.text import write

        return write(self)

    def __add__(self, other):
        return _combine("+", self, other)

    def __radd__(self, other):
        return _combine("+", other, self)

    def __sub__(self, other):
        return _combine("-", self, other)

    def __rsub__(self, other):
        return _combine("-", other, self)

    def __mul__(self, other):
        return _combine("*", self, other)

    def __rmul__(self, other):
        return _combine("*", other, self)


class _Reduction(keras.losses.Loss):
    """Keras's own reduction, given values."""

    def call(self, y_true, y_pred):
        return y_pred


def _combine(operation, left, right):
    from keras_seg.losses.algebra import combine

    return combine(operation, left, right)


def positive_numbers(argument, values):
    """Return `values` as a tuple of floats >= 0 (or `None`), so that it is hashable and serializable."""
    if values is None:
        return None
    try:
        numbers_ = () if isinstance(values, str) else tuple(float(value) for value in values)
    except (TypeError, ValueError):
        numbers_ = ()
    if not numbers_ or not all(0 <= number < float("inf") for number in numbers_) or max(numbers_) == 0:
        raise ValueError(
            f"`{argument}` must be a list of numbers >= 0, not all 0, one per class. Received: {values!r}."
        )
    return numbers_


def is_integer(value):
    """Whether `value` is a whole number; `True` and `False` are none."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def check_range(argument, value, low=None, high=None, open_low=False):
    """Raise a `ValueError` unless `low <= value <= high` (`low < value` if `open_low`)."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    too_low = low is not None and is_number and (value <= low if open_low else value < low)
    if not is_number or value != value or too_low or (high is not None and value > high):
        wanted = [f"{'>' if open_low else '>='} {low}"] if low is not None else []
        wanted += [f"<= {high}"] if high is not None else []
        raise ValueError(f"`{argument}` must be a number {' and '.join(wanted)}. Received: {value!r}.")
    return value
