"""The folder of a run: what is in it, whether it may be written to, and what it was started with."""

import json
import pathlib
import shutil

from keras_seg.files import explained, make_folder, write_text
from keras_seg.training.recipes import recipe_file
from keras_seg.training.recipes.recipe import Recipe


class RunFolder:
    """Paths in the folder of a run.

    Args:
        path: Path of the folder.
    """

    FILES = {
        "recipe": "recipe.toml",
        "options": "options.json",
        "data": "data.json",
        "split": "split.json",
        "versions": "versions.json",
        "log": "log.csv",
        "best": "best.keras",
        "curves": "curves.png",
        "overlay": "overlay.png",
        "validation": "validation.csv",
    }
    FOLDERS = {"state": "state", "nan": "nan", "tensorboard": "tensorboard"}

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def __getattr__(self, name):
        places = {**self.FILES, **self.FOLDERS}
        if name not in places:
            raise AttributeError(f"'{type(self).__name__}' has no attribute '{name}'")
        return self.path / places[name]

    def __truediv__(self, name):
        return self.path / name

    def __str__(self):
        return str(self.path)

    @property
    def is_set_up(self):
        """Whether the run got as far as its first step: what it was started with is written last."""
        return self.options.is_file() and self.recipe.is_file()

    @property
    def content(self):
        """Names of what is in the folder, sorted; temporary files of a killed process are none."""
        if not self.path.is_dir():
            return []
        return sorted(entry.name for entry in self.path.iterdir() if not entry.name.startswith("."))

    def read(self, name):
        """Read a JSON file of the run, by its key in `FILES`.

        Raises:
            ValueError: If it is missing or cannot be read.
        """
        path = getattr(self, name)
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ValueError(
                f"{path}: this file of the run is missing or cannot be read ({type(error).__name__}: {error}). Put it "
                "back from a copy, or train again."
            ) from error

    def read_recipe(self):
        """Read the `Recipe` of the run.

        Raises:
            ValueError: If it is missing, cannot be read, or is only a part of one.
        """
        return Recipe.from_dict(recipe_file.read(self.recipe), source=self.recipe)

    def write(self, name, values):
        """Write a JSON file of the run in one step."""
        write_text(getattr(self, name), json.dumps(values, indent=1) + "\n")

    def open(self, resume=False, overwrite=False):
        """Make the folder ready for a training; what is in it stays until `clear`.

        Args:
            resume: Whether a run in it goes on.
            overwrite: Whether a run in it will be thrown away.

        Returns:
            Whether there is a run to go on with.

        Raises:
            ValueError: If it is a file, or holds something and neither is said, or something that is no run.
            OSError: If it cannot be written to.
        """
        if resume and overwrite:
            raise ValueError("`resume` goes on with a run and `overwrite` throws it away. Give one of them.")
        if self.path.exists() and not self.path.is_dir():
            raise ValueError(f"{self}: this is a file; a run needs a folder to write into.")
        inside = self.content
        if inside and not (resume or overwrite):
            raise ValueError(
                f"{self}: the folder is not empty (it holds {_listed(inside)}). Choose another one, go on with the run "
                "in it (`--resume`, in Python `resume=True`), or throw that away (`--overwrite`, `overwrite=True`)."
            )
        # The recipe is the first file of a run, and the last to be removed.
        if inside and not self.recipe.is_file():
            raise ValueError(f"{self}: this is no run (it holds {_listed(inside)}). Choose another folder.")
        make_folder(self.path)
        self._remove_leftovers()
        return resume and self.is_set_up

    def _remove_leftovers(self):
        """Remove what a killed process was writing, under the names that `keras_seg.files.replacing` gives."""
        for path in self.path.glob(".*"):
            _, number, *name = path.name.split(".", 2)
            if number.isdigit() and name:
                path.unlink(missing_ok=True)

    def clear(self):
        """Remove the run, and nothing else."""
        with explained(self.path):
            # What makes it a run goes first: half of a run must not look like one. The recipe tells what the rest is.
            for name in ("options", *(name for name in self.FILES if name != "recipe")):
                getattr(self, name).unlink(missing_ok=True)
            for name in self.FOLDERS:
                if getattr(self, name).is_dir():
                    shutil.rmtree(getattr(self, name))
            self.recipe.unlink(missing_ok=True)


def _listed(names):
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
