"""A long job's picture on its way back: the same pixels as they came, changed inside the mask, at full
size for the result or smaller for previews.

`Canvas` reads the content once per size and writes optimised pictures into memory of the result's
layout, band by band, so that even a large one can be interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace

from torch import Tensor
from velatura.pixels import Layout
from velatura_models.maths.tiling import Box

from .compose import (
    Picture,
    encode_picture,
    preview_size,
    read_picture,
    shrink,
    shrink_map,
    write_change,
)
from .tasks import Slot

BAND = 256
"""Rows written between two yields."""

Output = Callable[[Layout], memoryview]
Written = Generator[None, None, tuple[Layout, memoryview]]


class Canvas:
    """The content of a job at one size.

    Args:
        slot: the content's bytes.
        mask: `(1, 1, H, W)` in 0..1 at the content's size, or None for everywhere.
        side: longest side, in pixels; 0 is full size.
    """

    def __init__(self, slot: Slot, mask: Tensor | None, side: int = 0) -> None:
        width, height = preview_size(slot.layout.width, slot.layout.height, side)
        self.layout = replace(slot.layout, width=width, height=height)
        self.picture = shrink(read_picture(slot), side)
        self.mask = None if mask is None else shrink_map(mask, (width, height))
        same = self.layout == slot.layout
        self.original = slot.data if same else memoryview(encode_picture(self.picture, self.layout))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.layout.height, self.layout.width

    @property
    def counts(self) -> Tensor | None:
        """How much each pixel counts: mask times alpha, `(1, 1, H, W)`, or None for all alike."""
        if self.mask is None or self.picture.alpha is None:
            return self.picture.alpha if self.mask is None else self.mask
        return self.mask * self.picture.alpha

    def smaller(self, side: int) -> Canvas:
        """The same at a longest side of at most `side` pixels; itself where it is no larger."""
        if not side or side >= max(self.size):
            return self
        return Canvas(Slot(self.layout, self.original), self.mask, side)

    def write(self, made: Tensor, output: Output) -> Written:
        """Writes a picture in place of the content; a mask between 0 and 1 blends the two.

        Args:
            made: `(1, 3, H, W)` of this size.
            output: gives the memory.

        Returns:
            (as the generator's value) the layout and the memory, written in full.
        """
        out = output(self.layout)
        out[:] = self.original
        height, width = self.size
        for top in range(0, height, BAND):
            box = Box(top, 0, min(top + BAND, height), width)
            rows, columns = box.slices()
            new, mask = made[:, :, rows, columns], None
            if self.mask is not None:
                mask = self.mask[:, :, rows, columns]
                before = self.picture.rgb[:, :, rows, columns]
                new = before + mask * (new - before)
            write_change(self.layout, out, self.original, box, self.picture, new, mask)
            yield
        return self.layout, out


def write_texture(made: Tensor, output: Output) -> Written:
    """Writes a picture that has no original, `(1, 3, H, W)`, as 8-bit RGB; returns as `Canvas.write`."""
    layout = Layout(made.shape[3], made.shape[2], "RGB")
    out = output(layout)
    for top in range(0, layout.height, BAND):
        rows = made[:, :, top : top + BAND].clamp(0, 1)
        band = replace(layout, height=rows.shape[2])
        start = top * layout.row_bytes
        out[start : start + band.nbytes] = encode_picture(Picture(rows, None), band)
        yield
    return layout, out
