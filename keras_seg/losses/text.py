"""The text form of a loss: `"dice + 0.5 * focal(gamma=3)"`, read by a small parser and never by `eval`.

Grammar, in the order of binding:

    sum      = product { ("+" | "-") product }
    product  = factor { "*" factor }
    factor   = ["-"] ( number | "(" sum ")" | name [ "(" arguments ")" ] | function "(" sum ")" )
    argument = name "=" ( number | "True" | "False" | "None" | quoted text | "[" numbers "]" )
"""

import numbers
import re

from keras_seg.losses import algebra, registry
from keras_seg.losses.base import SegmentationLoss

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<string>'[^']*'|\"[^\"]*\")|(?P<mark>[-+*/=,()\[\]]))"
)
_WORDS = {"True": True, "False": False, "None": None}


def read(text, **options):
    """Make a loss from its text form.

    Args:
        text: For example `"cross_entropy + log1p(mean(dice))"`.
        **options: Given to every loss in the text that takes them; the text's own arguments win.

    Raises:
        ValueError: With the text, the place and what was expected there.
    """
    # The name is that of the whole, not of every member.
    name = options.pop("name", None)
    loss = Parser(text, options).parse()
    return loss if name is None else loss.with_options(name=name)


def words(text):
    """Return the names in a text."""
    return {match.group("name") for match in _TOKEN.finditer(text) if match.group("name")}


def check_taken(options, texts):
    """Refuse an option that no loss in these texts takes: it would be dropped without a word.

    Raises:
        ValueError: Naming the nearest argument.
    """
    written = {word for text in texts for word in words(text)}
    used = [name for name in registry.names() if name in written]
    taken = {key for name in used for key in options_of(registry.loss_class(name))}
    for key in options:
        if used and key not in taken:
            known = registry.nearest(key, tuple(sorted(taken)))
            if len(texts) == 1:
                raise ValueError(f"'{texts[0]}' has no argument '{key}'. {known}")
            raise ValueError(f"None of {', '.join(texts)} has an argument '{key}'. {known}")


class Parser:
    """Recursive descent over the tokens of a text; the tuner extends it to ask for what a text leaves out."""

    def __init__(self, text, options):
        self.text = text
        self.options = options
        self.tokens = self._split(text)
        self.place = 0

    def parse(self):
        loss = self.sum()
        if self.kind != "end":
            self.fail("Expected '+', '-', '*' or the end")
        if not isinstance(loss, SegmentationLoss):
            self.fail("There is no loss in this text")
        return loss

    def _split(self, text):
        tokens, end = [], 0
        while text[end:].strip():
            match = _TOKEN.match(text, end)
            if not match:
                raise ValueError(f"Cannot read the loss '{text}': unexpected character '{text[end:].strip()[0]}'.")
            tokens.append((match.lastgroup, match.group(match.lastgroup), match.start(match.lastgroup)))
            end = match.end()
        return [*tokens, ("end", "", len(text))]

    @property
    def kind(self):
        return self.tokens[self.place][0]

    @property
    def word(self):
        return self.tokens[self.place][1]

    def next(self):
        self.place += 1
        return self.tokens[self.place - 1][1]

    def take(self, mark):
        """Step over `mark` if it stands here."""
        if self.kind == "mark" and self.word == mark:
            self.place += 1
            return True
        return False

    def expect(self, mark):
        if not self.take(mark):
            self.fail(f"Expected '{mark}'")

    def fail(self, message):
        here = f"before '{self.text[self.tokens[self.place][2] :]}'" if self.kind != "end" else "at the end"
        raise ValueError(f"Cannot read the loss '{self.text}': {message} {here}.")

    def sum(self):
        value = self.product()
        while self.kind == "mark" and self.word in "+-":
            value = algebra.combine(self.next(), value, self.product())
        return value

    def product(self):
        value = self.factor()
        while self.take("*"):
            value = algebra.combine("*", value, self.factor())
        if self.kind == "mark" and self.word == "/":
            self.fail("There is no division; multiply by a number instead")
        return value

    def factor(self):
        if self.take("-"):
            return algebra.combine("*", -1.0, self.factor())
        if self.take("("):
            value = self.sum()
            self.expect(")")
            return value
        if self.kind == "number":
            return float(self.next())
        if self.kind != "name":
            self.fail("Expected a loss, a function or a number")
        name = self.next()
        if name in algebra.FUNCTIONS:
            self.expect("(")
            value = self.sum()
            self.expect(")")
            return self._apply(name, value)
        if name not in registry.names():
            known = (*registry.names(), *algebra.FUNCTIONS)
            raise ValueError(f"Unknown loss '{name}' in '{self.text}'. {registry.nearest(name, known)}")
        return self._loss(name, self.arguments())

    def _apply(self, name, value):
        try:
            return algebra.apply(name, value)
        except (ValueError, OverflowError):
            self.fail(f"{name}({value}) is not a number")

    def _loss(self, name, arguments):
        cls = registry.loss_class(name)
        known = options_of(cls)
        for argument in arguments:
            if argument not in known:
                nearest = registry.nearest(argument, tuple(known))
                raise ValueError(f"'{name}' has no argument '{argument}' (in '{self.text}'). {nearest}")
        return cls(**{key: value for key, value in self.options.items() if key in known} | arguments)

    def arguments(self):
        arguments = {}
        if not self.take("("):
            return arguments
        while not self.take(")"):
            if self.kind != "name":
                self.fail("Expected an argument such as 'gamma=3'")
            name = self.next()
            self.expect("=")
            arguments[name] = self.value()
            if not (self.kind == "mark" and self.word == ")"):
                self.expect(",")
        return arguments

    def value(self):
        if self.take("["):
            values = []
            while not self.take("]"):
                values.append(self.value())
                if not (self.kind == "mark" and self.word == "]"):
                    self.expect(",")
            return values
        sign = -1 if self.take("-") else 1
        if self.kind == "number":
            number = self.next()
            return sign * (int(number) if number.isdigit() else float(number))
        if sign > 0 and self.kind == "string":
            return self.next()[1:-1]
        if sign > 0 and self.kind == "name" and self.word in _WORDS:
            return _WORDS[self.next()]
        return self.fail("Expected a number, True, False, None, a quoted text or a list")


def options_of(cls):
    """Return every argument that a loss class takes, with its default: its own and those of its bases."""
    options = {}
    for base in cls.__mro__:
        if "__init__" in vars(base):
            options = registry.signature(base) | options
        if base is SegmentationLoss:
            return options


def write(loss):
    """Return the text form of a loss: its arguments that differ from the defaults, without how to read the arrays."""
    if isinstance(loss, algebra.CompoundLoss):
        return _write_compound(loss)
    if type(loss).__str__ is not SegmentationLoss.__str__:
        # A wrapper has no name to be read by; it says itself what it is.
        return str(loss)
    silent = ("from_logits", "multilabel", "data_format", "reduction", "name", "dtype")
    given = {
        key: getattr(loss, key)
        for key, default in options_of(type(loss)).items()
        if key not in silent and getattr(loss, key) != default
    }
    arguments = ", ".join(f"{key}={_write_value(value)}" for key, value in given.items())
    return f"{loss.registered_name}({arguments})" if arguments else loss.registered_name


def _write_compound(loss):
    def part(operand, parent):
        if not isinstance(operand, SegmentationLoss):
            return f"({_write_value(operand)})" if operand < 0 else _write_value(operand)
        text = write(operand)
        is_sum = isinstance(operand, algebra.CompoundLoss) and operand.operation in "+-"
        return f"({text})" if is_sum and parent != "+" else text

    if loss.operation in algebra.FUNCTIONS:
        return f"{loss.operation}({write(loss.operands[0])})"
    left, right = loss.operands
    first = part(left, "+" if loss.operation == "-" else loss.operation)
    return f"{first} {loss.operation} {part(right, loss.operation)}"


def _write_value(value):
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(_write_value(item) for item in value) + "]"
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        # The shortest text that is read as the same number; NumPy's scalars are written like Python's.
        value = int(value) if isinstance(value, numbers.Integral) else float(value)
        return repr(value).removesuffix(".0")
    return repr(value)
