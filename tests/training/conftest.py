"""One small run that the tests of whole trainings look at; they leave it as it is."""

import io

import pytest


@pytest.fixture(scope="session")
def workplace(tmp_path_factory):
    from training_cases import write_phantoms

    folder = tmp_path_factory.mktemp("workplace")
    write_phantoms(folder / "data")
    return folder


@pytest.fixture(scope="session")
def said():
    from rich.console import Console

    return Console(file=io.StringIO(), width=100)


@pytest.fixture(scope="session")
def run(workplace, said):
    from training_cases import TINY

    from keras_seg import training

    return training.train(
        workplace / "data",
        workplace / "run",
        test=1,
        validation=2,
        epochs=4,
        deep_supervision=True,
        cache=workplace / "cache",
        console=said,
        **{**TINY, "filters": (4, 8, 8), "strides": (2, 2), "validation.every": 2},
    )
