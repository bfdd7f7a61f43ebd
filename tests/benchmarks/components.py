"""Our connected components, compiled, against SciPy's, in one run.

    python tests/benchmarks/components.py [--repeats 9]

Both take the same masks (seed 0) one after the other, `repeats` times; medians are compared.
"""

import argparse
import time

import numpy as np
import tensorflow as tf
from scipy import ndimage

from keras_seg.losses.components import label


def blobs(shape, seed=0):
    """Return a mask of smooth blobs, about 7 % of the voxels."""
    noise = np.random.default_rng(seed).normal(size=shape)
    smooth = ndimage.gaussian_filter(noise, 4)
    return smooth > 1.5 * smooth.std()


def serpentine(size):
    """Return one path of a voxel's width through every second line of every second plane of a cube."""
    plane = np.zeros((size, size), bool)
    plane[::2] = True
    plane[1:-1:4, -1] = plane[3:-1:4, 0] = True
    volume = np.zeros((size, size, size), bool)
    volume[::2] = plane
    last = (size - 1) // 2 * 2
    volume[1:-1:4, last, -1 if (last // 2) % 2 == 0 else 0] = volume[3:-1:4, 0, 0] = True
    return volume


MASKS = {
    "blobs 96^3": blobs((96,) * 3),
    "serpentine 48^3": serpentine(48),
    "noise 96^3, 32 %": np.random.default_rng(0).random((96,) * 3) < 0.32,
    "full 96^3": np.ones((96,) * 3, bool),
    "blobs 1024^2": blobs((1024, 1024)),
}


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    repeats = parser.parse_args().repeats
    print(f"{'mask':>18} {'connected':>10} {'components':>10} {'ours':>10} {'SciPy':>10} {'ours / SciPy':>13}")
    for name, mask in MASKS.items():
        for full in (False, True):
            structure = ndimage.generate_binary_structure(mask.ndim, mask.ndim if full else 1)
            ours = tf.function(lambda mask, full=full: label(mask, full), jit_compile=True, autograph=False)
            tensor = tf.constant(mask[None])
            count = ndimage.label(mask, structure)[1]
            found = len(np.setdiff1d(ours(tensor), 0))
            if found != count:
                raise SystemExit(f"{name}: {found} components instead of {count}.")
            pairs = [
                (
                    seconds(lambda ours=ours, tensor=tensor: ours(tensor).numpy()),
                    seconds(lambda mask=mask, structure=structure: ndimage.label(mask, structure)),
                )
                for _ in range(repeats)
            ]
            mine, peer = np.median(pairs, axis=0)
            kind = "full" if full else "faces"
            print(f"{name:>18} {kind:>10} {count:10} {mine:8.4f} s {peer:8.4f} s {mine / peer:12.1f}x", flush=True)
