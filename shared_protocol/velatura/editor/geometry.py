"""Rectangles, strips and crops in pixels, and which part of a layer the network sees. Pure values."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from velatura.blob import Blob, Picture

STRIP_BYTES = 2 * 1024 * 1024
"""Pixels handled in one go. At F32 RGBA this is a few milliseconds of each step of the way."""

CONTEXT = 96
"""Least margin around a selection that the network sees besides it, in pixels."""


@dataclass(frozen=True)
class Rect:
    """A half-open rectangle: columns `x .. x + width - 1`, rows `y .. y + height - 1`."""

    x: int = 0
    y: int = 0
    width: int = 0
    height: int = 0

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def bottom(self) -> int:
        return self.y + self.height

    @property
    def empty(self) -> bool:
        return self.width <= 0 or self.height <= 0

    @property
    def middle(self) -> tuple[int, int]:
        return self.x + self.width // 2, self.y + self.height // 2

    @property
    def pixels(self) -> int:
        return 0 if self.empty else self.width * self.height

    def intersected(self, other: Rect) -> Rect:
        """What both cover; an empty `Rect()` where they do not touch."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        right, bottom = min(self.right, other.right), min(self.bottom, other.bottom)
        return Rect(x, y, right - x, bottom - y) if right > x and bottom > y else Rect()

    def grown(self, margin: int) -> Rect:
        """This rectangle with `margin` pixels more on every side."""
        return Rect(self.x - margin, self.y - margin, self.width + 2 * margin, self.height + 2 * margin)

    def moved(self, dx: int, dy: int) -> Rect:
        """This rectangle in coordinates whose origin lies at (-dx, -dy)."""
        return Rect(self.x + dx, self.y + dy, self.width, self.height)

    def contains(self, other: Rect) -> bool:
        return other.empty or self.intersected(other) == other


def strips(rect: Rect, row_bytes: int, multiple: int = 1, budget: int = STRIP_BYTES) -> Iterator[Rect]:
    """Full-width pieces of `rect` from top to bottom.

    Args:
        row_bytes: size of one row in the widest format it passes through.
        multiple: every strip but the last is a multiple of so many rows high (for reducing by that factor).
        budget: bytes that a strip should not exceed; one `multiple` of rows is the least.
    """
    rows = max(1, budget // max(1, row_bytes) // multiple) * multiple
    for y in range(rect.y, rect.bottom, rows):
        yield Rect(rect.x, y, rect.width, min(rows, rect.bottom - y))


def work_area(source: Rect, selection: Rect | None) -> Rect:
    """The part of the source that a result layer covers: all of it, or what the selection touches."""
    return source if selection is None else source.intersected(selection)


def context_area(source: Rect, area: Rect) -> Rect:
    """The part of the source that the network looks at to paint `area`.

    A style is matched to the statistics of what the network sees, so a small selection gets its
    surroundings as well: a quarter of its longer side, at least `CONTEXT` pixels, on every side.
    """
    if area == source:
        return source
    return area.grown(max(CONTEXT, max(area.width, area.height) // 4)).intersected(source)


def reduction(rect: Rect, longest: int) -> int:
    """The whole factor by which `rect` is reduced so that its longer side has at most `longest` pixels."""
    return max(1, math.ceil(max(rect.width, rect.height) / longest))


def reduced_size(rect: Rect, factor: int) -> tuple[int, int]:
    """Width and height of `rect` reduced by a whole factor, a rest of rows or columns counting as one."""
    return math.ceil(rect.width / factor), math.ceil(rect.height / factor)


def around(point: tuple[int, int], side: int, within: Rect) -> Rect:
    """A square around a point, moved and cut so that it lies within a rectangle."""
    width, height = min(side, within.width), min(side, within.height)
    x = min(max(point[0] - width // 2, within.x), within.right - width)
    y = min(max(point[1] - height // 2, within.y), within.bottom - height)
    return Rect(x, y, width, height)


def cut(picture: Picture, part: Rect) -> Picture:
    """A part of a picture, which must contain it."""
    layout = picture.layout
    first, length = part.x * layout.pixel_bytes, part.width * layout.pixel_bytes
    starts = (y * layout.row_bytes + first for y in range(part.y, part.bottom))
    pixels = b"".join(picture.data[start : start + length] for start in starts)
    return Picture(replace(layout, width=part.width, height=part.height), memoryview(pixels))


def thinned(mask: Blob, factor: int) -> Blob:
    """A mask reduced by a whole factor: of so many rows and columns the first."""
    if factor == 1:
        return mask
    layout = mask.layout
    rows = (bytes(mask.read(y * layout.row_bytes, layout.row_bytes)) for y in range(0, layout.height, factor))
    thin = b"".join(row[::factor] for row in rows)
    width, height = reduced_size(Rect(0, 0, layout.width, layout.height), factor)
    return Blob(replace(layout, width=width, height=height), thin)


def zoom_factor(zoom: float) -> int:
    """The whole factor by which a picture may be reduced and still fill every screen pixel at `zoom`."""
    return max(1, int(1 / zoom)) if zoom > 0 else 1
