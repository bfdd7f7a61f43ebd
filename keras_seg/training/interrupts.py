"""Ctrl-C between two steps instead of inside one."""

import signal
import threading

import keras


class Interrupts(keras.callbacks.Callback):
    """Keeps a Ctrl-C until the step, or the case of a validation, is done, and raises `KeyboardInterrupt` then.

    In the middle of a step the weights are not there to be saved (on JAX they are given away to the step). A second
    Ctrl-C is raised at once. A context manager around `fit`; where signals belong to somebody else, as outside the main
    thread, it does nothing.

    Attributes:
        pressed: Whether Ctrl-C was pressed.
    """

    def __init__(self):
        super().__init__()
        self.pressed = False
        self._installed = False

    def __enter__(self):
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._note)
            self._installed = True
        return self

    def __exit__(self, *error):
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._installed = False

    def check(self):
        """Raise `KeyboardInterrupt` if Ctrl-C was pressed."""
        if self.pressed:
            raise KeyboardInterrupt

    def on_train_batch_end(self, batch, logs=None):
        self.check()

    def _note(self, number, frame):
        self.check()
        self.pressed = True
