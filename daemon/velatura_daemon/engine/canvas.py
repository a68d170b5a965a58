"""A job's picture on its way there and back: read once per size, changed inside the mask, written in the
layout that it came in, at full size for the result or smaller for previews.

Changes go straight into memory of the result's layout, part by part, so that even a large picture can be
interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace

from torch import Tensor
from velatura.pixels import Layout
from velatura_models.maths.tiling import Box
from velatura_models.methods.method import Steps

from .compose import (
    Raster,
    encode_picture,
    preview_size,
    read_mask,
    read_picture,
    reading,
    shrink,
    shrink_map,
    write_change,
)
from .resources import PICTURE, Store
from .tasks import Slot, Task

BAND = 256
"""Rows written between two yields."""

Output = Callable[[Layout], memoryview]
Written = Generator[None, None, tuple[Layout, memoryview]]


class Canvas:
    """The content of a job at one size.

    Args:
        slot: the content's bytes.
        picture: the content as networks see it, at the canvas' size.
        mask: `(1, 1, H, W)` in 0..1 at the content's own size, or None for everywhere.
    """

    def __init__(self, slot: Slot, picture: Raster, mask: Tensor | None) -> None:
        self.slot, self.picture = slot, picture
        height, width = picture.rgb.shape[-2:]
        self.layout = replace(slot.layout, width=width, height=height)
        mask = None if mask is None else shrink_map(mask, (width, height))
        self.mask = None if mask is None or bool((mask >= 1).all()) else mask
        same = self.layout == slot.layout
        self.original = slot.data if same else memoryview(encode_picture(picture, self.layout))

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
        slot = Slot(self.layout, self.original)
        return Canvas(slot, shrink(read_picture(slot), side), self.mask)

    def put(self, out: memoryview, box: Box, made: Tensor) -> None:
        """Writes what shall be in a box, `(1, 3, h, w)`; where the mask is 0 the content's bytes stay."""
        rows, columns = box.slices()
        mask = None if self.mask is None else self.mask[:, :, rows, columns]
        write_change(self.layout, out, self.original, box, self.picture, made, mask)

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
            new = made[:, :, rows, columns]
            if self.mask is not None:
                before = self.picture.rgb[:, :, rows, columns]
                new = before + self.mask[:, :, rows, columns] * (new - before)
            self.put(out, box, new)
            yield
        return self.layout, out


def read_canvas(task: Task, store: Store, side: int = 0) -> Steps[Canvas]:
    """The content and mask of a job, the content as it is kept where it was seen before.

    Args:
        side: longest side, in pixels; 0 is full size.

    Raises:
        VelaturaError: `bad_image`, and `bad_field` for a mask that does not fit.
    """
    slot = task.content
    assert slot is not None  # the engine has asked the recipe's facts
    size = preview_size(slot.layout.width, slot.layout.height, side)
    key = (PICTURE, slot.digest, size)
    picture: Raster | None = store.get(key)
    if picture is None:
        picture = shrink((yield from reading(slot)), side)
        store[key] = picture
    return Canvas(slot, picture, None if task.mask is None else read_mask(task.mask, slot.layout))


def write_texture(made: Tensor, output: Output) -> Written:
    """Writes a picture that has no original, `(1, 3, H, W)`, as 8-bit RGB; returns as `Canvas.write`."""
    layout = Layout(made.shape[3], made.shape[2], "RGB")
    out = output(layout)
    for top in range(0, layout.height, BAND):
        rows = made[:, :, top : top + BAND].clamp(0, 1)
        band = replace(layout, height=rows.shape[2])
        start = top * layout.row_bytes
        out[start : start + band.nbytes] = encode_picture(Raster(rows, None), band)
        yield
    return layout, out
