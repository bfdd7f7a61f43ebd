"""What the tests of whole trainings share: a small folder of phantoms, a tiny network, the files of a run."""

import csv

import nibabel
import numpy as np

from keras_seg import data as datasets

TINY = {"filters": (4, 8), "strides": (2,), "patch": (16, 16, 16), "batch_size": 2, "steps_per_epoch": 3}
FILES = {
    "best.keras",
    "curves.png",
    "data.json",
    "log.csv",
    "options.json",
    "overlay.png",
    "recipe.toml",
    "split.json",
    "state",
    "validation.csv",
    "versions.json",
}


def write_phantoms(folder):
    """Write 8 cases into `folder` and return it."""
    cases = datasets.phantoms(8, shape=(32, 28, 24), num_classes=3, foreground=0.1, spacing=(1.0, 1.0, 1.5))
    for case in cases:
        affine = np.diag([*case.spacing, 1.0])
        for part, array in (("images", case.image[..., 0]), ("labels", case.label)):
            (folder / part).mkdir(parents=True, exist_ok=True)
            nibabel.save(nibabel.Nifti1Image(array, affine), folder / part / f"{case.name}.nii.gz")
    return folder


def rows_of(path):
    """Return the rows of a CSV file as dicts."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
