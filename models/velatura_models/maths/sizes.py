"""Pictures at other sizes: made smaller, and continued under what is transparent."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def shrink_map(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """`(1, C, H, W)` scaled, antialiased, to `(width, height)`; values stay in 0..1."""
    return F.interpolate(maps, (size[1], size[0]), mode="bilinear", antialias=True).clamp_(0, 1)


def preview_size(width: int, height: int, side: int) -> tuple[int, int]:
    """Width and height with the longest side at most `side`; 0 leaves them."""
    factor = min(1.0, side / max(width, height)) if side else 1.0
    return max(1, round(width * factor)), max(1, round(height * factor))


def fill_transparent(rgb: Tensor, alpha: Tensor) -> Tensor:
    """Colour under fully transparent pixels, from their neighbours at ever coarser grids (push-pull).

    Args:
        rgb: `(1, 3, H, W)` straight colour.
        alpha: `(1, 1, H, W)`.

    Returns:
        `rgb` where alpha is above 0; elsewhere a smooth continuation, gray where nothing is visible at all.
    """
    if not (alpha <= 0).any():
        return rgb
    known = (alpha > 0).to(rgb)
    levels = [(rgb * known, known)]
    while max(levels[-1][1].shape[-2:]) > 1:
        color, weight = (F.avg_pool2d(t, 2, ceil_mode=True) for t in levels[-1])
        levels.append((color, weight))
    color, weight = levels.pop()
    filled = torch.where(weight > 0, color / weight.clamp_min(1e-9), torch.full_like(color, 0.5))
    for color, weight in reversed(levels):
        coarse = F.interpolate(filled, color.shape[-2:], mode="bilinear")
        filled = torch.where(weight > 0, color / weight.clamp_min(1e-9), coarse)
    return torch.where(known > 0, rgb, filled)
