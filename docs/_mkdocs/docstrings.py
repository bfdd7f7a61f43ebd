"""A Griffe extension: docstrings as people write them, made into the Markdown that they mean."""

import re

import griffe

# An example is a paragraph of `>>>` lines, as Python's doctest reads it. Markdown would make nested quotations of them.
_EXAMPLE = re.compile(r"^(?P<indent>[ ]*)>>> .*(?:\n(?P=indent)\S.*)*", re.MULTILINE)

# A sentence after `Example:` or `Reference:` that goes on in indented lines. Griffe would make a box of them.
_SENTENCE = re.compile(r"^(?:Example|Reference)s?:.*(?:\n[ ]+(?!>>>)\S.*)+", re.MULTILINE)


class Docstrings(griffe.Extension):
    """Puts examples into fenced blocks, and the sentences before and after them into one paragraph each."""

    def on_object(self, *, obj, **kwargs):
        """Rewrite the docstring of an object that was just read."""
        if obj.docstring:
            text = _SENTENCE.sub(lambda match: re.sub(r"\n[ ]+", " ", match[0]), obj.docstring.value)
            obj.docstring.value = _EXAMPLE.sub(_fence, text)


def _fence(match):
    indent = match["indent"]
    return f"\n{indent}```pycon\n{match[0]}\n{indent}```\n"
