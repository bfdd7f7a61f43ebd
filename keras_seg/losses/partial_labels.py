"""Partial labels: data sets in which only some organs are annotated train one network together."""

import functools

import keras
from keras import ops

from keras_seg.losses import safe
from keras_seg.losses.base import SHARED, SegmentationLoss, check_range, is_integer
from keras_seg.losses.inputs import Inputs


@keras.saving.register_keras_serializable("keras_seg")
class PartialLabelsLoss(SegmentationLoss):
    """Any loss, on masks in which not every class is annotated: marginal loss plus exclusion loss.

    Where class 2 is not annotated, "background" means "background or class 2". Masks say so voxel by voxel: their
    background is not 0 but a number of its own, for example 100, and `labeled={100: [1]}` says that masks with a
    background of 100 annotate class 1 alone. A mask whose background is 0 annotates all classes. A batch may mix them,
    and patches, augmentation and resizing need to know nothing.

    * Marginal loss: for such a sample the probabilities of the classes that are not annotated are added to the
      background's, and `loss` sees the classes that are left (from logits by `logsumexp`).
    * Exclusion loss: what is annotated as one class is no other. With `e` the voxels annotated as any foreground class
      and `p` the probability of a class that is not annotated, it is `2 sum e p / (sum e + sum p)`, averaged over those
      classes, plus the mean over voxels of `e log(1 + p)`, summed over them: exclusion Dice and exclusion
      cross-entropy, as they are commonly given; they were not checked against the paper's own text.

    Masks with a class axis, `[batch, *spatial, classes]`, have a 1 for every class that a voxel may have.
    A sample that shows several such backgrounds counts as the mean of both readings; one that shows none is taken to be
    annotated in full, which is right also for a patch inside an organ.

    Args:
        loss: The loss on the classes that are annotated: anything that `keras_seg.losses.get` takes. It may not be
            `multilabel`: only classes that exclude each other can be merged.
        labeled: `{value of the background: [annotated classes]}`, one entry per kind of data set.
        exclusion_weight: Weight of the exclusion loss; 0 leaves it out, 1 is the plain sum of both.
        name: Name of the instance.
        **options: Options of `loss`, such as `ignore_class=255` or `reduction`.

    Raises:
        ValueError: If `labeled` does not fit the classes or `ignore_class`, or if `loss` is `multilabel`.

    Example: class 2 is not annotated, and the only voxel, background or class 2, is given to the two by halves. Nothing
    is wrong; read as background, it would cost `-log 0.5`.

    >>> loss = keras_seg.losses.PartialLabelsLoss("cross_entropy", labeled={100: [1]})
    >>> y_pred = [[[0.5, 0.0, 0.5]]]
    >>> [round(float(loss([[background]], y_pred)), 3) for background in (100, 0)]
    [0.0, 0.693]

    Reference: [Shi et al., 2021](https://arxiv.org/abs/2007.03868)
    """

    def __init__(self, loss, labeled, exclusion_weight=1.0, name="partial_labels", **options):
        from keras_seg.losses.lookup import get

        loss = get(loss, **options)
        super().__init__(**{key: getattr(loss, key) for key in SHARED}, reduction=loss.reduction, name=name)
        if loss.multilabel:
            raise ValueError(
                "`PartialLabelsLoss` merges classes that exclude each other. Received a loss with multilabel=True; "
                "classes that overlap need one loss per class."
            )
        self.loss = loss
        self.labeled = _checked(labeled, loss.ignore_class)
        self.exclusion_weight = check_range("exclusion_weight", exclusion_weight, low=0)

    @property
    def sorts(self):
        return self.loss.sorts

    def values(self, inputs):
        inputs = _without_ignored(inputs)
        every = tuple(range(1, inputs.classes))
        readings = [every, *self.labeled.values()]
        shares = self.shares(inputs)
        values = [share * self.marginal(inputs, read, share) for read, share in zip(readings, shares, strict=True)]
        values += self.exclusions(inputs, readings, shares)
        return sum(values[1:], start=values[0])

    def shares(self, inputs):
        """Return how much each reading counts in each sample, `[batch]` each: annotated in full, then `labeled`."""
        found = [ops.cast(_has_background(inputs, *entry), inputs.dtype) for entry in self.labeled.items()]
        number = sum(found[1:], start=found[0])
        known = ops.maximum(number, 1)
        return [1 - ops.minimum(number, 1), *(one / known for one in found)]

    def marginal(self, inputs, annotated, share):
        """Return the loss `[batch]` as if these classes were annotated; a sample of share 0 is not seen by others."""
        weight = share if inputs.sample_weight is None else share * inputs.sample_weight
        merged = [c for c in range(inputs.classes) if c not in annotated]
        prediction = _merge_prediction(inputs, annotated, merged)
        truth = _merge_truth(inputs, annotated, merged, self.labeled)
        return self.member(annotated).values(Inputs(prediction, truth, inputs.weight, weight, inputs.view))

    def exclusions(self, inputs, readings, shares):
        """Return the exclusion loss `[batch]` of every reading that lacks a class, by its share."""
        parts = [
            (Exclusion(annotated, inputs.classes), share) for annotated, share in zip(readings, shares, strict=True)
        ]
        parts = [(part, share) for part, share in parts if part.missing and self.exclusion_weight]
        if parts:
            inputs.gather([part for part, _ in parts])
        return [self.exclusion_weight * share * part.value(inputs) for part, share in parts]

    def member(self, annotated):
        """Return the loss with the class weights of the classes that are left."""
        if self.class_weights is None:
            return self.loss
        return self.loss.with_options(class_weights=[self.class_weights[c] for c in (0, *annotated)])

    def check_classes(self, classes):
        super().check_classes(classes)
        if classes < 2:
            raise ValueError("`PartialLabelsLoss` needs a softmax over background and classes. Received: one map.")
        for background, annotated in self.labeled.items():
            if 0 <= background < classes or max(annotated) >= classes:
                raise ValueError(
                    f"`labeled` must map a number that is no class to classes from 1 to {classes - 1}. Received: "
                    f"{{{background}: {list(annotated)}}} for a prediction of {classes} classes."
                )
            self.member(annotated).check_classes(len(annotated) + 1)
        self.loss.check_classes(classes)

    def before_call(self, y_pred):
        self.loss.before_call(y_pred)

    def schedules(self):
        return self.loss.schedules()

    def with_options(self, **options):
        name = options.pop("name", self.name)
        return PartialLabelsLoss(self.loss.with_options(**options), self.labeled, self.exclusion_weight, name)

    def get_config(self):
        return {
            "loss": keras.saving.serialize_keras_object(self.loss),
            # Keys of JSON are strings.
            "labeled": {str(background): list(annotated) for background, annotated in self.labeled.items()},
            "exclusion_weight": self.exclusion_weight,
            "name": self.name,
        }

    def __str__(self):
        labeled = {background: list(annotated) for background, annotated in self.labeled.items()}
        return f"{self.name}({self.loss}, labeled={labeled})"


class Exclusion:
    """How much of what is annotated is predicted as a class that is not.

    Args:
        annotated: Foreground classes that are annotated.
        classes: Number of classes; all others but the background are not annotated.
    """

    def __init__(self, annotated, classes):
        self.annotated = annotated
        self.missing = [c for c in range(1, classes) if c not in annotated]

    def statistics(self, voxels):
        """Return sums over voxels, `[batch, k]` each."""
        e = ops.sum(_classes(voxels.truth, self.annotated), axis=-1, keepdims=True)
        p = _classes(voxels.probabilities, self.missing)
        return voxels.sum(e * p), voxels.sum(p), voxels.sum(e), voxels.sum(e * ops.log1p(p)), voxels.count

    def value(self, inputs):
        """Return exclusion Dice plus exclusion cross-entropy, `[batch]`."""
        both, predicted, annotated, logarithms, count = inputs.sums(self)
        dice = ops.mean(safe.divide(2 * both, predicted + annotated), axis=-1)
        return dice + ops.sum(safe.divide(logarithms, count), axis=-1)


def _checked(labeled, ignore_class):
    """Return `labeled` as `{int: sorted tuple of int}`; keys may be text, as JSON has them."""
    wanted = (
        "`labeled` must be like {100: [1], 101: [2, 3]}: the value of a background and the classes annotated there."
    )
    try:
        table = {int(background): tuple(sorted(set(classes))) for background, classes in dict(labeled).items()}
    except (TypeError, ValueError):
        raise ValueError(f"{wanted} Received: {labeled!r}.") from None
    are_classes = all(classes and all(is_integer(c) and c > 0 for c in classes) for classes in table.values())
    if not table or len(table) != len(labeled) or not are_classes:
        raise ValueError(f"{wanted} Received: {labeled!r}.")
    if ignore_class in table:
        raise ValueError(f"A background of {ignore_class} is ignored altogether by ignore_class. Choose another value.")
    return {background: tuple(int(c) for c in classes) for background, classes in table.items()}


def _without_ignored(inputs):
    """Return the inputs with 0 for what ignored voxels predict, which could be NaN."""
    prediction = ops.cast(inputs.prediction, inputs.dtype)
    if inputs.weight is not None:
        counts = ops.expand_dims(inputs.weight > 0, -1)
        prediction = ops.where(counts, prediction, ops.zeros_like(prediction))
    return Inputs(prediction, inputs.truth, inputs.weight, inputs.sample_weight, inputs.view)


def _has_background(inputs, background, annotated):
    """Return whether a sample has a voxel of this background, `[batch]`."""
    truth = inputs.truth
    if _has_labels(inputs):
        here = ops.equal(ops.cast(truth, "int32"), background)
    else:
        row = [float(c not in annotated) for c in range(inputs.classes)]
        here = ops.all(ops.equal(ops.cast(truth, inputs.dtype), ops.convert_to_tensor(row, inputs.dtype)), axis=-1)
    if inputs.weight is not None:
        here = ops.logical_and(here, inputs.weight > 0)
    return ops.any(here, axis=tuple(range(1, len(here.shape))))


def _has_labels(inputs):
    return len(inputs.truth.shape) < len(inputs.prediction.shape)


def _classes(x, classes):
    # XLA compiles this several times faster than slices that are put together.
    parts = ops.unstack(x, axis=-1)
    return ops.stack([parts[c] for c in classes], axis=-1)


def _merge_prediction(inputs, annotated, merged):
    """Return logits or probabilities of the merged background and the annotated classes."""
    if len(merged) == 1:
        return inputs.prediction
    parts = ops.unstack(inputs.prediction, axis=-1)
    several = [parts[c] for c in merged]
    if inputs.view["from_logits"]:
        highest = ops.stop_gradient(functools.reduce(ops.maximum, several))
        together = highest + ops.log(sum(ops.exp(z - highest) for z in several))
    else:
        together = sum(several)
    return ops.stack([together, *(parts[c] for c in annotated)], axis=-1)


def _merge_truth(inputs, annotated, merged, backgrounds):
    """Return the truth with the classes numbered anew: 0 for what is merged, then the annotated classes."""
    if not _has_labels(inputs):
        truth = ops.cast(inputs.truth, inputs.dtype)
        background = ops.minimum(ops.sum(_classes(truth, merged), axis=-1, keepdims=True), 1)
        return ops.concatenate([background, _classes(truth, annotated)], axis=-1)
    labels = ops.cast(inputs.truth, "int32")
    # What is neither a class nor a background is no class here either.
    numbers = {**dict.fromkeys((*merged, *backgrounds), 0), **{c: k + 1 for k, c in enumerate(annotated)}}
    truth = ops.full_like(labels, -1)
    for label, number in numbers.items():
        truth = ops.where(ops.equal(labels, label), number, truth)
    return truth
