"""Methods that decode from the levels of one encoder, deepest first: what WCT and style swap share.

At each level the picture is encoded, its features are changed towards every style, blended by weights and
regions, faded by strength (Li et al. 2017, eq. 5), and decoded; the next level begins with that picture.
Strength adds back what a level's decoder alone loses, as AdaIN's does,

    x_next = g(t_a) + (1 - a) (x - g(f(x))),

at every level, so that strength 0 is the photo itself and detail that a deep level cannot hold reaches the
finer ones; `residual=False` gives the published g(t_a).

A picture too large for one pass goes through each level in tiles, from one whole picture to the next, with a
halo for that level: nothing is seen that a single pass would not see.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..maths.tiling import Box, Footprint, Tile, crop
from ..networks.encoder import Encoder, reach
from ..networks.level_decoder import LevelDecoders, stride_of
from .loading import Loader
from .method import Content, Part, Source, Steps, StyleShare, Work

GRID = 16
"""Pictures are continued to a multiple of relu5_1's stride, and to two positions of it."""


@dataclass
class Levelled:
    """What is kept of a content.

    Args:
        features: at the first level, of a picture that fits in one tile.
        rebuilt: g(f(c)) of it, made when a strength below 1 first asks for it.
    """

    features: Tensor | None = None
    rebuilt: Tensor | None = None

    @property
    def nbytes(self) -> int:
        return sum(maps.nbytes for maps in (self.features, self.rebuilt) if maps is not None)


Features = Callable[[Tile], Steps[Tensor]]
"""Gives a level's features of a tile's outer box, `(1, C, h, w)`."""


class LevelMethod(ABC):
    """Encoder and a decoder a level, resident on a device in one dtype; a `method.Method` with `style` and
    `change` of those that derive from it.

    Args:
        loader: gives the networks.
        networks: encoder and decoders, where they are not the loader's.
        levels: those to go through, deepest first; all that there are decoders for by default.
    """

    strength_in = "features"
    positions = 0
    """How far, in positions of a level, `change` looks around."""

    def __init__(
        self,
        loader: Loader,
        networks: tuple[Encoder, LevelDecoders] | None = None,
        levels: Sequence[str] | None = None,
    ) -> None:
        self.encoder, self.decoders = networks or loader.levels()
        self.levels = tuple(self.decoders) if levels is None else tuple(levels)
        if not self.levels or sorted(set(self.levels), reverse=True) != list(self.levels):
            raise ValueError(f"levels are {self.levels}; name at least one, deepest first")
        if lacking := set(self.levels).difference(self.decoders):
            raise ValueError(f"there is no decoder for {', '.join(sorted(lacking))}")
        self.device, self.dtype = torch.device(loader.device), loader.dtype
        # at about ten maps of relu1_1's size at a time
        per_pixel = 10 * self.encoder.widths[0] * torch.finfo(self.dtype).bits // 8
        self.footprint = Footprint(self._reach(self.levels[0]), per_pixel, GRID, 2 * GRID)

    @abstractmethod
    def style(self, source: Source) -> Any:
        """What `prepare` and `change` need of a style."""

    @abstractmethod
    def change(
        self, level: str, maps: Tensor, style: StyleShare, prepared: Any, known: Levelled
    ) -> Steps[Tensor]:
        """Features `(1, C, h, w)` in a style, at full strength.

        Args:
            prepared: what `prepare` made for the style.
            known: of these very features, where they are kept.
        """

    def keep(self, features: Tensor | None) -> Levelled:
        """What is kept of a content, so far its features."""
        return Levelled(features)

    def prepare(
        self,
        level: str,
        features: Features,
        cut: Sequence[Tile],
        styles: Sequence[StyleShare],
        weight: Tensor | None,
    ) -> Steps[list[Any]]:
        """What must be known of the whole picture before any of it is changed: a value a style."""
        yield from ()
        return [None] * len(styles)

    def see(self, content: Content) -> Steps[Levelled]:
        """The first level's features of a content that fits in one tile."""
        if len(content.tiles) > 1:
            return self.keep(None)
        return self.keep((yield from self.encode(content.rgb, self.levels[0])))

    def paint(self, work: Work) -> Iterator[Part | None]:
        """Level after level over the whole picture; the last one's tiles are the result's."""
        yield from self._paint(work, dict(work.statistics or {}))

    def measure(self, work: Work) -> Steps[dict[str, list[Any]]]:
        """What `prepare` finds at every level, a value a style."""
        found: dict[str, list[Any]] = {}
        for _ in self._paint(work, found):
            yield
        return found

    def _paint(self, work: Work, statistics: dict[str, list[Any]]) -> Iterator[Part | None]:
        content = work.content
        picture = content.rgb.float().cpu()
        content.passes.of += len(content.tiles) * (len(self.levels) - 1)
        for level in self.levels:
            seen = yield from self._seen(work, level, picture)
            features = self._features(picture, level, seen)
            if level not in statistics:
                statistics[level] = yield from self.prepare(
                    level, features, content.tiles, work.styles, content.weight
                )
            prepared = statistics[level]
            made = torch.empty_like(picture)
            for tile in self._tiles(content.tiles, level, picture):
                maps = yield from features(tile)
                target = yield from self._target(level, maps, work, prepared, tile, seen)
                inner = tile.core.within(tile.outer)
                result = crop((yield from self.decode(target, level)), inner).cpu()
                if work.residual and work.fades:
                    rebuilt = seen.rebuilt
                    if rebuilt is None:
                        rebuilt = crop((yield from self.decode(maps, level)), inner).cpu()
                        if seen.features is not None:
                            seen.rebuilt = rebuilt
                    result = result + (1 - work.fade(tile.core)) * (crop(picture, tile.core) - rebuilt)
                rows, columns = tile.core.slices()
                made[:, :, rows, columns] = result
                if level == self.levels[-1]:
                    yield tile.core, result
                else:
                    content.passes.done += 1
                    yield
            picture = made

    def ahead(self, seen: Levelled) -> Iterator[None]:
        """Fills `seen.rebuilt`, which the next strength below 1 needs at the first level."""
        if seen.features is not None and seen.rebuilt is None:
            seen.rebuilt = (yield from self.decode(seen.features, self.levels[0])).cpu()

    def encode(self, rgb: Tensor, level: str) -> Steps[Tensor]:
        """The level's features of `rgb` (1, 3, H, W)."""
        x = rgb.to(self.device, self.dtype).contiguous(memory_format=torch.channels_last)
        out: dict[str, Tensor] = {}
        yield from self.encoder.steps(x, (level,), out)
        return out[level]

    def decode(self, maps: Tensor, level: str) -> Steps[Tensor]:
        """The picture `(1, 3, H, W)` float32 of a level's features."""
        out: list[Tensor] = []
        yield from self.decoders[level].steps(maps, out)
        return out[0].float()

    def _seen(self, work: Work, level: str, picture: Tensor) -> Steps[Levelled]:
        """What is known of the picture at a level, which at the first was seen before."""
        if level == self.levels[0]:
            return work.seen
        if len(work.content.tiles) > 1:
            return Levelled()
        return Levelled((yield from self.encode(picture, level)))

    def _features(self, picture: Tensor, level: str, seen: Levelled) -> Features:
        def features(tile: Tile) -> Steps[Tensor]:
            if seen.features is not None:
                return seen.features
            return (yield from self.encode(crop(picture, tile.outer), level))

        return features

    def _target(
        self, level: str, maps: Tensor, work: Work, prepared: Sequence[Any], tile: Tile, seen: Levelled
    ) -> Steps[Tensor]:
        """t_a: the styles' features blended, then faded from the content's own."""
        step = stride_of(level)
        total, covered = torch.zeros(1, device=self.device), torch.zeros(1, device=self.device)
        for style, ready in zip(work.styles, prepared, strict=True):
            share = style.over(tile.outer, step, self.device)
            changed = yield from self.change(level, maps, style, ready, seen)
            total, covered = total + share * changed.float(), covered + share
        mixed = maps.float() + work.fade(tile.outer, step, self.device) * (total / covered - maps.float())
        return mixed.to(self.dtype).contiguous(memory_format=torch.channels_last)

    def _reach(self, level: str) -> int:
        return reach(level, self.positions, GRID)

    def _tiles(self, cut: Sequence[Tile], level: str, picture: Tensor) -> list[Tile]:
        """The same cores with the halo that a level needs."""
        whole = Box(0, 0, picture.shape[2], picture.shape[3])
        margin = self._reach(level)
        return [Tile(tile.core, tile.core.grown(margin, whole)) if len(cut) > 1 else tile for tile in cut]
