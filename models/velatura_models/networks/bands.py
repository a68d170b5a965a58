"""Layers near full size, a band of rows at a time: what they hold is small, whatever the picture.

Near full size a network has few channels but most of its memory: its maps there, continued and in float32,
decide whether a picture fits in one piece. So a chain of such layers is a function that gives some rows
of what comes out, and asks the layer before for as many more as it reaches; `whole` puts bands together.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from . import cuda
from .convolution import reflected

BAND = 1 << 18
"""Pixels of the picture that a band covers."""


@dataclass(frozen=True)
class MapRows:
    """Maps that are computed as they are asked for.

    Args:
        height: of all rows together.
        part: gives those from one until before another, `(N, C, h, w)`.
        step: pixels of the picture for a row.
    """

    height: int
    part: Callable[[int, int], Tensor]
    step: int = 1

    @classmethod
    def of(cls, maps: Tensor, step: int = 1) -> MapRows:
        """Those of maps at hand."""
        return cls(maps.shape[2], lambda first, last: maps[:, :, first:last], step)

    def then(
        self, layer: Callable[[Tensor], Tensor], around: Callable[[Tensor], Tensor] = reflected
    ) -> MapRows:
        """What a layer makes of them: a 3x3 convolution and what follows it.

        Args:
            around: continues the maps of the whole by one position on all sides; bands are continued by
                reflection.
        """

        def part(first: int, last: int) -> Tensor:
            maps = self.part(max(first - 1, 0), min(last + 1, self.height))
            top, bottom = first == 0, last == self.height
            if top and bottom:
                return layer(around(maps))
            return layer(F.pad(maps, (1, 1, int(top), int(bottom)), mode="reflect"))

        return MapRows(self.height, part, self.step)

    def plus(self, more: Callable[[slice], Tensor]) -> MapRows:
        """With what a function gives for the same rows."""
        return MapRows(self.height, lambda a, b: self.part(a, b) + more(slice(a, b)), self.step)

    def halved(self, pool: Callable[[Tensor], Tensor]) -> MapRows:
        """Pooled, two rows to one."""
        return MapRows(self.height // 2, lambda a, b: pool(self.part(2 * a, 2 * b)), 2 * self.step)

    def doubled(self, mode: str) -> MapRows:
        """Upsampled to twice the size, `nearest` or `bilinear`."""

        def part(first: int, last: int) -> Tensor:
            above, below = max(first // 2 - 1, 0), min((last + 1) // 2 + 1, self.height)
            small = self.part(above, below)
            if mode == "nearest" and cuda.on_card(small) and not torch.is_grad_enabled():
                large = cuda.doubled(small)
            else:
                large = F.interpolate(small, scale_factor=2, mode=mode)
            return large[:, :, first - 2 * above : last - 2 * above]

        return MapRows(2 * self.height, part, self.step // 2)

    def whole(self, width: int, banded: bool) -> Generator[None, None, Tensor]:
        """All of them; yields between bands.

        Args:
            width: of the picture, in pixels.
            banded: whether there are to be more bands than one, where the picture is large.
        """
        rows = max(BAND // (width * self.step) // 2 * 2, 2) if banded else self.height
        made = self.part(0, min(rows, self.height))
        if rows >= self.height:
            return made
        size = (*made.shape[:2], self.height, made.shape[3])
        whole = torch.empty(size, dtype=made.dtype, device=made.device, memory_format=torch.channels_last)
        whole[:, :, :rows] = made
        for first in range(rows, self.height, rows):
            yield
            last = min(first + rows, self.height)
            whole[:, :, first:last] = self.part(first, last)
        return whole
