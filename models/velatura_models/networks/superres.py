"""Super-resolution networks: a small picture in, one 4 or 8 times as large out (Johnson et al. 2016).

`SuperResNet` is the network of the paper's supplementary table 2: a 9x9 convolution, four residual blocks
and log2(factor) upsamplings of 64 channels, a 9x9 convolution to RGB. It works on the small grid until the
end, and what a pixel depends on is a few pixels wide, so that tiles with a halo equal the whole exactly.

Departures, each an argument whose other value is the published form: the network adds its output to a
bicubic enlargement (`residual`), so that it starts from a good picture and keeps its colours, where the
paper matches histograms afterwards, and what it adds may be freed of a mesh (`calm`); it upsamples by nearest
neighbour, then convolves; and it may do without batch norm. Instance norm is not offered: its statistics of
the whole picture would end the tiles.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .calm import Calm, filtered
from .convolution import reflected
from .playback import run_through
from .transform_net import UPSAMPLINGS, column_conv, upsampled_conv

FACTORS = (4, 8)
NORMS = ("batch", "none")
LEAST = 8
"""Smallest side a network takes: reflection over four pixels needs five."""


class SuperResNet(nn.Module):
    """A picture enlarged in one pass.

    Args:
        factor: 4 or 8.
        norm: `batch`, as published, or `none` (Lim et al. 2017: restoring the range that it takes away
            costs more than it gives).
        upsampling: `nearest` then convolve, or `transposed` as published.
        residual: whether the output is added to the bicubic enlargement; else it is the picture, through a
            scaled tanh as published.
        width, blocks: channels, and the number of residual blocks.
        calm: whether what is added goes through `Calm`.
    """

    def __init__(
        self,
        factor: int = 4,
        norm: str = "batch",
        upsampling: str = "nearest",
        residual: bool = True,
        width: int = 64,
        blocks: int = 4,
        calm: bool = False,
    ) -> None:
        super().__init__()
        if factor not in FACTORS:
            raise ValueError(f"factor is {factor}; allowed: {', '.join(map(str, FACTORS))}")
        for value, known in ((norm, NORMS), (upsampling, UPSAMPLINGS)):
            if value not in known:
                raise ValueError(f"{value!r} is none of {', '.join(known)}")
        self.factor, self.residual, self.upsampling = factor, residual, upsampling
        self.width, self.blocks = width, blocks
        self.doublings = factor.bit_length() - 1
        self.calm = Calm() if calm else None
        up = [
            nn.ConvTranspose2d(width, width, 3, 2, 1, 1)
            if upsampling == "transposed"
            else nn.Conv2d(width, width, 3)
            for _ in range(self.doublings)
        ]
        inner = [nn.Conv2d(width, width, 3) for _ in range(2 * blocks)]
        self.convs = nn.ModuleList([nn.Conv2d(3, width, 9), *inner, *up, nn.Conv2d(width, 3, 9)])
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(width) if norm == "batch" else nn.Identity() for _ in self.convs[:-1]
        )
        if residual:  # begin as the bicubic enlargement
            for parameter in self.convs[-1].parameters():
                nn.init.zeros_(parameter)

    @property
    def halo(self) -> int:
        """Pixels of the small picture on each side that an enlarged pixel depends on."""
        reach = 4 + 2 * self.blocks + sum(2.0**-k for k in range(1, self.doublings + 1)) + 4 / self.factor
        reach += self.calm.reach / self.factor if self.calm else 0
        return int(reach) + 3  # rounded up, two more for bicubic and nearest grids

    def forward(self, x: Tensor) -> Tensor:
        """A batch enlarged.

        Args:
            x: `(B, 3, h, w)`, RGB in 0..1, sides at least `LEAST`.

        Returns:
            `(B, 3, factor h, factor w)` float32, about 0..1.
        """
        return run_through(self.steps(x))

    def steps(self, x: Tensor) -> Generator[None, None, Tensor]:
        """`forward` one convolution at a time, yielding in between."""
        if min(x.shape[2:]) < LEAST:
            raise ValueError(f"{x.shape[3]} x {x.shape[2]} pixels; both sides must be at least {LEAST}")
        small, skip, last = x, x, len(self.convs) - 1
        for index, conv in enumerate(self.convs):
            inside = 0 < index <= 2 * self.blocks
            if inside and index % 2:
                skip = x
            x = self._convolved(conv, x, upsample=2 * self.blocks < index < last)
            if index < last:
                x = self.norms[index](x)
                x = x + skip if inside and index % 2 == 0 else F.relu(x, inplace=True)
            yield
        x = x.float() if self.calm is None else self.calm(x.float())
        return bicubic(small.float(), self.factor) + x if self.residual else torch.tanh(x) * 0.6 + 0.5

    def _convolved(self, conv: Any, x: Tensor, upsample: bool) -> Tensor:
        x = x.to(conv.weight.dtype) if not torch.is_autocast_enabled(x.device.type) else x
        if upsample:
            return conv(x) if self.upsampling == "transposed" else upsampled_conv(x, conv.weight, conv.bias)
        x = reflected(x, conv.kernel_size[0] // 2)
        return column_conv(x, conv.weight, conv.bias) if conv is self.convs[-1] else conv(x)


def bicubic(pictures: Tensor, factor: int) -> Tensor:
    """`(B, C, h, w)` enlarged `factor` times with the cubic kernel of a = -0.5 (Keys 1981), the one that
    image programs mean; not clamped."""
    size = (pictures.shape[2] * factor, pictures.shape[3] * factor)
    return F.interpolate(pictures, size, mode="bicubic", antialias=True)


def degraded(pictures: Tensor, factor: int) -> Tensor:
    """What a network is trained to enlarge again: blurred with a Gaussian of 1 pixel, then reduced with the
    bicubic kernel (section 4.2 of the paper).

    Args:
        pictures: `(B, 3, H, W)` in 0..1, sides multiples of `factor`.
    """
    kernel = torch.exp(-0.5 * torch.arange(-3.0, 4.0, device=pictures.device).square())
    x = filtered(pictures, kernel / kernel.sum())
    size = (pictures.shape[2] // factor, pictures.shape[3] // factor)
    return F.interpolate(x, size, mode="bicubic", antialias=True).clamp(0, 1)
