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

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..maths.tiling import (
    Box,
    Tile,
    round_up,
    tiles,
)
from ..networks.encoder import BLOCKS, Encoder
from ..networks.level_decoder import LevelDecoders, stride_of
from .loading import Loader
from .method import (
    Content,
    Kept,
    Source,
    StyleShare,
    claimed,
    crop,
)

GRID = 16
"""Pictures are continued to a multiple of relu5_1's stride, and to two positions of it."""


@dataclass
class Seen:
    """What is kept of a content that fits in one tile, at the first level."""

    features: Tensor
    rebuilt: Tensor | None = None
    """g(f(c)), made when a strength below 1 first asks for it."""

    @property
    def nbytes(self) -> int:
        return self.features.nbytes + (0 if self.rebuilt is None else self.rebuilt.nbytes)


Features = Callable[[Tile], Generator[None, None, Tensor]]
"""Gives a level's features of a tile's outer box, `(1, C, h, w)`."""


def reach(level: str, positions: int = 0) -> int:
    """Receptive radius in pixels of the encoder to a level, a change that looks `positions` far, and the
    decoder back, rounded up to `GRID`."""
    depth, stride = int(level[4]), stride_of(level)
    radius = (2 + positions) * stride
    for block in range(depth - 1):
        radius += (2 * BLOCKS[block] + 1) << block
    return round_up(radius, GRID)


class LevelMethod:
    """Encoder and a decoder a level, resident on a device in one dtype; a `method.Method` but for what is
    done to the features: a subclass gives `style` and `change`, and `prepare` where it needs one.

    Args:
        encoder, decoders: as `loader` gives them.
        levels: those to go through, deepest first; all that there are decoders for by default.
    """

    strength_in = "features"
    positions = 0
    """How far, in positions of a level, `change` looks around."""
    seen: type[Seen] = Seen

    def __init__(
        self,
        encoder: Encoder,
        decoders: LevelDecoders,
        loader: Loader,
        levels: Sequence[str] | None = None,
    ) -> None:
        self.levels = tuple(decoders) if levels is None else tuple(levels)
        if not self.levels or sorted(set(self.levels), reverse=True) != list(self.levels):
            raise ValueError(f"levels are {self.levels}; name at least one, deepest first")
        if lacking := set(self.levels).difference(decoders):
            raise ValueError(f"there is no decoder for {', '.join(sorted(lacking))}")
        self.device, self.dtype = torch.device(loader.device), loader.dtype
        self.tile_bytes, self.tile = loader.tile_bytes, loader.tile
        self.encoder, self.decoders = encoder, decoders

    def style(self, source: Source) -> Any:
        """What `prepare` and `change` need of a style."""
        raise NotImplementedError

    def prepare(
        self,
        level: str,
        features: Features,
        cut: Sequence[Tile],
        styles: Sequence[StyleShare],
        weight: Tensor | None,
    ) -> Generator[None, None, list[Any]]:
        """What must be known of the whole picture before any of it is changed: a value a style."""
        yield from ()
        return [None] * len(styles)

    def change(
        self, level: str, maps: Tensor, style: StyleShare, prepared: Any, known: Any
    ) -> Generator[None, None, Tensor]:
        """Features `(1, C, h, w)` in a style, at full strength.

        Args:
            prepared: what `prepare` made for the style.
            known: the `seen` of a picture that is one tile, at the first level; else None.
        """
        raise NotImplementedError

    def tile_side(self) -> int:
        """Side of a tile's core, in pixels: what `tile_bytes` has room for, at about ten maps of relu1_1's
        size at a time."""
        if self.tile:
            return max(self.tile, GRID)
        per_pixel = 10 * self.encoder.widths[0] * torch.finfo(self.dtype).bits // 8
        return max(int((self.tile_bytes / per_pixel) ** 0.5) - 2 * self._reach(self.levels[0]), 8 * GRID)

    def cut(self, height: int, width: int) -> list[Tile]:
        """The tiles of a canvas continued to `GRID`: one when it fits whole. Halos are the first level's."""
        height, width = _grid(height), _grid(width)
        side, margin = self.tile_side(), self._reach(self.levels[0])
        whole = Box(0, 0, height, width)
        if height * width <= (side + 2 * margin) ** 2:
            return [Tile(whole, whole)]
        halves = tiles(height // 2, width // 2, side // 2, 0)  # on a grid of 8, so that twice is on one of 16
        cores = [_doubled(tile.core) for tile in halves]
        return [Tile(core, core.grown(margin, whole)) for core in cores]

    def stylize(
        self,
        content: Content,
        styles: Sequence[StyleShare],
        strength: float | Tensor,
        write: Callable[[Box, Tensor], None],
        residual: bool = True,
        known: Kept | None = None,
        exact: bool = False,
    ) -> Generator[None, None, Seen | None]:
        """See `method.Method.stylize`. Kept is what the first level sees of a content in one tile; statistics
        are always exact."""
        del exact
        assert known is None or isinstance(known, Seen)
        height, width = content.rgb.shape[-2:]
        cut = self.cut(height, width)
        strength = claimed(strength, styles)
        strength = _continued(strength) if isinstance(strength, Tensor) else strength
        styles = [replace(s, region=None if s.region is None else _continued(s.region)) for s in styles]
        weight = None if content.weight is None else _continued(content.weight, "constant")
        picture, kept = _continued(content.rgb.float().cpu()), None
        for level in self.levels:
            seen = None
            if len(cut) == 1:
                first = level == self.levels[0]
                if first and known is not None:
                    seen = known
                else:
                    seen = self.seen((yield from self.encode(picture, level)))
                kept = seen if first else kept
            features = self._features(picture, level, seen)
            prepared = yield from self.prepare(level, features, cut, styles, weight)
            made = torch.empty_like(picture)
            for tile in self._tiles(cut, level, picture):
                maps = yield from features(tile)
                target = yield from self._target(level, maps, styles, prepared, strength, tile, seen)
                inner = tile.core.within(tile.outer)
                result = crop((yield from self.decode(target, level)), inner).cpu()
                fade = crop(strength, tile.core).float().cpu() if isinstance(strength, Tensor) else strength
                if residual and (isinstance(fade, Tensor) or fade < 1):
                    rebuilt = None if seen is None else seen.rebuilt
                    if rebuilt is None:
                        rebuilt = crop((yield from self.decode(maps, level)), inner).cpu()
                        if seen is not None:
                            seen.rebuilt = rebuilt
                    result = result + (1 - fade) * (crop(picture, tile.core) - rebuilt)
                rows, columns = tile.core.slices()
                made[:, :, rows, columns] = result
                if level == self.levels[-1]:
                    visible = tile.core.grown(0, Box(0, 0, height, width))
                    if visible.height > 0 and visible.width > 0:
                        write(visible, crop(made, visible))
                yield
            picture = made
        return kept

    def rebuild(self, known: Kept) -> Generator[None, None, None]:
        """Fills `known.rebuilt`, which the next strength below 1 needs at the first level."""
        if isinstance(known, Seen) and known.rebuilt is None:
            known.rebuilt = (yield from self.decode(known.features, self.levels[0])).cpu()

    def encode(self, rgb: Tensor, level: str) -> Generator[None, None, Tensor]:
        """Generator whose return value is the level's features of `rgb` (1, 3, H, W)."""
        x = rgb.to(self.device, self.dtype).contiguous(memory_format=torch.channels_last)
        out: dict[str, Tensor] = {}
        yield from self.encoder.steps(x, (level,), out)
        return out[level]

    def decode(self, maps: Tensor, level: str) -> Generator[None, None, Tensor]:
        """Generator whose return value is the picture `(1, 3, H, W)` float32 of a level's features."""
        out: list[Tensor] = []
        yield from self.decoders[level].steps(maps, out)
        return out[0].float()

    def _features(self, picture: Tensor, level: str, seen: Seen | None) -> Features:
        def features(tile: Tile) -> Generator[None, None, Tensor]:
            if seen is not None:
                return seen.features
            return (yield from self.encode(crop(picture, tile.outer), level))

        return features

    def _target(
        self,
        level: str,
        maps: Tensor,
        styles: Sequence[StyleShare],
        prepared: Sequence[Any],
        strength: float | Tensor,
        tile: Tile,
        seen: Seen | None,
    ) -> Generator[None, None, Tensor]:
        """t_a: the styles' features blended, then faded from the content's own."""
        step = stride_of(level)
        known = seen if level == self.levels[0] else None
        total, covered = torch.zeros(1, device=self.device), torch.zeros(1, device=self.device)
        for style, ready in zip(styles, prepared, strict=True):
            share: float | Tensor = style.weight
            if style.region is not None:
                region = crop(style.region, tile.outer).to(self.device, torch.float32)
                share = share * F.avg_pool2d(region, step) + 1e-9
            changed = yield from self.change(level, maps, style, ready, known)
            total, covered = total + share * changed.float(), covered + share
        fade: float | Tensor = strength
        if isinstance(strength, Tensor):
            fade = F.avg_pool2d(crop(strength, tile.outer).to(self.device, torch.float32), step)
        mixed = maps.float() + fade * (total / covered - maps.float())
        return mixed.to(self.dtype).contiguous(memory_format=torch.channels_last)

    def _reach(self, level: str) -> int:
        return reach(level, self.positions)

    def _tiles(self, cut: Sequence[Tile], level: str, picture: Tensor) -> list[Tile]:
        """The same cores with the halo that a level needs."""
        whole = Box(0, 0, picture.shape[2], picture.shape[3])
        margin = self._reach(level)
        return [Tile(tile.core, tile.core.grown(margin, whole)) if len(cut) > 1 else tile for tile in cut]


def _grid(side: int) -> int:
    return max(round_up(side, GRID), 2 * GRID)


def _doubled(box: Box) -> Box:
    return Box(2 * box.top, 2 * box.left, 2 * box.bottom, 2 * box.right)


def _continued(maps: Tensor, mode: str = "replicate") -> Tensor:
    """Maps `(1, C, H, W)` continued below and to the right to the grid; `constant` continues with 0."""
    height, width = maps.shape[-2:]
    below, right = _grid(height) - height, _grid(width) - width
    return F.pad(maps, (0, right, 0, below), mode=mode) if below or right else maps
