"""The objective of neighbours and statistics: every place of the picture becomes like the place of the style
that is nearest to it, and all of the style is used.

After Kolkin et al., "Neural Neighbor Style Transfer" (2022), by optimisation: coarse to fine, targets
found anew at every scale, a last pass layer by layer. What we change: the content's colours are moved to
the style's first, in place of the paper's correction at the end, and held there by a term of their own;
beside the neighbours stands a statistics term, the relative distance of Gram matrices, without which
some styles are used only in part; a scale begins with the content's finest details, not only looks up
neighbours for them, and goes further in them at a step, as it has few steps. In the last pass neighbours
are found once, not at every step.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..networks.encoder import Encoder
from .gram import GramTarget, GramTerm
from .hypercolumns import StylePool, style_pool
from .matching import COLUMN, Places, StyleSeen
from .palette import Palette, in_styles_colors
from .problem import Problem, StyleSource
from .pyramid import level_sizes, share_evaluations
from .scene import Level, Region, Scene, by_region
from .structure import Structure, layer_maps
from .terms import PixelTerm, Smoothness, SumTerm, Terms
from .variable import Laplacian

GRAM_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
"""Layers of the statistics term."""

COARSEST = 32
"""Short side, in pixels, below which a scale is not worth having."""

MOST = 4096
"""Hypercolumns of all styles together that are looked up."""

FALLING = 0.8
"""A scale's share of the evaluations that the coarser one before it is given."""

PLAIN = 1
"""Levels of the pyramid, from the finest, that are lightness only: their colour would be grain."""

STRIDES = (4.0, 2.0)
"""How many times as far steps go in the finest levels of the pyramid: a scale adds one that is nearly empty,
and with even steps lines as dark as a stained glass's were still grey when it ended."""

FIRST, SCALES, LAST = range(3)
"""Stages: the coarsest scale, the others, the last pass."""


@dataclass(frozen=True)
class Neighbours:
    """Weights of the loss, beside neighbours of weight 1.

    Args:
        statistics_weight: of the mean relative distance of Gram matrices.
        palette_weight: of the distance of colours.
        content_weight: of the distance of the content's features, each channel normalised; 0 for none.
        tv_weight: of the total variation.
        keep: share of the content in what is looked up, 0..1: the rest is the picture so far.
        polish: share of the evaluations that the last pass is given.
    """

    statistics_weight: float = 0.8
    palette_weight: float = 15.0
    content_weight: float = 0.15
    tv_weight: float = 0.0
    keep: float = 0.25
    polish: float = 1 / 13

    layers = COLUMN
    needs_pictures = True

    def check(self, problem: Problem) -> None:
        if problem.content is None:
            raise ValueError("neighbours are looked up for a content, but there is none")

    def notes(self, problem: Problem, scale: float) -> list[str]:
        del problem, scale
        return []

    def levels(self, size: tuple[int, int], levels: int, evaluations: int, wrap: bool) -> list[Level]:
        sizes = level_sizes(*size, levels, wrap, COARSEST)
        last = round(evaluations * self.polish)
        shares = share_evaluations(evaluations - last, len(sizes), FALLING)
        found = [
            Level(size, share, SCALES, settles=False, details=True)
            for size, share in zip(sizes, shares, strict=True)
            if share
        ]
        found[0] = replace(found[0], stage=FIRST, details=False)
        return [*found, Level(sizes[-1], last, LAST, settles=False)] if last else found

    def subject(self, problem: Problem, color: str) -> Tensor | None:
        """The content with the mean and covariance of its style's colours, in every region; as it is where
        colours are to be kept."""
        return in_styles_colors(problem) if color == "style" else problem.content

    def of_style(self) -> Neighbours:
        return replace(self, content_weight=0.0, tv_weight=0.0)

    def variable(self, scene: Scene) -> Laplacian:
        return scene.pyramid(PLAIN, STRIDES)

    def targets(self, encoder: Encoder, scene: Scene, start: Tensor) -> Generator[float, None, Terms]:
        """Looks up the neighbours of the picture that a level begins with."""
        size, side = scene.size, scene.options.side
        content, mask = scene.content(), scene.mask()
        assert content is not None
        mask = None if mask is None else mask.to(scene.device, torch.float32)
        styles = []
        for source in scene.problem.styles:
            picture = scene.style(source)
            pool = yield from self._pool(encoder, scene, source, picture)
            styles.append(StyleSeen(picture, pool, source.weight, scene.region(source)))
        regions = by_region(styles, size, mask, scene.device)
        places = Places(encoder, self._looked(scene, start, content), mask, side)
        yield from places.measure()
        groups = [[layer] for layer in COLUMN] if scene.level.stage == LAST else [list(COLUMN)]
        neighbours = yield from places.matched(regions, groups)
        sums: list[SumTerm] = []
        if self.content_weight > 0:
            maps = yield from layer_maps(encoder, content, side)
            sums.append(Structure(maps, self.content_weight, mask))
        if self.statistics_weight > 0:
            targets = [
                Region(r.where, [GramTarget(s.pool.grams, s.weight) for s in r.styles], r.share)
                for r in regions
            ]
            weights = {layer: self.statistics_weight / len(GRAM_LAYERS) for layer in GRAM_LAYERS}
            sums.append(GramTerm(targets, size, weights, encoder.weighed, relative_distance))
        pixels: list[PixelTerm] = []
        if self.palette_weight > 0:
            pictures = [(region, [s.picture for s in region.styles]) for region in regions]
            pixels.append(Palette(pictures, self.palette_weight))
        if self.tv_weight > 0:
            pixels.append(Smoothness(self.tv_weight, mask))
        return Terms(encoder, size, sums, [neighbours], pixels, mask, side)

    def _looked(self, scene: Scene, start: Tensor, content: Tensor) -> Tensor:
        """The picture that neighbours are looked up for: at the coarsest scale the content; then the picture
        that the level begins with, and some of the content; in the last pass the picture."""
        if scene.level.stage == FIRST:
            return content
        return start if scene.level.stage == LAST else torch.lerp(start, content, self.keep)

    def _pool(
        self, encoder: Encoder, scene: Scene, source: StyleSource, picture: Tensor
    ) -> Generator[float, None, StylePool]:
        """A style's pool at the level's scale, kept with the source where its colours are its own."""
        most, seed = MOST // len(scene.problem.styles), scene.options.seed
        dtype = next(encoder.parameters()).dtype
        key = (*source.name, *picture.shape[-2:], dtype, encoder.pool, most, seed)
        own = scene.options.color == "style"
        held: StylePool | None = source.kept.get(key) if own else None
        if held is not None:
            return held
        pool = yield from style_pool(
            encoder, picture, COLUMN, GRAM_LAYERS, most, seed=seed, side=scene.options.side
        )
        if own:
            source.kept[key] = pool
        return pool


def relative_distance(gram: Tensor, target: Tensor) -> Tensor:
    """|G - A|^2 / |A|^2."""
    return (gram - target).square().sum() / target.square().sum().clamp_min(1e-12)
