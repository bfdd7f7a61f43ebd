"""Memory that the compiled gradient of a loss needs beside its inputs and outputs, as a multiple of the logits.

    KERAS_BACKEND=jax python tests/benchmarks/temporaries.py [--losses dice focal ...] [--size 128] [--classes 14]

Nothing is run: XLA's own `memory_analysis()` of the compiled function is read, on JAX, which gives access to it.
"""

import argparse

import jax

import keras_seg


def temporaries(name, size, classes):
    """Return XLA's temporaries of value and gradient at `[1, size, size, size, classes]`, over the logits' size."""
    loss = keras_seg.losses.get(name, from_logits=True)
    logits = jax.ShapeDtypeStruct((1, size, size, size, classes), "float32")
    labels = jax.ShapeDtypeStruct((1, size, size, size), "uint8")
    step = jax.jit(jax.value_and_grad(lambda z, y: loss(y, z)))
    memory = step.lower(logits, labels).compile().memory_analysis()
    return memory.temp_size_in_bytes / (4 * size**3 * classes)


def streamed():
    """Return the names of the region and pixel losses; those of whole maps have at least a map of their own."""
    bases = (keras_seg.losses.RegionLoss, keras_seg.losses.PixelLoss)
    made = {name: keras_seg.losses.get(name) for name in keras_seg.losses.names()}
    return [
        name
        for name, loss in made.items()
        if isinstance(loss, bases) and not isinstance(loss, keras_seg.losses.PixelMapLoss)
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--losses", nargs="+", default=None)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--classes", type=int, default=14)
    options = parser.parse_args()
    for name in options.losses or streamed():
        print(f"{name} {temporaries(name, options.size, options.classes):.3f}", flush=True)
