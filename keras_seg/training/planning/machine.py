"""What this machine has to train on: cores, memory, a GPU."""

import contextlib
import dataclasses
import math
import os
import pathlib
import subprocess

import keras

# Control groups, new and old: the limit and what is used of it. A container sees the memory of the whole machine.
_CGROUPS = (
    ("/sys/fs/cgroup", "memory.max", "memory.current"),
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
)


@dataclasses.dataclass(frozen=True)
class Resources:
    """What there is to train on.

    Attributes:
        cores: CPU cores that this process may use.
        memory: Bytes of main memory that are free for it, other processes and limits of a container taken off.
        gpu: Name of the GPU that Keras's backend uses, or `None`.
        gpu_memory: Bytes of its memory; 0 without one, or if nothing tells.
        backend: Keras's backend.
    """

    cores: int
    memory: int
    gpu: str | None = None
    gpu_memory: int = 0
    backend: str = "tensorflow"

    def describe(self):
        """Return one line, such as `2 cores, 21.4 GB of free memory, no GPU (tensorflow)`."""
        cores = f"{self.cores} core{'s' if self.cores > 1 else ''}, {self.memory / 1e9:.1f} GB of free memory"
        if self.gpu is None:
            return f"{cores}, no GPU ({self.backend})"
        size = f" with {self.gpu_memory / 1e9:.0f} GB" if self.gpu_memory else ""
        return f"{cores}, {self.gpu}{size} ({self.backend})"


def resources():
    """Look at this machine through Keras's backend, as it is now.

    Returns:
        `Resources`.
    """
    import psutil

    name, size = _gpu(keras.backend.backend())
    return Resources(
        cores=count_cores(),
        memory=min(psutil.virtual_memory().available, memory_below_limit()),
        gpu=name,
        gpu_memory=size,
        backend=keras.backend.backend(),
    )


def count_cores(root="/sys/fs/cgroup"):
    """Return how many cores this process may use: those it is bound to, less where a container has a quota.

    Args:
        root: Where control groups are mounted.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, period = None, None
    with contextlib.suppress(OSError, ValueError):
        quota, period = map(float, (pathlib.Path(root) / "cpu.max").read_text().split())
    with contextlib.suppress(OSError, ValueError):
        old = pathlib.Path(root) / "cpu"
        quota, period = (float((old / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
    if quota and period and quota > 0:
        cores = min(cores, max(1, math.floor(quota / period)))
    return cores


def memory_below_limit(groups=_CGROUPS, listing="/proc/self/cgroup"):
    """Return how many bytes the limit of the container leaves; infinity without a limit.

    Args:
        groups: Where control groups are mounted, with the names of the files of the limit and the use.
        listing: File that tells this process's group.
    """
    left = math.inf
    for root, limit, used in groups:
        for folder in _group_folders(pathlib.Path(root), listing):
            with contextlib.suppress(OSError, ValueError):
                most, now = (int((folder / name).read_text()) for name in (limit, used))
                left = min(left, most - max(0, now - _cached(folder)))
    return max(left, 0)


def _cached(folder):
    """Return the bytes of files that a control group has read: counted as used, and given up when memory is short."""
    with contextlib.suppress(OSError, ValueError):
        counts = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        # Old groups give their own numbers, and with `total_` those with the groups below.
        return sum(int(counts.get(f"total_{key}", counts.get(key, 0))) for key in ("active_file", "inactive_file"))
    return 0


def _group_folders(root, listing):
    """The folders of this process's control group, and of those above it."""
    folders = {root}
    with contextlib.suppress(OSError):
        for line in pathlib.Path(listing).read_text().splitlines():
            _, controllers, group = line.split(":", 2)
            if controllers in ("", "memory"):
                inner = root / group.lstrip("/")
                folders |= {inner, *(folder for folder in inner.parents if folder.is_relative_to(root))}
    return folders


def _gpu(backend):
    """Return the name and the memory in bytes of the first GPU that the backend sees, or `(None, 0)`."""
    try:
        if backend == "tensorflow":
            return _tensorflow_gpu()
        if backend == "jax":
            return _jax_gpu()
        if backend == "torch":
            return _torch_gpu()
    except (RuntimeError, ValueError, KeyError, AttributeError):
        # A driver that does not fit the library, most often: the backend will then compute on the CPU too.
        return None, 0
    return None, 0


def _tensorflow_gpu():
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    if not found:
        return None, 0
    name = tf.config.experimental.get_device_details(found[0]).get("device_name", "GPU")
    # TensorFlow does not tell how much memory a GPU has.
    return name, _nvidia_memory()


def _jax_gpu():
    import jax

    device = jax.devices()[0]
    if device.platform not in ("gpu", "cuda", "rocm"):
        return None, 0
    return device.device_kind, int((device.memory_stats() or {}).get("bytes_limit", 0)) or _nvidia_memory()


def _torch_gpu():
    import torch

    if not torch.cuda.is_available():
        return None, 0
    return torch.cuda.get_device_name(0), int(torch.cuda.mem_get_info(0)[1])


def _nvidia_memory():
    """Ask the driver's own tool for the memory of the first visible GPU, in bytes; 0 if it does not answer."""
    command = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0]
    if visible:
        command.append(f"--id={visible}")
    with contextlib.suppress(OSError, ValueError, subprocess.SubprocessError):
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
        return int(float(answer.split("\n")[0]) * 2**20)
    return 0
