"""Runs the command line as a process of its own, and may measure its time and peak memory."""

import pathlib
import platform
import re
import subprocess
import sys
import threading
import time

import psutil


def processor():
    """Return the name of the processor."""
    info = pathlib.Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*:\s*(.*)", info.read_text()) if info.exists() else []
    return names[0].strip() if names else platform.processor() or platform.machine()


def run(*arguments):
    """Run `keras-seg` with arguments; end with its status if it fails."""
    _check(subprocess.call(_command(arguments)), arguments)


def _command(arguments):
    return [sys.executable, "-m", "keras_seg", *map(str, arguments)]


def _check(status, arguments):
    if status:
        sys.exit(f"keras-seg {arguments[0]} ended with status {status}")


def measured(*arguments):
    """Run `keras-seg` with arguments, and return its peak resident memory in GB, children included, and its seconds.

    The memory is sampled ten times a second.
    """
    start = time.monotonic()
    process = subprocess.Popen(_command(arguments))
    peak, over = [0], threading.Event()

    def sample():
        root = psutil.Process(process.pid)
        while not over.wait(0.1):
            try:
                family = [root, *root.children(recursive=True)]
                peak[0] = max(peak[0], sum(member.memory_info().rss for member in family))
            except psutil.NoSuchProcess:
                return

    thread = threading.Thread(target=sample)
    thread.start()
    status = process.wait()
    over.set()
    thread.join()
    _check(status, arguments)
    return peak[0] / 1e9, time.monotonic() - start
