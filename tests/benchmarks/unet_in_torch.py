"""The PyTorch side of `unet_training_step.py`: the same U-Net, in each of the ways that PyTorch runs it on a CPU."""

import itertools
import json
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional


def main():
    setting = json.loads(sys.argv[1])
    torch.set_num_threads(setting["threads"])
    stored = np.load(setting["weights"])
    x = torch.tensor(stored["x"]).movedim(-1, 1).contiguous()
    y = torch.tensor(stored["y"].astype("int64"))
    weights = [stored[name] for name in sorted(stored) if name.startswith("w")]
    steps = {}
    for layout in ("contiguous", "channels last"):
        for compiled in (False, True):
            model = UNet(setting["filters"], setting["classes"], setting["down"])
            load(model, weights)
            name = f"PyTorch, {layout}, {'torch.compile' if compiled else 'eager'}"
            steps[name] = training_step(model, x, y, layout, compiled)
    losses = {name: step() for name, step in steps.items()}
    for step in steps.values():
        step()
    about = {
        "version": f"PyTorch {torch.__version__}",
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "first_losses": losses,
        "variants": list(steps),
    }
    print(json.dumps(about), flush=True)
    for line in sys.stdin:
        wish = json.loads(line)
        print(json.dumps(list(measure(steps[wish["variant"]], wish["steps"]))), flush=True)


def unit(channels, width, kernel_size=3, stride=1):
    return nn.Sequential(
        nn.Conv3d(channels, width, kernel_size, stride, padding=kernel_size // 2 if stride == 1 else 0, bias=False),
        nn.InstanceNorm3d(width, affine=True),
        nn.LeakyReLU(0.01, inplace=True),
    )


def level(channels, width):
    return nn.Sequential(unit(channels, width), unit(width, width))


class UNet(nn.Module):
    """`keras_seg.zoo.unet`, its parts made in the same order, so that weights can be copied one by one."""

    def __init__(self, filters, classes, down_by):
        super().__init__()
        down, up, channels = [], [], 1
        for width, below in itertools.pairwise(filters):
            strided = down_by == "strided"
            down += [level(channels, width), unit(width, below, 2, 2) if strided else nn.MaxPool3d(2)]
            channels = below if strided else width
        self.down = nn.ModuleList(down)
        self.bottom = level(channels, filters[-1])
        for below, width in itertools.pairwise(filters[::-1]):
            up += [nn.ConvTranspose3d(below, width, 2, 2), level(2 * width, width)]
        self.up = nn.ModuleList(up)
        self.head = nn.Conv3d(filters[0], classes, 1)

    def forward(self, x):
        skips = []
        for block, halve in zip(self.down[::2], self.down[1::2]):
            skips.append(block(x))
            x = halve(skips[-1])
        x = self.bottom(x)
        for double, block in zip(self.up[::2], self.up[1::2]):
            x = block(torch.cat([double(x), skips.pop()], 1))
        return self.head(x)


def load(model, weights):
    """Copy Keras's weights; of kernels, `[*spatial, in, out]` or `[*spatial, out, in]`, all axes turn."""
    parameters = list(model.parameters())
    if len(parameters) != len(weights):
        raise SystemExit(f"PyTorch's network has {len(parameters)} weights, that of Keras {len(weights)}.")
    with torch.no_grad():
        for parameter, weight in zip(parameters, weights):
            value = torch.tensor(weight)
            parameter.copy_(value.permute(4, 3, 0, 1, 2) if value.ndim == 5 else value)


def training_step(model, x, y, layout, compiled):
    if layout == "channels last":
        model, x = model.to(memory_format=torch.channels_last_3d), x.to(memory_format=torch.channels_last_3d)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    forward = torch.compile(model) if compiled else model

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(forward(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def measure(step, count):
    for _ in range(count):
        start = time.perf_counter()
        step()
        yield time.perf_counter() - start


if __name__ == "__main__":
    main()
