"""What a refinement minimises, evaluated whole or in tiles, with its exact gradient.

    L = alpha L_content + beta sum_k w_k sum_l w_l E_l,k + gamma L_tv

(Gatys et al. 2016, equations 5 and 7).

So that weights mean the same at every size, the content term is divided by its number of features and
the total variation by the number of pixels; Gram matrices are divided by their number of positions
(see `losses`). With regions, every region's style term is weighed by its share of the area, so that a
small region is painted as strongly as a large one. The content term counts positions by the mask.

A picture beyond the tile size is evaluated in two passes (Galerne et al., "Scaling Painting Style
Transfer", 2024): the first sums Gram matrices over tile cores without a graph; the second sends each
tile's gradient back against the derivative of the loss by the global Gram matrices. This equals the
untiled gradient, as a tile's margin covers the encoder's receptive radius.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..maths.gram import gram_sum, guidance, layer_mask
from ..maths.tiling import Box, Tile
from ..networks.encoder import Encoder, check_layers, depth
from .losses import content_loss, style_layer_loss, total_variation
from .pyramid import (
    GRID,
    LEAST,
    add_crop,
    crop,
    cut,
    layer_stride,
    receptive_margin,
)

CONTENT_CACHE = 256 << 20
"""Content features of a tiled picture are kept up to this many bytes, else computed again."""

Key = tuple[int, str]
"""A Gram matrix's region and layer."""


@dataclass(frozen=True)
class StyleTarget:
    """What the Gram matrices of (a region of) the picture shall become.

    Args:
        grams: `{layer: (N, N)}`, divided by their number of positions.
        weight: its share among the styles of its region.
        mask: where it applies, `(1, 1, H, W)` in 0..1; None is everywhere.
    """

    grams: Mapping[str, Tensor]
    weight: float = 1.0
    mask: Tensor | None = None


@dataclass(frozen=True)
class Terms:
    """Weights of the loss: alpha, beta, gamma and one per layer. Terms of weight 0 are not computed."""

    content_weight: float = 1.0
    style_weight: float = 5.0
    tv_weight: float = 0.0
    content_layers: Mapping[str, float] = field(default_factory=lambda: {"relu4_2": 1.0})
    style_layers: Mapping[str, float] = field(
        default_factory=lambda: {f"relu{b}_1": 0.2 for b in range(1, 6)}
    )


@dataclass(frozen=True)
class Evaluation:
    """Losses by term, weighted, with their `total`; and the gradient, float32, of the picture's shape."""

    losses: dict[str, float]
    gradient: Tensor


@dataclass
class _Region:
    guides: dict[str, Tensor | None]
    styles: list[StyleTarget]
    share: float


class Objective:
    """The loss of one picture size.

    Args:
        encoder: on its device, in its dtype, with its way to pool and pad.
        size: height and width of the pictures to come, at least `LEAST` each.
        terms: the weights.
        content: `(1, 3, H, W)`, or None for no content term.
        styles: targets; those with equal masks share one Gram matrix, and their weights divide its pull.
        mask: `(1, 1, H, W)` in 0..1, which pixels may change (above 0) and how much each counts.
        side: of the largest tile, in pixels; None never cuts.
        wrap: whether the picture repeats in both directions.

    Raises:
        ValueError: unknown layers, missing Gram matrices, sizes that differ, an empty mask.
    """

    def __init__(
        self,
        encoder: Encoder,
        size: tuple[int, int],
        terms: Terms,
        content: Tensor | None = None,
        styles: Sequence[StyleTarget] = (),
        mask: Tensor | None = None,
        side: int | None = None,
        wrap: bool = False,
    ) -> None:
        self.encoder, self.terms, self.size, self.wrap = encoder, terms, size, wrap
        weight = next(encoder.parameters())
        self.device, self.dtype = weight.device, weight.dtype
        self.wide = torch.promote_types(self.dtype, torch.float32)
        if min(size) < LEAST:
            raise ValueError(
                f"a picture of {size[1]} x {size[0]} pixels is too small; at least {LEAST} a side"
            )
        for name, maps in (("content", content), ("mask", mask), *(("region", s.mask) for s in styles)):
            if maps is not None and tuple(maps.shape[-2:]) != tuple(size):
                raise ValueError(f"{name} is {tuple(maps.shape[-2:])}, the picture {tuple(size)}")
        use_content = content is not None and terms.content_weight > 0
        self.content_layers = _positive(terms.content_layers) if use_content else {}
        self.style_layers = _positive(terms.style_layers) if styles and terms.style_weight > 0 else {}
        self.layers = sorted({*self.content_layers, *self.style_layers})
        self.content = content
        self.support = None if mask is None else (mask > 0).to(self.device, self.wide)
        self.mask = None if mask is None else mask.to(self.device, self.wide)
        if self.support is not None and not self.support.any():
            raise ValueError("the mask is empty: no pixel is above 0")
        self.regions = self._regions(styles) if self.style_layers else []
        margin = receptive_margin(self.layers) if self.layers else 0
        tiles = cut(*size, side, margin, wrap)
        self.tiles = [tile for tile in tiles if self._touched(tile)] if self.layers else []
        # a tile brings its neighbours' pixels along; only an uncut picture needs the encoder to wrap
        self.encoder = encoder.variant(padding="circular" if wrap and len(tiles) == 1 else "reflect")
        self._targets: dict[int, dict[str, Tensor]] = {}
        self._target_bytes = 0
        self._position_weights = {
            layer: None if self.mask is None else layer_mask(self.mask, layer_stride(layer))
            for layer in self.content_layers
        }

    @property
    def pixels(self) -> int:
        """Pixels that one evaluation sends through the encoder: its cost."""
        return sum(tile.outer.height * tile.outer.width for tile in self.tiles)

    def evaluate(self, picture: Tensor) -> Generator[float, None, Evaluation]:
        """The loss and its gradient.

        A generator: it yields after every convolution forward and after each tile's backward pass the share
        of the work that is done, and returns the `Evaluation`.

        Args:
            picture: `(1, 3, H, W)` float32, RGB in 0..1.
        """
        picture = picture.to(self.device, self.wide)
        losses: dict[str, float] = {}
        gradient = torch.zeros_like(picture)
        single = len(self.tiles) == 1
        steps, passed = 2 if single else 3 * len(self.tiles), 0  # forward, then forward and backward
        sums: dict[Key, Tensor] = {}
        kept: _Seen | None = None
        if self.style_layers or single:
            for index, tile in enumerate(self.tiles):
                seen = yield from self._see(picture, tile, index, single, passed, steps)
                for key, part in seen.grams.items():
                    part = part.detach().double()
                    sums[key] = sums[key] + part if key in sums else part
                kept = seen if single else None
                passed += 1
        style, derivatives = self._style(sums)
        content = 0.0
        passed = steps - len(self.tiles) * (1 if single else 2)
        for index, tile in enumerate(self.tiles):
            seen, kept = kept, None
            if seen is None:
                seen = yield from self._see(picture, tile, index, True, passed, steps)
                passed += 1
            outputs = [seen.grams[key] for key in derivatives]
            directions = list(derivatives.values())
            if seen.content is not None:
                content += float(seen.content.detach())
                outputs.append(seen.content)
                directions.append(torch.ones_like(seen.content))
            (part,) = torch.autograd.grad(outputs, seen.pixels, directions)
            add_crop(gradient, part, tile.outer)
            del seen, outputs, part  # the graph goes before others may run
            passed += 1
            yield passed / steps
        if self.content_layers:
            losses["content"] = content
        if self.style_layers:
            losses["style"] = style
        if self.terms.tv_weight > 0:
            value, smooth = total_variation(picture, self.support, self.wrap)
            losses["tv"] = self.terms.tv_weight * float(value)
            gradient += self.terms.tv_weight * smooth
        if self.support is not None:
            gradient *= self.support
        losses["total"] = sum(losses.values())
        return Evaluation(losses, gradient)

    def _regions(self, styles: Sequence[StyleTarget]) -> list[_Region]:
        """Styles grouped by region; regions that the mask leaves nothing of are dropped."""
        groups: list[list[StyleTarget]] = []
        for style in map(self._checked, styles):
            for group in groups:
                if _same(group[0].mask, style.mask):
                    group.append(style)
                    break
            else:
                groups.append([style])
        found: list[tuple[Tensor | None, list[StyleTarget], float]] = []
        for group in groups:
            where = group[0].mask
            if where is not None:
                where = where.to(self.device, torch.float32)
                where = where if self.mask is None else where * self.mask
            else:
                where = self.mask
            area = float(self.size[0] * self.size[1]) if where is None else float(where.double().sum())
            if area > 0 and sum(style.weight for style in group) > 0:
                found.append((where, group, area))
        if not found:
            raise ValueError("no style has a region inside the mask: all masks together are empty")
        whole = sum(area for _, _, area in found)
        return [
            _Region(
                {
                    layer: None if where is None else guidance(where, layer_stride(layer))
                    for layer in self.style_layers
                },
                group,
                area / whole,
            )
            for where, group, area in found
        ]

    def _checked(self, style: StyleTarget) -> StyleTarget:
        grams = {}
        for layer in self.style_layers:
            if layer not in style.grams:
                raise ValueError(f"a style has no Gram matrix for {layer}; it has {', '.join(style.grams)}")
            matrix = style.grams[layer].to(self.device, self.wide)
            channels = self.encoder.widths[int(layer[4]) - 1]
            if tuple(matrix.shape) != (channels, channels) or not torch.isfinite(matrix).all():
                raise ValueError(f"Gram matrix of {layer} must be {channels} x {channels} and finite")
            grams[layer] = matrix
        return StyleTarget(grams, style.weight, style.mask)

    def _touched(self, tile: Tile) -> bool:
        """Whether any position of a tile's core counts."""
        if self.mask is None:
            return True
        # pixels that pooling leaves over at the border count for the position before them
        rows, columns = tile.core.grown(GRID, Box(0, 0, *self.size)).slices()
        return bool((self.mask[:, :, rows, columns] > 0).any())

    def _see(
        self, picture: Tensor, tile: Tile, index: int, graph: bool, passed: int = 0, steps: int = 1
    ) -> Generator[float, None, _Seen]:
        """What the encoder sees of a tile: its core's share of every Gram matrix, and its content loss.

        Gram matrices are taken as soon as their maps are there: so their gradients, as large as the maps,
        come one by one in the backward pass, and without a graph the maps are free to go.
        """
        targets: dict[str, Tensor] = {}
        if graph and self.content_layers:
            targets = yield from self._content_features(tile, index, passed / steps)
        inner = tile.core.within(tile.outer)
        layers = self.layers if graph else list(self.style_layers)
        pixels = crop(picture, tile.outer).detach().requires_grad_(graph)
        seen = _Seen(pixels, {}, None)
        features: dict[str, Tensor] = {}
        with torch.set_grad_enabled(graph):
            running = self.encoder.steps(self._as_input(pixels), layers, features)
        convolutions = depth(layers)
        for done in range(1, convolutions + 1):
            with torch.set_grad_enabled(graph):
                next(running)
                for layer in list(features):
                    rows, columns = inner.slices(layer_stride(layer))
                    part = features.pop(layer)[:, :, rows, columns]
                    if layer in self.style_layers:
                        seen.grams.update(self._grams(part, layer, tile))
                    if layer in targets:
                        loss = self._content(part, targets[layer], layer, tile)
                        seen.content = loss if seen.content is None else seen.content + loss
            yield (passed + done / convolutions) / steps
        return seen

    def _grams(self, part: Tensor, layer: str, tile: Tile) -> dict[Key, Tensor]:
        """A core's share of every region's Gram matrix of a layer."""
        stride = layer_stride(layer)
        count = (self.size[0] // stride) * (self.size[1] // stride)
        down, across = tile.core.slices(stride)
        found: dict[Key, Tensor] = {}
        for number, region in enumerate(self.regions):
            guide = region.guides[layer]
            if guide is not None:
                found[number, layer] = gram_sum(part, guide[:, :, down, across])
            else:
                found[number, layer] = gram_sum(part) / count
        return found

    def _content(self, part: Tensor, target: Tensor, layer: str, tile: Tile) -> Tensor:
        """alpha w_l L_content / (N sum of position weights), over a tile's core."""
        stride = layer_stride(layer)
        weight = self._position_weights[layer]
        if weight is None:
            count, here = float((self.size[0] // stride) * (self.size[1] // stride)), None
        else:
            down, across = tile.core.slices(stride)
            count, here = float(weight.double().sum()), weight[:, :, down, across]
        share = self.terms.content_weight * self.content_layers[layer] / (part.shape[1] * count)
        return share * content_loss(part, target, here)

    def _content_features(
        self, tile: Tile, index: int, share: float
    ) -> Generator[float, None, dict[str, Tensor]]:
        """The content's features over a tile's core; kept while there is room. Yields `share`."""
        if index in self._targets:
            return self._targets[index]
        assert self.content is not None
        inner = tile.core.within(tile.outer)
        found: dict[str, Tensor] = {}
        features: dict[str, Tensor] = {}
        pixels = self._as_input(crop(self.content, tile.outer))
        running = self.encoder.steps(pixels, self.content_layers, features)
        for _ in range(depth(self.content_layers)):
            with torch.no_grad():
                next(running)
            yield share
        for layer, maps in features.items():
            rows, columns = inner.slices(layer_stride(layer))
            found[layer] = maps[:, :, rows, columns].clone()
        size = sum(maps.numel() * maps.element_size() for maps in found.values())
        if len(self.tiles) == 1 or self._target_bytes + size <= CONTENT_CACHE:
            self._targets[index] = found
            self._target_bytes += size
        return found

    def _style(self, sums: dict[Key, Tensor]) -> tuple[float, dict[Key, Tensor]]:
        """The style term at the summed Gram matrices, and its derivative by each."""
        if not sums:
            return 0.0, {}
        leaves = {key: value.to(self.wide).requires_grad_() for key, value in sums.items()}
        total = torch.zeros((), device=self.device)
        for (number, layer), matrix in leaves.items():
            region = self.regions[number]
            whole = sum(style.weight for style in region.styles)
            for style in region.styles:
                share = region.share * style.weight / whole * self.style_layers[layer]
                total = total + share * style_layer_loss(matrix, style.grams[layer])
        total = self.terms.style_weight * total
        gradients = torch.autograd.grad(total, list(leaves.values()))
        return float(total.detach()), dict(zip(leaves, gradients, strict=True))

    def _as_input(self, pixels: Tensor) -> Tensor:
        return pixels.to(self.device, self.dtype).contiguous(memory_format=torch.channels_last)


@dataclass
class _Seen:
    pixels: Tensor
    grams: dict[Key, Tensor]
    content: Tensor | None


def picture_grams(
    encoder: Encoder, picture: Tensor, layers: Sequence[str], side: int | None = None
) -> Generator[float, None, dict[str, Tensor]]:
    """A style picture's Gram matrices, in tiles where it is large; yields after every convolution the share
    that is done, returns `{layer: (N, N)}` float32, divided by the number of positions.

    Args:
        picture: `(1, 3, H, W)` RGB in 0..1, at least `LEAST` pixels a side.
    """
    blank = {layer: torch.zeros(n, n) for layer in layers for n in [encoder.widths[int(layer[4]) - 1]]}
    terms = Terms(content_weight=0, style_layers=dict.fromkeys(layers, 1.0))
    size = (picture.shape[-2], picture.shape[-1])
    objective = Objective(encoder, size, terms, styles=[StyleTarget(blank)], side=side)
    sums: dict[str, Tensor] = {}
    for index, tile in enumerate(objective.tiles):
        seen = yield from objective._see(picture, tile, index, False, index, len(objective.tiles))
        for (_, layer), part in seen.grams.items():
            sums[layer] = sums[layer] + part.double() if layer in sums else part.double()
    return {layer: total.float() for layer, total in sums.items()}


def prepared(encoder: Encoder, dtype: torch.dtype = torch.float32, pool: str = "max") -> Encoder:
    """A copy of an encoder for optimisation: in one dtype, channels_last, without gradients to its
    weights, with its 1x1 pre-processing folded into the first convolution (exact: both are linear,
    and reflection commutes with what acts on single pixels)."""
    twin = Encoder(encoder.widths, preprocess=False, pool=pool)
    state = {name: value.detach().float() for name, value in encoder.state_dict().items()}
    if encoder.conv0 is not None:
        mix, shift = state.pop("conv0.weight")[:, :, 0, 0], state.pop("conv0.bias")
        first = state["conv1_1.weight"]
        state["conv1_1.weight"] = torch.einsum("oikl,ij->ojkl", first, mix)
        state["conv1_1.bias"] = state["conv1_1.bias"] + torch.einsum("oikl,i->o", first, shift)
    device = next(encoder.parameters()).device
    twin.load_state_dict(state)
    twin = twin.to(device, dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return twin.eval().requires_grad_(False)


def _same(one: Tensor | None, other: Tensor | None) -> bool:
    """Whether two masks are equal."""
    return one is other or (one is not None and other is not None and torch.equal(one, other))


def _positive(layers: Mapping[str, float]) -> dict[str, float]:
    found = {name: float(weight) for name, weight in layers.items() if weight > 0}
    check_layers(layers)
    return found
