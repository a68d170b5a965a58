"""Which of its styles' hypercolumns every place of a picture takes, and the term of the loss that draws it
there."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..maths.gram_matrix import wide
from ..maths.tiling import Box, Tile
from ..networks.encoder import Encoder
from .hypercolumns import (
    PITCH,
    Rows,
    StylePool,
    allotted,
    directions,
    grid_mask,
    hypercolumns,
    nearest,
    on_grid,
)
from .pyramid import cut, receptive_margin
from .scene import Region
from .terms import KEPT_BYTES, Take

COLUMN = ("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3", "relu4_1")
"""Layers of a hypercolumn."""


@dataclass(frozen=True)
class StyleSeen:
    """A style at a level: its picture `(1, 3, h, w)`, its pool, its weight, where it applies."""

    picture: Tensor
    pool: StylePool
    weight: float
    mask: Tensor | None


class NeighbourTerm:
    """The mean cosine distance of hypercolumns from those that were found for them, a local term.

    Args:
        rows: the style's hypercolumns, `{layer: (n, C)}`.
        groups: layers whose distance is taken together; those of different groups add up.
        indices: for every group, the row for each place, `(h, w)`.
        weights: how much each place counts, `(h, w)`.
    """

    name = "neighbours"

    def __init__(
        self, rows: Rows, groups: Sequence[Sequence[str]], indices: Sequence[Tensor], weights: Tensor
    ) -> None:
        self.rows, self.groups, self.indices = rows, groups, indices
        self.weights = weights / weights.sum()
        self.layers = [layer for group in groups for layer in group]
        self._of = {layer: number for number, group in enumerate(groups) for layer in group}
        self._goals: dict[tuple[str, Box], Tensor] = {}
        self._room = KEPT_BYTES
        squares = {layer: wide(part).square().sum(1) for layer, part in rows.items()}
        self._lengths = [
            torch.stack([squares[layer] for layer in group]).sum(0).sqrt().clamp_min(1e-12)
            for group in groups
        ]

    def look(self, tile: Tile) -> Generator[None, None, Take]:
        """See `terms.LocalTerm`."""
        down, across = tile.core.slices(PITCH)
        dots: dict[int, Tensor] = {}
        squares: dict[int, Tensor] = {}

        def take(maps: Tensor, layer: str) -> Tensor | None:
            number = self._of[layer]
            seen = wide(on_grid(maps, layer, tile.core)[0].flatten(1).T)
            dot = (seen * self._goal(layer, tile)).sum(1)
            square = seen.square().sum(1)
            if number in dots:
                dot, square = dot + dots[number], square + squares[number]
            dots[number], squares[number] = dot, square
            if layer != self.groups[number][-1]:
                return None
            index = self.indices[number][down, across].flatten()
            lengths = square.clamp_min(1e-12).sqrt() * self._lengths[number][index]
            return (self.weights[down, across].flatten() * (1 - dot / lengths)).sum()

        return take
        yield

    def _goal(self, layer: str, tile: Tile) -> Tensor:
        """The rows that a tile's places are drawn to, `(n, C)`; kept while there is room."""
        goal = self._goals.get((layer, tile.core))
        if goal is None:
            index = self.indices[self._of[layer]][tile.core.slices(PITCH)].flatten()
            goal = self.rows[layer][index]
            if goal.nbytes <= self._room:
                self._goals[layer, tile.core] = goal
                self._room -= goal.nbytes
        return goal


class Places:
    """The hypercolumns of a picture, and what is found for them in pools."""

    def __init__(self, encoder: Encoder, picture: Tensor, mask: Tensor | None, side: int | None) -> None:
        self.encoder, self.picture = encoder, picture
        self.size = (picture.shape[-2], picture.shape[-1])
        self.tiles = cut(*self.size, side, receptive_margin(list(COLUMN)))
        self.weights = grid_mask(mask, self.size, picture.device)
        self.means: dict[str, Tensor] = {}
        self._kept: dict[Box, Rows] = {}

    def measure(self) -> Generator[float, None, None]:
        """The weighted mean of every layer."""
        for tile in self.tiles:
            rows = yield from self._rows(tile)
            weights = self.weights[tile.core.slices(PITCH)].flatten()
            for layer, part in rows.items():
                part = wide(part)
                self.means[layer] = self.means.get(layer, 0) + weights.to(part) @ part
        whole = self.weights.sum()
        self.means = {layer: total / whole for layer, total in self.means.items()}

    def matched(
        self, regions: Sequence[Region[StyleSeen]], groups: Sequence[Sequence[str]]
    ) -> Generator[float, None, NeighbourTerm]:
        """The nearest hypercolumns of every region's styles, each in its share of the region's places."""
        styles = [style for region in regions for style in region.styles]
        starts = [sum(len(s.pool.rows[COLUMN[0]]) for s in styles[:k]) for k in range(len(styles) + 1)]
        rows = {layer: torch.cat([s.pool.rows[layer] for s in styles]) for layer in COLUMN}
        height, width = self.weights.shape
        cosines = torch.zeros(len(groups), len(styles), height, width, device=self.picture.device)
        indices = cosines.int()
        pools = [[directions(style.pool.rows, group) for style in styles] for group in groups]
        for tile in self.tiles:
            mine = yield from self._rows(tile)
            down, across = tile.core.slices(PITCH)
            shape = indices[0, 0, down, across].shape
            for number, group in enumerate(groups):
                queries = directions(mine, group, self.means)
                for k in range(len(styles)):
                    index, cosine = yield from nearest(queries, pools[number][k])
                    indices[number, k, down, across] = (index + starts[k]).int().view(shape)
                    cosines[number, k, down, across] = cosine.view(shape)
        chosen = [
            self._chosen(regions, index, cosine) for index, cosine in zip(indices, cosines, strict=True)
        ]
        return NeighbourTerm(rows, groups, chosen, self.weights)

    def _chosen(self, regions: Sequence[Region[StyleSeen]], indices: Tensor, cosines: Tensor) -> Tensor:
        """Of every style's nearest the one that a place takes: `(h, w)` from `(styles, h, w)`."""
        areas = torch.stack([grid_mask(r.where, self.size, self.picture.device) for r in regions])
        owner = areas.argmax(0)
        choice = torch.zeros_like(owner)
        first = 0
        for number, region in enumerate(regions):
            here = owner == number
            own = cosines[first : first + len(region.styles)][:, here]
            choice[here] = first + allotted(own, [style.weight for style in region.styles])
            first += len(region.styles)
        return indices.gather(0, choice[None])[0].long()

    def _rows(self, tile: Tile) -> Generator[float, None, Rows]:
        """A tile's hypercolumns; those of an uncut picture are kept."""
        if tile.core in self._kept:
            return self._kept[tile.core]
        rows = yield from hypercolumns(self.encoder, self.picture, tile, COLUMN)
        if len(self.tiles) == 1:
            self._kept[tile.core] = rows
        return rows
