"""Powers, roots, logarithms and quotients whose value *and gradient* are finite everywhere.

`where(x > 0, sqrt(x), 0)` is not enough: the gradient of the branch that is not taken is still computed, and infinity
times zero is NaN. Each function below therefore also replaces the argument before it is used.
"""

import numbers

from keras import ops

# Far below every probability that float32 arithmetic can tell from zero, far above its smallest normal number.
TINY = 1e-30


def is_constant(number, value):
    """Whether `number` is a number of Python and that `value`; a tensor in its place never is whole (`form.py`)."""
    return isinstance(number, numbers.Real) and number == value


def divide(numerator, denominator, empty=0.0):
    """`numerator / denominator`, and `empty` with zero gradient where the denominator is 0."""
    known = ops.not_equal(denominator, 0)
    quotient = numerator / ops.where(known, denominator, ops.ones_like(denominator))
    return ops.where(known, quotient, ops.full_like(quotient, empty))


def power(base, exponent):
    """`base ** exponent` for `base >= 0`, with zero gradient where the base is 0."""
    if is_constant(exponent, 1):
        return base
    if is_constant(exponent, 2):
        return ops.square(base)
    # A number of NumPy would insist on its own dtype.
    exponent = float(exponent) if isinstance(exponent, numbers.Real) else exponent
    positive = base > TINY
    raised = ops.power(ops.where(positive, base, ops.ones_like(base)), exponent)
    return ops.where(positive, raised, ops.full_like(raised, 1.0 if is_constant(exponent, 0) else 0.0))


def sqrt(x):
    """`sqrt(x)` for `x >= 0`, with zero gradient at 0."""
    positive = x > TINY
    root = ops.sqrt(ops.where(positive, x, ops.ones_like(x)))
    return ops.where(positive, root, ops.zeros_like(root))


def log(x, smallest=1e-7):
    """`log(max(x, smallest))`."""
    return ops.log(ops.maximum(x, smallest))
