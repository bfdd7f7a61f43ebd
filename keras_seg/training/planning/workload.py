"""What a step of training takes: memory and arithmetic, counted on the network's layers before anything runs."""

import dataclasses
import math

import keras

# Bytes that a process of TensorFlow or JAX holds once a network is compiled, beside the arrays: the code itself, and
# what tracing a graph leaves behind. Measured, see docs/recipe.md.
PROCESS = 1_250_000_000
# How many arrays of the size of a layer's output a step holds at its peak: values that the gradient needs, and the
# temporaries of the layer that is at work. Measured, see docs/recipe.md.
KEPT = 1.25
KEPT_BY = {"Add": 2.5, "PReLU": 2.5}
# Layers that run beside each other hold this many more of the largest.
BESIDE = 2


@dataclasses.dataclass(frozen=True)
class Workload:
    """What one sample costs, and what the weights cost.

    Attributes:
        values: Numbers that the layers put out for one sample, weighted by how long a step keeps them.
        flops: Floating-point operations of one sample's prediction.
        parameters: Number of weights.
        bytes_per_value: Of the layers' outputs: 4, or 2 under mixed precision.
        copies: Arrays of the size of the weights: themselves, their gradient, what the optimizer keeps, an average.
    """

    values: float
    flops: float
    parameters: int
    bytes_per_value: int = 4
    copies: int = 5

    def scaled(self, factor):
        """Return the workload for a sample `factor` times as large."""
        return dataclasses.replace(self, values=self.values * factor, flops=self.flops * factor)

    def memory(self, batch_size):
        """Return the bytes that a training step holds at its peak."""
        return int(self.values * batch_size * self.bytes_per_value + self.parameters * 4 * self.copies)

    def step_flops(self, batch_size):
        """Return the operations of a training step: the prediction, and twice as much for the two gradients."""
        return 3 * self.flops * batch_size


def workload(model, patch):
    """Count what a network computes and keeps for one sample.

    Args:
        model: A functional `keras.Model`; its sizes may be open.
        patch: Spatial size of the sample.

    Returns:
        `Workload`.
    """
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    channels = model.inputs[0].shape[-1]
    every = keras.Model(model.inputs, [layer.output for layer in layers])
    outputs = every.compute_output_spec(keras.KerasTensor((1, *patch, channels)))
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    sizes = [math.prod(output.shape) for output in outputs]
    kept = sum(KEPT_BY.get(type(layer).__name__, KEPT) * size for layer, size in zip(layers, sizes, strict=True))
    kept += BESIDE * max(sizes)
    half = any(output.dtype in ("float16", "bfloat16") for output in outputs)
    flops = sum(_flops(layer, size) for layer, size in zip(layers, sizes, strict=True))
    return Workload(kept, flops, model.count_params(), 2 if half else 4, 2 + _slots(model))


def memory_of(model, patch, batch_size):
    """Estimate the memory that a training step of a network holds at its peak.

    Of the process itself, libraries included, `PROCESS` tells.

    Args:
        model: A functional `keras.Model`; compiled, its optimizer counts too.
        patch: Spatial size of what it trains on.
        batch_size: How many of them a step takes.

    Returns:
        Bytes.
    """
    return workload(model, patch).memory(batch_size)


def _flops(layer, size):
    """Operations of a layer with an output of `size` numbers; only convolutions count."""
    kernel = getattr(layer, "kernel", None)
    if kernel is None:
        return 0
    if "Transpose" in type(layer).__name__:
        # Each output voxel gets what one kernel position adds, where the stride is the size of the kernel.
        return 2 * size * kernel.shape[-1] * math.prod(kernel.shape[:-2]) / math.prod(layer.strides)
    return 2 * size * math.prod(kernel.shape[:-1])


def _slots(model):
    """How many arrays of the size of the weights the optimizer keeps; three if the model is not compiled."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        return 3
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    held = sum(math.prod(variable.shape) for variable in optimizer.variables)
    return round(held / max(1, model.count_params()))
