"""The examples in the docstrings of inference and evaluation give what they say."""

import doctest
import importlib
import pkgutil

import numpy as np
import pytest

import keras_seg
from keras_seg import evaluation, inference

MODULES = [
    module.name
    for package in (inference, evaluation)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    result = doctest.testmod(importlib.import_module(name), extraglobs={"np": np, "keras_seg": keras_seg})
    assert result.failed == 0


def test_there_are_examples():
    parsed = [doctest.DocTestFinder().find(importlib.import_module(name)) for name in MODULES]
    assert sum(bool(test.examples) for tests in parsed for test in tests) >= 4
