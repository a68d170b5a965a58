"""Style swap: every patch of the content becomes the style's most alike patch (Chen & Schmidt 2016).

At relu3_1 the content's features are compared, 3 x 3 positions at a time, with the style's patches by
normalised cross-correlation; each place takes the best one, and patches that overlap are averaged (section
3.1). The paper writes this as a convolution with the normalised style patches, an argmax made one-hot, and a
transposed convolution with the patches themselves (section 3.2). Here the convolution runs over a few hundred
style patches at a time, so that memory is bounded whatever the style, and the one-hot product is a look-up.
One decoder, trained on swapped features too, makes the picture.

The style picture is seen with a short side of `SIDE` pixels times the style scale. Of a style with more than
`PATCHES` patches every second, third, ... one in both directions is used, as few as needed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..networks.encoder import Encoder
from ..networks.level_decoder import LevelDecoders
from ..store.cards import resize_short
from .level_method import Levelled, LevelMethod
from .loading import Loader
from .method import Latest, Source, Steps, StyleShare

LEVEL = "relu3_1"
PATCH = 3
SIDE = 384
PATCHES = 12000
SCORES = 16 << 20
"""Scores that are held at a time."""
KEPT = 4
"""Swapped features that are kept of one content."""


@dataclass(frozen=True)
class Patches:
    """A style: its features `(1, C, h, w)`, and a name for them."""

    features: Tensor
    digest: str


@dataclass
class Swapped(Levelled):
    """Also keeps the content's features as swapped with the latest styles, by their digests."""

    swapped: Latest[Tensor] = field(default_factory=lambda: Latest(KEPT))

    @property
    def nbytes(self) -> int:
        return super().nbytes + sum(maps.nbytes for maps in self.swapped.values())


class StyleSwap(LevelMethod):
    """See the module."""

    positions = 2 * (PATCH - 1)

    def __init__(self, loader: Loader, networks: tuple[Encoder, LevelDecoders] | None = None) -> None:
        super().__init__(loader, networks, (LEVEL,))

    def style(self, source: Source) -> Patches:
        """The style's features; needs its picture, and raises what `source.picture` does without one."""
        picture = source.picture()
        sized = resize_short(picture, round(min(SIDE, *picture.shape[-2:]) * source.scale))
        weight = next(self.encoder.parameters())
        maps = self.encoder(sized.to(weight).contiguous(memory_format=torch.channels_last), (LEVEL,))[LEVEL]
        digest = hashlib.blake2b(maps.float().cpu().contiguous().numpy().tobytes(), digest_size=16)
        return Patches(maps, digest.hexdigest())

    def keep(self, features: Tensor | None) -> Swapped:
        """The content's features, and soon what they are when swapped."""
        return Swapped(features)

    def change(self, level: str, maps: Tensor, style: StyleShare, prepared: Any, known: Any) -> Steps[Tensor]:
        """The content's features swapped, or as they were kept."""
        part: Patches = style.part
        kept: dict[str, Tensor] = known.swapped if known.features is not None else {}
        if part.digest not in kept:
            out: list[Tensor] = []
            yield from swap_steps(maps, part.features, out)
            kept[part.digest] = out[0].to(maps.dtype)
        return kept[part.digest]


load = StyleSwap


def swap(content: Tensor, style: Tensor, most: int = PATCHES) -> Tensor:
    """Features of the content made of patches of the style; see `swap_steps`."""
    out: list[Tensor] = []
    for _ in swap_steps(content, style, out, most):
        pass
    return out[0]


def swap_steps(content: Tensor, style: Tensor, out: list[Tensor], most: int = PATCHES) -> Iterator[None]:
    """Appends the swapped features to `out`, yielding between groups of style patches.

    Args:
        content, style: `(1, C, h, w)`, h and w at least 3.
        most: how many style patches to compare with, at most.
    """
    patches = style_patches(style.float(), most)
    looked_up = F.unfold(content.float(), PATCH)[0]  # (C x 9, n)
    best = torch.full(looked_up.shape[1:], -torch.inf, device=content.device)
    index = torch.zeros(looked_up.shape[1:], dtype=torch.long, device=content.device)
    group = max(SCORES // len(best), 1)
    for start in range(0, len(patches), group):
        part = patches[start : start + group]
        score, at = (F.normalize(part, dim=1) @ looked_up).max(0)
        index = torch.where(score > best, at + start, index)
        best = torch.maximum(best, score)
        yield
    size = (content.shape[2], content.shape[3])
    total = F.fold(patches[index].T[None], size, PATCH)
    once = torch.ones(1, PATCH * PATCH, len(index), device=content.device)
    out.append(total / F.fold(once, size, PATCH))


def style_patches(style: Tensor, most: int) -> Tensor:
    """Patches of `(1, C, h, w)`, `(n, C x 9)`, on the finest grid that gives no more than `most`."""
    rows, columns = style.shape[2] - PATCH + 1, style.shape[3] - PATCH + 1
    stride = 1
    while -(-rows // stride) * -(-columns // stride) > most:
        stride += 1
    return F.unfold(style, PATCH, stride=stride)[0].T.contiguous()
