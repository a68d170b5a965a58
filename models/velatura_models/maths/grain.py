"""Grain for flat areas: networks scale what is there, and of nothing they make one dull colour with rings
around the forms."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from .color import luma
from .tiling import Box, crop

GRAIN = 6 / 255
"""Deviation of the noise that flat areas get."""
CELL = 4
"""Side in pixels of the cells within which it is seen how much a picture varies."""
FLAT = 1 / 255
"""How little it varies there, on average, where it gets grain."""
PATCH = 512
"""Side in pixels of a patch of noise."""


def grain(rgb: Tensor, box: Box) -> Tensor:
    """Grain for the part of a picture inside a box, `(1, 1, h, w)`: full where it is flat, as the fills and
    ground of a drawing are, none where it varies by more than `FLAT`, as photos do.

    Args:
        rgb: `(1, 3, H, W)`; its sides and the box's are multiples of `CELL`.
    """
    seen = box.grown(2 * CELL, Box(0, 0, rgb.shape[2], rgb.shape[3]))
    light = luma(crop(rgb, seen).float())
    off = (light - F.interpolate(F.avg_pool2d(light, CELL), scale_factor=CELL)).abs()
    varies = F.avg_pool2d(F.avg_pool2d(off, CELL), 3, 1, 1, count_include_pad=False)
    flat = F.interpolate((1 - varies / FLAT).clamp_min(0), scale_factor=CELL, mode="bilinear")
    across, down = -(-box.width // PATCH), -(-box.height // PATCH)
    noise = _noise(rgb.device).to(rgb).roll((-box.top, -box.left), (2, 3)).repeat(1, 1, down, across)
    noise = noise[:, :, : box.height, : box.width]
    return noise * crop(flat, box.within(seen))


@cache
def _noise(device: torch.device) -> Tensor:
    """`(1, 1, N, N)` of deviation `GRAIN`, the same always, to be laid side by side."""
    noise = torch.randn(1, 1, PATCH, PATCH, generator=torch.Generator().manual_seed(0)) * GRAIN
    return noise.to(device)
