"""What a machine has: cores, memory, limits of a container, a GPU."""

import math
import subprocess
import types

import keras
import pytest

from keras_seg.training import resources as looked_up
from keras_seg.training.planning.machine import Resources, count_cores, memory_below_limit


def test_this_machine():
    found = looked_up()
    assert found.cores >= 1
    assert 1e8 < found.memory < 1e14
    assert found.backend == keras.backend.backend()
    assert (found.gpu is None) <= (found.gpu_memory == 0)


def test_one_line():
    assert Resources(2, 21_400_000_000).describe() == "2 cores, 21.4 GB of free memory, no GPU (tensorflow)"
    gpu = Resources(1, 8_000_000_000, "A100", 40_000_000_000, "jax")
    assert gpu.describe() == "1 core, 8.0 GB of free memory, A100 with 40 GB (jax)"


def test_the_limit_of_a_container_counts(tmp_path):
    listing = tmp_path / "cgroup"
    listing.write_text("0::/user/box\n")
    group = tmp_path / "root" / "user" / "box"
    group.mkdir(parents=True)
    groups = ((tmp_path / "root", "memory.max", "memory.current"),)
    assert memory_below_limit(groups, listing) == math.inf
    (group / "memory.max").write_text("4000\n")
    (group / "memory.current").write_text("1500\n")
    assert memory_below_limit(groups, listing) == 2500
    # A limit further up binds too.
    (group.parent / "memory.max").write_text("3000\n")
    (group.parent / "memory.current").write_text("2900\n")
    assert memory_below_limit(groups, listing) == 100
    (group / "memory.max").write_text("max\n")
    (group.parent / "memory.current").write_text("3100\n")
    assert memory_below_limit(groups, listing) == 0
    assert memory_below_limit(groups, tmp_path / "nothing") == math.inf


@pytest.mark.parametrize("names", [("active_file", "inactive_file"), ("total_active_file", "total_inactive_file")])
def test_files_that_were_read_are_not_in_use(tmp_path, names):
    """Reading a data set must not make the plan for it smaller."""
    (tmp_path / "memory.max").write_text("4000\n")
    (tmp_path / "memory.current").write_text("3900\n")
    (tmp_path / "memory.stat").write_text(f"anon 900\n{names[0]} 1000\n{names[1]} 2000\n")
    groups = ((tmp_path, "memory.max", "memory.current"),)
    assert memory_below_limit(groups, tmp_path / "nothing") == 3100


def test_the_quota_of_a_container_counts(tmp_path):
    every = count_cores(tmp_path)
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert count_cores(tmp_path) == every
    (tmp_path / "cpu.max").write_text("100000 100000\n")
    assert count_cores(tmp_path) == 1
    old = tmp_path / "old" / "cpu"
    old.mkdir(parents=True)
    (old / "cpu.cfs_quota_us").write_text("-1\n")
    (old / "cpu.cfs_period_us").write_text("100000\n")
    assert count_cores(tmp_path / "old") == every
    (old / "cpu.cfs_quota_us").write_text("50000\n")
    assert count_cores(tmp_path / "old") == 1


def gpus(monkeypatch, devices):
    """Let TensorFlow see these GPUs."""
    tensorflow = pytest.importorskip("tensorflow")
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    monkeypatch.setattr(tensorflow.config, "list_physical_devices", lambda kind: devices)
    monkeypatch.setattr(
        tensorflow.config.experimental, "get_device_details", lambda device: {"device_name": "NVIDIA T4"}
    )


def test_a_gpu_and_its_memory(monkeypatch):
    gpus(monkeypatch, ["gpu"])
    answer = types.SimpleNamespace(stdout="15360\n")
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: answer)
    found = looked_up()
    assert (found.gpu, found.gpu_memory) == ("NVIDIA T4", 15360 * 2**20)


def test_a_gpu_whose_driver_does_not_answer(monkeypatch):
    gpus(monkeypatch, ["gpu"])

    def missing(*args, **kwargs):
        raise FileNotFoundError("nvidia-smi")

    monkeypatch.setattr(subprocess, "run", missing)
    found = looked_up()
    assert (found.gpu, found.gpu_memory) == ("NVIDIA T4", 0)


def test_a_backend_that_fails_to_look_computes_on_cores(monkeypatch):
    gpus(monkeypatch, [])
    assert looked_up().gpu is None
    tensorflow = pytest.importorskip("tensorflow")

    def broken(kind):
        raise RuntimeError("driver")

    monkeypatch.setattr(tensorflow.config, "list_physical_devices", broken)
    assert looked_up().gpu is None
