"""What every feed-forward method offers, whatever network is behind it.

A method is loaded once (`registry.load_method`) and stays. It turns a style into its part of a card
(`style`), and stylizes a picture of any size with parts, strength and regions (`stylize`), writing each
finished tile where the caller wants it. How to add one: docs/methods.md.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from ..maths.tiling import Box, Tile
from ..store.cards import Card


@dataclass(frozen=True)
class Source:
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


@dataclass(frozen=True)
class Content:
    """A picture to be stylized, padded to the stride.

    Args:
        rgb: `(1, 3, H, W)` float, 0..1, H and W multiples of 8.
        weight: `(1, 1, H, W)` in 0..1: how much each pixel counts in the statistics (mask times
            alpha), or None for all alike.
    """

    rgb: Tensor
    weight: Tensor | None = None


class Kept(Protocol):
    """What a method keeps of a content between two jobs."""

    @property
    def nbytes(self) -> int: ...


class Method(Protocol):
    """A resident way to stylize."""

    strength_in: str
    """`features` where the method fades between content and style before decoding, `picture` where the
    finished picture is laid over the content."""
    dtype: torch.dtype
    tile_bytes: int
    tile: int

    def style(self, source: Source) -> Any:
        """The part of a style's card that this method needs.

        Raises:
            WeightsError: `unknown` for a style that the method's networks do not know.
        """
        ...

    def tile_side(self) -> int:
        """Side of a tile's core in pixels."""
        ...

    def cut(self, height: int, width: int) -> list[Tile]:
        """The tiles of a canvas: one when it fits whole."""
        ...

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
        """Stylizes a picture of any size, yielding at least twice a second.

        Args:
            content: the picture.
            styles: the blend.
            strength: 0..1, a number or a map `(1, 1, H, W)`; at 0 the result is the content.
            write: called once a tile with its core and the result there, `(1, 3, h, w)` float32 on the
                CPU, not clamped.
            residual: for methods with a decoder: whether the decoder's own loss is added back as
                strength fades.
            known: what an earlier call on the same content returned.
            exact: for networks that normalise at every layer: whether a picture in several tiles gets the
                statistics of the whole (a pass over all tiles for each layer) or those of a thumbnail.

        Returns:
            (as the generator's value) what is worth keeping of the content, or None.
        """
        ...

    def rebuild(self, known: Kept) -> Generator[None, None, None]:
        """Does ahead, while nothing else is to be done, what the next strength below 1 will need."""
        ...


def crop(maps: Tensor, box: Box) -> Tensor:
    """The part of maps `(N, C, H, W)` inside a box."""
    rows, columns = box.slices()
    return maps[:, :, rows, columns]


def claimed(strength: float | Tensor, styles: Sequence[StyleShare]) -> float | Tensor:
    """Strength faded to 0 where every style has a region and none reaches: the content stays there."""
    covers = [style.region for style in styles if style.region is not None]
    if len(covers) < len(styles):
        return strength
    return torch.stack(covers).sum(0).clamp(max=1.0) * strength
