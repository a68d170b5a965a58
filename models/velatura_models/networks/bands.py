"""3x3 convolutions at full size, a band of rows at a time: what they hold is small, whatever the picture.

At full size a network has few channels but most of its memory: its maps there, continued and in float32, are
what decides whether a picture fits in one piece. So a chain of such layers runs over bands; every band reads
as many rows around it as its layers reach, and gives what the whole would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from torch import Tensor
from torch.nn import functional as F

from .convolution import reflected

BAND = 1 << 18
"""Pixels of a band."""


def rows_of(width: int) -> int:
    """Rows of a band of a picture, even, as what comes before or after may have half as many."""
    return max(BAND // width // 2 * 2, 2)


def in_bands(
    height: int, rows: int, source: Callable[[int, int], Tensor], layers: Sequence[Callable[[Tensor], Tensor]]
) -> Iterator[Tensor]:
    """What comes of a chain of layers, `rows` rows at a time from above.

    Args:
        height: of the picture, at least 2.
        source: gives the rows from one until before another of what the first layer reads, `(N, C, h, W)`.
        layers: each a 3x3 convolution with what follows it; the maps it is given are continued by one
            position on all sides, by reflection at the picture's edges.
    """
    for top in range(0, height, rows):
        spans = [(top, min(top + rows, height))]
        for _ in layers:
            first, last = spans[0]
            spans.insert(0, (max(first - 1, 0), min(last + 1, height)))
        maps = source(*spans[0])
        for layer, (first, last) in zip(layers, spans[1:], strict=True):
            maps = layer(_continued(maps, first == 0, last == height))
        yield maps


def doubled(maps: Tensor, first: int, last: int, mode: str) -> Tensor:
    """The rows from one until before another of maps upsampled to twice their size.

    Args:
        mode: `nearest` or `bilinear`.
    """
    above, below = max(first // 2 - 1, 0), min((last + 1) // 2 + 1, maps.shape[2])
    large = F.interpolate(maps[:, :, above:below], scale_factor=2, mode=mode)
    return large[:, :, first - 2 * above : last - 2 * above]


def _continued(maps: Tensor, top: bool, bottom: bool) -> Tensor:
    if top and bottom:
        return reflected(maps)
    return F.pad(maps, (1, 1, int(top), int(bottom)), mode="reflect")
