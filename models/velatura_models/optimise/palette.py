"""The style's colours: moved to at once by a map, or drawn to by a term of the loss."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from ..maths.color import ColorStats, apply_matching, color_stats, mixture, transport
from .problem import Problem
from .scene import Placed, Region, by_region

DIRECTIONS = 12
"""Lines through the colour cube on which distributions are compared."""

BINS = 256
"""Steps of a picture's distribution on a line."""

QUANTILES = 1024
"""Steps of a style's."""


MOST = 65_536
"""Pixels of a style, about, that its distribution is taken from."""


def moved_to(picture: Tensor, palette: ColorStats, weight: Tensor | None = None) -> Tensor:
    """A picture with other colours' mean and covariance, by the map that changes it least, clamped.

    Args:
        picture: `(1, 3, H, W)` in 0..1.
        weight: `(1, 1, H, W)`, how much each pixel counts.
    """
    return apply_matching(picture, *transport(color_stats(picture, weight), palette)).clamp(0, 1)


def moved_by_region(picture: Tensor, regions: Sequence[tuple[Region[Placed], Sequence[Tensor]]]) -> Tensor:
    """A picture with every region's colours moved to those of its styles, blended where regions overlap;
    outside of all as it is.

    Args:
        regions: each with its styles' pictures `(1, 3, h, w)`.
    """
    moved, weight = torch.zeros_like(picture), torch.zeros_like(picture[:, :1])
    for region, pictures in regions:
        palette = mixture([color_stats(p) for p in pictures], [style.weight for style in region.styles])
        where = torch.ones_like(weight) if region.where is None else region.where.to(weight)
        moved += where * moved_to(picture, palette, region.where)
        weight += where
    return torch.where(weight > 0, moved / weight.clamp_min(1e-9), picture)


def in_styles_colors(problem: Problem) -> Tensor | None:
    """The content with the mean and covariance of its styles' colours, in every region; None without one."""
    content = problem.content
    if content is None:
        return None
    regions = by_region(problem.styles, problem.size, problem.mask, content.device)
    pictures = [[s.picture for s in region.styles if s.picture is not None] for region in regions]
    return moved_by_region(content, list(zip(regions, pictures, strict=True)))


class Palette:
    """How far colours are from the styles': the squared Wasserstein distance on lines through the colour
    cube, mean of `DIRECTIONS` (Bonneel et al., "Sliced and Radon Wasserstein Barycenters", 2015); a pixel
    term.

    On a line the distance is that to where sorting would move a pixel; a histogram of `BINS` stands for
    sorting.

    Args:
        regions: each with its styles' pictures `(1, 3, h, w)`.
        weight: positive.
    """

    name = "palette"

    def __init__(self, regions: Sequence[tuple[Region[Placed], Sequence[Tensor]]], weight: float) -> None:
        self.weight = weight
        generator = torch.Generator().manual_seed(0)
        device = regions[0][1][0].device
        lines = torch.randn(DIRECTIONS, 3, generator=generator, dtype=torch.float64)
        self.lines = F.normalize(lines, dim=1).to(device)
        self.regions = [
            (region.where, region.share, self._quantiles(region, pictures)) for region, pictures in regions
        ]

    def value(self, picture: Tensor) -> Generator[None, None, tuple[Tensor, Tensor]]:
        """See `terms.PixelTerm`."""
        colors = picture[0].flatten(1)
        gradient, total = torch.zeros_like(colors), colors.new_zeros(())
        for where, share, quantiles in self.regions:
            counts = torch.ones_like(colors[0]) if where is None else where.flatten().to(colors)
            counts = counts / counts.sum()
            for line, goal in zip(self.lines.to(colors), quantiles, strict=True):
                apart = self._apart(line @ colors, line, goal, counts)
                scaled = counts * apart * (self.weight * share / DIRECTIONS)
                total = total + (scaled * apart).sum()
                gradient.addr_(line, scaled, alpha=2)
                yield
        return total, gradient.view_as(picture)

    def _apart(self, places: Tensor, line: Tensor, goal: Tensor, counts: Tensor) -> Tensor:
        """How far on a line each pixel is from where it belongs."""
        low, high = line.clamp_max(0).sum(), line.clamp_min(0).sum()
        at = ((places - low) / (high - low) * BINS).clamp(0, BINS - 1e-3)
        bins = at.long()
        below = counts.new_zeros(BINS).index_add_(0, bins, counts).cumsum(0)
        edges = _interpolated(goal, F.pad(below, (1, 0)) * (len(goal) - 1))
        return places - torch.lerp(edges[bins], edges[bins + 1], at - bins)

    def _quantiles(self, region: Region[Placed], pictures: Sequence[Tensor]) -> Tensor:
        """Of the colours of a region's styles by their weights, on every line: `(lines, QUANTILES)`."""
        colors = torch.cat([picture[0].flatten(1) for picture in pictures], 1).double()
        counts = torch.cat(
            [
                torch.full((p.shape[2] * p.shape[3],), s.weight / (p.shape[2] * p.shape[3])).double()
                for p, s in zip(pictures, region.styles, strict=True)
            ]
        ).to(colors)
        step = colors.shape[1] // MOST | 1  # odd, so that not the same columns are taken in every row
        colors, counts = colors[:, ::step], counts[::step]
        places, order = (self.lines.to(colors) @ colors).sort(1)
        shares = counts[order].cumsum(1)
        levels = (torch.arange(QUANTILES, device=colors.device) + 0.5) / QUANTILES * shares[:, -1:]
        index = torch.searchsorted(shares, levels.to(shares)).clamp_max(colors.shape[1] - 1)
        return places.gather(1, index)


def _interpolated(table: Tensor, at: Tensor) -> Tensor:
    """A table `(n,)` at fractional places within 0..n - 1."""
    at = at.clamp(0, len(table) - 1)
    low = at.long().clamp_max(len(table) - 2)
    table = table.to(at)
    return torch.lerp(table[low], table[low + 1], at - low)
