"""Our distance transform, compiled, against SciPy's, in one run.

    python tests/benchmarks/distance_transform.py [--repeats 9]

Both take the same masks (blobs of smoothed noise, seed 0) one after the other, `repeats` times; medians are compared.
"""

import argparse
import time

import numpy as np
import tensorflow as tf
from scipy import ndimage

from keras_seg.losses import squared_distance, squared_distance_across

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


def distances(masks):
    """Return the distance of every voxel to its mask, by SciPy."""
    return np.stack([ndimage.distance_transform_edt(~mask) for mask in masks])


# What is compared: ours, and SciPy's of the same.
COMPARED = {
    "outside": (squared_distance, distances),
    "both sides": (squared_distance_across, lambda masks: distances(masks) + distances(~masks)),
}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    repeats = parser.parse_args().repeats
    print(f"{'batch':>20} {'':>10} {'ours':>10} {'SciPy':>10} {'ratio':>7} {'largest difference':>20}")
    for shape in SHAPES:
        mask = blobs(shape)
        tensor = tf.constant(mask)
        for name, (squared, peer) in COMPARED.items():
            jitted = tf.function(squared, jit_compile=True, autograph=False)

            def ours(jitted=jitted, tensor=tensor):
                return np.sqrt(jitted(tensor).numpy())

            difference = np.abs(ours() - peer(mask)).max()
            pairs = [(seconds(ours), seconds(lambda peer=peer, mask=mask: peer(mask))) for _ in range(repeats)]
            mine, theirs = np.median(pairs, axis=0) * 1e3
            print(f"{shape!s:>20} {name:>10} {mine:7.1f} ms {theirs:7.1f} ms {theirs / mine:6.2f}x {difference:20.1e}")
