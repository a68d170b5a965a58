"""Coarse to fine: sizes, evaluations per level, and the part of each level that must be computed.

Pure geometry. Optimising a small picture first puts the large strokes where they belong for a fraction
of the cost (Gatys et al., CVPR 2017, section 6, coarse-to-fine); a mask confines the work to its
bounding box plus the encoder's receptive radius.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

from ..maths.tiling import Box, Tile, round_up
from ..networks.encoder import CONVS, depth

GRID = 16
"""relu5_1 lies on a grid of 16 pixels; everything that is cut is cut on it."""

LEAST = 2 * GRID
"""Shortest side, in pixels, that all layers can see: reflection padding needs two positions."""

COARSEST = 64
"""Short side, in pixels, below which a pyramid level is not worth having."""


def layer_stride(layer: str) -> int:
    """Pixels per position of a layer: 1 for block 1 to 16 for block 5."""
    return 2 ** (int(layer[4]) - 1)


def receptive_margin(layers: list[str]) -> int:
    """How far, in pixels, the deepest of the layers sees beyond a position's own block of pixels,
    rounded up to the grid."""
    return round_up(_reach(layers)[0], GRID)


def receptive_field(layers: list[str]) -> int:
    """Side, in pixels, of what one position of the deepest of the layers sees."""
    reach, block = _reach(layers)
    return 2 * reach + block


def _reach(layers: list[str]) -> tuple[int, int]:
    """Pixels that the deepest layer sees beyond a position's block on either side, and the block's side. A
    3x3 convolution reaches one position of its grid; pooling nothing, as positions are aligned to it."""
    strides = [layer_stride(f"conv{name}") for name in CONVS[: depth(layers)]]
    return sum(strides), strides[-1]


def level_sizes(
    height: int, width: int, levels: int, wrap: bool = False, coarsest: int = COARSEST
) -> list[tuple[int, int]]:
    """Heights and widths from coarse to fine, each half of the next; coarse ones whose short side would
    be under `coarsest` pixels are left out.

    Args:
        wrap: whether all sides must lie on the grid (the finest must already).
    """
    sizes = [(height, width)]
    for k in range(1, levels):
        size = (round(height / 2**k), round(width / 2**k))
        if wrap:
            size = (round_up(size[0], GRID), round_up(size[1], GRID))
        if min(size) < coarsest:
            break
        sizes.insert(0, size)
    return sizes


def share_evaluations(evaluations: int, levels: int, falling: float = 1.0) -> list[int]:
    """Evaluations per level, coarse to fine, what is left over to the coarse ones, where it costs least. With
    fewer evaluations than levels the coarse ones get none.

    Args:
        falling: a level's share of those of the coarser one before it, over one each; 1 for equal shares.
    """
    if evaluations < levels:
        return [0] * (levels - evaluations) + [1] * evaluations
    weights = [falling**k for k in range(levels)]
    shares = [1 + int((evaluations - levels) * weight / sum(weights)) for weight in weights]
    rest = evaluations - sum(shares)
    return [share + (k < rest) for k, share in enumerate(shares)]


def resize(picture: Tensor, size: tuple[int, int], wrap: bool = False) -> Tensor:
    """A picture `(1, C, H, W)` in 0..1 at another size: antialiased bicubic, clamped.

    Args:
        wrap: whether the picture repeats, so that resampling must not see its borders.
    """
    if tuple(picture.shape[-2:]) == tuple(size):
        return picture
    if not wrap:
        return F.interpolate(picture, size, mode="bicubic", antialias=True).clamp(0, 1)
    tiled = picture.repeat(1, 1, 3, 3)
    sized = F.interpolate(tiled, (3 * size[0], 3 * size[1]), mode="bicubic", antialias=True).clamp(0, 1)
    return sized[:, :, size[0] : 2 * size[0], size[1] : 2 * size[1]].contiguous()


def finest(picture: Tensor) -> Tensor:
    """What a picture `(1, C, H, W)` loses when it is halved: the finest level of its Laplacian pyramid."""
    half = (picture.shape[-2] // 2, picture.shape[-1] // 2)
    small = F.interpolate(picture, half, mode="bilinear", antialias=True)
    return picture - F.interpolate(small, picture.shape[-2:], mode="bilinear")


def resize_mask(mask: Tensor, size: tuple[int, int]) -> Tensor:
    """A mask `(1, 1, H, W)` at a smaller size by area means, so that not even one pixel is lost."""
    if tuple(mask.shape[-2:]) == tuple(size):
        return mask
    return F.adaptive_avg_pool2d(mask, size)


def region_of_interest(mask: Tensor, margin: int) -> Box:
    """What must be computed to refine inside a mask: its bounding box on the grid, grown by `margin`.

    Every position of a layer that sees a pixel of the mask from within its own block lies in the
    aligned box; all that those positions see lies in the grown one.

    Args:
        mask: `(1, 1, H, W)`.

    Raises:
        ValueError: for a mask that is 0 everywhere.
    """
    box = Box.around(mask)
    if box is None:
        raise ValueError("the mask is empty: no pixel is above 0")
    height, width = mask.shape[-2:]
    limit = Box(0, 0, height, width)
    # pixels that pooling leaves over belong to the last position, see `gram.layer_mask`
    box = Box(
        min(box.top, max(0, height // GRID * GRID - GRID)),
        min(box.left, max(0, width // GRID * GRID - GRID)),
        box.bottom,
        box.right,
    )
    return box.aligned(limit, GRID).grown(margin, limit)


def cut(height: int, width: int, side: int | None, margin: int, wrap: bool = False) -> list[Tile]:
    """Tiles whose outer boxes are at most about `side` pixels square; one tile when the picture is no
    larger in area, or `side` is None.

    Args:
        margin: of the outer boxes around the cores, a multiple of the grid.
        wrap: whether outer boxes reach over the border to the other side (coordinates below 0 or past
            the size) instead of being clipped.
    """
    whole = Box(0, 0, height, width)
    if side is None or height * width <= side * side:
        return [Tile(whole, whole)]
    rows, columns = (_borders(length, side, margin, wrap) for length in (height, width))
    limit = Box(-margin, -margin, height + margin, width + margin) if wrap else whole
    boxes = [
        Box(top, left, bottom, right) for top, bottom in pairwise(rows) for left, right in pairwise(columns)
    ]
    return [Tile(box, box.grown(margin, limit)) for box in boxes]


def _borders(length: int, side: int, margin: int, wrap: bool) -> list[int]:
    """Where tile cores begin and end along one side, on the grid, as even as it goes. Unless the picture
    wraps, the first and the last tile have a margin on one side only, and a core larger by one."""
    if length <= side and not wrap:
        return [0, length]
    spare = 0 if wrap else margin
    core = max(side - 2 * margin, 2 * GRID)
    room = max(length - 2 * spare, 1)
    even = round_up(-(-room // -(-room // core)), GRID)
    return [0, *range(spare + even, length - spare, even), length]


def crop(picture: Tensor, box: Box) -> Tensor:
    """The pixels of a box, taken from the other side where it reaches over the border."""
    height, width = picture.shape[-2:]
    if box.top >= 0 and box.left >= 0 and box.bottom <= height and box.right <= width:
        rows, columns = box.slices()
        return picture[:, :, rows, columns]
    rows, columns = _wrapped(box, height, width, picture.device)
    return picture.index_select(2, rows).index_select(3, columns)


def add_crop(whole: Tensor, part: Tensor, box: Box) -> None:
    """Adds `part` to the pixels of a box in place: the transpose of `crop`."""
    height, width = whole.shape[-2:]
    if box.top >= 0 and box.left >= 0 and box.bottom <= height and box.right <= width:
        rows, columns = box.slices()
        whole[:, :, rows, columns] += part
        return
    down, across = _wrapped(box, height, width, whole.device)
    strip = torch.zeros(*whole.shape[:2], height, box.width, dtype=whole.dtype, device=whole.device)
    whole.index_add_(3, across, strip.index_add_(2, down, part.to(whole.dtype)))


def _wrapped(box: Box, height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    rows = torch.arange(box.top, box.bottom, device=device) % height
    columns = torch.arange(box.left, box.right, device=device) % width
    return rows, columns
