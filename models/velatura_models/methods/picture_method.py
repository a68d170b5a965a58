"""Methods that paint whole pictures: what they share, whatever their network.

Strength, masks and regions blend finished pictures here. Networks that normalise at every layer see only
a tile of a large picture, so they are given statistics: those of a thumbnail (default; one pass, and the
error is bounded by how much a layer's statistics change with scale), or the whole picture's, summed layer
after layer over all tiles (exact, one pass a layer). Flat areas get a little grain before they are painted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..maths.grain import grain
from ..maths.stats import Moments, mean_std
from ..maths.stitched import PICTURE, Stitched
from ..maths.tiling import Box, Footprint, Tile, crop
from ..networks.transform_net import Normalise
from .loading import Loader
from .method import Content, FoundStyle, Latest, Part, Steps, StyleShare, Work

LayerStatistics = list[tuple[Tensor, Tensor]]
"""Mean and deviation `(1, C, 1, 1)` float32 of every layer before it is normalised."""

KEPT = 4
"""Painted pictures that are kept of one content."""

MEASURED = 12
"""Statistics that are kept of one content: all that the sliders of two styles come by."""


@dataclass(frozen=True)
class Painting:
    """One way to paint, hashable by what it is.

    Args:
        key: names the network and the style or blend in it.
        data: what its method needs to paint.
        lasting: whether other strengths need the very same.
        near: paintings whose statistics, in these shares, do for its own in a picture that others are painted
            by: so a strength slider soon measures nothing more. None where its own are needed.
    """

    key: Hashable
    data: Any = field(compare=False)
    lasting: bool = field(default=False, compare=False)
    near: Sequence[tuple[Painting, float]] = field(default=(), compare=False)


@dataclass
class Painted:
    """Pictures made of one content, `(1, 3, H, W)` float32 where it is: the latest of one that fits in one
    tile, what lasts of a larger one; and the statistics by which that was painted."""

    pictures: Latest[Stitched] = field(default_factory=lambda: Latest(KEPT))
    statistics: Latest[LayerStatistics] = field(default_factory=lambda: Latest(MEASURED))

    @property
    def nbytes(self) -> int:
        return sum(picture.nbytes for picture in self.pictures.values())


class PictureMethod(ABC):
    """All that is not the network's; a `method.Method` with `style` and `tile` of those that derive from it.

    Args:
        loader: gives the networks.
    """

    strength_in = "picture"
    footprint: Footprint
    """Its halo, grid, and what it holds for a pixel."""

    def __init__(self, loader: Loader) -> None:
        self.loader, self.device, self.dtype = loader, torch.device(loader.device), loader.dtype
        self.known: dict[str, Any] = {}

    @abstractmethod
    def style(self, source: FoundStyle) -> Painting:
        """How to paint in a style."""

    @abstractmethod
    def tile(self, rgb: Tensor, painting: Painting, normalise: Normalise | None) -> Steps[Tensor]:
        """The painted `rgb` `(1, 3, H, W)`, yielding between layers.

        Args:
            normalise: how to normalise, where not with the statistics of `rgb` itself.
        """

    def merged(self, styles: Sequence[StyleShare]) -> list[StyleShare]:
        """Styles that one pass can blend made one; each of the list costs a pass."""
        return list(styles)

    def faded(self, painting: Painting, strength: float) -> list[tuple[Painting, float]]:
        """Paintings with the factors by which they, together with `1 - strength` of the content, make the
        picture at a strength; at 0 their sum is nothing."""
        return [(painting, strength)]

    def strides(self, painting: Painting) -> Sequence[int]:
        """Pixels per position at every layer that is normalised with statistics of its own maps."""
        return ()

    def see(self, content: Content) -> Steps[Painted]:
        """Nothing yet: what is kept of a content is what was painted over it."""
        yield from ()
        return Painted()

    def paint(self, work: Work) -> Iterator[Part | None]:
        """Tiles of the painted pictures, blended and laid over the content; strength 0 is exact always."""
        content, most = work.content, work.most
        blend = self._blend(work)
        statistics: dict[Hashable, LayerStatistics] = work.statistics or {}
        if len(content.tiles) > 1 and work.statistics is None:
            statistics = yield from self._statistics(work, self._paintings(work))
        for tile in content.tiles:
            below = crop(content.rgb, tile.core).float()
            whole: Tensor | None = None
            covered: float | Tensor = 0.0
            for style, parts in blend:  # a factor of 1 and a first term take no pass over the picture
                made: Tensor | None = None
                for painting, factor in parts:
                    picture = yield from self._tile(work, tile, painting, statistics.get(painting.key))
                    part = picture if factor == 1 else factor * picture
                    made = part if made is None else made + part
                assert made is not None  # a style has a part
                share = style.over(tile.core, device=below.device)
                covered = covered + share
                part = made if isinstance(share, float) and share == 1 else share * made
                whole = part if whole is None else whole + part
            assert whole is not None  # and a blend a style
            if not (isinstance(covered, float) and covered == 1):
                whole = whole / covered
            if work.fades:
                over = work.fade(tile.core) / most if most else 0.0
                whole = below + over * (whole - most * below)
            yield tile.core, whole

    def measure(self, work: Work) -> Steps[dict[Hashable, LayerStatistics]]:
        """The statistics of every layer for all that is painted, by the painting's key: those of paintings
        near it where they will do."""
        wanted = {painting.key: painting.near or [(painting, 1.0)] for painting in self._paintings(work)}
        near = {painting.key: painting for shares in wanted.values() for painting, _ in shares}
        known = yield from self._statistics(work, near.values())
        found: dict[Hashable, LayerStatistics] = {}
        for key, shares in wanted.items():
            if all(painting.key in known for painting, _ in shares):
                found[key] = _mixed([known[painting.key] for painting, _ in shares], [w for _, w in shares])
        return found

    def _statistics(
        self, work: Work, paintings: Iterable[Painting]
    ) -> Steps[dict[Hashable, LayerStatistics]]:
        """Of every layer, by the painting's key; of those that have any."""
        measure = self._measured if work.exact else self._of_thumbnail
        found: dict[Hashable, LayerStatistics] = {}
        known, content = work.seen.statistics, work.content
        paintings = [painting for painting in paintings if self.strides(painting)]
        lacking = [painting for painting in paintings if (painting.key, work.exact) not in known]
        if work.exact:
            content.passes.of += sum(len(self.strides(each)) for each in lacking) * len(content.tiles)
        for painting in paintings:
            name = (painting.key, work.exact)
            if name not in known:
                known[name] = yield from measure(content, painting)
            found[painting.key] = known[name]
        return found

    def ahead(self, work: Work) -> Iterator[None]:
        """Paints what other strengths need as well, where the content fits in one tile."""
        if len(work.content.tiles) > 1:
            return
        for painting in self._paintings(replace(work, strength=0.5)):
            statistics = None if work.statistics is None else work.statistics.get(painting.key)
            if painting.lasting and (work.statistics is None or statistics is not None):
                yield from self._tile(work, work.content.tiles[0], painting, statistics)

    def _blend(self, work: Work) -> list[tuple[StyleShare, list[tuple[Painting, float]]]]:
        return [(style, self.faded(style.part, work.most)) for style in self.merged(work.styles)]

    def _paintings(self, work: Work) -> list[Painting]:
        """All that is painted, each once."""
        return list({part.key: part for _, parts in self._blend(work) for part, _ in parts}.values())

    def _tile(
        self, work: Work, tile: Tile, painting: Painting, statistics: LayerStatistics | None
    ) -> Steps[Tensor]:
        """A tile's core painted, or as it was painted before; by its own statistics where none are given."""
        content, pictures = work.content, work.seen.pictures
        if painting.key in pictures and tile.core in pictures[painting.key].cores:
            return crop(pictures[painting.key].maps[PICTURE], tile.core)
        normalise = None if statistics is None else _fixed(statistics)
        picture = yield from self._painted(_grained(content.rgb, tile.outer), painting, normalise)
        if len(content.tiles) == 1 or painting.lasting:
            if painting.key not in pictures:
                pictures[painting.key] = Stitched(Box(0, 0, *content.rgb.shape[2:]))
            pictures[painting.key].add({PICTURE: picture}, tile, content.room - work.seen.nbytes)
        return crop(picture, tile.core.within(tile.outer))

    def _painted(self, rgb: Tensor, painting: Painting, normalise: Normalise | None = None) -> Steps[Tensor]:
        x = rgb.to(self.device).contiguous(memory_format=torch.channels_last)
        made = yield from self.tile(x, painting, normalise)
        return made.float().to(rgb.device)

    def _of_thumbnail(self, content: Content, painting: Painting) -> Steps[LayerStatistics]:
        """Statistics of the picture made as small as one tile."""
        rgb, cut = content.rgb, content.tiles
        most = max(tile.outer.height * tile.outer.width for tile in cut)
        height, width = rgb.shape[-2:]
        factor = min(1.0, (most / (height * width)) ** 0.5)
        size = (self.footprint.padded(int(height * factor)), self.footprint.padded(int(width * factor)))
        thumbnail = F.interpolate(rgb.float(), size, mode="bilinear", antialias=True)
        statistics: LayerStatistics = []

        def note(index: int, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
            statistics.append(mean_std(x))
            return _fixed(statistics)(index, x, scale, shift)

        whole = Box(0, 0, size[0], size[1])
        yield from self._painted(_grained(thumbnail, whole), painting, note)
        return statistics

    def _measured(self, content: Content, painting: Painting) -> Steps[LayerStatistics]:
        """Statistics of the whole picture: layer k's from tiles normalised with those of layers before k."""
        rgb, cut = content.rgb, content.tiles
        statistics: LayerStatistics = []
        whole = (rgb.shape[2], rgb.shape[3])
        for layer, stride in enumerate(self.strides(painting)):
            sums = Moments()
            for tile in cut:

                def add(index: int, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
                    if index < layer:  # noqa: B023  # called within this turn of the loop only
                        return _fixed(statistics)(index, x, scale, shift)
                    sums.add(crop(x, _counted(tile, whole, x, stride)))  # noqa: B023
                    raise _Enough

                try:
                    yield from self._painted(_grained(rgb, tile.outer), painting, add)
                except _Enough:
                    content.passes.done += 1
                    yield
            mean, std = sums.mean_std()
            statistics.append((mean.view(1, -1, 1, 1), std.view(1, -1, 1, 1)))
        return statistics


def _mixed(statistics: Sequence[LayerStatistics], shares: Sequence[float]) -> LayerStatistics:
    """Layer by layer the weighted mean."""

    def mean(values: Iterable[Tensor]) -> Tensor:
        return torch.stack([w * each for w, each in zip(shares, values, strict=True)]).sum(0)

    return [(mean(m for m, _ in layer), mean(s for _, s in layer)) for layer in zip(*statistics, strict=True)]


def _grained(rgb: Tensor, box: Box) -> Tensor:
    """The part of a content inside a box as networks see it: with grain where it is flat."""
    return (crop(rgb, box) + grain(rgb, box)).clamp(0, 1)


class _Enough(Exception):
    """Ends a pass at the layer whose statistics it was for."""


def _fixed(statistics: LayerStatistics) -> Normalise:
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
