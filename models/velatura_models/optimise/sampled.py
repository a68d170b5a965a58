"""Hypercolumns at random places, and the term of a loss that asks about them.

Here a hypercolumn is what several layers of the encoder see at one pixel, side by side, each layer
interpolated between its positions (Kolkin et al., STROTSS, CVPR 2019, section 3.1). As interpolation is
linear, the parts of it that lie in different tiles add up: what a term is told equals the untiled picture's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Hashable, Mapping, Sequence

import torch
from torch import Tensor

from ..maths.gram_matrix import wide
from ..maths.tiling import Box
from ..networks.encoder import Encoder
from .pyramid import layer_stride
from .terms import Terms


class Columns:
    """What is asked about hypercolumns at some places, a sum term.

    Args:
        layers: of a hypercolumn.
        size: height and width of the picture.
        ask: the loss of the hypercolumns `(n, sum of C)`, and its parts by name.
    """

    name, steady = "columns", False

    def __init__(
        self,
        layers: Collection[str],
        size: tuple[int, int],
        ask: Callable[[Tensor], Mapping[str, Tensor]] | None = None,
    ) -> None:
        self.layers, self.size, self.ask = layers, size, ask
        self.parts: dict[str, float] = {}
        """The last loss by its parts."""
        self._taps: dict[str, tuple[Tensor, Tensor, Tensor]] = {}
        self._count = 0

    def look_at(self, places: Tensor) -> None:
        """Where from now on: `(n, 2)` rows and columns of pixels."""
        self._count = len(places)
        self._taps = {layer: _taps(places, layer_stride(layer), self.size) for layer in self.layers}

    def share(self, maps: Tensor, layer: str, core: Box) -> dict[Hashable, Tensor]:
        """A core's share of the hypercolumns, `(n, C)`."""
        sample, at, weight = self._taps[layer]
        down, across = core.slices(layer_stride(layer))
        within = (at[:, 0] >= down.start) & (at[:, 0] < down.start + maps.shape[2])
        within &= (at[:, 1] >= across.start) & (at[:, 1] < across.start + maps.shape[3])
        at, sample, weight = at[within], sample[within], weight[within]
        index = (at[:, 0] - down.start) * maps.shape[3] + at[:, 1] - across.start
        rows = maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])
        taken = wide(rows.index_select(0, index)) * weight[:, None]
        return {layer: taken.new_zeros(self._count, maps.shape[1]).index_add(0, sample, taken)}

    def value(self, sums: Mapping[Hashable, Tensor]) -> Tensor:
        """See `terms.SumTerm`."""
        assert self.ask is not None
        parts = self.ask(torch.cat([sums[layer] for layer in self.layers], 1))
        self.parts = {name: float(part.detach()) for name, part in parts.items()}
        return torch.stack(list(parts.values())).sum()


def columns_at(
    encoder: Encoder, picture: Tensor, layers: Sequence[str], places: Tensor, side: int | None
) -> Generator[float, None, Tensor]:
    """A picture's hypercolumns `(n, sum of C)` float32, without a graph, in tiles where it is large; yields
    after every convolution.

    Args:
        picture: `(1, 3, H, W)` in 0..1.
        places: `(n, 2)` rows and columns of pixels.
    """
    size = (picture.shape[-2], picture.shape[-1])
    term = Columns(layers, size)
    term.look_at(places)
    found = yield from Terms(encoder, size, [term], side=side).totals(picture)
    return torch.cat([found[layer].float() for layer in layers], 1)


def drawn(count: int, size: tuple[int, int], weight: Tensor | None, generator: torch.Generator) -> Tensor:
    """Places by chance, `(count, 2)` rows and columns of pixels on the CPU.

    Args:
        weight: `(1, 1, H, W)`, how likely each pixel is; None is all alike.
    """
    if weight is None:
        index = torch.randint(size[0] * size[1], (count,), generator=generator)
    else:
        shares = weight.flatten().double().cpu().cumsum(0)
        chances = torch.rand(count, generator=generator, dtype=torch.float64) * shares[-1]
        index = torch.searchsorted(shares, chances, right=True).clamp_max(len(shares) - 1)
    return torch.stack([index // size[1], index % size[1]], 1)


def colors_at(picture: Tensor, places: Tensor) -> Tensor:
    """Pixels `(n, 3)` of a picture `(1, 3, H, W)`."""
    return picture[0][:, places[:, 0], places[:, 1]].T


def _taps(places: Tensor, stride: int, size: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
    """Which positions of a layer the places lie between: whose each is, `(m,)`; its row and column, `(m, 2)`;
    its weight, `(m,)`, which are positive and add up to 1 for every place."""
    limit = torch.tensor([size[0] // stride - 1, size[1] // stride - 1], device=places.device)
    at = ((places.double() + 0.5) / stride - 0.5).clamp_min(0).minimum(limit)
    first = at.floor().long()
    part = at - first
    samples, positions, weights = [], [], []
    for down in (0, 1):
        for across in (0, 1):
            step = torch.tensor([down, across], device=places.device)
            weight = torch.where(step == 1, part, 1 - part).prod(1)
            used = weight > 0
            samples.append(used.nonzero()[:, 0])
            positions.append((first + step)[used])
            weights.append(weight[used])
    return torch.cat(samples), torch.cat(positions), torch.cat(weights).float()
