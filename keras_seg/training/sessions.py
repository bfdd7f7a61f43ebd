"""One training after the other in a process: what each leaves behind is let go, so that memory does not grow."""

import contextlib
import gc

import keras


@contextlib.contextmanager
def session():
    """Give back the networks and graphs that are made inside.

    Layers have the same names each time. TensorFlow keeps the gradient function of every `custom_gradient` that it
    meets, by a name of its own and for ever, and with it the graph of the whole step; those that were registered inside
    are forgotten at the end. A model that is built inside may be used, saved and called afterwards, but not trained on.
    """
    known = set(_gradients())
    clear_session()
    try:
        yield
    finally:
        gradients = _gradients()
        for name in set(gradients) - known:
            del gradients[name]
        clear_session()


def clear_session():
    """Forget the networks built so far."""
    # Keras forgets its dtype policy too, which is the user's.
    policy = keras.config.dtype_policy()
    keras.backend.clear_session(free_memory=False)
    keras.config.set_dtype_policy(policy)
    gc.collect()


def _gradients():
    """Return what TensorFlow keeps of custom gradients, by name; empty for other backends."""
    if keras.backend.backend() != "tensorflow":
        return {}
    # It offers no way to take anything out.
    from tensorflow.python.framework.ops import gradient_registry

    return gradient_registry._registry
