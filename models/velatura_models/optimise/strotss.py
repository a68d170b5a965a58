"""The objective of Kolkin, Salavon & Shakhnarovich, "Style Transfer by Relaxed Optimal Transport and
Self-Similarity" (STROTSS, CVPR 2019).

    L = alpha l_self-similarity + l_moments + l_transport + l_palette / alpha

over the hypercolumns of `SAMPLES` places that are drawn anew for every evaluation; alpha is halved from
scale to scale. As published the levels of a Laplacian pyramid are moved, by RMSprop. What we change: the
divisor 2 + alpha + 1 / alpha is left out, as RMSprop asks for no scale; the walk begins with the content in
the style's colours rather than with its details over the style's mean colour; colours have moments too,
since the palette's relaxed distance lets all of a wall take the style's rarest colour, and is weak where
alpha is large; a scale begins with the content's finest details, which the sampled places alone give back but
in part; the content is seen once for every `DRAWS` evaluations, at all their places; and only the
coarsest scale has relu5_1, which takes a third of the convolutions and tells a finer one little: it is as
wide there as relu4_1 of the scale before.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..networks.encoder import Encoder
from .emd import (
    COSINE,
    EUCLIDEAN,
    Moments,
    decorrelated,
    directions,
    mixed,
    moments,
    moments_apart,
    relaxed_emd,
    self_similarity_apart,
    similarities,
)
from .gram import small_styles
from .losses import Evaluation
from .palette import in_styles_colors
from .problem import Problem
from .pyramid import level_sizes, share_evaluations
from .sampled import Columns, colors_at, columns_at, drawn
from .scene import Level, Region, Scene, by_region
from .terms import PixelTerm, Smoothness, Terms
from .variable import Laplacian

COLUMN = (
    "relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3", "relu4_1", "relu5_1",
)  # fmt: skip
"""Layers of a hypercolumn at the coarsest scale; finer ones do without the last."""

SAMPLES = 1024
"""Places of the picture, and of its styles, that one evaluation compares."""

LEAST = 128
"""Places of a region, however small it is."""

DRAWS = 16
"""Evaluations for which places are drawn, and the content seen, at once."""

POOL = 8 * SAMPLES
"""Places at which a style is seen, from which every evaluation draws its own."""

COARSEST = 32
"""Short side, in pixels, below which a scale is not worth having."""

Pairs = Sequence[tuple[float, float, float, float]]
"""Places that belong together: x and y in the content, x and y in the first style, all as shares 0..1 of the
widths and heights."""


@dataclass(frozen=True)
class Strotss:
    """Weights of the loss.

    Args:
        content_weight: alpha at the finest scale; every coarser one doubles it.
        tv_weight: of the total variation.
        pairs: places of the content that are to become like places of the first style (section 3.3).
        forms: whether there is a term of self-similarity; without, alpha weighs the palette alone.
    """

    content_weight: float = 2.0
    tv_weight: float = 0.0
    pairs: Pairs = ()
    forms: bool = True

    layers = COLUMN
    needs_pictures = True

    def check(self, problem: Problem) -> None:
        if problem.content is None:
            raise ValueError("self-similarity is a content's, but there is none")

    def notes(self, problem: Problem, scale: float) -> list[str]:
        return small_styles(problem, scale, list(COLUMN))

    def levels(self, size: tuple[int, int], levels: int, evaluations: int, wrap: bool) -> list[Level]:
        sizes = level_sizes(*size, levels, wrap, COARSEST)
        shares = share_evaluations(evaluations, len(sizes))
        planned = [(s, n) for s, n in zip(sizes, shares, strict=True) if n]
        return [Level(s, n, stage=k, settles=s == size, details=k > 0) for k, (s, n) in enumerate(planned)]

    def subject(self, problem: Problem, color: str) -> Tensor | None:
        return in_styles_colors(problem) if color == "style" else problem.content

    def of_style(self) -> Strotss:
        return replace(self, forms=False, tv_weight=0.0)

    def variable(self, scene: Scene) -> Laplacian:
        return scene.pyramid()

    def targets(self, encoder: Encoder, scene: Scene, start: Tensor) -> Generator[float, None, Sampled]:
        """Sees the styles at the level's scale."""
        del start
        generator = torch.Generator().manual_seed(scene.options.seed)
        here, there = self._paired(scene)
        sources, styles = scene.problem.styles, []
        for number, source in enumerate(sources):
            picture = scene.style(source)
            size = (picture.shape[-2], picture.shape[-1])
            places = drawn(POOL // len(sources), size, None, generator)
            if number == 0:
                places = torch.cat([places, pixels_of(there, size)])
            places = places.to(scene.device)
            columns = yield from columns_at(encoder, picture, column(scene), places, scene.options.side)
            colors = decorrelated(colors_at(picture, places))
            ways = directions(columns.to(next(encoder.parameters()).dtype))
            both = moments(columns), moments(colors)
            styles.append(StyleRows(ways, colors, *both, source.weight, scene.region(source)))
        alpha = self.content_weight * min(scene.problem.size) / min(scene.level.size)
        return Sampled(encoder, scene, self, alpha, styles, here, generator)

    def _paired(self, scene: Scene) -> tuple[Tensor, Tensor]:
        """The pairs that lie where the picture may change: pixels of the level's box, `(k, 2)` rows and
        columns, and shares of the style's width and height, `(k, 2)`."""
        pairs = torch.tensor(self.pairs, dtype=torch.float64).view(-1, 4)
        places = pixels_of(pairs[:, :2], scene.level.size)
        places -= torch.tensor([scene.level.box.top, scene.level.box.left])
        inside = ((places >= 0) & (places < torch.tensor(scene.size))).all(1)
        places, pairs = places[inside], pairs[inside]
        for mask in (scene.mask(), scene.region(scene.problem.styles[0])):
            if mask is not None:
                free = mask[0, 0].cpu()[places[:, 0], places[:, 1]] > 0
                places, pairs = places[free], pairs[free]
        return places, pairs[:, 2:]


@dataclass(frozen=True)
class StyleRows:
    """A style at a level: the directions of its hypercolumns `(n, d)` and its decorrelated colours `(n, 3)`
    at the same places, of which the last of the first style are those of pairs; mean and covariance of the
    columns, and of the colours; its weight, where it applies."""

    ways: Tensor
    colors: Tensor
    moments: Moments
    color_moments: Moments
    weight: float
    mask: Tensor | None


@dataclass(frozen=True)
class Goal:
    """What the places of one region are compared with in one evaluation.

    Args:
        rows: which of the picture's samples are the region's.
        ways, colors: of its styles, `(m, d)` and `(m, 3)`.
        moments, color_moments: mean and covariance of its styles' columns, and of their colours.
        share: of the area.
        pairs: how many of the last rows, and of the last ways, belong together.
    """

    rows: slice
    ways: Tensor
    colors: Tensor
    moments: Moments
    color_moments: Moments
    share: float
    pairs: int


class Sampled:
    """The loss at one level; implements `objective.Loss`.

    Args:
        alpha: the content's weight at this level.
        paired: pixels of the box `(k, 2)` that belong to the first style's last k rows.
    """

    def __init__(
        self,
        encoder: Encoder,
        scene: Scene,
        weights: Strotss,
        alpha: float,
        styles: Sequence[StyleRows],
        paired: Tensor,
        generator: torch.Generator,
    ) -> None:
        self.encoder, self.scene, self.forms, self.alpha = encoder, scene, weights.forms, alpha
        self.paired, self.generator = paired, generator
        self.encoder_dtype = next(encoder.parameters()).dtype
        mask = scene.mask()
        mask = None if mask is None else mask.to(scene.device, torch.float32)
        self.regions: list[Region[StyleRows]] = by_region(styles, scene.size, mask, scene.device)
        self.moments = [_of_region(region.styles) for region in self.regions]
        self.counts = [max(LEAST, round(SAMPLES * region.share)) for region in self.regions]
        content = replace(scene, subject=scene.problem.content).content()
        assert content is not None
        self.content = content
        self.layers = column(scene)
        self.columns = Columns(self.layers, scene.size, self._compared)
        self.palette = SampledPalette(1 / max(alpha, 1.0))
        pixels: list[PixelTerm] = [self.palette]
        if weights.tv_weight > 0:
            pixels.append(Smoothness(weights.tv_weight, mask))
        self.terms = Terms(encoder, scene.size, [self.columns], [], pixels, mask, scene.options.side)
        self._places = torch.empty(0)
        self._seen: Tensor | None = None
        self._draw = DRAWS
        self._goals: list[Goal] = []

    def evaluate(self, picture: Tensor) -> Generator[float, None, Evaluation]:
        """See `objective.Loss`."""
        if self._draw == DRAWS:
            yield from self._draw_places()
        places = self._places[self._draw]
        self._goals = self._new_goals()
        self.columns.look_at(places)
        self.palette.look_at(places, self._goals)
        evaluation = yield from self.terms.evaluate(picture)
        self._draw += 1
        losses = {**self.columns.parts, **evaluation.losses}
        del losses[Columns.name]
        return Evaluation(losses, evaluation.gradient)

    def _draw_places(self) -> Generator[float, None, None]:
        """Places of the next evaluations, region by region, the paired ones last in the first; and what the
        content looks like there."""
        parts = []
        for number, (region, count) in enumerate(zip(self.regions, self.counts, strict=True)):
            places = drawn(DRAWS * count, self.scene.size, region.where, self.generator)
            parts.append(places.view(DRAWS, count, 2))
            if number == 0:
                parts.append(self.paired.expand(DRAWS, -1, -1))
        self._places = torch.cat(parts, 1).to(self.scene.device)
        if self.forms:
            places, side = self._places.flatten(0, 1), self.scene.options.side
            seen = yield from columns_at(self.encoder, self.content, self.layers, places, side)
            self._seen = directions(seen.to(self.encoder_dtype)).view(DRAWS, -1, seen.shape[1])
        self._draw = 0

    def _new_goals(self) -> list[Goal]:
        """For every region as many of its styles' places as of its own, each style's by its weight."""
        goals, begin = [], 0
        for number, (region, count) in enumerate(zip(self.regions, self.counts, strict=True)):
            whole = sum(style.weight for style in region.styles)
            pairs = len(self.paired) if number == 0 else 0
            ways, colors = [], []
            for k, style in enumerate(region.styles):
                held = len(style.ways) - (pairs if k == 0 else 0)
                some = max(1, round(count * style.weight / whole))
                chosen = torch.randint(held, (some,), generator=self.generator).to(style.ways.device)
                ways.append(style.ways[chosen])
                colors.append(style.colors[chosen])
            first = region.styles[0]
            ways.append(first.ways[len(first.ways) - pairs :])
            colors.append(first.colors[len(first.colors) - pairs :])
            rows = slice(begin, begin + count + pairs)
            goals.append(
                Goal(rows, torch.cat(ways), torch.cat(colors), *self.moments[number], region.share, pairs)
            )
            begin = rows.stop
        return goals

    def _compared(self, columns: Tensor) -> dict[str, Tensor]:
        """The parts of the loss that hypercolumns `(n, d)` have."""
        columns = columns.to(self.encoder_dtype)
        ways = directions(columns)
        parts = {"transport": torch.zeros(()), "moments": torch.zeros(())}
        for goal in self._goals:
            moved = relaxed_emd(ways[goal.rows], goal.ways, COSINE, goal.pairs)
            parts["transport"] = goal.share * moved + parts["transport"]
            apart = moments_apart(columns[goal.rows], goal.moments)
            parts["moments"] = goal.share * apart + parts["moments"]
        if self._seen is not None and self.alpha > 0:
            forms = self_similarity_apart(similarities(ways), similarities(self._seen[self._draw]))
            parts["content"] = self.alpha * forms
        return parts


def column(scene: Scene) -> tuple[str, ...]:
    """Layers of a hypercolumn at a level."""
    return COLUMN[:-1] if scene.level.stage else COLUMN


def _of_region(styles: Sequence[StyleRows]) -> tuple[Moments, Moments]:
    """Moments of the columns of several styles together, and of their colours."""
    weights = [style.weight for style in styles]
    return mixed(weights, [s.moments for s in styles]), mixed(weights, [s.color_moments for s in styles])


class SampledPalette:
    """The relaxed earth mover's distance of the colours at the sampled places, and the distance of their
    moments, a pixel term.

    Args:
        weight: of the first.
    """

    name = "palette"

    def __init__(self, weight: float) -> None:
        self.weight = weight
        self._places = torch.empty(0, 2, dtype=torch.long)
        self._goals: Sequence[Goal] = ()

    def look_at(self, places: Tensor, goals: Sequence[Goal]) -> None:
        """Where from now on, and what it is compared with."""
        self._places, self._goals = places, goals

    def value(self, picture: Tensor) -> Generator[None, None, tuple[Tensor, Tensor]]:
        """See `terms.PixelTerm`."""
        leaf = picture.detach().requires_grad_()
        with torch.enable_grad():
            colors = decorrelated(colors_at(leaf, self._places))
            loss = torch.zeros((), device=picture.device, dtype=picture.dtype)
            for goal in self._goals:
                own = colors[goal.rows]
                moved = relaxed_emd(own, goal.colors.to(own), EUCLIDEAN, goal.pairs)
                apart = moments_apart(own, goal.color_moments)
                loss = loss + goal.share * (self.weight * moved + apart)
        yield
        return loss.detach(), torch.autograd.grad(loss, leaf)[0]


def pixels_of(shares: Tensor, size: tuple[int, int]) -> Tensor:
    """Rows and columns `(k, 2)` of the pixels at some shares `(k, 2)` of a picture's width and height."""
    height, width = size
    limit = torch.tensor([height - 1, width - 1])
    return (shares.flip(1) * torch.tensor([height, width])).long().minimum(limit)
