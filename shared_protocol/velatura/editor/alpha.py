"""The selection baked into a result's alpha, pixels chosen by a mask, and gray pixels as RGB, for every depth
that editors have.

Works on interleaved little-endian pixels whose last channel is alpha. No numpy in the editor: whole channels
move by slicing, and only pixels where both alpha and selection are partial cost a multiplication in Python.
"""

from __future__ import annotations

import struct
from array import array

_PRODUCT = bytes((a * s + 127) // 255 for a in range(256) for s in range(256))
"""Rounded a x s / 255 at index a * 256 + s."""

_FULL = {"u8": b"\xff", "u16": b"\xff\xff", "f16": struct.pack("<e", 1), "f32": struct.pack("<f", 1)}

_SCALED = {
    "u8": [bytes([s]) for s in range(256)],
    "u16": [struct.pack("<H", s * 257) for s in range(256)],
    "f16": [struct.pack("<e", s / 255) for s in range(256)],
    "f32": [struct.pack("<f", s / 255) for s in range(256)],
}
"""What an opaque pixel's alpha becomes, by selection value."""

_COLUMNS = {
    depth: [bytes(v[i] for v in values) for i in range(len(values[0]))] for depth, values in _SCALED.items()
}
"""The same as translation tables, one a byte of the sample."""


def bake(pixels: bytes | bytearray, channels: int, depth: str, selection: bytes) -> bytes:
    """The pixels with their alpha multiplied by the selection.

    Args:
        pixels: n pixels of `channels` samples, alpha last.
        depth: `u8`, `u16`, `f16` or `f32`.
        selection: n bytes, 0 nothing to 255 fully selected.

    Raises:
        ValueError: the two do not have the same number of pixels.
    """
    size = len(_FULL[depth])
    if len(pixels) != len(selection) * channels * size:
        raise ValueError(f"{len(pixels)} bytes of pixels, but {len(selection)} of selection")
    if selection.count(255) == len(selection):
        return bytes(pixels)
    out = bytearray(pixels)
    alpha = alpha_of(pixels, channels, depth)
    if alpha == _FULL[depth] * len(selection):
        new = bytearray(len(alpha))
        for i, column in enumerate(_COLUMNS[depth]):
            new[i::size] = selection.translate(column)
    else:
        new = _multiplied(alpha, depth, selection)
    first, step = (channels - 1) * size, channels * size
    for i in range(size):
        out[first + i :: step] = new[i::size]
    return bytes(out)


def alpha_of(pixels: bytes | bytearray, channels: int, depth: str) -> bytes:
    """The alpha samples alone, in the depth's own bytes."""
    size = len(_FULL[depth])
    first, step = (channels - 1) * size, channels * size
    alpha = bytearray(len(pixels) // channels)
    for i in range(size):
        alpha[i::size] = pixels[first + i :: step]
    return bytes(alpha)


def _multiplied(alpha: bytes, depth: str, selection: bytes) -> bytes:
    if depth == "u8":
        pairs = bytearray(2 * len(alpha))
        pairs[0::2], pairs[1::2] = selection, alpha
        return bytes(map(_PRODUCT.__getitem__, struct.unpack(f"<{len(alpha)}H", pairs)))
    count = len(selection)
    if depth == "u16":
        values = struct.unpack(f"<{count}H", alpha)
        return struct.pack(
            f"<{count}H", *((a * s + 127) // 255 for a, s in zip(values, selection, strict=True))
        )
    code = "e" if depth == "f16" else "f"
    values = struct.unpack(f"<{count}{code}", alpha)
    return struct.pack(f"<{count}{code}", *(a * s / 255 for a, s in zip(values, selection, strict=True)))


def chosen(which: bytes, ones: bytes | bytearray, zeros: bytes | bytearray, pixel_bytes: int) -> bytes:
    """Pixels of `ones` where `which` (a byte a pixel) is not 0, of `zeros` where it is."""
    mask, out = int.from_bytes(whole(which), "little"), bytearray(ones)
    for byte in range(pixel_bytes):  # whole planes at once, as long numbers
        a, b = (int.from_bytes(pixels[byte::pixel_bytes], "little") for pixels in (ones, zeros))
        out[byte::pixel_bytes] = (b ^ ((a ^ b) & mask)).to_bytes(len(which), "little")
    return bytes(out)


def changed(before: bytes | bytearray, after: bytes | bytearray, pixel_bytes: int) -> bytes:
    """Which pixels differ: a byte each, not 0 where any of theirs does."""
    size = len(before)
    both = int.from_bytes(before, "little") ^ int.from_bytes(after, "little")
    differs, found = both.to_bytes(size, "little"), 0
    for byte in range(pixel_bytes):
        found |= int.from_bytes(differs[byte::pixel_bytes], "little")
    return found.to_bytes(size // pixel_bytes, "little")


def whole(selection: bytes) -> bytes:
    """A selection without its soft edge: 255 wherever anything is selected (what a refinement optimises)."""
    return selection.translate(_WHOLE)


_WHOLE = bytes([0]) + bytes([255]) * 255


def gray_of_rgb(pixels: bytes, code: str) -> bytes:
    """The green and alpha of RGBA or BGRA: a gray has its colours alike, up to rounding.

    Args:
        code: of a sample, as `array` calls it.
    """
    four = array(code, pixels)
    two = array(code, bytes(len(pixels) // 2))
    two[::2], two[1::2] = four[1::4], four[3::4]
    return two.tobytes()


def gray_as_rgb(pixels: bytes, code: str) -> bytes:
    """The inverse."""
    two = array(code, pixels)
    four = array(code, bytes(2 * len(pixels)))
    for place in range(3):
        four[place::4] = two[::2]
    four[3::4] = two[1::2]
    return four.tobytes()
