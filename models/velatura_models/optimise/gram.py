"""The objective of Gatys, Ecker & Bethge (CVPR 2016): the style's Gram matrices, the content's features.

    L = alpha L_content + beta sum_k w_k sum_l w_l E_l,k + gamma L_tv

(equations 5 and 7). So that weights mean the same at every size, the content term is divided by its
number of features and the total variation by the number of pixels; Gram matrices are divided by their
number of positions (see `losses`). With regions, every region's style term is weighed by its share of
the area, so that a small region is painted as strongly as a large one. The content term counts
positions by the mask.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ..maths.gram_matrix import gram_sum, guidance
from ..maths.tiling import Box
from ..networks.encoder import FIRST_LAYERS, LAYERS, Encoder, check_layers
from ..note import Note
from .losses import style_layer_loss
from .problem import Problem, style_side
from .pyramid import layer_stride, level_sizes, receptive_field, share_evaluations
from .scene import Level, Region, Scene, by_region
from .terms import ContentTerm, Smoothness, Terms
from .variable import FreePixels


@dataclass(frozen=True)
class Gram:
    """Weights of the loss: alpha, beta, gamma and one per layer. Terms of weight 0 are not computed."""

    content_weight: float = 1.0
    style_weight: float = 5.0
    tv_weight: float = 0.0
    content_layers: Mapping[str, float] = field(default_factory=lambda: {"relu4_2": 1.0})
    style_layers: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(FIRST_LAYERS, 0.2))

    needs_pictures = False

    @property
    def layers(self) -> list[str]:
        return [*self.style_layers, *self.content_layers]

    def check(self, problem: Problem) -> None:
        use_content = problem.content is not None and any(self.content_layers.values())
        use_style = problem.styles and any(self.style_layers.values())
        if not (use_content and self.content_weight) and not (use_style and self.style_weight):
            raise ValueError("all weights are 0: nothing to optimise")
        check_layers(self.layers)
        deepest = max((layer_stride(name) for name, w in self.style_layers.items() if w > 0), default=1)
        for source in problem.styles:
            if source.picture is None and source.grams is None:
                raise ValueError("a style has neither a picture nor Gram matrices")
            if source.picture is not None and min(source.picture.shape[-2:]) < 2 * deepest:
                height, width = source.picture.shape[-2:]
                raise ValueError(
                    f"the style picture is {width} x {height} pixels; the style layers need at least "
                    f"{2 * deepest} a side"
                )

    def notes(self, problem: Problem, scale: float) -> list[str]:
        """Which styles are smaller than what the deepest layer sees."""
        return small_styles(problem, scale, self._style_layers())

    def levels(self, size: tuple[int, int], levels: int, evaluations: int, wrap: bool) -> list[Level]:
        sizes = level_sizes(*size, levels, wrap)
        shares = share_evaluations(evaluations, len(sizes))
        return [Level(size, share) for size, share in zip(sizes, shares, strict=True)]

    def subject(self, problem: Problem, color: str) -> Tensor | None:
        del color
        return problem.content

    def variable(self, scene: Scene) -> FreePixels:
        return FreePixels(scene.gray)

    def targets(self, encoder: Encoder, scene: Scene, start: Tensor) -> Generator[float, None, Terms]:
        """The styles' Gram matrices at the level's scale."""
        del start
        layers = self._style_layers()
        targets = []
        for source in scene.problem.styles:
            grams = source.grams
            if source.picture is not None:
                picture = scene.style(source)
                grams = yield from picture_grams(encoder, picture, layers, scene.options.side)
            assert grams is not None
            targets.append(GramTarget(grams, source.weight, scene.region(source)))
        return gram_loss(
            encoder, scene.size, self, scene.content(), targets, scene.mask(), scene.options.side,
            scene.problem.wrap,
        )  # fmt: skip

    def of_style(self) -> Gram:
        return replace(self, content_weight=0.0, tv_weight=0.0)

    def _style_layers(self) -> list[str]:
        return list(_positive(self.style_layers)) if self.style_weight > 0 else []


def small_styles(problem: Problem, scale: float, layers: Sequence[str]) -> list[str]:
    """What is to be said of styles that are smaller than what the deepest of the layers sees."""
    if not layers:
        return []
    field, deepest = receptive_field(list(layers)), max(layers, key=LAYERS.index)
    found = []
    for source in problem.styles:
        if source.picture is not None and style_side(source.picture, scale) < field:
            height, width = source.picture.shape[-2:]
            found.append(
                Note(
                    "a style of {width} x {height} pixels at scale {scale} is less than the {field} that"
                    " {deepest} sees at once: its large forms are lost",
                    width=width,
                    height=height,
                    scale=f"{scale:g}",
                    field=field,
                    deepest=deepest,
                )
            )
    return found


@dataclass(frozen=True)
class GramTarget:
    """What the Gram matrices of (a region of) the picture shall become.

    Args:
        grams: `{layer: (N, N)}`, divided by their number of positions.
        weight: its share among the styles of its region.
        mask: where it applies, `(1, 1, H, W)` in 0..1; None is everywhere.
    """

    grams: Mapping[str, Tensor]
    weight: float = 1.0
    mask: Tensor | None = None


class GramTerm:
    """How far the Gram matrices of every region are from its styles', a sum term.

    Args:
        regions: with their targets, whose matrices are where the maps will be.
        size: height and width of the picture.
        layers: weight per layer, positive.
        weighed: how a layer's matrices are seen before they are compared, see `Encoder.weighed`.
        distance: of one matrix from its target.
    """

    name, steady = "style", True

    def __init__(
        self,
        regions: Sequence[Region[GramTarget]],
        size: tuple[int, int],
        layers: Mapping[str, float],
        weighed: Callable[[Tensor, str], Tensor],
        distance: Callable[[Tensor, Tensor], Tensor] = style_layer_loss,
    ) -> None:
        self.regions, self.size, self.layers = regions, size, layers
        self.weighed, self.distance = weighed, distance
        self._guides = {
            (number, layer): None if region.where is None else guidance(region.where, layer_stride(layer))
            for number, region in enumerate(regions)
            for layer in layers
        }

    def share(self, maps: Tensor, layer: str, core: Box) -> dict[Hashable, Tensor]:
        """A core's share of every region's Gram matrix of a layer."""
        stride = layer_stride(layer)
        count = (self.size[0] // stride) * (self.size[1] // stride)
        down, across = core.slices(stride)
        found: dict[Hashable, Tensor] = {}
        for number in range(len(self.regions)):
            guide = self._guides[number, layer]
            if guide is not None:
                found[number, layer] = gram_sum(maps, guide[:, :, down, across])
            else:
                found[number, layer] = gram_sum(maps) / count
        return found

    def value(self, sums: Mapping[Hashable, Tensor]) -> Tensor:
        """See `terms.SumTerm`."""
        total = torch.zeros(())
        for number, region in enumerate(self.regions):
            whole = sum(style.weight for style in region.styles)
            for layer, weight in self.layers.items():
                for style in region.styles:
                    share = region.share * style.weight / whole * weight
                    made, wanted = (
                        self.weighed(gram, layer) for gram in (sums[number, layer], style.grams[layer])
                    )
                    total = share * self.distance(made, wanted) + total
        return total


def gram_loss(
    encoder: Encoder,
    size: tuple[int, int],
    weights: Gram,
    content: Tensor | None = None,
    styles: Sequence[GramTarget] = (),
    mask: Tensor | None = None,
    side: int | None = None,
    wrap: bool = False,
) -> Terms:
    """The loss of one picture size.

    Args:
        encoder: on its device, in its dtype, with its way to pool and pad.
        size: height and width of the pictures to come, at least `LEAST` each.
        weights: of the terms.
        content: `(1, 3, H, W)`, or None for no content term.
        styles: targets; those with equal masks share one Gram matrix, and their weights divide its pull.
        mask: `(1, 1, H, W)` in 0..1, which pixels may change (above 0) and how much each counts.
        side: of the largest tile, in pixels; None never cuts.
        wrap: whether the picture repeats in both directions.

    Raises:
        ValueError: unknown layers, missing Gram matrices, sizes that differ, an empty mask.
    """
    for name, maps in (("content", content), ("mask", mask), *(("region", s.mask) for s in styles)):
        if maps is not None and tuple(maps.shape[-2:]) != tuple(size):
            raise ValueError(f"{name} is {tuple(maps.shape[-2:])}, the picture {tuple(size)}")
    parameter = next(encoder.parameters())
    if mask is not None:
        mask = mask.to(parameter.device, torch.promote_types(parameter.dtype, torch.float32))
    contents, sums = [], []
    layers = {name: weight * weights.content_weight for name, weight in weights.content_layers.items()}
    if content is not None and (layers := _positive(layers)):
        contents = [ContentTerm(encoder, content, layers, mask)]
    layers = {name: weight * weights.style_weight for name, weight in weights.style_layers.items()}
    if styles and (layers := _positive(layers)):
        targets = [checked(style, encoder, layers) for style in styles]
        sums = [GramTerm(by_region(targets, size, mask, parameter.device), size, layers, encoder.weighed)]
    smooth = [Smoothness(weights.tv_weight, mask, wrap)] if weights.tv_weight > 0 else []
    return Terms(encoder, size, sums, contents, smooth, mask, side, wrap)


def checked(style: GramTarget, encoder: Encoder, layers: Mapping[str, float]) -> GramTarget:
    """A target with its matrices where the encoder is.

    Raises:
        ValueError: for a matrix that is missing, of another size, or not finite.
    """
    parameter = next(encoder.parameters())
    grams = {}
    for layer in layers:
        if layer not in style.grams:
            raise ValueError(f"a style has no Gram matrix for {layer}; it has {', '.join(style.grams)}")
        matrix = style.grams[layer].to(parameter.device, torch.promote_types(parameter.dtype, torch.float32))
        channels = encoder.widths[int(layer[4]) - 1]
        if tuple(matrix.shape) != (channels, channels) or not torch.isfinite(matrix).all():
            raise ValueError(f"Gram matrix of {layer} must be {channels} x {channels} and finite")
        grams[layer] = matrix
    return GramTarget(grams, style.weight, style.mask)


def picture_grams(
    encoder: Encoder, picture: Tensor, layers: Sequence[str], side: int | None = None
) -> Generator[float, None, dict[str, Tensor]]:
    """A style picture's Gram matrices, in tiles where it is large; yields after every convolution the share
    that is done, returns `{layer: (N, N)}` float32, divided by the number of positions.

    Args:
        picture: `(1, 3, H, W)` RGB in 0..1, at least `LEAST` pixels a side.
    """
    if not layers:
        return {}
    size = (picture.shape[-2], picture.shape[-1])
    everywhere = [Region(None, [GramTarget({})], 1.0)]
    term = GramTerm(everywhere, size, dict.fromkeys(layers, 1.0), encoder.weighed)
    sums = yield from Terms(encoder, size, [term], side=side).totals(picture)
    return {layer: sums[0, layer].float() for layer in layers}


def _positive(layers: Mapping[str, float]) -> dict[str, float]:
    check_layers(layers)
    return {name: float(weight) for name, weight in layers.items() if weight > 0}
