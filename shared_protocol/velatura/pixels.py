"""Layouts: how an editor's bytes are to be read.

A `Layout` describes tightly packed rows of interleaved channels, top row first, little-endian. It is
the only description of pixels on the wire; the daemon's compose module is the only place that converts.
A blob is named by a digest over its layout and bytes, or at random.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from .errors import FieldError
from .schema import choice, ranged

CHANNELS = {"RGBA": 4, "BGRA": 4, "RGB": 3, "BGR": 3, "GRAYA": 2, "GRAY": 1}
DEPTHS = {"u8": 1, "u16": 2, "f16": 2, "f32": 4}
LUMA = (0.299, 0.587, 0.114)
"""Shares of red, green and blue, as encoded numbers, in a gray one: Rec. 601, the Y of YIQ in which keeping
colours is published (Gatys et al. 2016), so that gray results, kept colours and masks are one lightness;
JPEG's and pillow's too. Rec. 709's shares are meant for linear light."""

RANDOM = "~"
"""What a name begins with that was drawn at random and tells nothing of the bytes."""

MAX_SIDE = 65536
MAX_PIXELS = 400_000_000
MAX_STYLE_PIXELS = 80_000_000


@dataclass(frozen=True)
class Layout:
    """Size, channel order, depth and meaning of a block of pixels."""

    width: int = ranged(0, 1, MAX_SIDE, "columns", unit="pixels")
    height: int = ranged(0, 1, MAX_SIDE, "rows", unit="pixels")
    channels: str = choice("RGBA", tuple(CHANNELS), "order in memory; a mask is GRAY")
    depth: str = choice("u8", tuple(DEPTHS), "integers are 0..max, floats nominally 0..1")
    premultiplied: bool = False
    """Whether colour is already multiplied by alpha."""
    transfer: str = choice("srgb", ("srgb", "linear"), "how numbers relate to light")

    @property
    def has_alpha(self) -> bool:
        return self.channels in ("RGBA", "BGRA", "GRAYA")

    @property
    def pixel_bytes(self) -> int:
        return CHANNELS[self.channels] * DEPTHS[self.depth]

    @property
    def row_bytes(self) -> int:
        return self.width * self.pixel_bytes

    @property
    def nbytes(self) -> int:
        return self.row_bytes * self.height

    def check_whole(self) -> None:
        if self.width * self.height > MAX_PIXELS:
            raise FieldError("", f"has {self.width * self.height} pixels; at most {MAX_PIXELS}")


def digest(layout: Layout, data: Iterable[bytes | memoryview]) -> str:
    """Name of a blob: 32 hex digits of BLAKE2b over a one-line description and the bytes.

    Args:
        layout: how the bytes are to be read.
        data: the bytes in order, in pieces of any size.
    """
    h = new_digest(layout)
    for piece in data:
        h.update(piece)
    return h.hexdigest()


def new_digest(layout: Layout) -> hashlib.blake2b:
    """The running hash of a blob, fed with its layout: update it with the bytes, then `hexdigest()`."""
    head = (
        f"{layout.width} {layout.height} {layout.channels} {layout.depth} "
        f"{'premultiplied' if layout.premultiplied else 'straight'} {layout.transfer}\n"
    )
    return hashlib.blake2b(head.encode("ascii"), digest_size=16)
