"""A loss as a sum of terms over one pass of the encoder, whole or in tiles, with its exact gradient.

Terms are of three kinds. A *sum term* is a function of sums over all positions of a layer, such as Gram
matrices; a *local term* is itself a sum over positions; a *pixel term* needs no encoder. A picture
beyond the tile size is evaluated in two passes (Galerne et al., "Scaling Painting Style Transfer", 2024):
the first adds up the sums over tile cores without a graph; the second sends each tile's gradient back
against the derivative of the loss by the sums of the whole. This equals the untiled gradient, as a tile's
margin covers the encoder's receptive radius.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from ..maths.gram_matrix import layer_mask
from ..maths.tiling import Box, Tile
from ..networks.encoder import Encoder, depth
from ..networks.playback import played, retold
from .losses import Evaluation, content_loss, total_variation
from .pyramid import GRID, LEAST, add_crop, crop, cut, layer_stride, receptive_margin

KEPT_BYTES = 256 << 20
"""What a term has found out about a picture's tiles is kept up to this many bytes, else found again."""

Take = Callable[[Tensor, str], Tensor | None]
"""Is given the maps of a tile's core, layer by layer, and gives the loss that they complete, if any."""


class SumTerm(Protocol):
    """A function of sums over all positions."""

    name: str
    steady: bool
    """Whether every evaluation asks for the same sums, and waits for none of them."""

    @property
    def layers(self) -> Collection[str]: ...

    def share(self, maps: Tensor, layer: str, core: Box) -> Mapping[Hashable, Tensor]:
        """A core's share of the sums at a layer, differentiable by its maps `(1, N, h, w)`."""
        ...

    def value(self, sums: Mapping[Hashable, Tensor]) -> Tensor:
        """The weighted loss, a scalar, differentiable by the sums."""
        ...


class LocalTerm(Protocol):
    """A sum over positions."""

    name: str

    @property
    def layers(self) -> Collection[str]: ...

    def look(self, tile: Tile) -> Generator[None, None, Take]:
        """What takes a tile's maps; yields after every convolution that it takes to get ready."""
        ...


class PixelTerm(Protocol):
    """A function of the pixels, with a gradient of its own."""

    name: str

    def value(self, picture: Tensor) -> Generator[None, None, tuple[Tensor, Tensor]]:
        """The weighted loss of a picture `(1, 3, H, W)`, a scalar, and its gradient; yields now and then."""
        ...


@dataclass
class _Seen:
    """One tile after the forward pass."""

    pixels: Tensor
    shares: dict[tuple[int, Hashable], Tensor] = field(default_factory=dict)
    losses: list[tuple[str, Tensor]] = field(default_factory=list)


class Terms:
    """The loss of one picture size; implements `objective.Loss`.

    Args:
        encoder: on its device, in its dtype, with its way to pool and pad.
        size: height and width of the pictures to come, at least `LEAST` each.
        sums, locals, pixels: the terms.
        mask: `(1, 1, H, W)` in 0..1: pixels above 0 may change.
        side: of the largest tile, in pixels; None never cuts.
        wrap: whether the picture repeats in both directions.

    Raises:
        ValueError: a picture that is too small, an empty mask.
    """

    def __init__(
        self,
        encoder: Encoder,
        size: tuple[int, int],
        sums: Sequence[SumTerm] = (),
        locals: Sequence[LocalTerm] = (),
        pixels: Sequence[PixelTerm] = (),
        mask: Tensor | None = None,
        side: int | None = None,
        wrap: bool = False,
    ) -> None:
        if min(size) < LEAST:
            raise ValueError(
                f"a picture of {size[1]} x {size[0]} pixels is too small; at least {LEAST} a side"
            )
        self.size, self.sums, self.locals, self.pixel_terms = size, sums, locals, pixels
        self.names = list(dict.fromkeys(term.name for term in (*locals, *sums, *pixels)))
        self.steady = all(term.steady for term in sums)
        self.device, self.dtype = next(encoder.parameters()).device, next(encoder.parameters()).dtype
        self.wide = torch.promote_types(self.dtype, torch.float32)
        self.mask = None if mask is None else mask.to(self.device, self.wide)
        self.support = None if self.mask is None else (self.mask > 0).to(self.wide)
        if self.support is not None and not self.support.any():
            raise ValueError("the mask is empty: no pixel is above 0")
        self.sum_layers = sorted({layer for term in sums for layer in term.layers})
        self.layers = sorted({*self.sum_layers, *(layer for term in locals for layer in term.layers)})
        margin = receptive_margin(self.layers) if self.layers else 0
        tiles = cut(*size, side, margin, wrap)
        self.tiles = [tile for tile in tiles if self._touched(tile)] if self.layers else []
        # a tile brings its neighbours' pixels along; only an uncut picture needs the encoder to wrap
        self.encoder = encoder.variant(padding="circular" if wrap and len(tiles) == 1 else "reflect")

    @property
    def pixels(self) -> int:
        """Pixels that one evaluation sends through the encoder: its cost."""
        return sum(tile.outer.height * tile.outer.width for tile in self.tiles)

    def evaluate(self, picture: Tensor) -> Generator[float, None, Evaluation]:
        """See `objective.Loss`."""
        picture = picture.to(self.device, self.wide)
        if self.steady and len(self.tiles) == 1:
            pixels = picture.shape[2] * picture.shape[3]
            values, gradient = yield from played(self, "evaluated", pixels, self._evaluated, picture)
        else:
            values, gradient = yield from self._evaluated(picture)
        losses = dict(zip(self.names, values.tolist(), strict=True))  # the one wait for the device
        losses["total"] = sum(losses.values())
        return Evaluation(losses, gradient)

    def _evaluated(self, picture: Tensor) -> Generator[float, None, tuple[Tensor, Tensor]]:
        """The losses in the order of `names`, `(n,)`, and the gradient."""
        losses = {name: torch.zeros((), dtype=self.wide, device=self.device) for name in self.names}
        gradient = torch.zeros_like(picture)
        single = len(self.tiles) == 1
        steps, passed = 2 if single else 3 * len(self.tiles), 0  # forward, then forward and backward
        totals: dict[tuple[int, Hashable], Tensor] = {}
        kept: _Seen | None = None
        if self.sums or single:
            for tile in self.tiles:
                seen = yield from self._see(picture, tile, single, passed, steps)
                _add(totals, seen.shares)
                kept = seen if single else None
                passed += 1
        derivatives = self._derivatives(totals, losses)
        passed = steps - len(self.tiles) * (1 if single else 2)
        for tile in self.tiles:
            seen, kept = kept, None
            if seen is None:
                seen = yield from self._see(picture, tile, True, passed, steps)
                passed += 1
            outputs = [seen.shares[key] for key in derivatives]
            directions = list(derivatives.values())
            for name, loss in seen.losses:
                losses[name] = losses[name] + loss.detach()
                outputs.append(loss)
                directions.append(torch.ones_like(loss))
            (part,) = torch.autograd.grad(outputs, seen.pixels, directions)
            add_crop(gradient, part, tile.outer)
            del seen, outputs, part  # the graph goes before others may run
            passed += 1
            yield passed / steps
        for term in self.pixel_terms:
            value, slope = yield from retold(term.value(picture), lambda _: 1.0)
            losses[term.name] = losses[term.name] + value
            gradient += slope
        if self.support is not None:
            gradient *= self.support
        return torch.stack([losses[name].to(gradient) for name in self.names]), gradient

    def totals(self, picture: Tensor) -> Generator[float, None, dict[Hashable, Tensor]]:
        """The sums of the only sum term, float64, over a picture; yields as `evaluate`, without a graph."""
        found: dict[tuple[int, Hashable], Tensor] = {}
        for passed, tile in enumerate(self.tiles):
            seen = yield from self._see(picture, tile, False, passed, len(self.tiles))
            _add(found, seen.shares)
        return {key: value for (_, key), value in found.items()}

    def _touched(self, tile: Tile) -> bool:
        """Whether any position of a tile's core counts."""
        if self.mask is None:
            return True
        # pixels that pooling leaves over at the border count for the position before them
        rows, columns = tile.core.grown(GRID, Box(0, 0, *self.size)).slices()
        return bool((self.mask[:, :, rows, columns] > 0).any())

    def _see(
        self, picture: Tensor, tile: Tile, graph: bool, passed: int, steps: int
    ) -> Generator[float, None, _Seen]:
        """What the terms take of a tile: its core's share of all sums, and its local losses.

        They take it as soon as a layer's maps are there: so the gradients of Gram matrices, as large as the
        maps, come one by one in the backward pass, and without a graph the maps are free to go.
        """
        takers: list[tuple[LocalTerm, Take]] = []
        for term in self.locals if graph else ():
            takers.append((term, (yield from retold(term.look(tile), lambda _: passed / steps))))
        inner = tile.core.within(tile.outer)
        layers = self.layers if graph else self.sum_layers
        pixels = crop(picture, tile.outer).detach().requires_grad_(graph)
        seen = _Seen(pixels)
        features: dict[str, Tensor] = {}
        with torch.set_grad_enabled(graph):
            running = self.encoder.steps(as_input(pixels, self.encoder), layers, features)
        convolutions = depth(layers)
        done = 0
        while more(running, graph):
            with torch.set_grad_enabled(graph):
                for layer in list(features):
                    rows, columns = inner.slices(layer_stride(layer))
                    part = features.pop(layer)[:, :, rows, columns]
                    for number, term in enumerate(self.sums):
                        if layer in term.layers:
                            shares = term.share(part, layer, tile.core).items()
                            seen.shares.update({(number, key): share for key, share in shares})
                    for term, take in takers:
                        loss = take(part, layer) if layer in term.layers else None
                        if loss is not None:
                            seen.losses.append((term.name, loss))
            done += 1
            yield (passed + min(done / convolutions, 1.0)) / steps
        return seen

    def _derivatives(
        self, totals: Mapping[tuple[int, Hashable], Tensor], losses: dict[str, Tensor]
    ) -> dict[tuple[int, Hashable], Tensor]:
        """The derivatives of the sum terms by their sums; writes down their losses."""
        leaves = {key: value.to(self.wide).requires_grad_() for key, value in totals.items()}
        values = []
        for number, term in enumerate(self.sums):
            own = {key: leaf for (whose, key), leaf in leaves.items() if whose == number}
            values.append(term.value(own))
            losses[term.name] = losses[term.name] + values[-1].detach()
        if not values:
            return {}
        gradients = torch.autograd.grad(values, list(leaves.values()))
        return dict(zip(leaves, gradients, strict=True))


class ContentTerm:
    """Equation 1 of Gatys et al. 2016 at some layers, divided by the number of features so that a weight
    means the same at every size; a mask says how much each position counts. A local term.

    Args:
        encoder, content: what sees, and the picture that it sees, `(1, 3, H, W)`.
        layers: weight per layer, positive.
        mask: `(1, 1, H, W)` in 0..1.
    """

    name = "content"

    def __init__(
        self, encoder: Encoder, content: Tensor, layers: Mapping[str, float], mask: Tensor | None = None
    ) -> None:
        self.encoder, self.content, self.layers = encoder, content, layers
        self._targets: dict[Box, dict[str, Tensor]] = {}
        self._room = KEPT_BYTES
        height, width = content.shape[-2:]
        self._weights: dict[str, Tensor | None] = {}
        self._counts: dict[str, float] = {}
        for layer in layers:
            stride = layer_stride(layer)
            weight = None if mask is None else layer_mask(mask, stride)
            count = (height // stride) * (width // stride) if weight is None else weight.double().sum()
            self._weights[layer], self._counts[layer] = weight, float(count)

    def look(self, tile: Tile) -> Generator[None, None, Take]:
        """See `LocalTerm`."""
        targets = yield from self._features(tile)

        def take(maps: Tensor, layer: str) -> Tensor:
            weight = self._weights[layer]
            down, across = tile.core.slices(layer_stride(layer))
            here = None if weight is None else weight[:, :, down, across]
            share = self.layers[layer] / (maps.shape[1] * self._counts[layer])
            return share * content_loss(maps, targets[layer], here)

        return take

    def _features(self, tile: Tile) -> Generator[None, None, dict[str, Tensor]]:
        """The content's features over a tile's core; kept while there is room."""
        if tile.core in self._targets:
            return self._targets[tile.core]
        inner = tile.core.within(tile.outer)
        features: dict[str, Tensor] = {}
        pixels = as_input(crop(self.content, tile.outer), self.encoder)
        running = self.encoder.steps(pixels, self.layers, features)
        while more(running):
            yield
        found = {}
        for layer, maps in features.items():
            rows, columns = inner.slices(layer_stride(layer))
            found[layer] = maps[:, :, rows, columns].clone()
        size = sum(maps.numel() * maps.element_size() for maps in found.values())
        if not self._targets or size <= self._room:
            self._targets[tile.core] = found
            self._room -= size
        return found


class Smoothness:
    """The total variation, a pixel term.

    Args:
        weight: positive.
        mask: `(1, 1, H, W)`, above 0 where pixels may change; None is everywhere.
        wrap: whether the picture repeats in both directions.
    """

    name = "tv"

    def __init__(self, weight: float, mask: Tensor | None = None, wrap: bool = False) -> None:
        self.weight, self.mask, self.wrap = weight, mask, wrap

    def value(self, picture: Tensor) -> Generator[None, None, tuple[Tensor, Tensor]]:
        """See `PixelTerm`."""
        support = None if self.mask is None else (self.mask > 0).to(picture)
        value, gradient = total_variation(picture, support, self.wrap)
        yield
        return self.weight * value, self.weight * gradient


def as_input(pixels: Tensor, encoder: Encoder) -> Tensor:
    """Pixels where, in what dtype and in what order of memory an encoder takes them."""
    return pixels.to(next(encoder.parameters())).contiguous(memory_format=torch.channels_last)


def more(running: Iterator[None], graph: bool = False) -> bool:
    """A step of a network, with a graph for gradients or without; False when it has come to its end."""
    with torch.set_grad_enabled(graph):
        return next(running, running) is not running


def _add(totals: dict[tuple[int, Hashable], Tensor], shares: Mapping[tuple[int, Hashable], Tensor]) -> None:
    for key, share in shares.items():
        part = share.detach().double()
        totals[key] = totals[key] + part if key in totals else part
