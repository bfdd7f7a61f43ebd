"""Runs the command line as a process of its own, and measures its time and peak memory."""

import subprocess
import sys
import threading
import time

import psutil


def measured(*arguments):
    """Run `keras-seg` with arguments, and return its peak resident memory in GB, children included, and its seconds.

    The memory is sampled ten times a second.
    """
    start = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "keras_seg", *map(str, arguments)])
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
    if status:
        sys.exit(f"keras-seg {arguments[0]} ended with status {status}")
    return peak[0] / 1e9, time.monotonic() - start
