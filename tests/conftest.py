"""What all tests share: a quiet TensorFlow, real data where there is any, and slow processes that start early."""

import importlib.util
import os
import pathlib
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest

TESTS = pathlib.Path(__file__).parent
# Fixtures whose result comes from a process of its own. It starts before the first test and runs beside the others;
# the tests that wait for it come last.
STARTED_EARLY = ("jax_battery", "torch_battery", "saved_models", "killed_trainings", "killed_searches")


# Runs a command and leaves its exit status behind.
RUN = "import pathlib, subprocess, sys; pathlib.Path(sys.argv[1]).write_text(str(subprocess.call(sys.argv[2:])))"


class Background:
    """A Python script that runs while the tests go on. Of several workers the first to come starts it."""

    def __init__(self, factory, name, script, *arguments, **environment):
        base = factory.getbasetemp()
        # Workers of pytest-xdist have a folder each, in one that they share.
        base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
        self.script, self.process = script, None
        self.folder, self.log, self.status = (base / f"{name}{ending}" for ending in ("", ".log", ".status"))
        try:
            self.folder.mkdir()
        except FileExistsError:
            return
        command = [sys.executable, "-c", RUN, self.status, sys.executable, TESTS / script, *arguments, self.folder]
        with self.log.open("w") as log:
            environment = {**os.environ, **environment}
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)

    def wait(self):
        """Wait for the end and return the folder that the script has written into."""
        until = time.monotonic() + 900
        while not (self.status.exists() and self.status.read_text()):
            if time.monotonic() > until:
                pytest.fail(f"{self.script} has not ended:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.2)
        self.finish()
        if self.status.read_text() != "0":
            pytest.fail(f"{self.script} failed:\n{self.log.read_text()[-4000:]}")
        return self.folder

    def finish(self):
        """Wait for the process if it is this worker's own: another worker may still need what it writes."""
        if self.process is not None:
            self.process.wait()


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: not set(STARTED_EARLY).isdisjoint(item.fixturenames))


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    # Prepared cases of the tests do not belong into the user's cache.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_SEG_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module", autouse=True)
def _first_epoch():
    # Scheduled losses read the epoch of the last training in this process, which another file may have left.
    schedule = sys.modules.get("keras_seg.losses.schedule")
    if schedule:
        schedule.epoch_variable().assign(0.0)


@pytest.fixture(scope="session", autouse=True)
def _start_early(request, _own_cache):
    wanted = {name for item in request.session.items for name in item.fixturenames}
    for name in STARTED_EARLY:
        if name in wanted:
            request.getfixturevalue(name)


def _under_way(*arguments, **environment):
    background = Background(*arguments, **environment)
    yield background
    background.finish()


def _battery(backend, module, factory):
    if importlib.util.find_spec(module) is None:
        yield None
        return
    yield from _under_way(
        factory, f"{backend}_battery", "backends/battery.py", KERAS_BACKEND=backend, JAX_PLATFORMS="cpu"
    )


@pytest.fixture(scope="session")
def jax_battery(tmp_path_factory):
    """The battery of `backends/battery.py` on JAX, under way, or `None` without JAX."""
    yield from _battery("jax", "jax", tmp_path_factory)


@pytest.fixture(scope="session")
def torch_battery(tmp_path_factory):
    """The battery of `backends/battery.py` on torch, under way, or `None` without torch."""
    yield from _battery("torch", "torch", tmp_path_factory)


@pytest.fixture(scope="session")
def saved_models(tmp_path_factory):
    """Models saved in one process and loaded in another by `losses/saved_models.py`, under way."""
    yield from _under_way(tmp_path_factory, "saved_models", "losses/saved_models.py")


@pytest.fixture(scope="session")
def killed_trainings(tmp_path_factory):
    """Trainings that `training/killing.py` kills and resumes, under way."""
    yield from _under_way(tmp_path_factory, "killing", "training/killing.py")


@pytest.fixture(scope="session")
def killed_searches(tmp_path_factory):
    """Searches that `tuner/killed_searches.py` kills and shares among processes, under way."""
    yield from _under_way(tmp_path_factory, "searches", "tuner/killed_searches.py")


@pytest.fixture(scope="session")
def data_folder():
    """The folder of real data that the environment variable `KERAS_SEG_DATA` names."""
    folder = os.environ.get("KERAS_SEG_DATA")
    if not folder:
        pytest.skip("KERAS_SEG_DATA does not name a folder of real data")
    return pathlib.Path(folder)
