"""Writes `fixtures/monai.npz`: images, and what MONAI's `sliding_window_inference` makes of them.

    pip install monai torch
    python tests/inference/make_fixtures.py

The network is `window_cases.network`: what it returns depends on where in the window a voxel lies, so that placing and
weighing of the windows show. MONAI bounds its Gaussian from below by 0.001, which near the border of a volume weighs
windows alike that should not be; it is handed the whole one as `roi_weight_map`. Inputs come from `default_rng(SEED)`.
"""

import functools
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
import window_cases
from monai.data.utils import compute_importance_map
from monai.inferers import sliding_window_inference

SEED = 0
PATH = Path(__file__).parent / "fixtures" / "monai.npz"


def gaussian(window):
    """MONAI's weights before the bound; up to it they are checked to be MONAI's."""
    lines = [np.exp(-0.5 * ((np.arange(n) - (n - 1) / 2) / (n / 8)) ** 2) for n in window]
    weight = functools.reduce(np.multiply.outer, lines)
    bounded = compute_importance_map(window, mode="gaussian", sigma_scale=0.125, dtype=torch.float64).numpy()
    np.testing.assert_allclose(bounded, np.maximum(weight, 1e-3), rtol=1e-5)
    return weight


def as_torch(x):
    """The network on MONAI's layout, channels first."""
    return torch.from_numpy(np.moveaxis(window_cases.network(np.moveaxis(x.numpy(), 1, -1)), -1, 1).copy())


def main():
    rng = np.random.default_rng(SEED)
    arrays = {"peer": f"monai {version('monai')}, torch {version('torch')}, numpy {np.__version__}, seed {SEED}"}
    for name, (shape, window, overlap, mode) in window_cases.CASES.items():
        image = rng.normal(size=(*shape, 2)).astype("float32")
        options = {"mode": mode}
        if mode == "gaussian":
            options["roi_weight_map"] = torch.from_numpy(gaussian(window))[None, None]
        channels_first = torch.from_numpy(np.moveaxis(image, -1, 0)[None].astype("float64"))
        scores = sliding_window_inference(
            channels_first, window, sw_batch_size=3, predictor=as_torch, overlap=overlap, **options
        )
        arrays[f"{name}/image"] = image
        arrays[f"{name}/scores"] = np.moveaxis(scores[0].numpy(), 0, -1).astype("float32")
    PATH.parent.mkdir(exist_ok=True)
    np.savez_compressed(PATH, **arrays)


if __name__ == "__main__":
    main()
