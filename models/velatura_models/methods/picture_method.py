"""Methods that paint whole pictures: what they share, whatever their network.

Strength, masks and regions blend finished pictures here. Networks that normalise at every layer see only
a tile of a large picture, so they are given statistics: those of a thumbnail (default; one pass, and the
error is bounded by how much a layer's statistics change with scale), or the whole picture's, summed layer
after layer over all tiles (exact, one pass a layer).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..maths.stats import EPS, mean_std
from ..maths.tiling import (
    Box,
    Tile,
    round_up,
    tiles,
)
from .loading import Loader
from .method import (
    Content,
    Kept,
    Source,
    StyleShare,
    claimed,
    crop,
)

Normalise = Callable[[int, Tensor, Tensor, Tensor], Tensor]
"""Called with a layer's index, its maps `(1, C, h, w)`, scales and shifts `(1, C)`."""

Statistics = list[tuple[Tensor, Tensor]]
"""Mean and deviation `(1, C, 1, 1)` float32 of every layer before it is normalised."""

KEPT = 4
"""Painted pictures that are kept of one content."""


@dataclass(frozen=True)
class Painting:
    """One way to paint, hashable by what it is.

    Args:
        key: names the network and the style or blend in it.
        data: what the method's `paint` needs.
    """

    key: Hashable
    data: Any = field(compare=False)


@dataclass
class Painted:
    """Pictures made of one content that fits in one tile, `(1, 3, H, W)` float32 on the CPU."""

    pictures: OrderedDict[Hashable, Tensor] = field(default_factory=OrderedDict)

    @property
    def nbytes(self) -> int:
        return sum(picture.nbytes for picture in self.pictures.values())

    def add(self, key: Hashable, picture: Tensor) -> None:
        self.pictures[key] = picture
        while len(self.pictures) > KEPT:
            self.pictures.popitem(last=False)


class PictureMethod:
    """A `method.Method` but for the network: a subclass gives `style`, `strides`, `paint`, its measures,
    and `merged` where it can."""

    strength_in = "picture"
    halo: int
    """Receptive radius in pixels, a multiple of 8."""
    bytes_per_pixel: int
    """Activations held at a time for one pixel, in float32."""

    def __init__(self, loader: Loader) -> None:
        self.loader, self.device, self.dtype = loader, torch.device(loader.device), loader.dtype
        self.tile_bytes, self.tile = loader.tile_bytes, loader.tile

    def style(self, source: Source) -> Painting:
        """How to paint in a style."""
        raise NotImplementedError

    def merged(self, styles: Sequence[StyleShare]) -> list[StyleShare]:
        """Styles that one pass can blend made one; each of the list costs a pass."""
        return list(styles)

    def paint(
        self, rgb: Tensor, painting: Painting, out: list[Tensor], normalise: Normalise | None
    ) -> Iterator[None]:
        """Appends the painted `rgb` `(1, 3, H, W)` to `out`, yielding between layers.

        Args:
            normalise: how to normalise, where not with the statistics of `rgb` itself.
        """
        raise NotImplementedError

    def strides(self, painting: Painting) -> Sequence[int]:
        """Pixels per position at every layer that is normalised with statistics of its own maps."""
        raise NotImplementedError

    def tile_side(self) -> int:
        """Side of a tile's core, in pixels: what `tile_bytes` has room for."""
        if self.tile:
            return self.tile
        per_pixel = self.bytes_per_pixel * torch.finfo(self.dtype).bits // 32
        return max(int((self.tile_bytes / per_pixel) ** 0.5) - 2 * self.halo, 64)

    def cut(self, height: int, width: int) -> list[Tile]:
        """The tiles of a canvas: one when it fits whole."""
        side = self.tile_side()
        if height * width <= (side + 2 * self.halo) ** 2:
            whole = Box(0, 0, height, width)
            return [Tile(whole, whole)]
        return tiles(height, width, side, self.halo)

    def stylize(
        self,
        content: Content,
        styles: Sequence[StyleShare],
        strength: float | Tensor,
        write: Callable[[Box, Tensor], None],
        residual: bool = True,
        known: Kept | None = None,
        exact: bool = False,
    ) -> Generator[None, None, Kept | None]:
        """See `method.Method.stylize`; `residual` means nothing here, strength 0 is exact always."""
        del residual
        assert known is None or isinstance(known, Painted)
        cut = self.cut(*content.rgb.shape[-2:])
        strength = claimed(strength, styles)
        blend = self.merged(styles)
        kept = (known or Painted()) if len(cut) == 1 else None
        statistics: dict[Hashable, Statistics] = {}
        if kept is None:
            measure = self._measured if exact else self._of_thumbnail
            for style in blend:
                if self.strides(style.part):
                    statistics[style.part.key] = yield from measure(content.rgb, style.part, cut)
        for tile in cut:
            below = crop(content.rgb, tile.core).float().cpu()
            total, covered = torch.zeros_like(below), torch.zeros(1, 1, 1, 1)
            for style in blend:
                key = style.part.key
                picture = kept.pictures.get(key) if kept is not None else None
                if picture is None:
                    normalise = _fixed(statistics[key]) if key in statistics else None
                    picture = yield from self._painted(crop(content.rgb, tile.outer), style.part, normalise)
                    if kept is not None:
                        kept.add(key, picture)
                share: float | Tensor = style.weight
                if style.region is not None:
                    share = share * crop(style.region, tile.core).float().cpu() + 1e-6
                total = total + share * crop(picture, tile.core.within(tile.outer))
                covered = covered + share
            fade = crop(strength, tile.core).float().cpu() if isinstance(strength, Tensor) else strength
            write(tile.core, below + fade * (total / covered - below))
            yield
        return kept

    def rebuild(self, known: Kept) -> Generator[None, None, None]:
        """Nothing is left to be done ahead: every strength blends pictures that are kept."""
        del known
        yield from ()

    def _painted(
        self, rgb: Tensor, painting: Painting, normalise: Normalise | None = None
    ) -> Generator[None, None, Tensor]:
        x = rgb.to(self.device, self.dtype).contiguous(memory_format=torch.channels_last)
        out: list[Tensor] = []
        yield from self.paint(x, painting, out, normalise)
        return out[0].float().cpu()

    def _of_thumbnail(
        self, rgb: Tensor, painting: Painting, cut: Sequence[Tile]
    ) -> Generator[None, None, Statistics]:
        """Statistics of the picture made as small as one tile."""
        most = max(tile.outer.height * tile.outer.width for tile in cut)
        height, width = rgb.shape[-2:]
        factor = min(1.0, (most / (height * width)) ** 0.5)
        size = tuple(max(round_up(int(side * factor)), 16) for side in (height, width))
        thumbnail = F.interpolate(rgb.float(), size, mode="bilinear", antialias=True)
        statistics: Statistics = []

        def note(index: int, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
            statistics.append(mean_std(x))
            return _fixed(statistics)(index, x, scale, shift)

        yield from self._painted(thumbnail, painting, note)
        return statistics

    def _measured(
        self, rgb: Tensor, painting: Painting, cut: Sequence[Tile]
    ) -> Generator[None, None, Statistics]:
        """Statistics of the whole picture: layer k's from tiles normalised with those of layers before k."""
        statistics: Statistics = []
        whole = (rgb.shape[2], rgb.shape[3])
        for layer, stride in enumerate(self.strides(painting)):
            sums = _Sums()
            for tile in cut:

                def add(index: int, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
                    if index < layer:  # noqa: B023  # called within this turn of the loop only
                        return _fixed(statistics)(index, x, scale, shift)
                    sums.add(crop(x, _counted(tile, whole, x, stride)))  # noqa: B023
                    raise _Enough

                try:
                    yield from self._painted(crop(rgb, tile.outer), painting, add)
                except _Enough:
                    yield
            statistics.append(sums.result())
        return statistics


class _Enough(Exception):
    """Ends a pass at the layer whose statistics it was for."""


class _Sums:
    """First and second moments of one layer over tiles, in float64."""

    def __init__(self) -> None:
        self.count, self.first, self.second = 0, torch.zeros(1), torch.zeros(1)

    def add(self, maps: Tensor) -> None:
        wide = maps.double()
        self.count += maps.shape[2] * maps.shape[3]
        self.first = self.first.to(wide) + wide.sum((2, 3), keepdim=True)
        self.second = self.second.to(wide) + wide.square().sum((2, 3), keepdim=True)

    def result(self) -> tuple[Tensor, Tensor]:
        mean = self.first / self.count
        variance = (self.second / self.count - mean.square()).clamp_min(0)
        return mean.float(), (variance + EPS).sqrt().float()


def _fixed(statistics: Statistics) -> Normalise:
    """Normalises with given statistics."""

    def normalise(index: int, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        mean, std = statistics[index]
        gain = scale[..., None, None] / std
        return torch.addcmul((shift[..., None, None] - gain * mean).to(x), x, gain.to(x))

    return normalise


def _counted(tile: Tile, whole: tuple[int, int], maps: Tensor, stride: int) -> Box:
    """The positions of a tile's maps that count in the statistics of the whole picture: those of its core,
    and at the picture's edge also what a network pads around it."""
    inner, (height, width) = tile.core.within(tile.outer), whole
    down = (maps.shape[2] * stride - tile.outer.height) // 2
    right = (maps.shape[3] * stride - tile.outer.width) // 2
    return Box(
        (inner.top + down) // stride if tile.core.top else 0,
        (inner.left + right) // stride if tile.core.left else 0,
        (inner.bottom + down) // stride if tile.core.bottom < height else maps.shape[2],
        (inner.right + right) // stride if tile.core.right < width else maps.shape[3],
    )
