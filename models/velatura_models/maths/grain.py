"""Grain for flat areas: AdaIN can only scale what is there, and of nothing it makes one dull colour with
rings around the forms."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from .color import luma
from .tiling import Box, crop

GRAIN = 6 / 255
"""Deviation of the noise that flat areas get."""
FLAT = 1 / 255
"""How little a picture varies, on average over some pixels, where it gets grain."""
PATCH = 512
"""Side in pixels of a patch of noise."""


def grain(rgb: Tensor, box: Box) -> Tensor:
    """Grain for the part of a picture inside a box, `(1, 1, h, w)`: full where it is flat, as the fills and
    ground of a drawing are, none where it varies by more than `FLAT`, as photos do."""
    seen = box.grown(8, Box(0, 0, rgb.shape[2], rgb.shape[3]))
    light = luma(crop(rgb, seen))
    off = (light - F.avg_pool2d(light, 9, 1, 4, count_include_pad=False)).abs()
    flat = (1 - F.avg_pool2d(off, 9, 1, 4, count_include_pad=False) / FLAT).clamp_min(0)
    rows, columns = (torch.arange(*ends) % PATCH for ends in ((box.top, box.bottom), (box.left, box.right)))
    noise = _noise()[:, :, rows][:, :, :, columns].to(rgb)
    return noise * crop(flat, box.within(seen))


@cache
def _noise() -> Tensor:
    """`(1, 1, N, N)` of deviation `GRAIN`, the same always, to be laid side by side."""
    return torch.randn(1, 1, PATCH, PATCH, generator=torch.Generator().manual_seed(0)) * GRAIN
