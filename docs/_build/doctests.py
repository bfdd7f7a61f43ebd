"""A Griffe extension: examples in docstrings become code blocks.

The docstrings write an example as a paragraph of `>>>` lines, as Python's doctest reads it. Markdown would make nested
quotations of them.
"""

import re

import griffe

_EXAMPLE = re.compile(r"^(?P<indent>[ ]*)>>> .*(?:\n(?P=indent)\S.*)*", re.MULTILINE)


class Doctests(griffe.Extension):
    """Puts every paragraph of a docstring that begins with `>>>` into a fenced block."""

    def on_object(self, *, obj, **kwargs):
        """Rewrite the docstring of an object that was just read."""
        if obj.docstring:
            obj.docstring.value = _EXAMPLE.sub(_fence, obj.docstring.value)


def _fence(match):
    indent = match["indent"]
    return f"\n{indent}```pycon\n{match[0]}\n{indent}```\n"
