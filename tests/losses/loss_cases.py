"""What the laws of the losses share: which losses, which batches, and a value and a gradient on any backend."""

from dataclasses import dataclass
from functools import cached_property

import keras
import numpy as np
import pytest
from keras import ops

from keras_seg import losses
from keras_seg.losses import text as text_form

# Beside the registered losses the laws hold for what `+`, `*` and the functions make of them.
COMPOUNDS = (
    "cross_entropy + log1p(mean(dice))",
    "dice + 0.5 * focal(gamma=3)",
    "2 * (exp(jaccard) - 1) + sqrt(tversky) * lovasz",
    # An option that is another algorithm.
    "lovasz(bins=64)",
)
EVERY = (*losses.names(), *COMPOUNDS)
every_loss = pytest.mark.parametrize("text", EVERY)
# Those of which the value of a sample does not depend on the batch it is in.
every_loss_by_sample = pytest.mark.parametrize("text", [text for text in EVERY if "mean(" not in text])

# Arguments that make a loss fast where its defaults only cost time. A loss without an entry runs with its defaults.
QUICK = {
    # In noise every voxel has an outline, which must not win over being right.
    "active_contour": {"region_weight": 10.0},
    "cl_dice": {"iterations": 2},
    "dice_cldice": {"iterations": 2},
    # By default it forgets single voxels, and noise is nothing else.
    "hausdorff_erosion": {"erosions": 2, "threshold": 0.0, "rescale": False},
    "ssim": {"window": 3},
    # By default it says 1 of all noise that does not correlate with the truth.
    "ms_ssim": {"window": 3, "normalize": "simple"},
    "region_mutual_information": {"pool": 1, "radius": 2},
    "skeleton_recall": {"iterations": 2},
    "unet3plus": {"window": 3},
}

# One loss of each structure: what they have in common (how arrays are read, weights, reduction) is tried on these in
# every way, on the others in one way, and by `-m matrix` on all in every way.
REPRESENTATIVES = ("dice", "cross_entropy", "lovasz", "boundary", "cl_dice", "ssim", "dice_ce", *COMPOUNDS)


def every_loss_and(argument, values, ordinary):
    """Parametrize a law by all losses and by values, of which those who represent no others get `ordinary` alone."""
    cases = [
        pytest.param(text, value, marks=[] if text in REPRESENTATIVES or value in ordinary else pytest.mark.matrix)
        for text in EVERY
        for value in values
    ]
    return pytest.mark.parametrize(("text", argument), cases)


KINDS = ("binary", "multiclass", "multilabel")
every_kind = pytest.mark.parametrize("kind", KINDS)
every_loss_and_kind = every_loss_and("kind", KINDS, ordinary=["multiclass"])
SPATIAL = (6, 5, 4)
BY_RANK = {1: (20,), 2: (6, 5), 3: SPATIAL}
CLASSES = 3

tensorflow_only = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about TensorFlow's graphs")


@dataclass(frozen=True)
class Batch:
    """A random batch: `logits` `[batch, *spatial, classes]`, `truth` `[batch, *spatial, classes]` of 0 and 1."""

    kind: str
    logits: np.ndarray
    truth: np.ndarray

    @cached_property
    def probabilities(self):
        return activated(self.logits, self.kind)

    @property
    def labels(self):
        """Integer labels `[batch, *spatial]`; overlapping classes have none."""
        return self.truth[..., 0].astype("int32") if self.kind == "binary" else self.truth.argmax(-1).astype("int32")

    @property
    def options(self):
        """What a loss must be told to read the batch."""
        return {"multilabel": True} if self.kind == "multilabel" else {}


def activated(logits, kind):
    """Return the probabilities of logits as float32, computed in float64."""
    z = logits.astype("float64")
    if kind != "multiclass":
        return (1 / (1 + np.exp(-z))).astype("float32")
    z = np.exp(z - z.max(-1, keepdims=True))
    return (z / z.sum(-1, keepdims=True)).astype("float32")


def batch_of(kind, spatial=SPATIAL, samples=3, classes=CLASSES, seed=0):
    """Return a random `Batch` in which every class is present in every sample."""
    rng = np.random.default_rng([seed, KINDS.index(kind), len(spatial)])
    classes = 1 if kind == "binary" else classes
    shape = (samples, *spatial)
    logits = rng.normal(size=(*shape, classes)).astype("float32") * 1.5
    if kind == "multiclass":
        truth = one_hot(rng.integers(0, classes, shape), classes)
    else:
        truth = (rng.random((*shape, classes)) < 0.4).astype("float32")
    return Batch(kind, logits, truth)


def one_hot(labels, classes=CLASSES):
    return (labels[..., None] == np.arange(classes)).astype("float32")


def make(text, **options):
    """Return the loss that a text means, quick, and one value per sample unless asked otherwise."""
    return losses.get(text, **{"reduction": None, **QUICK.get(text, {}), **options})


def value(loss, y_true, y_pred, sample_weight=None):
    """Return the loss as a NumPy array."""
    return ops.convert_to_numpy(loss(y_true, y_pred, sample_weight))


def value_and_gradient(loss, y_true, y_pred, sample_weight=None):
    """Return the loss and the gradient of its sum with respect to `y_pred`, as NumPy arrays."""
    return tuple(ops.convert_to_numpy(x) for x in differentiated(loss, y_true, y_pred, sample_weight))


def differentiated(loss, y_true, y_pred, sample_weight=None):
    """Return the loss and the gradient of its sum with respect to `y_pred`, as tensors of the backend."""
    y_pred = ops.convert_to_tensor(y_pred)
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(y_pred)
            result = loss(y_true, y_pred, sample_weight)
        return result, tape.gradient(result, y_pred, unconnected_gradients="zero")
    if backend == "jax":
        import jax

        def total(x):
            result = loss(y_true, x, sample_weight)
            return ops.sum(result), result

        gradient, result = jax.grad(total, has_aux=True)(y_pred)
        return result, gradient
    y_pred = y_pred.detach().requires_grad_()
    result = loss(y_true, y_pred, sample_weight)
    ops.sum(result).backward()
    return result.detach(), ops.zeros_like(y_pred) if y_pred.grad is None else y_pred.grad


def leaves(loss, kinds):
    """Return whether every member of the loss is one of `kinds`."""
    return all(isinstance(member, kinds) for member in loss.members())


# Losses made of sums (or orders) over single voxels, with no regard to their places.
VOXELWISE = [
    text
    for text in EVERY
    if leaves(losses.get(text), (losses.RegionLoss, losses.PixelLoss, losses.LovaszLoss))
    and not any(leaves(m, (losses.PixelMapLoss, losses.AdaptiveTverskyLoss)) for m in losses.get(text).members())
]
# To these a label is softer where classes meet, so that a network should be, too: perfect certainty is not their best.
SOFTER = ("svls_cross_entropy",)
every_voxelwise_loss = pytest.mark.parametrize("text", VOXELWISE)


def having(option):
    """Return the names of the losses that take an option."""
    return [name for name in losses.names() if option in text_form.options_of(losses.registry.loss_class(name))]


# Values other than the default for what no rule can guess, by argument or by "loss.argument".
OTHER = {
    "absent": "skip",
    "alpha": 0.4,
    "bins": 64,
    "class_weights": [1.0, 2.0, 0.5],
    "data_format": "channels_first",
    "distances": [[0.0, 1.0, 1.0], [1.0, 0.0, 0.5], [1.0, 0.5, 0.0]],
    "dtype": "float64",
    "frequencies": [0.7, 0.2, 0.1],
    "from_logits": True,
    "ignore_class": 255,
    "max_instances": 2,
    "multilabel": True,
    "name": "another_name",
    "reduction": "sum",
    "scale_weights": [0.5, 0.3, 0.2],
    "spacing": [1.0, 2.5],
}


def other_value(name, argument, default):
    """Return a value of an argument that is not its default."""
    spec = losses.space(name).get(argument)
    if isinstance(spec, list):
        return next(choice for choice in spec if choice != default)
    if spec is not None:
        low, high = spec[:2]
        return low + 0.6 * (high - low) if default != low + 0.6 * (high - low) else low
    if isinstance(default, bool):
        return not default
    if isinstance(default, int):
        return default + 2
    if isinstance(default, float):
        return default * 0.75 if default else 0.1
    for key in (f"{name}.{argument}", argument):
        if key in OTHER:
            return OTHER[key]
    pytest.fail(f"Which value of `{argument}` of '{name}' is not its default? Say so in OTHER in loss_cases.py.")


def other_options(name, leave_out=()):
    """Return a value that is not the default for every argument of a loss, its own and those of its bases."""
    known = text_form.options_of(losses.registry.loss_class(name))
    return {key: other_value(name, key, default) for key, default in known.items() if key not in leave_out}
