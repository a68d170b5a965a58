"""Tiles with a halo: how a canvas of any size is cut so that the pieces equal the whole.

Pure geometry, in pixels. A tile has a core, which it alone writes, and an outer box, the core grown by
the halo and clipped to the canvas. With a halo of at least the networks' receptive radius, and cores
aligned to their stride, a convolution sees in the tile exactly what it would see in the whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

STRIDE = 8
"""relu4_1 lies on a grid of 8 pixels."""


@dataclass(frozen=True)
class Box:
    """Half-open rectangle: rows `top..bottom`, columns `left..right`."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    def slices(self, divisor: int = 1) -> tuple[slice, slice]:
        """Row and column slices on a grid coarser by `divisor`."""
        return (
            slice(self.top // divisor, self.bottom // divisor),
            slice(self.left // divisor, self.right // divisor),
        )

    @classmethod
    def around(cls, mask: Tensor) -> Box | None:
        """The smallest box that holds all of a mask `(1, 1, H, W)` above 0; None where there is nothing."""
        rows = torch.nonzero(mask[0, 0].amax(1) > 0).flatten()
        columns = torch.nonzero(mask[0, 0].amax(0) > 0).flatten()
        if not len(rows):
            return None
        return cls(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)

    def moved(self, down: int, right: int) -> Box:
        """The box elsewhere."""
        return Box(self.top + down, self.left + right, self.bottom + down, self.right + right)

    def within(self, outer: Box) -> Box:
        """The same box in the coordinates of `outer`."""
        return Box(
            self.top - outer.top, self.left - outer.left, self.bottom - outer.top, self.right - outer.left
        )

    def times(self, factor: int) -> Box:
        """The same of a picture that is so many times as large."""
        return Box(self.top * factor, self.left * factor, self.bottom * factor, self.right * factor)

    def grown(self, margin: int, limit: Box) -> Box:
        """Grown on all sides, clipped to `limit`."""
        return Box(
            max(self.top - margin, limit.top),
            max(self.left - margin, limit.left),
            min(self.bottom + margin, limit.bottom),
            min(self.right + margin, limit.right),
        )

    def aligned(self, limit: Box, stride: int = STRIDE) -> Box:
        """The smallest box on the stride's grid around this one, clipped to `limit`."""
        return Box(
            self.top // stride * stride,
            self.left // stride * stride,
            min(-(-self.bottom // stride) * stride, limit.bottom),
            min(-(-self.right // stride) * stride, limit.right),
        )


@dataclass(frozen=True)
class Tile:
    core: Box
    outer: Box


def round_up(value: int, stride: int = STRIDE) -> int:
    return -(-value // stride) * stride


def crop(maps: Tensor, box: Box, step: int = 1) -> Tensor:
    """The part of maps `(N, C, H, W)`, on a grid of `step` pixels, inside a box."""
    rows, columns = box.slices(step)
    return maps[:, :, rows, columns]


def averaged(maps: Tensor, box: Box, step: int = 1, device: torch.device | str = "cpu") -> Tensor:
    """Maps inside a box on a grid of `step` pixels, each position the mean of its pixels, float32."""
    part = crop(maps, box).to(device, torch.float32)
    return part if step == 1 else F.avg_pool2d(part, step)


@dataclass(frozen=True)
class Footprint:
    """What a network's shape means for the pictures that it is given: how they are padded, and cut.

    Args:
        halo: pixels around a pixel that it depends on, a multiple of the grid.
        per_pixel: bytes of activations that are held at a time for one pixel of a tile.
        grid: sides of pictures, cores and outer boxes are multiples of it.
        least: smallest side of a picture.
        whole: share of `per_pixel` that a pixel of a picture that is not cut takes.
    """

    halo: int
    per_pixel: float
    grid: int = STRIDE
    least: int = 2 * STRIDE
    whole: float = 1.0

    def side(self, room: int, fixed: int = 0) -> int:
        """Side of a tile's core in pixels: what `room` bytes have room for, or one that was set."""
        if fixed:
            return max(fixed, self.grid)
        return max(int((room / self.per_pixel) ** 0.5) - 2 * self.halo, 8 * self.grid)

    def fitting(self, picture: Box, room: int, kept: int, fixed: int = 0) -> int:
        """As `side`, for a picture of which `kept` bytes more are kept where it is cut: it is not where it
        fits in both."""
        whole = self.side(room + kept, fixed)
        if len(self.cut(self.padded(picture.height), self.padded(picture.width), whole)) == 1:
            return whole
        return self.side(room, fixed)

    def padded(self, side: int) -> int:
        """The side that a picture is continued to."""
        return max(round_up(side, self.grid), self.least)

    def cut(self, height: int, width: int, side: int) -> list[Tile]:
        """The tiles of a padded picture: one when it fits whole."""
        if height * width * self.whole <= (side + 2 * self.halo) ** 2:
            whole = Box(0, 0, height, width)
            return [Tile(whole, whole)]
        return tiles(height, width, side, self.halo, self.grid)


def tiles(height: int, width: int, side: int, margin: int, grid: int = STRIDE) -> list[Tile]:
    """Cuts a canvas, whose sides are multiples of the grid, into tiles of about one size, row by row.

    Args:
        side: of the cores, at most; rounded down to the grid.
        margin: of the outer boxes around the cores, a multiple of the grid.
    """
    if height % grid or width % grid:
        raise ValueError(f"canvas {width} x {height} is not a multiple of {grid}")
    side = max(grid, side // grid * grid)
    whole = Box(0, 0, height, width)
    rows, columns = -(-height // side), -(-width // side)
    high, wide = round_up(-(-height // rows), grid), round_up(-(-width // columns), grid)
    cut = []
    for top in range(0, height, high):
        for left in range(0, width, wide):
            core = Box(top, left, min(top + high, height), min(left + wide, width))
            cut.append(Tile(core, core.grown(margin, whole)))
    return cut
