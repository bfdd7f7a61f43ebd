"""What all tests share: a quiet TensorFlow, real data where there is any, and slow processes that start early."""

import importlib.util
import os
import pathlib
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest

TESTS = pathlib.Path(__file__).parent
# Fixtures whose result comes from a process of its own. It starts before the first test and runs beside the others;
# the tests that wait for it come last.
STARTED_EARLY = ("jax_battery", "torch_battery", "saved_models", "killed_trainings")


class Background:
    """A Python script that runs while the tests go on."""

    def __init__(self, folder, script, *arguments, **environment):
        self.folder = folder
        self.log = folder / "log.txt"
        with self.log.open("w") as log:
            command = [sys.executable, str(TESTS / script), *arguments, str(folder)]
            self.process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **environment}
            )

    def wait(self):
        """Wait for the end and return the folder that the script has written into."""
        if self.process.wait(timeout=900) != 0:
            pytest.fail(f"{self.process.args[1]} failed:\n{self.log.read_text()[-4000:]}")
        return self.folder


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: not set(STARTED_EARLY).isdisjoint(item.fixturenames))


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    # Prepared cases of the tests do not belong into the user's cache.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_SEG_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _start_early(request, _own_cache):
    wanted = {name for item in request.session.items for name in item.fixturenames}
    for name in STARTED_EARLY:
        if name in wanted:
            request.getfixturevalue(name)


def _battery(backend, module, factory):
    if importlib.util.find_spec(module) is None:
        return None
    folder = factory.mktemp(f"{backend}_battery")
    return Background(folder, "backends/battery.py", KERAS_BACKEND=backend, JAX_PLATFORMS="cpu")


@pytest.fixture(scope="session")
def jax_battery(tmp_path_factory):
    """The battery of `backends/battery.py` on JAX, under way, or `None` without JAX."""
    return _battery("jax", "jax", tmp_path_factory)


@pytest.fixture(scope="session")
def torch_battery(tmp_path_factory):
    """The battery of `backends/battery.py` on torch, under way, or `None` without torch."""
    return _battery("torch", "torch", tmp_path_factory)


@pytest.fixture(scope="session")
def saved_models(tmp_path_factory):
    """Models saved in one process and loaded in another by `losses/saved_models.py`, under way."""
    return Background(tmp_path_factory.mktemp("saved_models"), "losses/saved_models.py")


@pytest.fixture(scope="session")
def killed_trainings(tmp_path_factory):
    """Trainings that `training/killing.py` kills and resumes, under way."""
    return Background(tmp_path_factory.mktemp("killing"), "training/killing.py")


@pytest.fixture(scope="session")
def data_folder():
    """The folder of real data that the environment variable `KERAS_SEG_DATA` names."""
    folder = os.environ.get("KERAS_SEG_DATA")
    if not folder:
        pytest.skip("KERAS_SEG_DATA does not name a folder of real data")
    return pathlib.Path(folder)
