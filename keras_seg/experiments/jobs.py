"""A job: one training of an experiment, told from the others by its loss, its seed and its learning rate."""

import dataclasses
import hashlib
import re


@dataclasses.dataclass(frozen=True)
class Job:
    """One training.

    Attributes:
        label: What tables and pictures call the loss.
        loss: The loss as a text that `keras_seg.losses.get` takes.
        seed: Seed of the weights, the batches and the augmentation.
        learning_rate: Highest learning rate, or `None` for the recipe's.
    """

    label: str
    loss: str
    seed: int
    learning_rate: float | None = None

    @property
    def folder(self):
        """Where its run lies below the folder of runs, such as `dice/seed-0`: the same for the same job."""
        rate = "" if self.learning_rate is None else f"-rate-{self.learning_rate:g}"
        return f"{slug(self.label)}/seed-{self.seed}{rate}"

    def recipe(self, base):
        """Return the recipe of this job: that of the experiment with its loss, seed and learning rate.

        Args:
            base: `Recipe`. The options of its loss, such as `ignore_class`, are kept.

        Raises:
            ValueError: If the loss does not take them.
        """
        tables = base.to_dict()
        tables["loss"]["loss"] = self.loss
        tables["training"]["seed"] = self.seed
        if self.learning_rate is not None:
            tables["training"]["learning_rate"] = self.learning_rate
        return type(base).from_dict(tables)

    def to_dict(self):
        """Return the job as plain data."""
        return dataclasses.asdict(self)


def slug(text):
    """Return a name for a folder: a text of plain characters as it is, any other with a number that tells it apart.

    >>> slug("dice_ce"), slug("dice + focal")
    ('dice_ce', 'dice-focal-3922b7')
    """
    plain = re.sub(r"[^a-z0-9_.]+", "-", text.lower()).strip("-.")[:40]
    # Some file systems take upper and lower case for the same.
    return plain if plain == text else f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"
