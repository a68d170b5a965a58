"""Style swap: every patch of the content becomes the style's most alike patch (Chen & Schmidt 2016).

Features are compared 3 x 3 positions at a time with the style's patches by normalised cross-correlation; each
place takes the best one, and patches that overlap are averaged (section 3.1). The paper writes this as a
convolution with the normalised style patches, an argmax made one-hot, and a transposed convolution with the
patches themselves (section 3.2). Here the convolution runs over a few hundred style patches at a time, so
that memory is bounded whatever the style, and the one-hot product is a look-up.

Where this departs from the paper, which swaps relu3_1 and trains a decoder for it: patches are those of the
deepest level of `adain-skip`'s decoder, whose shallower levels take the style as AdaIN does; and the content
is given the style's mean and deviation before it is compared, without which few of the style's patches are
ever the best. Palettes, strength, blends, regions and tiles are AdaIN's.

The style picture is seen with a short side of `SIDE` pixels times the style scale. Of a style with more than
`PATCHES` patches every second, third, ... one in both directions is used, as few as needed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ..maths.tiling import Box
from ..store.cards import resize_short
from .adain import AdaIN, Met, StyleLook
from .method import FoundStyle, Steps, Work

PATCH = 3
SIDE = 384
PATCHES = 12000
SCORES = 6 << 20
"""Scores that are held at a time: a third of a second of one processor."""


@dataclass(frozen=True, kw_only=True)
class Patches(StyleLook):
    """A style: also its features at the deepest level, `(1, C, h, w)`, and a name for them."""

    features: Tensor
    digest: str


class StyleSwap(AdaIN):
    """See the module."""

    decoder_of = "adain-skip"
    held = 9.0
    positions = 2 * (PATCH - 1)
    least = PATCH

    def style(self, source: FoundStyle) -> Patches:
        """The style's features; needs its picture, and raises what `source.picture` does without one."""
        picture, deepest = source.picture(), self.levels[0]
        sized = resize_short(picture, round(min(SIDE, *picture.shape[-2:]) * source.scale))
        sized = sized.to(next(self.encoder.parameters())).contiguous(memory_format=torch.channels_last)
        maps = self.encoder(sized, (deepest,))[deepest]
        digest = hashlib.blake2b(maps.float().cpu().contiguous().numpy().tobytes(), digest_size=16)
        look = super().style(source)
        return Patches(look.levels, look.color, features=maps, digest=digest.hexdigest())

    def mix(self, level: str, met: Sequence[Met], own: Tensor, work: Work, outer: Box) -> Steps[Tensor]:
        """t_a at a level: at the deepest of swapped features, which of a picture in one piece are kept."""
        if level != self.levels[0]:
            return (yield from super().mix(level, met, own, work, outer))
        whole = len(work.content.tiles) == 1 and work.statistics is None
        changed = []
        for each in met:
            part: Patches = each.style.part
            keep = whole and each.style.region is None and each.view.features.complete
            kept: dict[Hashable, Tensor] = each.view.changed if keep else {}
            if part.digest not in kept:
                gain, bias = (t.to(own.device) for t in each.affine(level))
                made = yield from swapped(each.maps[level].float() * gain + bias, part.features)
                kept[part.digest] = made.to(own.dtype)
            changed.append(kept[part.digest])
        return work.blended(changed, own, outer)


load = StyleSwap


def swapped(content: Tensor, style: Tensor, most: int = PATCHES) -> Steps[Tensor]:
    """Features of the content made of patches of the style; yields between groups of them.

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
    return total / F.fold(once, size, PATCH)


def style_patches(style: Tensor, most: int) -> Tensor:
    """Patches of `(1, C, h, w)`, `(n, C x 9)`, on the finest grid that gives no more than `most`."""
    rows, columns = style.shape[2] - PATCH + 1, style.shape[3] - PATCH + 1
    stride = 1
    while -(-rows // stride) * -(-columns // stride) > most:
        stride += 1
    return F.unfold(style, PATCH, stride=stride)[0].T.contiguous()
