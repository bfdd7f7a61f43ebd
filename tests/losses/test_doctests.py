"""The examples in the docstrings of the losses give what they say, and every loss has one."""

import doctest
import importlib
import inspect
import pkgutil

import numpy as np
import pytest

import keras_seg
from keras_seg import losses

MODULES = [module.name for module in pkgutil.walk_packages(losses.__path__, "keras_seg.losses.")]


@pytest.mark.parametrize("name", ["keras_seg.losses", *MODULES])
def test_examples(name):
    globs = {"np": np, "keras_seg": keras_seg}
    result = doctest.testmod(importlib.import_module(name), extraglobs=globs, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


@pytest.mark.parametrize("name", losses.names())
def test_every_loss_shows_an_example_and_its_arguments(name):
    """A hand-computed number, every argument of its own, and where the formula comes from."""
    cls = losses.registry.loss_class(name)
    text = inspect.getdoc(cls)
    assert cls.__doc__
    assert ">>> " in text
    assert f"{cls.__name__}(" in text
    for argument in losses.defaults(name):
        assert f"\n    {argument}: " in text, argument
    assert "Reference" in text or name == "cross_entropy"
