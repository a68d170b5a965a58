"""What a method keeps of a picture between two jobs, whole, though it is made tile by tile.

A slider that moves over a large picture then costs no more than over as many small ones: what does not depend
on it is taken from here, as a tile sees it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .tiling import Box, Tile, crop

ROOM = 512 << 20
"""Bytes that a method keeps of one content at most, where it is larger than one tile."""


PICTURE = "picture"
"""What a finished picture is called among maps."""


@dataclass
class Stitched:
    """Maps of a whole picture, by name, each `(1, C, H / step, W / step)` with a step of its own.

    Args:
        whole: the picture.
        maps: filled in where `cores` says.
        cores: of the tiles that are there.
    """

    whole: Box
    maps: dict[str, Tensor] = field(default_factory=dict)
    cores: set[Box] = field(default_factory=set)

    @property
    def nbytes(self) -> int:
        return sum(maps.nbytes for maps in self.maps.values())

    @property
    def complete(self) -> bool:
        """Whether all of the picture is there."""
        return sum(core.height * core.width for core in self.cores) == self.whole.height * self.whole.width

    def part(self, box: Box) -> dict[str, Tensor]:
        """The maps of a part of a complete picture."""
        return {name: crop(maps, box, self.whole.height // maps.shape[2]) for name, maps in self.maps.items()}

    def add(self, made: Mapping[str, Tensor], tile: Tile, room: int) -> None:
        """Takes over the core of what was made of a tile's outer box, where the whole has room.

        Args:
            room: bytes that the whole may take; a picture in one tile is always taken.
        """
        if tile.core == self.whole:
            self.maps, self.cores = dict(made), {tile.core}
            return
        outer = tile.outer.height * tile.outer.width
        if not self.maps:
            needed = (
                sum(maps.nbytes for maps in made.values()) * self.whole.height * self.whole.width // outer
            )
            if needed > room:
                return
            self.maps = {name: self._empty(maps, tile) for name, maps in made.items()}
        inner = tile.core.within(tile.outer)
        for name, maps in made.items():
            step = tile.outer.height // maps.shape[2]
            crop(self.maps[name], tile.core, step).copy_(crop(maps, inner, step))
        self.cores.add(tile.core)

    def _empty(self, maps: Tensor, tile: Tile) -> Tensor:
        step = tile.outer.height // maps.shape[2]
        shape = (1, maps.shape[1], self.whole.height // step, self.whole.width // step)
        made = torch.empty(shape, dtype=maps.dtype, device=maps.device)
        return made.contiguous(memory_format=torch.channels_last)
