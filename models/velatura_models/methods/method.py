"""What every feed-forward method offers, whatever network is behind it, and what they all share.

A method has two phases. It sees a content once (`see`), and what it saw is kept; then it paints (`paint`) as
often as somebody moves a slider, with strength, styles and regions in one `Work`. Before that it turns each
style into what it needs of it (`style`). How to add one: docs/methods.md.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor
from torch.nn import functional as F

from ..maths.stitched import ROOM
from ..maths.tiling import Box, Footprint, Tile, averaged
from ..store.cards import Card

V = TypeVar("V")

Steps = Generator[None, None, V]
"""Work that yields at least twice a second, and its value at the end."""

Part = tuple[Box, Tensor]
"""A finished tile: its core and its picture, `(1, 3, h, w)` float32 where the content is, not clamped."""

TRACE = 1e-6
"""Weight of a style outside of its region: where no style applies, shares still divide by something."""


class Latest(OrderedDict[Hashable, V]):
    """A few values by name; the one that was not asked for the longest goes."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def __getitem__(self, name: Hashable) -> V:
        self.move_to_end(name)
        return super().__getitem__(name)

    def __setitem__(self, name: Hashable, value: V) -> None:
        super().__setitem__(name, value)
        self.move_to_end(name)
        while len(self) > self.most:
            self.popitem(last=False)


@dataclass(frozen=True)
class FoundStyle:
    """A style as a method finds it; card and picture are made only when asked for.

    Args:
        name: in the style library, or the digest of a picture.
        scale: stroke size, 0.5..2.
        card: gives the backbone's card of it.
        picture: gives its pixels, `(1, 3, H, W)` RGB in 0..1; raises where only a card is at hand.
    """

    name: str
    scale: float
    card: Callable[[], Card]
    picture: Callable[[], Tensor]


@dataclass(frozen=True)
class StyleShare:
    """One style of a blend.

    Args:
        part: what the method's `style` made of it.
        weight: its share; shares are divided by their sum.
        region: where it applies, `(1, 1, H, W)` in 0..1 over the whole content, or None for everywhere.
    """

    part: Any
    weight: float = 1.0
    region: Tensor | None = None

    def over(self, box: Box, step: int = 1, device: torch.device | str = "cpu") -> float | Tensor:
        """Its share on a grid of `step` pixels inside a box: a number, or a map where it has a region."""
        if self.region is None:
            return self.weight
        return self.weight * averaged(self.region, box, step, device) + TRACE


@dataclass
class Passes:
    """Tiles of the passes that measure a picture before it is painted: how many are done, and of how many."""

    done: int = 0
    of: int = 0


@dataclass(frozen=True)
class Content:
    """A picture to be painted over, on a method's grid.

    Args:
        rgb: `(1, 3, H, W)` float, 0..1.
        weight: `(1, 1, H, W)` in 0..1: how much each pixel counts in the statistics (mask times
            alpha), or None for all alike.
        shown: what of it is the picture; the rest continues it to the grid.
        tiles: how it is cut: one tile where it fits whole.
        room: bytes that a method may keep of it, where it is cut.
    """

    rgb: Tensor
    weight: Tensor | None
    shown: Box
    tiles: Sequence[Tile]
    room: int = ROOM
    passes: Passes = field(default_factory=Passes, compare=False)
    """Counted on by the method, for whoever waits."""

    def continued(self, maps: Tensor, zero: bool = False) -> Tensor:
        """Maps `(1, C, h, w)` of the picture, continued as it is: by their last row and column, or by 0."""
        return _continued(maps, self.rgb.shape[2], self.rgb.shape[3], zero)


def framed(rgb: Tensor, weight: Tensor | None, footprint: Footprint, side: int, room: int = ROOM) -> Content:
    """A picture on a method's grid, cut into tiles.

    Args:
        rgb, weight: of the picture, as in `Content`, of any size.
        footprint: the method's.
        side: of the tiles' cores in pixels, from `Footprint.side`.
        room: as in `Content`.
    """
    shown = Box(0, 0, rgb.shape[2], rgb.shape[3])
    height, width = footprint.padded(shown.height), footprint.padded(shown.width)
    counts = None if weight is None else _continued(weight, height, width, zero=True)
    cut = footprint.cut(height, width, side)
    return Content(_continued(rgb, height, width), counts, shown, cut, room)


class Seen(Protocol):
    """What a method keeps of a content between two jobs."""

    @property
    def nbytes(self) -> int: ...


@dataclass
class Work:
    """What is to be painted; `work` makes one.

    Args:
        content: the picture.
        styles: the blend.
        strength: 0..1, a number or a map `(1, 1, H, W)`; at 0 the result is the content.
        residual: for methods with a decoder: whether the decoder's own loss is added back as strength fades.
        exact: for networks that normalise at every layer: whether a picture in several tiles gets the
            statistics of the whole (a pass over all tiles for each layer) or those of a thumbnail.
        recolour: whether the style's colours are wanted; False where the content's are kept afterwards.
        seen: what `see` made of the content, for an earlier job; None until it is seen.
        statistics: what `measure` found in another picture, to be used in place of the content's own; None
            for the content's.
    """

    content: Content
    styles: Sequence[StyleShare]
    strength: float | Tensor = 1.0
    residual: bool = True
    exact: bool = False
    recolour: bool = True
    seen: Any = None
    statistics: Any = None

    def fade(self, box: Box, step: int = 1, device: torch.device | None = None) -> float | Tensor:
        """The strength on a grid of `step` pixels inside a box, where the content is or on another device."""
        if isinstance(self.strength, Tensor):
            return averaged(self.strength, box, step, device or self.content.rgb.device)
        return self.strength

    def blended(self, changed: Sequence[Tensor], own: Tensor, outer: Box) -> Tensor:
        """Features `(1, C, h, w)` that each style has changed, blended, and faded from the content's own."""
        step = outer.height // own.shape[2]
        total, covered = torch.zeros(1, device=own.device), torch.zeros(1, device=own.device)
        for style, maps in zip(self.styles, changed, strict=True):
            share = style.over(outer, step, own.device)
            total, covered = total + share * maps.float(), covered + share
        mixed = own.float() + self.fade(outer, step, own.device) * (total / covered - own.float())
        return mixed.to(own.dtype).contiguous(memory_format=torch.channels_last)

    @property
    def most(self) -> float:
        """The strength where it is the greatest."""
        return float(self.strength.max()) if isinstance(self.strength, Tensor) else self.strength

    @property
    def fades(self) -> bool:
        """Whether there is any less than full strength, so that the content itself shows."""
        return isinstance(self.strength, Tensor) or self.strength < 1


def work(
    content: Content,
    styles: Sequence[StyleShare],
    strength: float | Tensor = 1.0,
    residual: bool = True,
    exact: bool = False,
    recolour: bool = True,
) -> Work:
    """Work over a content, with regions and a strength map of the picture's own size. Where every style has a
    region and none reaches, strength is 0: the content stays there."""
    styles = [s if s.region is None else replace(s, region=content.continued(s.region)) for s in styles]
    if isinstance(strength, Tensor):
        strength = content.continued(strength)
    covers = [style.region for style in styles if style.region is not None]
    if len(covers) == len(styles):
        strength = torch.stack(covers).sum(0).clamp(max=1.0) * strength
    return Work(content, styles, strength, residual, exact, recolour)


class Method(Protocol):
    """A resident way to stylize."""

    strength_in: str
    """`features` where the method fades between content and style before decoding, `picture` where the
    finished picture is laid over the content."""
    known: dict[str, Any]
    """By style, what paints it, where networks paint in their own styles; empty where any style will do."""
    dtype: torch.dtype

    @property
    def footprint(self) -> Footprint:
        """How its pictures are padded and cut."""
        ...

    def style(self, source: FoundStyle) -> Any:
        """The part of a style's card that this method needs.

        Raises:
            WeightsError: `unknown` for a style that the method's networks do not know.
        """
        ...

    def see(self, content: Content) -> Steps[Seen]:
        """All that does not depend on styles and strength, worth keeping."""
        ...

    def paint(self, work: Work) -> Iterator[Part | None]:
        """Every tile once, and None in between, at least twice a second."""
        ...

    def measure(self, work: Work) -> Steps[Any]:
        """The statistics by which this work's content would be normalised, as `Work.statistics` takes them:
        a clip whose frames are painted with those of one picture does not flicker by them."""
        ...

    def ahead(self, work: Work) -> Iterator[None]:
        """Does ahead, while nothing else is to be done, what the next strength below 1 will need of the
        content of work that was painted; `work.seen` keeps it."""
        ...


def painted(method: Method, work: Work) -> Iterator[Part | None]:
    """Both phases, one after the other: sees the content where that is still to be done (`work.seen`), then
    paints. Gives every finished tile, as far as it is picture, and None in between."""
    if work.seen is None:
        work.seen = yield from method.see(work.content)
    for tile in method.paint(work):
        if tile is None:
            yield None
            continue
        core, made = tile
        core = core.grown(0, work.content.shown)
        yield core, made[:, :, : core.height, : core.width]


def _continued(maps: Tensor, height: int, width: int, zero: bool = False) -> Tensor:
    down, across = height - maps.shape[2], width - maps.shape[3]
    if not down and not across:
        return maps
    return F.pad(maps, (0, across, 0, down), mode="constant" if zero else "replicate")
