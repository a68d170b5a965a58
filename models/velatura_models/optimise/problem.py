"""What a refinement is given: plain values."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..maths.tiling import round_up
from ..store.cards import BASE
from .pyramid import GRID, LEAST


@dataclass(frozen=True)
class StyleSource:
    """One style: a picture, or Gram matrices of one where no picture is at hand.

    Args:
        picture: `(1, 3, h, w)` RGB in 0..1. Its short side is made `cards.BASE` pixels, if it is not
            smaller, times `scale`: the same stroke size as in a feed-forward pass. Coarser levels see it
            as much smaller as they are themselves.
        grams: `{layer: (N, N)}` as from a style card; used at all levels when there is no picture.
        weight: its share.
        mask: where it applies, `(1, 1, H, W)` in 0..1 at the result's size; None is everywhere.
        kept: what an objective has found out about the picture, under keys that begin with `name`; whoever
            hands the same to a later refinement with the same picture and encoder spares it that work.
        name: of the picture as the encoder sees it.
    """

    picture: Tensor | None = None
    grams: Mapping[str, Tensor] | None = None
    weight: float = 1.0
    mask: Tensor | None = None
    kept: MutableMapping[tuple[Any, ...], Any] = field(default_factory=dict)
    name: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """What is to be optimised.

    Args:
        size: height and width of the result.
        styles: at least one, unless content alone is to be reconstructed.
        content: `(1, 3, H, W)` RGB in 0..1, or None.
        mask: `(1, 1, H, W)` in 0..1: pixels above 0 may change and count by their value.
        start: `(1, 3, H, W)`, the stylized picture for `init="stylized"`.
        wrap: whether the result shall repeat without a seam.
    """

    size: tuple[int, int]
    styles: Sequence[StyleSource] = ()
    content: Tensor | None = None
    mask: Tensor | None = None
    start: Tensor | None = None
    wrap: bool = False


def style_side(picture: Tensor, scale: float) -> float:
    """Short side, in pixels, at which a style picture is seen by the finest level."""
    return min(BASE, *picture.shape[-2:]) * scale


def padded(problem: Problem) -> Problem:
    """The same problem at a size that can be computed: sides of at least `LEAST`, and on the grid where
    the result wraps around. The content repeats its last row and column; what is added does not count."""
    height, width = problem.size
    if problem.wrap:
        return replace(problem, size=(max(LEAST, round_up(height, GRID)), max(LEAST, round_up(width, GRID))))
    down, across = max(0, LEAST - height), max(0, LEAST - width)
    size = (height + down, width + across)
    if size == problem.size or problem.content is None:
        return replace(problem, size=size)

    def grown(maps: Tensor | None, mode: str) -> Tensor | None:
        return None if maps is None else F.pad(maps, (0, across, 0, down), mode=mode)

    mask = torch.ones(1, 1, height, width) if problem.mask is None else problem.mask
    return Problem(
        size,
        [replace(style, mask=grown(style.mask, "constant")) for style in problem.styles],
        grown(problem.content, "replicate"),
        grown(mask, "constant"),
        grown(problem.start, "replicate"),
    )
