"""Whitening and colouring transform: arbitrary style, level by level (Li et al., NIPS 2017).

From relu5_1 to relu1_1 the features' covariance is made the style's and the picture decoded and encoded again
one level finer (section 3.3): deep levels bring the style's large patterns, shallow ones its colours and
grain. K styles blend by weights over their coloured features (section 5, interpolation); a region has
statistics of its own, so that each style meets the part of the picture it is for.

The style's side comes from a card: mean and second moments at scale 1. At another style scale the
correlations stay those of scale 1, and mean and deviations are the card's there.

At strength 1 all five levels take the style's whole covariance and little of the drawing is left, in small
pictures least of all, where relu5_1 has few positions to tell its directions by; the authors paint photos at
strength 0.6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..maths.stats import Moments
from ..maths.tiling import Tile
from ..maths.whitening import affine, power
from ..networks.level_decoder import stride_of
from .level_method import Features, Levelled, LevelMethod
from .method import Source, Steps, StyleShare, averaged

UNIFORM = 1e-3
"""Weight that every position has in a region's statistics: keeps a region of one pixel finite."""

Colors = Mapping[str, tuple[Tensor, Tensor]]
"""Per level the style's mean `(C,)` and colouring matrix `(C, C)`, float64."""


class WCT(LevelMethod):
    """See the module; levels `("relu3_1", "relu2_1", "relu1_1")`, say, leave large forms alone."""

    def style(self, source: Source) -> Colors:
        """Mean and colouring matrix of every level."""
        card = source.card()
        here, at_one = card.at(source.scale), card.at(1.0)
        colors = {}
        for level in self.levels:
            mean = at_one[level][0].double()
            covariance = card.grams[level].double() - torch.outer(mean, mean)
            ratio = here[level][1].double() / at_one[level][1].double()
            covariance = covariance * torch.outer(ratio, ratio)
            colors[level] = (here[level][0].double(), power(covariance, 0.5))
        return colors

    def prepare(
        self,
        level: str,
        features: Features,
        cut: Sequence[Tile],
        styles: Sequence[StyleShare],
        weight: Tensor | None,
    ) -> Steps[list[Any]]:
        """For every style the affine map that whitens with the statistics of the whole picture, or of the
        style's region, and colours."""
        regions = [style.region for style in styles]
        weights = [weight if r is None else r if weight is None else r * weight for r in regions]
        sums = {id(each): (each, Moments(joint=True)) for each in weights}  # one for all without a region
        step = stride_of(level)
        for tile in cut:
            maps = yield from features(tile)
            rows, columns = tile.core.within(tile.outer).slices(step)
            for each, moments in sums.values():
                counts = None if each is None else averaged(each, tile.core, step, maps.device) + UNIFORM
                moments.add(maps[:, :, rows, columns], counts)
                yield
        seen = {key: moments.mean_covariance() for key, (_, moments) in sums.items()}
        made = []
        for style, each in zip(styles, weights, strict=True):
            mean, coloring = (t.to(seen[id(each)][0]) for t in style.part[level])
            made.append([t.float() for t in affine(seen[id(each)], mean, coloring)])
            yield
        return made

    def change(
        self, level: str, maps: Tensor, style: StyleShare, prepared: Any, known: Levelled
    ) -> Steps[Tensor]:
        """A f + b, in float32: whitening cancels what bfloat16 would not hold."""
        matrix, bias = (t.to(maps.device) for t in prepared)
        yield
        return F.linear(maps.permute(0, 2, 3, 1).float(), matrix, bias).permute(0, 3, 1, 2)


load = WCT
