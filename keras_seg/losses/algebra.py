"""Sums, products and functions of losses, which are losses again: `DiceLoss() + 0.5 * FocalLoss()`."""

import math
import numbers

import keras
from keras import ops

from keras_seg.losses import safe
from keras_seg.losses.base import SHARED, SegmentationLoss

# Each acts per sample, on `[batch]` values. `mean` is over the batch and repeats its value.
FUNCTIONS = {
    "log1p": lambda values, inputs: ops.log1p(ops.maximum(values, -1 + 1e-7)),
    "log": lambda values, inputs: safe.log(values),
    "exp": lambda values, inputs: ops.exp(values),
    "sqrt": lambda values, inputs: safe.sqrt(ops.relu(values)),
    "mean": lambda values, inputs: inputs.batch_mean(values),
}

OPERATIONS = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b}


class TreeLoss(SegmentationLoss):
    """Base of losses that are computed from the values of other losses on the same inputs."""

    def terms(self):
        """Return the losses below this one."""
        raise NotImplementedError(f"{type(self).__name__} must say which losses it is made of.")

    def tree_values(self, inputs):
        """Return `[batch]` values from those of `terms`."""
        raise NotImplementedError(f"{type(self).__name__} must say how its terms make a value.")

    def members(self):
        return tuple(leaf for term in self.terms() for leaf in term.members())

    @property
    def sorts(self):
        return any(leaf.sorts for leaf in self.members())

    def values(self, inputs):
        # All members that need nothing but sums over voxels share one pass over them.
        streamed = [leaf for leaf in self.members() if leaf.streams]
        if len(streamed) > 1:
            inputs.gather(streamed)
        return self.tree_values(inputs)

    def before_call(self, y_pred):
        for term in self.terms():
            term.before_call(y_pred)

    def check_classes(self, classes):
        for term in self.terms():
            term.check_classes(classes)

    def schedules(self):
        return tuple(schedule for term in self.terms() for schedule in term.schedules())


@keras.saving.register_keras_serializable("keras_seg")
class CompoundLoss(TreeLoss):
    """One operation on losses and numbers, made by `+`, `-`, `*` or by the text form.

    Args:
        operation: `"+"`, `"-"`, `"*"`, or a function: `"log1p"`, `"log"`, `"exp"`, `"sqrt"`, `"mean"`.
        operands: Losses and numbers; two for an operator, one for a function. Losses must agree in the options that say
            how to read the arrays, since they read the same.
        reduction: See `SegmentationLoss`.
        name: Name of the instance.

    Raises:
        ValueError: If the operands disagree.
    """

    adjustable = ("operands",)

    def __init__(self, operation, operands, reduction="sum_over_batch_size", name=None):
        operands = tuple(operands)
        wanted = 1 if operation in FUNCTIONS else 2
        if operation not in (*FUNCTIONS, *OPERATIONS) or len(operands) != wanted:
            raise ValueError(
                f"`operation` must be {', '.join(OPERATIONS)} with two operands, or {', '.join(FUNCTIONS)} with one. "
                f"Received: operation={operation!r} with {len(operands)} operand(s)."
            )
        losses = [operand for operand in operands if isinstance(operand, SegmentationLoss)]
        if not losses:
            raise ValueError(f"A compound needs at least one loss of keras_seg. Received: operands={operands}.")
        options = _agreed(losses)
        super().__init__(**options, reduction=reduction, name=name or "compound")
        self.operation = operation
        self.operands = operands

    def terms(self):
        return tuple(operand for operand in self.operands if isinstance(operand, SegmentationLoss))

    def tree_values(self, inputs):
        values = [x.values(inputs) if isinstance(x, SegmentationLoss) else x for x in self.operands]
        if self.operation in FUNCTIONS:
            return FUNCTIONS[self.operation](values[0], inputs)
        return OPERATIONS[self.operation](*values)

    def with_options(self, **options):
        kept = {key: options.pop(key) for key in ("reduction", "name") if key in options}
        operands = [x.with_options(**options) if isinstance(x, SegmentationLoss) else x for x in self.operands]
        return CompoundLoss(self.operation, operands, **{"reduction": self.reduction, "name": self.name, **kept})

    def get_config(self):
        operands = [
            keras.saving.serialize_keras_object(x) if isinstance(x, SegmentationLoss) else x for x in self.operands
        ]
        return {"operation": self.operation, "operands": operands, "reduction": self.reduction, "name": self.name}

    @classmethod
    def from_config(cls, config):
        operands = [keras.saving.deserialize_keras_object(x) if isinstance(x, dict) else x for x in config["operands"]]
        return cls(**{**config, "operands": operands})


def combine(operation, left, right):
    """Return `left operation right`; numbers are folded, anything but losses and numbers is refused.

    Returns:
        A number, a `CompoundLoss`, or `NotImplemented` (which makes Python raise its usual `TypeError`).
    """
    for operand in (left, right):
        if isinstance(operand, keras.losses.Loss) and not isinstance(operand, SegmentationLoss):
            raise ValueError(
                f"Only losses of keras_seg can be combined, since they share their inputs. Received: "
                f"{type(operand).__module__}.{type(operand).__name__}. See `keras_seg.losses.names()`."
            )
        if not isinstance(operand, (SegmentationLoss, numbers.Real)) or isinstance(operand, bool):
            return NotImplemented
    if all(isinstance(operand, numbers.Real) for operand in (left, right)):
        return OPERATIONS[operation](left, right)
    first = left if isinstance(left, SegmentationLoss) else right
    left, right = (x if isinstance(x, SegmentationLoss) else float(x) for x in (left, right))
    return CompoundLoss(operation, (left, right), reduction=first.reduction)


def apply(function, operand):
    """Return `function(operand)` by name; a number gives a number.

    Raises:
        ValueError: If the operand is a number outside the function's domain.
    """
    if isinstance(operand, SegmentationLoss):
        return CompoundLoss(function, (operand,), reduction=operand.reduction)
    if function == "mean":
        return operand
    return getattr(math, function)(operand)


def _agreed(losses):
    """Return the shared options of the losses."""
    options = {key: getattr(losses[0], key) for key in SHARED}
    for other in losses[1:]:
        for key, value in options.items():
            if getattr(other, key) != value:
                raise ValueError(
                    f"The members of a compound must agree in `{key}`: '{losses[0].name}' has {value!r}, "
                    f"'{other.name}' "
                    f"has {getattr(other, key)!r}. Give it to both, or to the whole: "
                    f"`keras_seg.losses.get(text, {key}=...)`."
                )
    if len({loss.reduction for loss in losses}) > 1:
        raise ValueError("The members of a compound must agree in `reduction`. Give them the same.")
    return options
