"""`load_model`: a saved model with its loss, in any process."""

import keras


def load_model(filepath, custom_objects=None, compile=True, safe_mode=True):
    """Load a model saved by `model.save`, with its loss, parameters, metrics and optimizer state.

    It is `keras.saving.load_model`, with two differences: calling it has imported this library, so the losses are
    found; and whether to jit is decided anew for this machine. Keras saves that decision as it fell where the model was
    saved, and a 3D network jitted for a GPU runs several times slower on a CPU.

    Args:
        filepath: Path of a `.keras` file.
        custom_objects: As in Keras.
        compile: As in Keras.
        safe_mode: As in Keras.

    Returns:
        The model.

    Raises:
        ValueError: If the file does not exist or is not a Keras model.
    """
    model = keras.saving.load_model(filepath, custom_objects=custom_objects, compile=compile, safe_mode=safe_mode)
    if getattr(model, "compiled", False):
        # Keras resolves `None` again at the next step, and keeps the optimizer's state.
        model.jit_compile = None
    return model
