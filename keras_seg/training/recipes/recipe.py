"""A recipe: everything that decides how a network is trained, as tables of plain values."""

import dataclasses

from keras_seg.training.recipes import partial, recipe_file
from keras_seg.training.recipes.recipe_tables import (
    TABLES,
    AugmentationTable,
    DataTable,
    InferenceTable,
    LossTable,
    NetworkTable,
    TrainingTable,
    ValidationTable,
)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Everything that decides how a network is trained, one attribute per table.

    Attributes:
        data: `DataTable`.
        network: `NetworkTable`.
        loss: `LossTable`.
        training: `TrainingTable`.
        augmentation: `AugmentationTable`.
        validation: `ValidationTable`.
        inference: `InferenceTable`.

    Raises:
        ValueError: If values do not fit each other: a patch that the network cannot halve, lists for different numbers
            of axes, options that the network or the loss does not take.
    """

    data: DataTable
    network: NetworkTable
    loss: LossTable
    training: TrainingTable
    augmentation: AugmentationTable = dataclasses.field(default_factory=AugmentationTable)
    validation: ValidationTable = dataclasses.field(default_factory=ValidationTable)
    inference: InferenceTable = dataclasses.field(default_factory=InferenceTable)

    def __post_init__(self):
        """Check what one table alone cannot tell."""
        from keras_seg.training.recipes.consistency import check_recipe

        check_recipe(self)

    @property
    def rank(self):
        """Number of spatial axes."""
        return len(self.training.patch)

    @property
    def factor(self):
        """What sizes must be multiples of, one number per spatial axis."""
        from keras_seg.training.recipes.consistency import factor_of

        return factor_of(self.network.strides, self.rank)

    def replace(self, **options):
        """Return a recipe with some values changed: `recipe.replace(**{"training.epochs": 3})` or `replace(epochs=3)`.

        Raises:
            ValueError: As `partial.overrides` and `Recipe` do.
        """
        return Recipe.from_dict(partial.merge(self.to_dict(), partial.overrides(options)))

    def to_dict(self):
        """Return `{table: {key: value}}`."""
        return {title: getattr(self, title).to_dict() for title in TABLES}

    @classmethod
    def from_dict(cls, tables, source=None):
        """Make a recipe from what `to_dict` returns; what has a default may be missing.

        Args:
            tables: `{table: {key: value}}`.
            source: Whom messages name, such as the path of a file.

        Raises:
            ValueError: If a table or key is unknown or missing, a value is not what it should be, or values do not fit
                each other.
        """
        tables = partial.check(tables, source)
        with partial.named(source):
            return cls(**{title: table.from_dict(tables.get(title, {})) for title, table in TABLES.items()})

    @classmethod
    def load(cls, path):
        """Read a recipe from a TOML file.

        Args:
            path: Path of the file.

        Returns:
            A `Recipe` if the file holds every key. Else a partial recipe, `{table: {key: value}}`, which `plan` takes
            as `fixed` and completes.

        Raises:
            ValueError: If there is no such file, it is no TOML, or holds what a recipe cannot.
        """
        tables = recipe_file.read(path)
        # What differs from the preset need not be there.
        keys = {title: () if title == "augmentation" else table.keys() for title, table in TABLES.items()}
        complete = all(title in tables and not set(keys[title]) - set(tables[title]) for title in TABLES)
        return cls.from_dict(tables, source=path) if complete else tables

    def save(self, path, reasons=None):
        """Write the recipe as a TOML file.

        Args:
            path: Path of the file.
            reasons: Why a value is what it is, `{"training.patch": "..."}`: a comment above it.
        """
        recipe_file.write(path, self.to_dict(), reasons or {})
