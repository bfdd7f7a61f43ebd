"""Stopping at the step at which the loss is no longer finite, with what is needed to find out why."""

import json
import math

import keras
import numpy as np

from keras_seg.files import replacing, write_text

FOLDER = "nan"


class TrainingDiverged(ValueError):
    """The loss is no longer a finite number."""


class StopOnDivergence(keras.callbacks.Callback):
    """Raises `TrainingDiverged` at the first step whose loss is not finite; the batch is kept in `nan/` of the run.

    Args:
        folder: Folder of the run.
        patches: Function that gives the `Patches` of an epoch.
        rate: Function that gives the learning rate of the step.
        clip_norm: Largest norm of the gradient, as in the recipe; 0 or `None` for none.
        precision: Precision of the recipe.
    """

    def __init__(self, folder, patches, rate, clip_norm=None, precision="float32"):
        super().__init__()
        self.folder = folder
        self.patches = patches
        self.rate = rate
        self.clip_norm = clip_norm
        self.precision = precision
        self._epoch = 0
        self._losses = []

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
        self._losses = []

    def on_train_batch_end(self, batch, logs=None):
        loss = float(logs["loss"])
        self._losses = [*self._losses[-4:], loss]
        if not math.isfinite(loss):
            self._stop(batch)

    def _stop(self, batch):
        patches = self.patches(self._epoch)
        names = list(patches.cases_of(self._epoch, batch))
        found = self._keep(patches.batch(self._epoch, batch), batch, names)
        before = list(patches.cases_of(self._epoch, batch - 1)) if batch else []
        raise TrainingDiverged(
            f"The loss became {self._losses[-1]:g} in epoch {self._epoch + 1}, step {batch + 1} of "
            f"{len(patches)} (cases {', '.join(names)}{_previous(before)}; mean loss of the epoch until then: "
            f"{', '.join(f'{loss:.4g}' for loss in self._losses)}). {found}The batch is in {self.folder / FOLDER}, the "
            f"state before this epoch in {self.folder / 'state'}. Try {self._advice()}."
        )

    def _keep(self, arrays, batch, names):
        """Write the batch, and say what is wrong with it, if anything is."""
        x, y = arrays[:2]
        x, y = np.asarray(x), np.asarray(y[0] if isinstance(y, (list, tuple)) else y)
        with replacing(self.folder / FOLDER / "batch.npz") as temporary:
            np.savez_compressed(temporary, x=x, y=y, cases=np.array(names))
        finite = bool(np.isfinite(x).all())
        record = {
            "epoch": self._epoch + 1,
            "step": batch + 1,
            "cases": names,
            "losses": [str(loss) for loss in self._losses],
            "learning_rate": self.rate(),
            "images_finite": finite,
            "largest_image_value": float(np.abs(x).max()) if finite else None,
        }
        write_text(self.folder / FOLDER / "step.json", json.dumps(record, indent=1) + "\n")
        if not finite:
            return "Its images hold NaN or infinite values: look at those files. "
        if np.abs(x).max() > 1e4:
            return f"Its images hold values up to {np.abs(x).max():.3g} after normalization: look at those files. "
        return ""

    def _advice(self):
        advice = [f"a lower learning rate (`learning_rate={self.rate() / 10:.2g}`)"]
        if not self.clip_norm:
            advice.append("a bound on the gradient (`clip_norm=1.0`)")
        if self.precision != "float32":
            advice.append('full precision (`precision="float32"`)')
        return " or ".join([*advice, "another loss"])


def _previous(names):
    return f"; of the step before it: {', '.join(names)}" if names else ""
