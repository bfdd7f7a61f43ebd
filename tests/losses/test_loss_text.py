"""The text form of losses: its grammar, its meaning and what it answers to a typo."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loss_cases import batch_of, make, value

import keras_seg
from keras_seg import losses

BATCH = batch_of("multiclass", (5, 4))
LEAVES = ("dice", "cross_entropy", "tversky(alpha=0.2, beta=0.8)", "focal(gamma=3)", "boundary(spacing=[1, 2])")
VALUES = {text: value(make(text), BATCH.labels, BATCH.probabilities).astype("float64") for text in LEAVES}
# How tightly a text binds: what stands beside an operator must bind at least as tightly, or wear parentheses.
SUM, PRODUCT, FACTOR = range(3)
quickly = settings(deadline=None, derandomize=True, database=None, max_examples=40)


def value_of(text):
    return value(losses.get(text, reduction=None), BATCH.labels, BATCH.probabilities)


def in_parentheses(text, binding, wanted):
    return text if binding >= wanted else f"({text})"


FUNCTIONS = {
    "log1p": np.log1p,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "log": lambda x: np.log(np.maximum(x, 1e-7)),
    "mean": lambda x: np.full(3, np.mean(x)),
}


@st.composite
def expressions(draw, depth=3):
    """Draw a text, how tightly it binds, and its values `[batch]` by NumPy; there is a loss in it."""
    choice = draw(
        st.sampled_from(["leaf"] if depth == 0 else ["leaf", "sum", "product", "minus", "function", "number"])
    )
    if choice == "leaf":
        leaf = draw(st.sampled_from(LEAVES))
        return leaf, FACTOR, VALUES[leaf]
    text, binding, first = draw(expressions(depth=depth - 1))
    if choice == "minus":
        return f"-{in_parentheses(text, binding, FACTOR)}", FACTOR, -first
    if choice == "function":
        name = draw(st.sampled_from(sorted(FUNCTIONS)))
        if name != "mean" and (np.min(first) < 1e-3 or np.max(first) > 5):
            name = "mean"
        return f"{name}({text})", FACTOR, FUNCTIONS[name](first)
    if choice == "number":
        number = draw(st.sampled_from(["2", "0.5", ".25", "1e-1", "3.", "(1 + 2 * 3)", "sqrt(4)", "-2"]))
        known = {"(1 + 2 * 3)": 7.0, "sqrt(4)": 2.0}
        scale = known[number] if number in known else float(number)
        return f"{number} * {in_parentheses(text, binding, PRODUCT)}", PRODUCT, scale * first
    other, other_binding, second = draw(expressions(depth=depth - 1))
    if choice == "product":
        left, right = in_parentheses(text, binding, PRODUCT), in_parentheses(other, other_binding, FACTOR)
        return f"{left} * {right}", PRODUCT, first * second
    sign = draw(st.sampled_from("+-"))
    right = in_parentheses(other, other_binding, PRODUCT)
    return f"{text} {sign} {right}", SUM, first + second if sign == "+" else first - second


@quickly
@given(expressions())
def test_an_expression_means_what_it_says(expression):
    text, _, expected = expression
    np.testing.assert_allclose(value_of(text), expected, rtol=1e-4, atol=1e-5)


@quickly
@given(expressions())
def test_what_is_written_is_read_again(expression):
    loss = losses.get(expression[0], reduction=None)
    again = losses.get(str(loss), reduction=None)
    # Numbers that stand side by side fold when they are read: `--dice` becomes `1 * dice`, and stays that.
    assert str(losses.get(str(again))) == str(again)
    values = [value(x, BATCH.labels, BATCH.probabilities) for x in (loss, again)]
    np.testing.assert_allclose(*values, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("dice + jaccard * 2", "dice + (jaccard * 2)"),
        ("dice - jaccard - focal", "(dice - jaccard) - focal"),
        ("dice - (jaccard - focal)", "dice - jaccard + focal"),
        ("-dice + 1", "1 - dice"),
        ("-2 * dice", "-(2 * dice)"),
        ("--dice", "dice * 1"),
        ("2 * 3 * dice", "6 * dice"),
        ("2 + 3 + dice", "dice + 5"),
        ("log1p(1) * dice", f"{math.log(2)} * dice"),
        ("mean(2) * dice", "2 * dice"),
        ("log1p(mean(dice))", "log1p( mean( (dice) ) )"),
        (" dice+jaccard ", "dice + jaccard"),
        ("focal(gamma=3,)", "focal( gamma = 3.0 )"),
        ("dice\n  + focal", "dice + focal"),
        ("focal(alpha=[1,2,3])", "focal(alpha=[1.0, 2.0, 3.0])"),
        ("dice(absent='skip')", 'dice(absent="skip")'),
        ("dice(squared=True, ignore_class=None)", "dice(squared=True)"),
        ("dice()", "dice"),
    ],
)
def test_grammar(text, same):
    np.testing.assert_allclose(value_of(text), value_of(same), rtol=1e-5)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("dice + 0.5*focal(gamma=3)", "dice + 0.5 * focal(gamma=3)"),
        ("(dice + jaccard) * 2", "(dice + jaccard) * 2"),
        ("dice - (jaccard + focal)", "dice - (jaccard + focal)"),
        ("dice + (jaccard + focal)", "dice + jaccard + focal"),
        ("tversky(alpha=0.3)", "tversky"),
        ("generalized_dice(weight='simple')", "generalized_dice(weight='simple')"),
        ("boundary(spacing=[1, 2.5])", "boundary(spacing=[1, 2.5])"),
        (
            "dice(include_background=False, class_weights=[1, 2])",
            "dice(class_weights=[1, 2], include_background=False)",
        ),
    ],
)
def test_what_a_loss_writes(text, written):
    assert str(losses.get(text)).replace(".0", "") == written


def test_operators_are_the_text():
    dice, focal = losses.DiceLoss(), losses.FocalLoss(gamma=3)
    assert str(dice + 0.5 * focal) == "dice + 0.5 * focal(gamma=3)"
    assert str(2 - dice) == "2 - dice"
    assert str(dice * 2 - focal) == "dice * 2 - focal(gamma=3)"
    assert str(sum([dice, focal])) == "0 + dice + focal(gamma=3)"


def test_a_name_is_that_of_the_whole():
    assert losses.get("dice", name="mine").name == losses.get("dice + focal", name="mine").name == "mine"


def test_options_go_to_every_loss_that_takes_them_and_the_text_wins():
    loss = losses.get("dice(smooth=2) + focal + ssim", smooth=1.0, ignore_class=9, gamma=4.0)
    dice, focal, ssim = loss.members()
    assert (dice.smooth, focal.gamma) == (2, 4.0)
    assert {member.ignore_class for member in (dice, focal, ssim, loss)} == {9}


UNREADABLE = [
    ("dise", "Unknown loss 'dise'.*Did you mean 'dice'"),
    ("tverski + dice", "Unknown loss 'tverski'.*'tversky'"),
    ("xyzzy", "Unknown loss 'xyzzy'.*Known names:.*dice"),
    ("dice(smoth=1)", "'dice' has no argument 'smoth'.*Did you mean 'smooth'"),
    ("focal(gama=2)", "no argument 'gama'.*'gamma'"),
    ("dice +", "Expected a loss, a function or a number at the end"),
    ("dice focal", r"Expected '\+', '-', '\*' or the end before 'focal'"),
    ("(dice", r"Expected '\)' at the end"),
    ("dice)", "or the end before"),
    ("dice / 2", "There is no division; multiply by a number instead"),
    ("dice ** 2", "Expected a loss, a function or a number before"),
    ("dice + $", r"unexpected character '\$'"),
    ("dice(3)", "Expected an argument such as 'gamma=3'"),
    ("dice(smooth 3)", "Expected '=' before '3"),
    ("dice(smooth=)", "Expected a number, True, False, None, a quoted text or a list"),
    ("dice(smooth=dice)", "Expected a number, True"),
    ("dice(smooth=1 batch=True)", "Expected ',' before 'batch"),
    ("dice(absent='skip)", "unexpected character"),
    ("log1p dice", r"Expected '\('"),
    ("1 + 2", "There is no loss in this text"),
    ("", "Expected a loss, a function or a number at the end"),
    ("log(0) * dice", r"log\(0.0\) is not a number"),
    ("sqrt(-1) * dice", "is not a number"),
    ("exp(1000) * dice", "is not a number"),
    ("__import__('os')", "Unknown loss '__import__'"),
    ("dice(smooth=-1)", "`smooth` must be a number >= 0"),
    ("dice.smooth", "unexpected character"),
    ("dice + cross_entropy(ignore_class=1)", "must agree in `ignore_class`"),
]


@pytest.mark.parametrize(("text", "message"), UNREADABLE)
def test_an_unreadable_text_says_what_is_wrong(text, message):
    with pytest.raises(ValueError, match=message):
        losses.get(text)


@settings(deadline=None, derandomize=True, database=None, max_examples=300)
@given(st.text(alphabet="dice focal(gamma=3,) +-*/[]'\"0.5e1_ log1p", max_size=30))
def test_any_text_is_read_or_refused_with_a_reason(text):
    try:
        loss = losses.get(text)
    except ValueError as error:
        assert str(error)  # noqa: PT017
    else:
        assert losses.get(str(loss))


def test_an_option_that_no_loss_takes_is_refused():
    with pytest.raises(ValueError, match=r"has no argument 'gama'.*'gamma'"):
        losses.get("dice + focal", gama=3)
    with pytest.raises(ValueError, match="has no argument 'spacing'"):
        keras_seg.losses.get("dice", spacing=[1, 1])
