"""The named compounds are the sums that they say, and read the voxels once."""

import numpy as np
import pytest
from loss_cases import batch_of, every_kind, value

from keras_seg import losses
from keras_seg.losses import inputs as canonical_inputs
from keras_seg.losses import stream

# Each compound at weights of its own, and the same as a text.
AS_TEXT = [
    ("dice_ce(dice_weight=0.5, cross_entropy_weight=2)", "0.5 * dice + 2 * cross_entropy"),
    ("dice_focal(dice_weight=0.5, focal_weight=2, gamma=3)", "0.5 * dice + 2 * focal(gamma=3)"),
    ("dice_topk(dice_weight=0.5, topk_weight=2, k=20)", "0.5 * dice + 2 * topk_cross_entropy(k=20)"),
    ("dice_cldice(alpha=0.2, iterations=2)", "0.8 * dice + 0.2 * cl_dice(iterations=2)"),
    ("dice_boundary(start=0.3)", "dice + 0.3 * boundary"),
    ("dice_hausdorff(start=0.3, alpha=1.5, log=True)", "dice + 0.3 * hausdorff_dt(alpha=1.5, log=True)"),
    (
        "generalized_dice_focal(generalized_dice_weight=0.5, focal_weight=2, weight='simple')",
        "0.5 * generalized_dice(weight='simple') + 2 * focal",
    ),
    ("jaccard_ce(jaccard_weight=0.5, cross_entropy_weight=2)", "0.5 * jaccard + 2 * cross_entropy"),
    (
        "unet3plus(focal_weight=0.5, ms_ssim_weight=2, jaccard_weight=3, window=3)",
        "0.5 * focal + 2 * ms_ssim(window=3) + 3 * jaccard",
    ),
]
by_text = pytest.mark.parametrize(("compound", "text"), AS_TEXT)


@by_text
@every_kind
def test_a_compound_is_its_sum(compound, text, kind):
    batch = batch_of(kind, (6, 5))
    ours, sums = (losses.get(name, **batch.options, reduction=None) for name in (compound, text))
    expected = value(sums, batch.truth, batch.probabilities)
    np.testing.assert_allclose(value(ours, batch.truth, batch.probabilities), expected, rtol=1e-5)


@by_text
def test_shared_options_reach_all_members(compound, text):
    batch = batch_of("multiclass", (6, 5))
    labels = np.where(np.random.default_rng(0).random(batch.labels.shape) < 0.2, 255, batch.labels)
    options = {
        "from_logits": True,
        "ignore_class": 255,
        "class_weights": [1.0, 2.0, 0.5],
        "include_background": False,
        "smooth": 0.5,
        "squared": True,
        "batch": True,
        "absent": "skip",
        "reduction": None,
    }
    text = text.replace("cl_dice(", "cl_dice(smooth=1, ")
    expected = value(losses.get(text, **options), labels, batch.logits)
    np.testing.assert_allclose(value(losses.get(compound, **options), labels, batch.logits), expected, rtol=1e-5)


@pytest.mark.parametrize("name", ["dice_ce", "dice_focal", "generalized_dice_focal", "jaccard_ce", "combo", "exp_log"])
def test_sums_over_voxels_share_one_pass(name, monkeypatch):
    passes = []

    def counted(*arguments):
        passes.append(arguments)
        return stream.stream(*arguments)

    monkeypatch.setattr(canonical_inputs, "stream", counted)
    batch = batch_of("multiclass")
    losses.get(name)(batch.labels, batch.probabilities)
    losses.get("unified_focal", symmetric=True)(batch.labels, batch.probabilities)
    assert len(passes) == 2


def test_combo_without_dice_is_half_the_cross_entropy_of_a_map():
    batch = batch_of("binary")
    ours = losses.get("combo", alpha=1.0, beta=0.5, reduction=None)
    cross_entropy = losses.get("cross_entropy", reduction=None)
    expected = value(cross_entropy, batch.truth, batch.probabilities) / 2
    np.testing.assert_allclose(value(ours, batch.truth, batch.probabilities), expected, rtol=1e-5)


def test_combo_prices_the_two_errors_apart():
    truth, wrong = np.array([[[1.0], [0.0]]]), {"miss": [[[0.1], [0.1]]], "alarm": [[[0.9], [0.9]]]}
    for beta, dearer in ((0.9, "miss"), (0.1, "alarm")):
        loss = losses.get("combo", alpha=1.0, beta=beta)
        prices = {error: float(value(loss, truth, np.array(p))) for error, p in wrong.items()}
        assert max(prices, key=prices.get) == dearer


def test_frequencies_of_the_sample_are_frequencies_given():
    """And any unit will do: the weights depend on their ratios."""
    batch = batch_of("multiclass", samples=1)
    sizes = np.bincount(batch.labels.ravel(), minlength=3)
    expected = value(losses.get("exp_log"), batch.labels, batch.probabilities)
    for frequencies in (sizes.tolist(), (sizes / sizes.sum()).tolist()):
        loss = losses.get("exp_log", frequencies=frequencies)
        np.testing.assert_allclose(value(loss, batch.labels, batch.probabilities), expected, rtol=1e-5)
    batch = batch_of("binary", samples=1)
    share = float(batch.truth.mean())
    expected = value(losses.get("exp_log"), batch.truth, batch.probabilities)
    loss = losses.get("exp_log", frequencies=[1 - share, share])
    np.testing.assert_allclose(value(loss, batch.truth, batch.probabilities), expected, rtol=1e-5)


def test_a_focal_parameter_of_0_is_tversky_and_weighted_cross_entropy():
    batch = batch_of("multiclass")
    parts = (
        losses.get("tversky", alpha=0.4, beta=0.6, reduction=None),
        losses.get("cross_entropy", class_weights=[0.4, 0.6, 0.6], reduction=None),
    )
    expected = sum(value(loss, batch.labels, batch.probabilities) for loss in parts) / 2
    for symmetric in (False, True):
        loss = losses.get("unified_focal", gamma=0.0, symmetric=symmetric, reduction=None)
        np.testing.assert_allclose(value(loss, batch.labels, batch.probabilities), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("dice_topk", {"k": 0}, "`k` must be a number > 0"),
        ("dice_topk", {"topk_weight": -1}, "`topk_weight` must be a number >= 0"),
        ("dice_hausdorff", {"start": -1}, "`start` must be a number >= 0"),
        ("dice_hausdorff", {"alpha": 0}, "`alpha` must be a number > 0"),
        ("dice_hausdorff", {"spacing": [0]}, "`spacing` must hold one size > 0"),
        ("dice_cldice", {"alpha": 2}, "`alpha` must be a number >= 0 and <= 1"),
        ("dice_cldice", {"iterations": 0}, "`iterations` must be a number >= 1"),
        ("dice_cldice", {"cl_dice_smooth": 0}, "`cl_dice_smooth` must be a number > 0"),
        ("generalized_dice_focal", {"weight": "cube"}, "`weight` must be 'square', 'simple' or 'uniform'"),
        ("generalized_dice_focal", {"focal_weight": "x"}, "`focal_weight` must be a number"),
        ("jaccard_ce", {"jaccard_weight": -1}, "`jaccard_weight` must be a number >= 0"),
        ("combo", {"alpha": 1.5}, "`alpha` must be a number >= 0 and <= 1"),
        ("combo", {"beta": -0.5}, "`beta` must be a number >= 0 and <= 1"),
        ("exp_log", {"gamma": 0}, "`gamma` must be a number > 0"),
        ("exp_log", {"frequencies": [1, 0]}, "`frequencies` must be above 0"),
        ("exp_log", {"frequencies": "rare"}, "`frequencies` must be a list of numbers"),
        ("unified_focal", {"gamma": 1}, "`gamma` must be below 1"),
        ("unified_focal", {"delta": 2}, "`delta` must be a number >= 0 and <= 1"),
        ("unet3plus", {"window": 4}, "`window` must be odd"),
        ("unet3plus", {"ms_ssim_weight": -1}, "`ms_ssim_weight` must be a number >= 0"),
    ],
)
def test_arguments_of_compounds(name, options, message):
    with pytest.raises(ValueError, match=message):
        losses.get(name, **options)


def test_frequencies_that_do_not_fit_the_classes():
    batch = batch_of("multiclass")
    with pytest.raises(ValueError, match=r"`frequencies` must hold 3 numbers for a prediction of 3 class\(es\)"):
        losses.get("exp_log", frequencies=[1, 2])(batch.labels, batch.probabilities)
    with pytest.raises(ValueError, match="`frequencies` are those of classes that exclude each other"):
        losses.get("exp_log", frequencies=[1, 2, 3], multilabel=True)(batch.truth, batch.probabilities)
