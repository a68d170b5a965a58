"""What networks paint, without its finest lines. Upsampling by nearest neighbour repeats what a small map
holds, grain too, at higher frequencies: where it is twice as large, f also at 1/2 - f. That is seen as a mesh
on what should be smooth, and is no detail; a half-band filter takes it away.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

HALF_BAND = (-1 / 32, 0, 9 / 32, 1 / 2, 9 / 32, 0, -1 / 32)
"""Half is left of what repeats every four pixels, little of what does within three."""


class Calm(nn.Module):
    """`(B, C, H, W)` with little of what repeats within three pixels, down or across. Its kernel belongs to
    the network's weights, so that a result names another network than before it was there.

    Args:
        border: as `F.pad` names what lies beyond.
    """

    reach = len(HALF_BAND) // 2
    """Pixels that it looks far."""

    def __init__(self, border: str = "reflect") -> None:
        super().__init__()
        self.border = border
        self.kernel: Tensor
        self.register_buffer("kernel", torch.tensor(HALF_BAND))

    def forward(self, maps: Tensor) -> Tensor:
        return filtered(maps, self.kernel.to(maps), self.border)


def filtered(maps: Tensor, kernel: Tensor, border: str = "reflect") -> Tensor:
    """`(B, C, H, W)` by a kernel of odd length, down and across."""
    channels, length = maps.shape[1], len(kernel)
    x = F.pad(maps, (length // 2,) * 4, border)
    x = F.conv2d(x, kernel.view(1, 1, length, 1).expand(channels, 1, length, 1), groups=channels)
    return F.conv2d(x, kernel.view(1, 1, 1, length).expand(channels, 1, 1, length), groups=channels)
