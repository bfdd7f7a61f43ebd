"""Fingerprints of data sets that nobody has to download, and machines to plan for."""

import math

import numpy as np

from keras_seg.data import CaseFacts, Fingerprint
from keras_seg.training.planning.machine import Resources


def fake_fingerprint(shapes, spacings, shares, *, channels=1, low=0.0, high=255.0, names=None, oriented=False):
    """Return the fingerprint of cases of these shapes, each with classes that cover these shares of it."""
    image = {"minimum": low, "median": (low + high) / 4, "maximum": high, "whole": True}
    foreground = {"count": 100, "mean": high / 2, "std": high / 8, "samples": np.linspace(low, high, 20).tolist()}
    cases = []
    for index, (shape, spacing) in enumerate(zip(shapes, spacings, strict=True)):
        counts = [int(share * math.prod(shape)) for share in shares]
        counts = (math.prod(shape) - sum(counts), *counts)
        cases.append(
            CaseFacts(
                f"case_{index:03d}",
                tuple(shape),
                tuple(spacing),
                channels,
                counts,
                (image,) * channels,
                (foreground,) * channels,
                {},
                oriented,
            )
        )
    names = names or ("background", *(f"class {number + 1}" for number in range(len(shares))))
    return Fingerprint(tuple(cases), names)


def hippocampus():
    generator = np.random.default_rng(0)
    shapes = [tuple(generator.integers((31, 40, 24), (44, 60, 48)).tolist()) for _ in range(208)]
    return fake_fingerprint(shapes, [(1.0, 1.0, 1.0)] * 208, (0.027, 0.025))


def nuclei():
    return fake_fingerprint([(256, 256)] * 234, [(1.0, 1.0)] * 234, (0.077,))


def ct():
    return fake_fingerprint([(256, 256, 100)] * 60, [(1.0, 1.0, 3.0)] * 60, (0.002,), low=-1024.0, high=2000.0)


def large_ct():
    return fake_fingerprint([(512, 512, 120)] * 130, [(0.75, 0.75, 5.0)] * 130, (0.02, 0.001), low=-1024.0, high=3071.0)


def tiny():
    return fake_fingerprint([(60, 70, 20)] * 3, [(1.0, 1.0, 2.0)] * 3, (0.05,))


def huge_2d():
    return fake_fingerprint([(4000, 3000)] * 40, [(1.0, 1.0)] * 40, (0.1, 0.02, 0.05), channels=3)


def slices():
    return fake_fingerprint([(512, 512, 9)] * 20, [(0.4, 0.4, 6.0)] * 20, (0.03,))


def small_2d():
    return fake_fingerprint([(30, 41)] * 12, [(1.0, 1.0)] * 12, (0.2,))


CASES = {
    function.__name__: function for function in (hippocampus, nuclei, ct, large_ct, tiny, huge_2d, slices, small_2d)
}

MACHINES = {
    "cpu": Resources(cores=2, memory=22_000_000_000),
    "small": Resources(cores=2, memory=3_000_000_000),
    "gpu": Resources(cores=16, memory=120_000_000_000, gpu="NVIDIA A100", gpu_memory=40_000_000_000),
}
