"""What the fixtures of MONAI's sliding window were made from; the tests read the same."""

import numpy as np

# Shape, window, overlap, mode. Sizes are such that MONAI's windows, which begin at multiples of a step and push the
# last one back, are spread evenly, as ours always are.
CASES = {
    "volume constant": ((16, 12, 20), (8, 8, 8), 0.5, "constant"),
    "volume gaussian": ((16, 12, 20), (8, 8, 8), 0.5, "gaussian"),
    "quarter": ((14, 20), (8, 8), 0.25, "constant"),
    "three quarters": ((24, 10), (8, 8), 0.75, "gaussian"),
    "odd window": ((19, 13), (7, 5), 0.5, "gaussian"),
    "without overlap": ((24, 16), (8, 8), 0.0, "constant"),
    "smaller": ((5, 11), (8, 8), 0.5, "gaussian"),
    "much smaller": ((3, 2, 5), (8, 8, 8), 0.5, "gaussian"),
}


def network(batch):
    """Three probabilities `[batch, *window, 3]` that depend on the image and on the place in the window."""
    place = 0
    for axis in range(1, batch.ndim - 1):
        line = np.linspace(-1, 1, batch.shape[axis]) ** 2 * axis
        place = place + line.reshape([-1 if other == axis else 1 for other in range(batch.ndim - 1)])
    logits = np.stack([batch[..., 0] + place, batch[..., 1] - place, 0.5 * place + 0 * batch[..., 0]], axis=-1)
    exponents = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponents / exponents.sum(axis=-1, keepdims=True)
