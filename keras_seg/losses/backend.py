"""The only file of the losses that knows which framework runs them."""

import contextlib

import keras

# What is compiled, by what it does and the shapes of its inputs: the same for all losses of one form.
_COMPILED = {}
# The names of the custom gradients in it, which TensorFlow looks up whenever a step is differentiated.
compiled_gradients = set()


def compiles(sorts=False):
    """Whether a loss that is met now is to be compiled by itself: in a plain graph of TensorFlow.

    A 3D convolution is several times slower under XLA on a CPU than in the plain graph, so a network there is not
    jitted; a loss is all element-wise work and sums, which XLA fuses. Inside a step that is jitted already (and on JAX,
    where everything is) it is compiled with the rest; in eager mode nothing is.

    Args:
        sorts: Whether the loss sorts all its voxels. XLA does so three times slower on a CPU than TensorFlow, which
            takes more than it gains elsewhere.
    """
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    if tf.executing_eagerly() or _is_jitted_around(tf):
        return False
    return not sorts or bool(tf.config.list_logical_devices("GPU"))


def compiled(key, function, tensors):
    """Return `function(*tensors)`, compiled by XLA.

    Args:
        key: Hashable; functions of the same key do the same, and one of them is compiled.
        function: Tensors in, a tensor out.
        tensors: Its inputs.
    """
    import tensorflow as tf

    shapes = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in tensors]
    key = (key, *shapes)
    if key not in _COMPILED:
        known = set(custom_gradients())
        # It outlives the step around it, so it is traced outside of that.
        with tf.init_scope():
            jitted = tf.function(function, jit_compile=True, autograph=False)
            _COMPILED[key] = jitted.get_concrete_function(*shapes)
        compiled_gradients.update(set(custom_gradients()) - known)
    return _COMPILED[key](*tensors)


def custom_gradients():
    """Return what TensorFlow keeps of custom gradients, by name; empty for other backends."""
    if keras.backend.backend() != "tensorflow":
        return {}
    # It offers no way to take anything out.
    from tensorflow.python.framework.ops import gradient_registry

    return gradient_registry._registry


def _is_jitted_around(tf):
    """Whether the graph that is being built is part of a step that XLA compiles as a whole.

    There a nested compiled function may be handed its arguments as constants, and is then compiled anew for every
    batch.
    """
    # TensorFlow does not say so in public.
    from tensorflow.python.ops import control_flow_util

    return control_flow_util.GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph())


def as_written(function):
    """Keep AutoGraph's hands off `function` in a user's `tf.function`: nothing here branches on a tensor."""
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    return tf.autograph.experimental.do_not_convert(function)


def loops_are_compiled():
    """Whether a `fori_loop` met now becomes one compiled loop (else: Python steps, one kernel at a time)."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return not tf.executing_eagerly()
    return backend == "jax"


def pull_back(function, x, cotangent):
    """Return the gradient of `sum(function(x) * cotangent)` with respect to `x`."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return jax.vjp(function, x)[1](cotangent)[0]
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        return tape.gradient(y, x, output_gradients=cotangent, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    import torch

    with torch.enable_grad():
        x = x.detach().requires_grad_()
        return torch.autograd.grad(function(x), x, cotangent, allow_unused=True, materialize_grads=True)[0]


def widest_float():
    """Return the widest float dtype there is: JAX has no float64 unless told so at its start."""
    if keras.backend.backend() != "jax":
        return "float64"
    import jax

    return "float64" if jax.config.jax_enable_x64 else "float32"


def full_precision():
    """Return a context in which matrix products of float32 are not shortened to the 10 bits of TensorFloat-32."""
    if keras.backend.backend() != "jax":
        return contextlib.nullcontext()
    import jax

    return jax.default_matmul_precision("highest")


def is_baked_in(variable, tensor):
    """Whether `variable` would be a constant of the step that is being traced (JAX: it is not part of its state)."""
    if keras.backend.backend() != "jax":
        return False
    import jax

    # Keras also traces a loss for its shape alone, before the first step and without any state. It does not say so in
    # public.
    from keras.src.backend.common.symbolic_scope import in_symbolic_scope

    if in_symbolic_scope():
        return False
    # A gradient wraps the tensor that is traced; by itself it is no compiled step.
    while hasattr(tensor, "primal"):
        tensor = tensor.primal
    is_compiled = isinstance(tensor, jax.interpreters.partial_eval.DynamicJaxprTracer)
    return is_compiled and not isinstance(variable.value, jax.core.Tracer)
