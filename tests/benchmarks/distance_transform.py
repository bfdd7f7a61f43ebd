"""Our distance transform, compiled, against SciPy's, in one run.

    python tests/benchmarks/distance_transform.py [--repeats 9]

Both take the same masks (blobs of smoothed noise, seed 0) one after the other, `repeats` times; medians are compared.
"""

import argparse
import time

import numpy as np
import tensorflow as tf
from scipy import ndimage

from keras_seg.losses import squared_distance

SHAPES = ((2, 96, 96, 96), (8, 512, 512), (2, 160, 160, 160), (2, 1024, 1024))


def blobs(shape, seed=0):
    """Return boolean masks of smooth blobs, about 7 % of the voxels."""
    noise = np.random.default_rng(seed).normal(size=shape)
    smooth = ndimage.gaussian_filter(noise, (0, *[4] * (len(shape) - 1)))
    return smooth > 1.5 * smooth.std()


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    repeats = parser.parse_args().repeats
    ours = tf.function(lambda mask: tf.sqrt(squared_distance(mask)), jit_compile=True, autograph=False)
    print(f"{'batch':>20} {'ours':>10} {'SciPy':>10} {'ratio':>7} {'largest difference':>20}")
    for shape in SHAPES:
        mask = blobs(shape)
        tensor = tf.constant(mask)
        reference = np.stack([ndimage.distance_transform_edt(~sample) for sample in mask])
        difference = np.abs(ours(tensor).numpy() - reference).max()
        pairs = [
            (
                seconds(lambda tensor=tensor: ours(tensor).numpy()),
                seconds(lambda mask=mask: [ndimage.distance_transform_edt(~sample) for sample in mask]),
            )
            for _ in range(repeats)
        ]
        mine, peer = np.median(pairs, axis=0) * 1e3
        print(f"{shape!s:>20} {mine:7.1f} ms {peer:7.1f} ms {peer / mine:6.2f}x {difference:20.1e}", flush=True)
