"""Make CT-like volumes with a small lesion, then check and train on them, and report the memory and the Dice.

    python tests/benchmarks/large_ct.py WORK --minutes 20

60 volumes of 256 x 256 x 100 voxels of 1 x 1 x 3 mm in Hounsfield units, each with a lesion of 0.2 % of the voxels, are
written to WORK/data (about 600 MB; left alone if they are there). `keras-seg check` and `keras-seg train` run as
processes of their own; the peak resident memory of each, its children included, is sampled ten times a second.
"""

import argparse
import pathlib

import nibabel
import numpy as np
from command import measured

import keras_seg

SHAPE, SPACING, LESION = (256, 256, 100), (1.0, 1.0, 3.0), 0.002


def make(folder, cases):
    """Write the volumes that are not there yet."""
    for number in range(cases):
        paths = [folder / part / f"ct_{number:03d}.nii.gz" for part in ("images", "labels")]
        if all(path.exists() for path in paths):
            continue
        case = keras_seg.data.phantoms(1, SHAPE, num_classes=2, foreground=LESION, spacing=SPACING, seed=number)[0]
        scan = case.image[..., 0]
        # Soft tissue at 40 HU, air at -1000.
        tissue = np.median(scan[scan > scan.max() / 8])
        hounsfield = np.clip(1040 * scan / tissue - 1000, -1024, 3071).astype("int16")
        affine = np.diag([*SPACING, 1])
        for path, array in zip(paths, (hounsfield, case.label)):
            path.parent.mkdir(parents=True, exist_ok=True)
            nibabel.save(nibabel.Nifti1Image(array, affine), path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--minutes", type=float, default=20)
    options = parser.parse_args()
    data, out = options.work / "data", options.work / "run"
    make(data, options.cases)
    cache = options.work / "cache"
    for name, arguments in (
        ("check", ("check", data, "--minutes", options.minutes, "--cache", cache)),
        (
            "train",
            ("train", data, "--out", out, "--minutes", options.minutes, "--test", 10, "--cache", cache, "--overwrite"),
        ),
        ("evaluate", ("evaluate", out, data, "--part", "test")),
    ):
        memory, seconds = measured(*arguments)
        print(f"{name}: peak {memory:.2f} GB resident, {seconds / 60:.1f} minutes", flush=True)


if __name__ == "__main__":
    main()
