"""Writes `fixtures/surface_distance.npz`: random masks and what DeepMind's `surface-distance` says of them.

    pip install surface-distance "numpy<2" scipy
    python tests/metrics/make_fixtures.py

The peer, version 0.1, needs NumPy before 2 where a mask is empty. Inputs come from `default_rng(SEED)`.
"""

from importlib.metadata import version
from pathlib import Path

import numpy as np
import surface_peer

SEED = 0
PATH = Path(__file__).parent / "fixtures" / "surface_distance.npz"


def main():
    rng = np.random.default_rng(SEED)
    arrays = {"peer": f"surface-distance {version('surface-distance')}, numpy {np.__version__}, seed {SEED}"}
    number = 0
    for shape, spacing in zip(surface_peer.SHAPES, surface_peer.SPACINGS):
        for truth, prediction in surface_peer.masks(shape, rng):
            hausdorff, dice = surface_peer.peer_scores(truth, prediction, spacing)
            case = {"truth": truth, "prediction": prediction, "spacing": spacing, "hausdorff": hausdorff, "dice": dice}
            arrays.update({f"{number:02d}_{key}": value for key, value in case.items()})
            number += 1
    PATH.parent.mkdir(exist_ok=True)
    np.savez_compressed(PATH, **arrays)


if __name__ == "__main__":
    main()
