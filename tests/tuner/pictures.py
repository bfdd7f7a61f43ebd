"""A folder of pictures to search on."""

import numpy as np
from PIL import Image


def write_pngs(folder, count=8, size=16, value=255):
    """A folder of bright squares on dark ground, the square labelled by `value`."""
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for k in range(count):
        label = np.zeros((size, size - 2), "uint8")
        top, left = rng.integers(1, size // 2, 2)
        label[top : top + 5, left : left + 5] = value
        image = rng.normal(60, 10, label.shape) + 100 * (label > 0)
        Image.fromarray(image.clip(0, 255).astype("uint8")).save(folder / "images" / f"case_{k}.png")
        Image.fromarray(label).save(folder / "labels" / f"case_{k}.png")
    return folder
