"""A layer's own colours kept in a result that travelled in another colour space.

CMYK, Lab, XYZ, YCbCr and measured profiles travel as sRGB, and black ink that goes there and back comes home
as a mix of all four. So what the journey alone changes is put back: wholly where the result is what was sent,
less the further it is from that, and not at all from a quarter of the range on. A strength of 0 is then the
layer to the last bit, and what lies between changes step by step, in the layer's own model:

    kept = back(result) + w (before - back(sent)),    w = 1 - 4 max |result - sent|, within 0..1

No numpy in the editor: samples of 8 and 16 bits are computed side by side as lanes of long numbers.
"""

from __future__ import annotations

import struct
from functools import lru_cache

FADE = 0.25
"""How far a result is from what was sent, of the range, where nothing is put back any more."""

PIECE = 4096
"""Pixels computed side by side, so that what is between stays in the processor's cache."""

_SIZES = {"u8": 1, "u16": 2, "f16": 2, "f32": 4}


def kept(
    before: bytes, sent: bytes, result: bytes, back: tuple[bytes, bytes], depth: str, wire: str
) -> bytes:
    """The result in the layer's own space, see above.

    Args:
        before: the layer's pixels, alpha last.
        sent, result: those that travelled, and what came of them: four samples a pixel.
        back: the two in the layer's own space.
        depth, wire: of the layer, and of what travelled (`u16` or `f32`).
    """
    count = len(sent) // (4 * _SIZES[wire])
    if wire == "f32":
        return _floats(before, sent, result, back, depth, count)
    own, out = len(before) // max(1, count), []
    for first in range(0, count, PIECE):
        mine = slice(first * own, (first + PIECE) * own)
        theirs = slice(first * 8, (first + PIECE) * 8)
        if sent[theirs] == result[theirs]:
            out.append(before[mine])
            continue
        lanes = _lanes_of(min(PIECE, count - first), _SIZES[depth])
        weight = lanes.weight(sent[theirs], result[theirs])
        out.append(lanes.put_back(before[mine], back[0][mine], back[1][mine], weight))
    return b"".join(out)


class _Lanes:
    """Arithmetic on one sample of so many pixels at once.

    A lane has room for a sample of `size` bytes, five bits of a weight, and the sign bit that tells where a
    difference is negative.
    """

    def __init__(self, count: int, size: int) -> None:
        self.count, self.size, self.wide = count, size, 2 * size
        self.bits = 8 * size
        self.ones = int.from_bytes((1).to_bytes(self.wide, "little") * count, "little")
        self.all = self.ones * ((1 << self.bits) - 1)
        self.sign = self.bits + 1
        self.signs = self.ones << self.sign
        self.rest = self.ones * ((1 << self.sign) - 1)

    def plane(self, pixels: bytes, step: int, at: int, size: int) -> int:
        """One sample of every pixel, a lane each."""
        lanes = bytearray(self.count * self.wide)
        for byte in range(size):
            lanes[byte :: self.wide] = pixels[at + byte :: step]
        return int.from_bytes(lanes, "little")

    def weight(self, sent: bytes, result: bytes) -> int:
        """How much is put back of each pixel, 0 to 31, by its samples' upper bytes; 31 stands for all."""
        ones, rest, signs, sign = self.ones, self.rest, self.signs, self.sign
        full = (1 << sign) - 1
        widest = 0
        for at in (1, 3, 5, 7):
            a, b = (self.plane(pixels, 8, at, 1) for pixels in (result, sent))
            if a == b:
                continue
            apart = (a | signs) - b
            positive = ((apart >> sign) & ones) * full
            apart &= rest
            away = (apart & positive) | ((signs - apart) & (rest ^ positive))
            larger = (((away | signs) - widest) >> sign & ones) * full
            widest = (away & larger) | (widest & (rest ^ larger))
        steps = (widest >> 1) & (ones * 127)  # 32 of them are a quarter of the range
        beyond = ((steps >> 5) | (steps >> 6)) & ones
        return ((steps & (ones * 31)) | (beyond * 31)) ^ (ones * 31)

    def put_back(self, before: bytes, there: bytes, made: bytes, weight: int) -> bytes:
        """made + weight (before - there), within the range."""
        ones, top, step = self.ones, (1 << self.bits) - 1, len(before) // self.count
        bits = [((weight >> bit) & ones) * top for bit in range(5)]
        every = bits[0] & bits[1] & bits[2] & bits[3] & bits[4]
        out = bytearray(len(before))
        for at in range(0, step, self.size):
            a, b, c = (self.plane(pixels, step, at, self.size) for pixels in (before, there, made))
            differ = a ^ b
            blend = b + (ones << 4)  # half of a step, to round
            for bit, chosen in enumerate(bits):
                blend += (b ^ (differ & chosen)) << bit
            blend = (blend >> 5) & self.all
            blend ^= (blend ^ a) & every
            value = c + blend + self.signs - b
            positive = (value >> self.sign) & ones
            beyond = (value >> self.bits) & positive
            whole = ((value & (positive * top)) | (beyond * top)).to_bytes(self.count * self.wide, "little")
            for byte in range(self.size):
                out[at + byte :: step] = whole[byte :: self.wide]
        return bytes(out)


@lru_cache(maxsize=8)
def _lanes_of(count: int, size: int) -> _Lanes:
    return _Lanes(count, size)


def _floats(
    before: bytes, sent: bytes, result: bytes, back: tuple[bytes, bytes], depth: str, count: int
) -> bytes:
    code = {"f16": "e", "f32": "f"}[depth]
    samples = len(before) // _SIZES[depth]
    own, there, made = (struct.unpack(f"<{samples}{code}", pixels) for pixels in (before, *back))
    a, b = (struct.unpack(f"<{4 * count}f", pixels) for pixels in (sent, result))
    away = [abs(x - y) for x, y in zip(a, b, strict=True)]
    widest = map(max, away[0::4], away[1::4], away[2::4], away[3::4])
    channels = samples // count
    out = list(made)
    for pixel, far in enumerate(widest):
        if far < FADE:
            weight = 1 - far / FADE
            for at in range(pixel * channels, (pixel + 1) * channels):
                out[at] = own[at] if far == 0 else made[at] + weight * (own[at] - there[at])
    return struct.pack(f"<{samples}{code}", *out)
