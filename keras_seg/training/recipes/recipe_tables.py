"""The tables of a recipe, each a frozen dataclass whose fields know what they may be."""

import dataclasses

from keras_seg.training.recipes import kinds

SCHEDULES = ("cosine", "poly", "constant")
OPTIMIZERS = ("adamw", "adam", "sgd", "lion")
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
NORMALIZATIONS = ("zscore", "ct", "none")


def _networks():
    from keras_seg import zoo

    return zoo.names()


def _key(kind, default=dataclasses.MISSING):
    """A key of a table, of this kind; without a default it has to be given."""
    return dataclasses.field(default=default, metadata={"kind": kind})


class Table:
    """A table of a recipe: a frozen dataclass whose fields know their kind."""

    def __post_init__(self):
        """Bring each value to the form that recipes keep, or raise a `ValueError` that names its key."""
        for field in dataclasses.fields(self):
            value = field.metadata["kind"](f"{self.title}.{field.name}", getattr(self, field.name))
            object.__setattr__(self, field.name, value)

    @classmethod
    def keys(cls):
        """Return the kind of each key, a dict."""
        return {field.name: field.metadata["kind"] for field in dataclasses.fields(cls)}

    def to_dict(self):
        """Return the values by key, a dict."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    @classmethod
    def from_dict(cls, values):
        """Make the table from what `to_dict` returns; a key with a default may be missing.

        Raises:
            ValueError: If a key is missing that has no default.
        """
        for field in dataclasses.fields(cls):
            required = field.default is field.default_factory is dataclasses.MISSING
            if required and field.name not in values:
                expected = field.metadata["kind"].expected
                raise ValueError(f"`{cls.title}.{field.name}` is missing. It must be {expected}.")
        return cls(**values)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataTable(Table):
    """How images are brought to the network.

    Attributes:
        spacing: Size of a voxel in mm per axis that all cases are resampled to, or `"stored"`.
        normalization: `"zscore"` (each image by itself), `"ct"` (clip, mean and deviation of the training set's
            foreground) or `"none"`.
    """

    title = "data"

    spacing: tuple | str = _key(kinds.spacing(), "stored")
    normalization: str = _key(kinds.choice(NORMALIZATIONS), "zscore")


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworkTable(Table):
    """The network.

    Attributes:
        model: Name in `keras_seg.zoo`.
        filters: Width of each level, the finest first.
        strides: How each step down shrinks the image: a number, or one per axis. One entry less than `filters`.
        deep_supervision: Whether the coarser levels predict too.
        options: Other arguments of the builder.
    """

    title = "network"

    model: str = _key(kinds.choice(_networks), "unet")
    filters: tuple = _key(
        kinds.sequence(kinds.count(), 2, None, "at least two whole numbers, the width of each level, such as [16, 32]")
    )
    strides: tuple = _key(kinds.strides())
    deep_supervision: bool = _key(kinds.flag(), False)
    options: dict = dataclasses.field(default_factory=dict, metadata={"kind": kinds.table()})


@dataclasses.dataclass(frozen=True, kw_only=True)
class LossTable(Table):
    """The loss.

    Attributes:
        loss: Name or text, as `keras_seg.losses.get` takes it.
        options: Its options, such as `class_weights` and `ignore_class`.
    """

    title = "loss"

    loss: str = _key(kinds.text(), "dice_ce")
    options: dict = dataclasses.field(default_factory=dict, metadata={"kind": kinds.table()})

    @property
    def ignore_class(self):
        """Class whose voxels do not count, named by the text or by the options; `None` if there is none."""
        from keras_seg import losses

        return losses.get(self.loss, **self.options).ignore_class


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingTable(Table):
    """Batches, steps and the optimizer.

    Attributes:
        patch: Size of what the network sees at once, in voxels per axis.
        batch_size: Patches per step.
        foreground: Share of the patches that are laid around a foreground voxel.
        epochs: How many.
        steps_per_epoch: How many steps each has.
        optimizer: `"adamw"`, `"adam"`, `"sgd"` (Nesterov momentum 0.99) or `"lion"`.
        learning_rate: The highest learning rate.
        weight_decay: Decoupled from the gradient; scales, slopes and biases are not decayed.
        schedule: How the learning rate falls to 0: `"cosine"`, `"poly"` (power 0.9), or `"constant"`: not at all.
        warmup_steps: Steps in which the learning rate rises from 0.
        ema: Momentum of the moving average of the weights, which is what is validated and kept; 0: none.
        clip_norm: Length that the gradient is cut to; 0: not cut.
        precision: Keras's policy of data types.
        seed: Of the weights, the batches and the augmentation.
        deterministic: Whether the same seed gives the same weights, bit by bit; slower.
    """

    title = "training"

    patch: tuple = _key(kinds.sequence(kinds.count(), 1, 3, "one to three whole numbers above 0, such as [64, 64, 32]"))
    batch_size: int = _key(kinds.count())
    foreground: float = _key(kinds.number(0, 1), 1 / 3)
    epochs: int = _key(kinds.count())
    steps_per_epoch: int = _key(kinds.count())
    optimizer: str = _key(kinds.choice(OPTIMIZERS), "adamw")
    learning_rate: float = _key(kinds.number(0, 10, open_low=True), 2e-3)
    weight_decay: float = _key(kinds.number(0, 1), 4e-3)
    schedule: str = _key(kinds.choice(SCHEDULES), "cosine")
    warmup_steps: int = _key(kinds.count(0), 0)
    ema: float = _key(kinds.number(0, 1, open_high=True), 0.99)
    clip_norm: float = _key(kinds.number(0), 0.0)
    precision: str = _key(kinds.choice(PRECISIONS), "float32")
    seed: int = _key(kinds.count(0), 0)
    deterministic: bool = _key(kinds.flag(), False)


@dataclasses.dataclass(frozen=True)
class AugmentationTable:
    """How patches are varied: a preset of `keras_seg.data.Augmentation`, and the fields that differ from it.

    Attributes:
        preset: Name of the preset.
        changes: Fields of `Augmentation` that get another value, a dict.
    """

    title = "augmentation"

    preset: str = "default"
    changes: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        """Check the names; the values are checked by `Augmentation` when it is made."""
        changes = {"preset": self.preset, **self.changes}
        kept = {key: kind(f"{self.title}.{key}", changes[key]) for key, kind in self.keys().items() if key in changes}
        unknown = sorted(set(changes) - set(kept))
        if unknown:
            from keras_seg.training.recipes.partial import unknown_key

            raise ValueError(unknown_key(self.title, unknown[0], self.keys()))
        object.__setattr__(self, "preset", kept.pop("preset"))
        object.__setattr__(self, "changes", kept)

    @classmethod
    def keys(cls):
        """Return the kind of each key, a dict: the preset, and the fields of `Augmentation`."""
        from keras_seg.training.recipes.augmentation_keys import augmentation_keys

        return augmentation_keys()

    def to_dict(self):
        """Return the preset and the changes, a dict."""
        return {"preset": self.preset, **self.changes}

    @classmethod
    def from_dict(cls, values):
        """Make the table from what `to_dict` returns."""
        values = dict(values)
        return cls(values.pop("preset", "default"), values)

    def make(self, rank):
        """Return the `Augmentation` for images of this many spatial axes.

        Raises:
            ValueError: If a field has a value that `Augmentation` does not take.
        """
        from keras_seg.training.recipes.augmentation_keys import make_augmentation

        return make_augmentation(self.preset, rank, self.changes)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ValidationTable(Table):
    """Whole cases that are segmented while training goes on.

    Attributes:
        every: Epochs from one validation to the next.
        cases: How many cases each takes; 0: all.
        mirror: Axes along which the image is mirrored for averaged predictions, such as `(0, 1)`.
        overlap: Share of a window that the next one covers again.
    """

    title = "validation"

    every: int = _key(kinds.count(), 1)
    cases: int = _key(kinds.count(0), 0)
    mirror: tuple = _key(kinds.sequence(kinds.count(0), 0, 3, "a list of axes, such as [0, 1]; [] for none"), ())
    overlap: float = _key(kinds.number(0, 1, open_high=True), 0.5)


@dataclasses.dataclass(frozen=True, kw_only=True)
class InferenceTable(Table):
    """How the trained network predicts.

    Attributes:
        overlap: Share of a window that the next one covers again.
        mirror: Axes along which the image is mirrored for averaged predictions, such as `(0, 1)`.
        batch_size: Windows at once.
    """

    title = "inference"

    overlap: float = _key(kinds.number(0, 1, open_high=True), 0.5)
    mirror: tuple = _key(kinds.sequence(kinds.count(0), 0, 3, "a list of axes, such as [0, 1]; [] for none"), ())
    batch_size: int = _key(kinds.count(), 4)


TABLES = {
    table.title: table
    for table in (
        DataTable,
        NetworkTable,
        LossTable,
        TrainingTable,
        AugmentationTable,
        ValidationTable,
        InferenceTable,
    )
}
