"""The five losses of the comparison that this package grew out of (a binary 3D V-Net), number for number.

On the left each formula as it was, in NumPy, float64; on the right what to write here. `e = 1e-5` everywhere. Dice and
Tversky were minus the coefficient there, which is this package's loss minus 1; focal was the sum over the voxels.
"""

import keras
import numpy as np
import pytest
from keras import ops
from scipy.ndimage import gaussian_filter

import keras_seg

# NumPy 2 says this of torch tensors whenever Keras turns one into an array.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

E = 1e-5
SHAPE = (3, 12, 16, 10, 1)
VOXELS = 12 * 16 * 10


@pytest.fixture(scope="module", params=["one body, an empty and a full mask", "three bodies", "nearly perfect"])
def masks_and_maps(request):
    """What a V-Net gives: smooth maps that saturate at both ends, past the clip of the cross-entropy."""
    rng = np.random.default_rng(5)
    body = gaussian_filter(rng.normal(size=SHAPE), (0, 2, 2, 2, 0))
    body /= body.std()
    truth = (body > 0.7).astype("float64")
    noise = gaussian_filter(rng.normal(size=SHAPE), (0, 1, 1, 1, 0))
    if request.param.startswith("one body"):
        truth[1], truth[2] = 0, 1
    certainty = 15 if request.param == "nearly perfect" else 4
    logits = certainty * (body - 0.7) + 3 * noise / noise.std()
    probabilities = 1 / (1 + np.exp(-logits))
    if request.param == "nearly perfect":
        probabilities[:, 0], truth[:, 0] = 0, 0
        probabilities[:, -1], truth[:, -1] = 1, 1
    # Both sides see the same numbers, whatever the precision in which ours is asked.
    return truth, probabilities.astype("float32").astype("float64")


def per_sample(x):
    return x.reshape(len(x), -1)


def binary_cross_entropy(g, p):
    g, p = per_sample(g), np.clip(per_sample(p), E, 1 - E)
    return np.mean(-(g * np.log(p) + (1 - g) * np.log(1 - p)), axis=1)


def dice(g, p):
    g, p = per_sample(g), per_sample(p)
    return (2 * (g * p).sum(1) + E) / (g.sum(1) + p.sum(1) + E)


def minus_tversky(g, p, b):
    g, p = per_sample(g), per_sample(p)
    hits, alarms, misses = (g * p).sum(1), ((1 - g) * p).sum(1), (g * (1 - p)).sum(1)
    return -(hits + E) / (hits + b * alarms + (1 - b) * misses + E)


def dice_with_halved_smoothing(g, p):
    """Tversky at `b = 0.5`, times two above and below: Dice with `2 e`."""
    g, p = per_sample(g), per_sample(p)
    return (2 * (g * p).sum(1) + 2 * E) / (g.sum(1) + p.sum(1) + 2 * E)


def focal(g, p, alpha=0.25, gamma=2.0):
    g, p = per_sample(g), np.clip(per_sample(p), 1e-7, 1 - 1e-7)
    foreground = -alpha * (1 - p) ** gamma * np.log(p)
    background = -(1 - alpha) * p**gamma * np.log(1 - p)
    return np.where(g == 1, foreground, background).sum(1)


def cross_entropy_and_dice(g, p):
    """The cross-entropy was a mean over the batch too; per sample here, the mean over the batch is the same."""
    return binary_cross_entropy(g, p) + np.log(1 + np.mean(1 - dice(g, p)))


# Name: the original, ours as it is called, and what turns our value into the original's.
ORIGINALS = {
    "cross-entropy": (binary_cross_entropy, ("cross_entropy(epsilon=1e-5)", {}), lambda ours: ours),
    "dice": (lambda g, p: -dice(g, p), ("dice", {"smooth": E}), lambda ours: ours - 1),
    "tversky, b=0.3": (
        lambda g, p: minus_tversky(g, p, b=0.3),
        ("tversky", {"alpha": 0.3, "beta": 0.7, "smooth": E}),
        lambda ours: ours - 1,
    ),
    "tversky, b=0.5": (
        lambda g, p: -dice_with_halved_smoothing(g, p),
        ("tversky", {"alpha": 0.5, "beta": 0.5, "smooth": E}),
        lambda ours: ours - 1,
    ),
    "focal": (focal, ("focal", {"alpha": 0.25, "gamma": 2.0}), lambda ours: ours * VOXELS),
    "cross-entropy + dice": (
        cross_entropy_and_dice,
        ("cross_entropy(epsilon=1e-5) + log1p(mean(dice(smooth=1e-5)))", {}),
        lambda ours: ours,
    ),
}


@pytest.mark.parametrize("reduction", [None, "sum_over_batch_size"])
@pytest.mark.parametrize("name", ORIGINALS)
def test_original(name, reduction, masks_and_maps):
    original, (text, options), convert = ORIGINALS[name]
    expected = original(*masks_and_maps)
    expected = expected if reduction is None else expected.mean()
    # JAX and torch take float64 arrays for float32 unless they are told otherwise.
    for dtype in ("float64", "float32") if keras.backend.backend() == "tensorflow" else ("float32",):
        truth, probabilities = (x.astype(dtype) for x in masks_and_maps)
        loss = keras_seg.losses.get(text, reduction=reduction, dtype=dtype, **options)
        ours = convert(ops.convert_to_numpy(loss(truth, probabilities)))
        np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-6, err_msg=dtype)
