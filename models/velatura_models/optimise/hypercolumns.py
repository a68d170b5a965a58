"""Hypercolumns, and which of a style's is nearest to each of a picture's.

A hypercolumn (Hariharan et al. 2015) is what several layers of the encoder see at one place, side by
side. It stands here on a grid of a quarter of the picture's side, one for every `PITCH` pixels: maps of
finer layers are averaged over that square, maps of coarser ones repeated, so that a tile's are those of
the whole; each layer is divided by its number of channels. Nearest is by cosine, both sides centred by
their own mean (Kolkin et al., "Neural Neighbor Style Transfer", 2022, section 3.1).
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from ..maths.gram_matrix import layer_mask, wide
from ..maths.tiling import Box, Tile
from ..networks.encoder import Encoder, depth
from .gram import picture_grams
from .pyramid import crop, cut, layer_stride, receptive_margin
from .terms import as_input, more

PITCH = 4
"""Pixels from one hypercolumn to the next."""

BLOCK = 1024
"""How many of a picture's hypercolumns are compared with a style's at once; fewer where memory is short."""

LEAST_BLOCK = 16

Rows = Mapping[str, Tensor]
"""Hypercolumns by layer, `(n, C)` each."""


@dataclass(frozen=True)
class StylePool:
    """All that a style's picture of one size is looked up for: a value that may be kept.

    Args:
        rows: its hypercolumns, upright and turned by quarters, in random order.
        grams: its Gram matrices, `{layer: (C, C)}`.
    """

    rows: Rows
    grams: Mapping[str, Tensor]

    @property
    def nbytes(self) -> int:
        return sum(part.nbytes for part in (*self.rows.values(), *self.grams.values()))


def style_pool(
    encoder: Encoder,
    picture: Tensor,
    layers: Sequence[str],
    gram_layers: Sequence[str],
    most: int,
    turns: int = 4,
    seed: int = 0,
    side: int | None = None,
) -> Generator[float, None, StylePool]:
    """Sees a style; yields after every convolution.

    Args:
        picture: `(1, 3, H, W)` in 0..1.
        layers: of the hypercolumns.
        most: hypercolumns to keep; where there are more, a random choice.
        turns: by how many quarter turns it is seen, 1 to 4.
        seed: of the choice and of the order.
        side: of the largest tile, in pixels.
    """
    grams = yield from picture_grams(encoder, picture, gram_layers, side)
    generator = torch.Generator().manual_seed(seed)
    found: list[Rows] = []
    for turn in range(turns):
        turned = torch.rot90(picture, turn, (2, 3))
        parts: list[Rows] = []
        height, width = turned.shape[-2:]
        for tile in cut(height, width, side, receptive_margin(list(layers))):
            rows = yield from hypercolumns(encoder, turned, tile, layers)
            parts.append(rows)
        whole = {layer: torch.cat([part[layer] for part in parts]) for layer in layers}
        count = len(whole[layers[0]])
        kept = torch.randperm(count, generator=generator)[: -(-most // turns)].to(picture.device)
        found.append({layer: rows[kept] for layer, rows in whole.items()})
    order = torch.randperm(sum(len(rows[layers[0]]) for rows in found), generator=generator)
    order = order.to(picture.device)
    return StylePool({layer: torch.cat([rows[layer] for rows in found])[order] for layer in layers}, grams)


def hypercolumns(
    encoder: Encoder, picture: Tensor, tile: Tile, layers: Collection[str]
) -> Generator[float, None, Rows]:
    """The hypercolumns of a tile's core, row by row, without a graph; yields after every convolution."""
    inner = tile.core.within(tile.outer)
    features: dict[str, Tensor] = {}
    found: dict[str, Tensor] = {}
    running = encoder.steps(as_input(crop(picture, tile.outer), encoder), layers, features)
    done, convolutions = 0, depth(layers)
    while more(running):
        with torch.no_grad():
            for layer in list(features):
                down, across = inner.slices(layer_stride(layer))
                maps = on_grid(features.pop(layer)[:, :, down, across], layer, inner)
                found[layer] = maps[0].flatten(1).T.contiguous()
        done += 1
        yield min(done / convolutions, 1.0)
    return found


def on_grid(maps: Tensor, layer: str, core: Box) -> Tensor:
    """A layer's maps `(1, C, h, w)` of a core on the grid of hypercolumns, divided by C."""
    stride = layer_stride(layer)
    if stride < PITCH:
        maps = _Averaged.apply(maps, PITCH // stride)  # type: ignore[assignment]  # apply is untyped
    elif stride > PITCH:
        down, across = core.slices(PITCH)
        height, width = down.stop - down.start, across.stop - across.start
        maps = maps.repeat_interleave(stride // PITCH, 2).repeat_interleave(stride // PITCH, 3)
        right, below = width - maps.shape[3], height - maps.shape[2]
        if right or below:  # pixels that pooling leaves over belong to the last position
            maps = F.pad(maps, (0, right, 0, below), mode="replicate")
    return maps / maps.shape[1]


class _Averaged(torch.autograd.Function):
    """Means of squares, whose gradient is one copy in the maps' own order of memory; that of `avg_pool2d`
    costs as much as a convolution's in bfloat16."""

    @staticmethod
    def forward(ctx, maps: Tensor, side: int) -> Tensor:  # type: ignore[override]  # named
        ctx.side, ctx.size = side, maps.shape[-2:]
        return F.avg_pool2d(maps, side)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]  # named
        side, (height, width) = ctx.side, ctx.size
        rows = (grad / side**2).permute(0, 2, 3, 1)[:, :, None, :, None]
        _, down, _, across, _, channels = rows.shape
        spread = rows.expand(1, down, side, across, side, channels).reshape(
            1, down * side, across * side, channels
        )
        if spread.shape[1:3] != (height, width):  # pixels that squares leave over count for nothing
            spread = F.pad(spread, (0, 0, 0, width - across * side, 0, height - down * side))
        return spread.permute(0, 3, 1, 2), None


def grid_mask(mask: Tensor | None, size: tuple[int, int], device: torch.device) -> Tensor:
    """How much each hypercolumn of a picture counts, `(H // PITCH, W // PITCH)` float32."""
    if mask is None:
        return torch.ones(size[0] // PITCH, size[1] // PITCH, device=device)
    return layer_mask(mask.float(), PITCH)[0, 0].to(device)


def directions(rows: Rows, layers: Sequence[str], means: Rows | None = None) -> Tensor:
    """Rows of several layers side by side, centred, of length 1, in the rows' dtype: `(n, sum of C)`.

    Args:
        means: `{layer: (C,)}` to centre by; None is their own.
    """
    parts = []
    for layer in layers:
        part = wide(rows[layer])
        parts.append(part - (part.mean(0) if means is None else means[layer]))
    return F.normalize(torch.cat(parts, 1), dim=1).to(rows[layers[0]].dtype)


def nearest(queries: Tensor, pool: Tensor) -> Generator[float, None, tuple[Tensor, Tensor]]:
    """For every query `(n, C)` the index of the nearest row of a pool `(m, C)`, both of length 1, and their
    cosine; yields the share that is done after every block of queries.

    Raises:
        torch.OutOfMemoryError, RuntimeError: where not even the smallest block fits in memory.
    """
    block, begin = BLOCK, 0
    indices, cosines = [], []
    while begin < len(queries):
        try:
            best = (queries[begin : begin + block] @ pool.T).max(1)
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if block <= LEAST_BLOCK or "memory" not in str(error).lower():
                raise
            block //= 2
            continue
        cosines.append(wide(best.values))
        indices.append(best.indices)
        begin += block
        yield min(1.0, begin / len(queries))
    return torch.cat(indices), torch.cat(cosines)


def allotted(cosines: Tensor, shares: Sequence[float]) -> Tensor:
    """Which style each place takes, `(n,)`: as many places as a style's share, and those where it is ahead
    of the others by most.

    Args:
        cosines: `(K, n)`, of each style's nearest.
        shares: K positive numbers.
    """
    choice = torch.full_like(cosines[0], len(shares) - 1, dtype=torch.long)
    left = torch.arange(cosines.shape[1], device=cosines.device)
    for style in range(len(shares) - 1):
        ahead = cosines[style, left] - cosines[style + 1 :, left].amax(0)
        count = round(len(left) * shares[style] / sum(shares[style:]))
        order = ahead.argsort(descending=True, stable=True)
        choice[left[order[:count]]] = style
        left = left[order[count:]].sort().values
    return choice
