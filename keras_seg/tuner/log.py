"""The log of a search: a file per trial, so that whatever ends the process, what had ended before is kept."""

import json

from keras_seg.files import write_text
from keras_seg.tuner.trial import Trial

FOLDER = "trials"
DAMAGED = ".damaged"


class TrialLog:
    """The trials of a search that ended, in a folder; several processes may write to it.

    Args:
        folder: Folder of the search.
        say: Function that shows a line to the user.
    """

    def __init__(self, folder, say=lambda line: None):
        self.folder = folder / FOLDER
        self.say = say
        self._known = {}

    def add(self, trial):
        """Write a trial that ended."""
        write_text(self.folder / f"{trial.number:04d}-{trial.key}.json", trial.to_json())

    def trials(self):
        """Return the trials that ended, in the order of their numbers.

        A file that cannot be read is set aside, and its trial is one that has not ended.
        """
        found = {}
        for path in sorted(self.folder.glob("*.json")):
            if path.name.startswith("."):
                continue
            if path.name not in self._known:
                trial = self._read(path)
                if trial is None:
                    continue
                self._known[path.name] = trial
            # Two workers can be given the same values; the first counts.
            found.setdefault(self._known[path.name].key, self._known[path.name])
        return sorted(found.values(), key=lambda trial: trial.number)

    def find(self, key):
        """Return the trial of a key, or `None` if it has not ended."""
        return next((trial for trial in self.trials() if trial.key == key), None)

    def _read(self, path):
        try:
            return Trial.from_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            aside = path.with_name(path.name + DAMAGED)
            path.replace(aside)
            self.say(
                f"Note: {path} cannot be read ({type(error).__name__}: {error}). It was set aside as {aside.name}, and "
                "its trial runs again."
            )
            return None


class Record:
    """A JSON file with what a search was started with.

    Args:
        path: Path of the file.
    """

    def __init__(self, path):
        self.path = path

    def exists(self):
        """Whether it is there."""
        return self.path.is_file()

    def read(self):
        """Return what it holds.

        Raises:
            ValueError: If it cannot be read.
        """
        try:
            return json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ValueError(
                f"{self.path}: this file of the search cannot be read ({type(error).__name__}: {error}). Put it back "
                "from a copy, or start anew: `overwrite=True` (`--overwrite`)."
            ) from error

    def write(self, values):
        """Write it in one step."""
        write_text(self.path, json.dumps(values, indent=1) + "\n")
