"""One training after the other in a process: what each leaves behind is let go, so that memory does not grow."""

import contextlib
import gc

import keras

from keras_seg.losses.backend import compiled_gradients, custom_gradients


@contextlib.contextmanager
def session():
    """Give back the networks and graphs that are made inside.

    Layers have the same names each time. TensorFlow keeps the gradient function of every `custom_gradient` that it
    meets, by a name of its own and for ever, and with it the graph of the whole step; those that were registered inside
    are forgotten at the end. A model that is built inside may be used, saved and called afterwards, but not trained on.
    """
    known = set(custom_gradients())
    clear_session()
    try:
        yield
    finally:
        gradients = custom_gradients()
        for name in set(gradients) - known - compiled_gradients:
            del gradients[name]
        clear_session()


def clear_session():
    """Forget the networks built so far."""
    # Keras forgets its dtype policy too, which is the user's.
    policy = keras.config.dtype_policy()
    keras.backend.clear_session(free_memory=False)
    keras.config.set_dtype_policy(policy)
    gc.collect()
