"""What benchmarks hold times against: what a network has to do, and how fast this machine does that.

Operations are two for each multiply-add of each convolution as published, bytes those of its maps and
kernels, each read once and written once. Rates are those of a plain wide convolution and of a large copy.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from velatura_models.networks.transform_net import plan
from velatura_models.store.nets import find_net

Clock = Callable[[], float]
DTYPES = (torch.float32, torch.bfloat16)


@dataclass(frozen=True)
class Cost:
    """What a network has to do: operations and bytes."""

    operations: float = 0.0
    bytes: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.operations + other.operations, self.bytes + other.bytes)


def cost(run: Callable[[Tensor], Any], size: tuple[int, int], *networks: nn.Module, item: int = 4) -> Cost:
    """Of the convolutions of some networks that a picture of a height and width goes through; nothing is
    computed.

    Args:
        run: takes the picture through them, and through others on the device `meta`.
        item: bytes of a number.
    """
    total = Cost()

    def count(module: nn.Conv2d, given: tuple[Tensor], out: Tensor) -> None:
        nonlocal total
        values = given[0].numel() + out.numel() + module.weight.numel()
        total += Cost(2.0 * out.numel() * module.weight[0].numel(), item * values)

    for module in (m for network in networks for m in network.to("meta").modules()):
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count)  # type: ignore[arg-type]  # of Conv2d alone
    with torch.no_grad(), torch.device("meta"):
        run(torch.empty(1, 3, *size))
    return total


def painter_cost(side: int, item: int = 4) -> Cost:
    """Of the painter of many styles, on a square picture."""
    shape, total = find_net("painter", "transform", None).architecture, Cost()
    for layer in plan(shape["widths"], shape["blocks"]):
        before, side = side, side * 2 if layer.upsample else side // layer.stride
        kernel = layer.cin * layer.cout * layer.kernel**2
        values = layer.cin * before**2 + layer.cout * side**2 + kernel
        total += Cost(2.0 * kernel * side**2, item * values)
    return total


def least(run: Callable[[], Any], clock: Clock, device: torch.device) -> float:
    """Seconds, the least of eight."""
    times = []
    with torch.inference_mode():
        for _ in range(8):
            began = clock()
            run()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            times.append(clock() - began)
    return min(times)


def convolution_rate(
    dtype: torch.dtype, clock: Clock = time.perf_counter, device: torch.device | str = "cpu"
) -> float:
    """GFLOP/s of a plain 3x3 convolution such as in the middle of the networks."""
    device = torch.device(device)
    x = torch.rand(1, 256, 128, 128).to(device, dtype, memory_format=torch.channels_last)
    weight = torch.rand(256, 256, 3, 3).to(device, dtype, memory_format=torch.channels_last)
    return 2 * 9 * 256**2 * 128**2 / least(lambda: F.conv2d(x, weight, padding=1), clock, device) / 1e9


def rates(device: str, clock: str) -> dict[str, float]:
    """GFLOP/s of a plain convolution on a device, by precision, and `gigabytes` that it moves in a second.

    Args:
        clock: of the module `time`.
    """
    measure: Clock = getattr(time, clock)
    found = {str(dtype)[6:]: convolution_rate(dtype, measure, device) for dtype in DTYPES}
    a = torch.zeros(1 << 26, device=device)
    b = torch.empty_like(a)
    return {**found, "gigabytes": 2 * a.nbytes / least(lambda: b.copy_(a), measure, a.device) / 1e9}


def drawn(lines: Mapping[str, tuple[Mapping[int, float], str]], seconds: str, path: Path) -> None:
    """Draws seconds against megapixels, both logarithmic.

    Args:
        lines: by label, seconds by the side of a square picture, and matplotlib's way to draw them.
        seconds: of what.
    """
    from matplotlib import pyplot, ticker

    figure, axes = pyplot.subplots(figsize=(8.2, 4.2))
    for label, (by_side, way) in lines.items():
        axes.plot([side**2 / 1e6 for side in by_side], list(by_side.values()), way, label=label)
    axes.set(xscale="log", yscale="log", xlabel="megapixels", ylabel=f"seconds of {seconds}")
    axes.xaxis.set_minor_formatter(ticker.NullFormatter())
    sizes = sorted({side for by_side, _ in lines.values() for side in by_side})
    axes.set_xticks([side**2 / 1e6 for side in sizes], [f"{side**2 / 1e6:.2g}" for side in sizes])
    axes.grid(True, which="both", alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
