"""Ask every peer of the table and write what it gives, with the inputs and where it came from.

Needs the `oracles` extra, and `nnunetv2` (its loss alone: `pip install --no-deps nnunetv2`).

Each family has files of its own: `fixtures/FAMILY.npz` (inputs and results) and `fixtures/FAMILY.json` (where from).

Usage:
    python make_fixtures.py [--family region boundary]
    python make_fixtures.py --seed 1 --out DIR --installed-only
"""

import argparse
import importlib.util
import json
import logging
import os
import platform
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
from oracle_cases import make
from oracle_table import FAMILIES, TABLE

FIXTURES = Path(__file__).parent / "fixtures"


def main():
    """Compute and write inputs, results and provenance."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="what the inputs are drawn from")
    parser.add_argument("--out", type=Path, default=FIXTURES, help="folder to write to")
    parser.add_argument("--installed-only", action="store_true", help="leave out the rows of peers that are missing")
    parser.add_argument("--family", nargs="+", choices=FAMILIES, default=FAMILIES, help="leave the others as they are")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    warnings.simplefilter("ignore")
    # TensorFlow and torchvision crash each other when TensorFlow is imported first.
    os.environ["KERAS_BACKEND"] = "torch"
    arguments.out.mkdir(exist_ok=True, parents=True)
    for family in arguments.family:
        rows = TABLE[family]
        if arguments.installed_only:
            rows = [row for row in rows if importlib.util.find_spec(row.peer.module) is not None]
        make_family(family, rows, arguments.seed, arguments.out)


def make_family(family, rows, seed, folder):
    """Write the inputs and results of some rows, and their provenance."""
    arrays, provenance = {}, {}
    cases = {name: make(name, seed) for name in sorted({row.case for row in rows})}
    for name, case in cases.items():
        source = case.probabilities if case.logits is None else case.logits
        arrays[f"{name}/prediction"] = source.astype("float32")
        arrays[f"{name}/truth"] = case.truth.astype("uint8")
    for row in rows:
        if row.name in provenance:
            raise ValueError(f"Two rows are called {row.name!r}. Give one of them an option or a case of its own.")
        values, gradient = row.peer.run(cases[row.case])
        if not np.isfinite(values).all():
            raise ValueError(f"{row.name!r} gave {values}: the peer does not bear this case, compare on another.")
        arrays[f"{row.name}/values"] = values
        if row.gradient:
            arrays[f"{row.name}/gradient"] = gradient.astype("float32")
        provenance[row.name] = {
            "peer": f"{row.peer.library} {version(row.peer.library)}",
            "call": row.peer.call,
            "inputs": f"oracle_cases.make({row.case!r}, seed={seed})",
            "ours": {"loss": row.loss, "options": row.options},
            "transform": row.transform,
        }
        logging.info("%s %s", row.name, np.round(values, 5))
    np.savez_compressed(folder / f"{family}.npz", **arrays)
    made_with = {"python": platform.python_version(), "numpy": np.__version__, "torch": version("torch")}
    text = json.dumps({"made_with": made_with, "rows": provenance}, indent=1)
    (folder / f"{family}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
