"""Rectangles and masks as plain values: which part of a layer is worked on, and what of it is kept.

No GIMP in here, so that all of it is tested anywhere. GIMP has two coordinate systems: the image's (the
selection lives there) and the layer's, which begins at the layer's offset.
"""

from __future__ import annotations

from dataclasses import dataclass

STRIP_BYTES = 8 * 1024 * 1024
"""How much is read or written at a time."""

_HARD = bytes([0]) + bytes([255]) * 255


@dataclass(frozen=True)
class Rect:
    """A rectangle in whole pixels; empty when a side is 0."""

    x: int
    y: int
    width: int
    height: int

    @property
    def empty(self) -> bool:
        return self.width <= 0 or self.height <= 0

    def moved(self, dx: int, dy: int) -> Rect:
        """The rectangle in coordinates whose origin lies at (-dx, -dy)."""
        return Rect(self.x + dx, self.y + dy, self.width, self.height)

    def grown(self, margin: int) -> Rect:
        """With a margin on all four sides."""
        return Rect(self.x - margin, self.y - margin, self.width + 2 * margin, self.height + 2 * margin)

    def intersection(self, other: Rect) -> Rect:
        """What both cover; sides of 0 where that is nothing."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        right = min(self.x + self.width, other.x + other.width)
        bottom = min(self.y + self.height, other.y + other.height)
        return Rect(x, y, max(0, right - x), max(0, bottom - y))

    def fitted(self, side: int) -> float:
        """The factor, at most 1, that makes the longer side `side` pixels long."""
        return min(1.0, side / max(self.width, self.height))

    def scaled(self, factor: float) -> Rect:
        """All numbers times a factor, rounded; no side becomes 0."""
        x, y, width, height = (round(n * factor) for n in (self.x, self.y, self.width, self.height))
        return Rect(x, y, max(1, width), max(1, height))

    def strips(self, row_bytes: int) -> list[Rect]:
        """The rectangle in pieces of whole rows of about `STRIP_BYTES`, top to bottom."""
        rows = max(1, STRIP_BYTES // max(1, row_bytes))
        return [
            Rect(self.x, self.y + at, self.width, min(rows, self.height - at))
            for at in range(0, self.height, rows)
        ]


def hard(mask: bytes | memoryview) -> bytes:
    """A mask that is 255 wherever `mask` is not 0: the pixels that a soft mask touches at all."""
    return bytes(mask).translate(_HARD)


def cropped(mask: bytes, box: Rect, inner: Rect) -> bytes:
    """The part of a mask over `box` (one byte a pixel) that lies over `inner`, which is within `box`."""
    left = inner.x - box.x
    rows = range(inner.y - box.y, inner.y - box.y + inner.height)
    return b"".join(mask[y * box.width + left : y * box.width + left + inner.width] for y in rows)


def cut(pixels: bytearray, pixel_bytes: int, alpha_bytes: int, mask: bytes) -> None:
    """Makes pixels transparent, in place, where a hard mask is 0.

    Args:
        pixels: tightly packed pixels with alpha last, integer or float, little-endian.
        pixel_bytes: bytes per pixel.
        alpha_bytes: bytes of its alpha, the last ones.
        mask: one byte per pixel, 0 or 255.
    """
    keep = int.from_bytes(mask, "little")  # whole planes at once: an AND of two long numbers
    for byte in range(pixel_bytes - alpha_bytes, pixel_bytes):
        plane = int.from_bytes(pixels[byte::pixel_bytes], "little")
        pixels[byte::pixel_bytes] = (plane & keep).to_bytes(len(mask), "little")
