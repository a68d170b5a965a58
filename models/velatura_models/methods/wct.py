"""Whitening and colouring transform: arbitrary style by whole covariances (Li et al., NIPS 2017).

    T(c, s, a) = g((1 - a) f(c) + a WCT(f(c), f(s)))

gives the features of the content the style's mean and covariance, where AdaIN gives each channel its mean and
deviation: how channels go together is what tells one brush from another.

The paper decodes and encodes again at five levels, a decoder each, and wants strength 0.6, since at 1 little
of the drawing is left. Here it is one pass (section 3.2, single-level) through the decoder of `adain-skip`,
with every level that it takes whitened and coloured: the subject stays whole at strength 1. Palettes,
strength, blends, regions and tiles are AdaIN's.

The style's side comes from a card: mean and second moments at scale 1. At another style scale the
correlations stay those of scale 1, and mean and deviations are the card's there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from ..maths.stats import Moments
from ..maths.tiling import Box
from ..maths.whitening import affine, power
from .adain import AdaIN, Met, StyleLook
from .method import FoundStyle, Steps, Work


class WCT(AdaIN):
    """See the module. What AdaIN keeps as deviations are matrices `(C, C)` float64: the style's colouring,
    the content's whitening."""

    decoder_of = "adain-skip"
    joint = True
    held = 14.0

    def style(self, source: FoundStyle) -> StyleLook:
        """Mean and colouring matrix at the decoder's levels, and the style's colours."""
        look, card = super().style(source), source.card()
        at_one = card.at(1.0)
        levels = {}
        for level, (mean, std) in look.levels.items():
            mean_at_one, std_at_one = (t.double() for t in at_one[level])
            covariance = card.grams[level].double() - torch.outer(mean_at_one, mean_at_one)
            ratio = std.double() / std_at_one
            levels[level] = mean.double(), power(covariance * torch.outer(ratio, ratio), 0.5)
        return replace(look, levels=levels)

    def found(self, moments: Moments) -> tuple[Tensor, Tensor]:
        """Mean and whitening matrix."""
        mean, covariance = moments.mean_covariance()
        return mean, power(covariance, -0.5)

    def mix(self, level: str, met: Sequence[Met], own: Tensor, work: Work, outer: Box) -> Steps[Tensor]:
        """t_a at a level; in float32: whitening cancels what bfloat16 would not hold."""
        changed = []
        for each in met:
            matrix, bias = affine(each.moments[level], each.style.part.levels[level])
            rows = each.maps[level].permute(0, 2, 3, 1).float()
            changed.append(F.linear(rows, matrix.to(rows), bias.to(rows)).permute(0, 3, 1, 2))
            yield
        return work.blended(changed, own, outer)


load = WCT
