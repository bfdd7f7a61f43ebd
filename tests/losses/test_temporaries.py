"""The compiled gradient of a region or pixel loss keeps next to nothing beside the logits."""

import os
import pathlib
import subprocess
import sys

import pytest

import keras_seg

pytest.importorskip("jax")
SCRIPT = pathlib.Path(__file__).parents[1] / "benchmarks" / "temporaries.py"


def test_temporaries_are_at_most_0_3_of_the_logits():
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    run = subprocess.run([sys.executable, SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    shares = {name: float(share) for name, share in (line.split() for line in run.stdout.splitlines())}
    bases = (keras_seg.losses.RegionLoss, keras_seg.losses.PixelLoss)
    made = {name: keras_seg.losses.get(name) for name in keras_seg.losses.names()}
    # What looks at a voxel's surroundings has at least one map of its own.
    whole_maps = {name for name, loss in made.items() if isinstance(loss, keras_seg.losses.PixelMapLoss)}
    assert set(shares) == {name for name, loss in made.items() if isinstance(loss, bases)} - whole_maps
    assert {name: share for name, share in shares.items() if share > 0.3} == {}
