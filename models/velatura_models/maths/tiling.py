"""Tiles with a halo: how a canvas of any size is cut so that the pieces equal the whole.

Pure geometry, in pixels. A tile has a core, which it alone writes, and an outer box, the core grown by
the halo and clipped to the canvas. With a halo of at least the networks' receptive radius, and cores
aligned to their stride, a convolution sees in the tile exactly what it would see in the whole.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..networks.encoder import BLOCKS

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

    def within(self, outer: Box) -> Box:
        """The same box in the coordinates of `outer`."""
        return Box(
            self.top - outer.top, self.left - outer.left, self.bottom - outer.top, self.right - outer.left
        )

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


def halo() -> int:
    """Receptive radius of encoder to relu4_1 plus mirrored decoder, rounded up to the stride.

    A 3x3 convolution reaches one position of its grid; a 2x2 pooling one of the finer grid. Nearest
    upsampling reaches nothing; bilinear at most one position, which the rounding covers.
    """
    radius = 0
    for block, convs in enumerate(BLOCKS[:4]):
        step = 2**block
        count = convs if block < 3 else 1
        radius += 2 * count * step + (step if block < 3 else 0)
    return round_up(radius)


def tiles(height: int, width: int, side: int, margin: int) -> list[Tile]:
    """Cuts a canvas, whose sides are multiples of the stride, into tiles row by row.

    Args:
        side: of the cores, at most; rounded down to the stride.
        margin: of the outer boxes around the cores, a multiple of the stride.
    """
    if height % STRIDE or width % STRIDE:
        raise ValueError(f"canvas {width} x {height} is not a multiple of {STRIDE}")
    side = max(STRIDE, side // STRIDE * STRIDE)
    whole = Box(0, 0, height, width)
    rows, columns = -(-height // side), -(-width // side)
    high, wide = round_up(-(-height // rows)), round_up(-(-width // columns))
    cut = []
    for top in range(0, height, high):
        for left in range(0, width, wide):
            core = Box(top, left, min(top + high, height), min(left + wide, width))
            cut.append(Tile(core, core.grown(margin, whole)))
    return cut
