"""A training that stops on its way, to be taken further later."""

import keras


class Pause(keras.callbacks.Callback):
    """Ends `fit` after an epoch that is not the last one; its learning rate is that of the whole training.

    It comes before whole-case validation, which then scores this epoch as it scores a last one.

    Args:
        until: Number of the epoch, from 1, or `None` to train to the end.
    """

    def __init__(self, until=None):
        super().__init__()
        self.until = until

    def on_epoch_end(self, epoch, logs=None):
        if self.until is not None and epoch + 1 >= self.until:
            self.model.stop_training = True
