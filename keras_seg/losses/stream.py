"""Sums over voxels that read the prediction once and store nothing for the gradient.

The floor of a loss is memory traffic. Left to itself, automatic differentiation keeps the probabilities, the one-hot
truth and every product of the two: several times the size of the logits. Here the voxels are visited in slabs, each
slab leaves its sums and is forgotten, and the gradient visits the slabs again and recomputes what it needs.
"""

from keras import ops

from keras_seg.losses import backend

# A slab's temporaries should stay in the processor's cache; the loop over slabs should stay short.
SLAB_ELEMENTS = 1 << 18
MAX_SLABS = 64


def stream(statistics, prediction, truth, weight):
    """Sum `statistics` over all voxels.

    Args:
        statistics: A function of `(prediction, truth, weight)` of some voxels that returns their sums, `[batch, k]`.
        prediction: `[batch, voxels, classes]`; the only argument that gets a gradient.
        truth: `[batch, voxels]` or `[batch, voxels, classes]`.
        weight: `[batch, voxels]` or `None`.

    Returns:
        `[batch, k]`.
    """

    def forward(prediction, slabs):
        def visit(total, start, size):
            return total + statistics(*_slices((prediction, truth, weight), start, size))

        # The first slab is summed outside the loop: it gives the total its shape and dtype.
        return _visit_all(visit, visit(0, 0, slabs[0]), slabs, first=1)

    return _recomputed(statistics, (prediction, truth, weight), forward, lambda upstream, start, size: upstream)


def stream_map(function, prediction, truth, weight):
    """Apply `function` to all voxels, as `stream` does, and keep its value per voxel.

    Args:
        function: A function of `(prediction, truth, weight)` of some voxels that returns `[batch, voxels, k]`.
        prediction: See `stream`.
        truth: See `stream`.
        weight: See `stream`.

    Returns:
        `[batch, voxels, k]`.
    """

    def forward(prediction, slabs):
        def visit(buffer, start, size):
            values = function(*_slices((prediction, truth, weight), start, size))
            return ops.slice_update(buffer, [0, start, 0], values)

        first = function(*_slices((prediction, truth, weight), 0, slabs[0]))
        shape = (ops.shape(prediction)[0], prediction.shape[1], first.shape[-1])
        return _visit_all(visit, ops.zeros(shape, dtype=first.dtype), slabs)

    def slab_of(upstream, start, size):
        return _slices((upstream,), start, size)[0]

    return _recomputed(function, (prediction, truth, weight), forward, slab_of)


def _recomputed(function, tensors, forward, upstream_of):
    """Run `forward` slab by slab with a gradient that visits the slabs again."""
    prediction, truth, weight = tensors
    slabs = _slabs(prediction)

    @ops.custom_gradient
    def run(prediction):
        def gradient(*args, upstream=None):
            upstream = args[0] if upstream is None else upstream
            if slabs is None:
                return backend.pull_back(lambda x: function(x, truth, weight), prediction, upstream)

            def visit(buffer, start, size):
                part, *others = _slices((prediction, truth, weight), start, size)
                gradient = backend.pull_back(lambda x: function(x, *others), part, upstream_of(upstream, start, size))
                return ops.slice_update(buffer, [0, start, 0], ops.cast(gradient, buffer.dtype))

            return _visit_all(visit, ops.zeros_like(prediction), slabs)

        value = function(prediction, truth, weight) if slabs is None else forward(prediction, slabs)
        return value, gradient

    return run(prediction)


def _slabs(prediction):
    """Return `(size, full slabs, rest)`, or `None` where all voxels are visited at once."""
    batch, voxels, classes = prediction.shape
    if voxels is None or not backend.loops_are_compiled():
        return None
    slabs = min(MAX_SLABS, (batch or 1) * voxels * classes // SLAB_ELEMENTS)
    if slabs < 2:
        return None
    size = -(-voxels // slabs)
    return size, voxels // size, voxels % size


def _visit_all(visit, carry, slabs, first=0):
    size, full, rest = slabs
    carry = ops.fori_loop(first, full, lambda k, carry: visit(carry, k * size, size), carry)
    return visit(carry, full * size, rest) if rest else carry


def _slices(tensors, start, size):
    def part(x):
        shape = ops.shape(x)
        return ops.slice(x, [0, start, 0][: len(shape)], (shape[0], size, *shape[2:]))

    return [None if x is None else part(x) for x in tensors]
