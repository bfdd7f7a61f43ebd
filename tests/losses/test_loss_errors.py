"""Every refusal says what came, what was expected and how to put it right."""

import keras
import numpy as np
import pytest
from loss_cases import batch_of, every_loss, having, make

from keras_seg import losses
from keras_seg.losses import registry

BATCH = batch_of("multiclass", (6, 5))
BINARY = batch_of("binary", (6, 5))

ARGUMENTS = [
    ("dice", {"data_format": "first"}, "`data_format` must be 'channels_last', 'channels_first' or None.*'first'"),
    ("dice", {"ignore_class": 0.5}, "`ignore_class` must be an integer label such as 255. Received: 0.5"),
    ("dice", {"class_weights": [1, -1]}, "`class_weights` must be a list of numbers >= 0, not all 0, one per class"),
    ("dice", {"class_weights": [0, 0]}, "`class_weights` must be a list.*Received: \\[0, 0\\]"),
    ("dice", {"class_weights": 2}, "`class_weights` must be a list.*Received: 2"),
    ("dice", {"class_weights": ["one", 2]}, "`class_weights` must be a list"),
    ("dice", {"class_weights": [float("nan"), 1]}, "`class_weights` must be a list"),
    ("dice", {"class_weights": "12"}, "`class_weights` must be a list.*Received: '12'"),
    ("dice", {"ignore_class": True}, "`ignore_class` must be an integer label.*Received: True"),
    ("dice", {"reduction": "average"}, "Invalid value for argument `reduction`"),
    ("dice", {"smooth": -1}, "`smooth` must be a number >= 0. Received: -1"),
    ("dice", {"smooth": "much"}, "`smooth` must be a number >= 0. Received: 'much'"),
    ("dice", {"smooth": float("nan")}, "`smooth` must be a number >= 0. Received: nan"),
    ("dice", {"smooth": True}, "`smooth` must be a number >= 0. Received: True"),
    ("dice", {"absent": "drop"}, "`absent` must be 'score' or 'skip'. Received: 'drop'"),
    ("tversky", {"alpha": -0.1}, "`alpha` must be a number >= 0"),
    ("tversky", {"alpha": 0, "beta": 0}, "`alpha` and `beta` are both 0: no mistake would cost anything"),
    ("tversky", {"beta": 1.5, "squared": True}, "`beta` must be a number >= 0 and <= 1. Received: 1.5"),
    ("focal_tversky", {"gamma": 0}, "`gamma` must be a number > 0. Received: 0"),
    ("generalized_dice", {"weight": "cube"}, "`weight` must be 'square', 'simple' or 'uniform'. Received: 'cube'"),
    ("cross_entropy", {"label_smoothing": 2}, "`label_smoothing` must be a number >= 0 and <= 1. Received: 2"),
    ("cross_entropy", {"epsilon": 0}, "`epsilon` must be a number > 0 and <= 0.5. Received: 0"),
    ("focal", {"gamma": -1}, "`gamma` must be a number >= 0. Received: -1"),
    ("focal", {"alpha": 2}, "`alpha` must be a number >= 0 and <= 1. Received: 2"),
    ("focal", {"alpha": [1, -1]}, "`alpha` must be a list of numbers >= 0"),
    ("topk_cross_entropy", {"k": 0}, "`k` must be a number > 0 and <= 100. Received: 0"),
    ("topk_cross_entropy", {"k": 101}, "`k` must be a number > 0 and <= 100. Received: 101"),
    ("lovasz", {"classes": "some"}, "`classes` must be 'present' or 'all'. Received: 'some'"),
    ("boundary", {"spacing": [1, 0]}, "`spacing` must hold one size > 0 per spatial axis"),
    ("boundary", {"spacing": [1, 1, 1, 1]}, "`spacing` must hold one size > 0 per spatial axis"),
    ("boundary", {"spacing": 2.0}, "`spacing` must hold one size > 0 per spatial axis"),
    ("cl_dice", {"iterations": 0}, "`iterations` must be a number >= 1. Received: 0"),
    ("cl_dice", {"smooth": 0}, "`smooth` must be a number > 0. Received: 0"),
    ("ssim", {"window": 4}, "`window` must be odd.*Received: 4"),
    ("ssim", {"sigma": 0}, "`sigma` must be a number > 0"),
    ("dice_ce", {"cross_entropy_weight": -1}, "`cross_entropy_weight` must be a number >= 0"),
    ("dice_focal", {"gamma": -1}, "`gamma` must be a number >= 0"),
    ("dice_boundary", {"stop": -1}, "`stop` must be a number >= 0"),
]


@pytest.mark.parametrize(("name", "options", "message"), ARGUMENTS)
def test_arguments(name, options, message):
    with pytest.raises(ValueError, match=message):
        losses.get(name, **options)


INPUTS = [
    (
        BATCH.labels[:, :5],
        None,
        r"`y_true` does not fit `y_pred`.*\(3, 6, 5\) or \(3, 6, 5, 1\).*\(3, 6, 5, 3\).*\(3, 5, 5\)",
    ),
    (BATCH.truth[..., :2], None, r"`y_true` does not fit `y_pred`.*y_true.shape=\(3, 6, 5, 2\)"),
    (BATCH.labels[..., 0], None, "Resize the masks to the network's output, or check `num_classes`"),
    (BATCH.labels, np.ones((3, 6)), r"`sample_weight` must be one weight per sample.*\(3, 6\).*use `class_weights`"),
    (BATCH.labels, np.ones((3, 6, 5, 3)), r"`sample_weight` must be.*sample_weight.shape=\(3, 6, 5, 3\)"),
    (BATCH.labels, np.ones((3, 5, 6)), r"`sample_weight` must be"),
]


@every_loss
def test_inputs(text):
    loss = make(text)
    for y_true, weight, message in INPUTS:
        with pytest.raises(ValueError, match=message):
            loss(y_true, BATCH.probabilities, weight)
    for shape in ((3, 2), (2, 2, 2, 2, 2, 2)):
        with pytest.raises(
            ValueError, match=r"`y_pred` must be `\[batch, \*spatial, classes\]` with 1 to 3 spatial axes"
        ):
            loss(np.zeros(shape[:-1]), np.zeros(shape))


@every_loss
def test_options_that_do_not_fit_the_classes(text):
    with pytest.raises(ValueError, match=r"`class_weights` must hold 3 numbers for a prediction of 3 class"):
        make(text, class_weights=[1, 2])(BATCH.labels, BATCH.probabilities)
    with pytest.raises(ValueError, match=r"2 numbers, \(background, foreground\), for a prediction of 1 class"):
        make(text, class_weights=[1])(BINARY.labels, BINARY.probabilities)
    with pytest.raises(ValueError, match="`include_background=False` leaves nothing of a prediction of one class"):
        make(text, include_background=False)(BINARY.labels, BINARY.probabilities)


@every_loss
def test_a_list_of_outputs(text):
    with pytest.raises(ValueError, match=r"takes one output. Received a list of 2.*DeepSupervisionLoss"):
        make(text)(BATCH.labels, [BATCH.probabilities, BATCH.probabilities])


def test_other_options_that_do_not_fit_the_arrays():
    with pytest.raises(ValueError, match=r"`alpha` must hold one number per class \(3\)"):
        losses.get("focal", alpha=[1, 2])(BATCH.labels, BATCH.probabilities)
    for name in having("spacing"):
        with pytest.raises(ValueError, match="`spacing` has 3 sizes for 2 spatial axes"):
            losses.get(name, spacing=[1, 1, 1])(BATCH.labels, BATCH.probabilities)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="asks TensorFlow's shapes")
def test_an_open_number_of_classes():
    import tensorflow as tf

    with pytest.raises(ValueError, match="The number of classes must be known"):
        tf.function(lambda p: losses.get("dice")(BATCH.labels, p), autograph=False).get_concrete_function(
            tf.TensorSpec([3, 6, 5, None])
        )


@every_loss
def test_a_contradiction_between_loss_and_model(text):
    for option in ("from_logits", "multilabel"):
        loss = make(text, **{option: True})
        with pytest.raises(ValueError, match=f"was made with {option}=True, but the model asks for {option}=False"):
            losses.get(loss, **{option: False})
        assert losses.get(loss, **{option: True}) is loss


def test_sums_of_losses_that_read_the_arrays_differently():
    for option, values in {
        "from_logits": (True, False),
        "multilabel": (True, None),
        "class_weights": ([1, 2], None),
        "include_background": (True, False),
        "ignore_class": (255, 0),
        "data_format": ("channels_first", None),
        "dtype": ("float64", "float32"),
    }.items():
        first, second = (losses.get(name, **{option: x}) for name, x in zip(("dice", "focal"), values, strict=True))
        for combine in (lambda a, b: a + b, lambda a, b: a - b, lambda a, b: 2 * (a * b)):
            with pytest.raises(ValueError, match=f"must agree in `{option}`: 'dice' has .*'focal' has"):
                combine(first, second)
    with pytest.raises(ValueError, match="must agree in `reduction`"):
        losses.get("dice", reduction="sum") + losses.get("focal")


@pytest.mark.parametrize("other", [keras.losses.Dice(), keras.losses.BinaryCrossentropy()])
def test_sums_with_losses_of_keras(other):
    for combine in (lambda a, b: a + b, lambda a, b: b + a, lambda a, b: a * b, lambda a, b: b - a):
        with pytest.raises(ValueError, match=r"Only losses of keras_seg can be combined.*keras.*losses\.names\(\)"):
            combine(losses.get("dice"), other)


@pytest.mark.parametrize("other", ["dice", None, True, [1.0], {}])
def test_sums_with_something_else(other):
    with pytest.raises(TypeError, match="unsupported operand"):
        losses.get("dice") + other


@pytest.mark.parametrize(
    ("operation", "operands", "message"),
    [
        ("/", (losses.DiceLoss(), 2.0), r"`operation` must be \+, -, \* with two operands, or log1p, log"),
        ("+", (losses.DiceLoss(),), "`operation` must be .* with two operands"),
        ("+", (1.0, 2.0), r"A compound needs at least one loss of keras_seg. Received: operands=\(1.0, 2.0\)"),
    ],
)
def test_compounds_made_by_hand(operation, operands, message):
    with pytest.raises(ValueError, match=message):
        losses.CompoundLoss(operation, operands)


def test_names():
    with pytest.raises(ValueError, match=r"Unknown loss 'tverskey'\. Did you mean 'tversky'"):
        losses.space("tverskey")
    with pytest.raises(ValueError, match=r"Unknown loss 'x'\. Known names: active_contour, "):
        losses.defaults("x")
    with pytest.raises(ValueError, match=r"A loss named 'dice' exists already: DiceLoss\. Choose another name"):
        registry.register("dice")(losses.DiceLoss)


@pytest.mark.parametrize("identifier", [None, 3, keras.losses.Dice(), keras.losses.Dice, lambda a, b: a])
def test_what_is_no_loss(identifier):
    with pytest.raises(ValueError, match=r"Cannot make a segmentation loss from .*Expected a name, a text such as"):
        losses.get(identifier)


@pytest.mark.parametrize("base", [losses.RegionLoss, losses.PixelLoss, losses.SegmentationLoss])
def test_a_base_has_no_formula(base):
    with pytest.raises((NotImplementedError, AttributeError)):
        base()(BATCH.labels, BATCH.probabilities)
