"""PNG through libpng: every depth, and the chunks beside the pixels.

What a file says of its colours outside of ICC (cICP; gAMA and cHRM: PNG 3rd edition, 11.3.2) becomes a
profile, so that the colours survive in every format that is written.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np

from ..errors import VelaturaError
from . import icc
from .arrays import ANY, Most, Pixels, check_size, from_array, note, opened, plain_array, to_pil, upright
from .metadata import Metadata, metadata_of

RECIPE_KEY = "velatura-recipe"
LONGEST_RECIPE = 1 << 20
"""Bytes of a recipe, at most."""
_XMP_KEY = "XML:com.adobe.xmp"
_D65 = (0.3127, 0.3290)
_PRIMARIES = {
    1: (*_D65, 0.640, 0.330, 0.300, 0.600, 0.150, 0.060),
    5: (*_D65, 0.640, 0.330, 0.290, 0.600, 0.150, 0.060),
    6: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}
"""White, red, green and blue of cICP's colour primaries (ITU-T H.273 table 2):
BT.709, 470 BG, 601, 2020, P3."""
_SRGB_GAMMA = 0.45455
_AFTER_HEADER = 8 + 25
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Numbers a pixel, by colour type."""
_CLEAR = {0: 2, 2: 6}
"""Bytes of a tRNS chunk, by colour type; one a colour in a palette."""
_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_MOST_DEFLATED = 1040
"""Bytes that a byte of deflate can stand for at most."""


def read(data: bytes, what: str, most: Most = ANY) -> Pixels:
    """A PNG's bytes as `Pixels`; raises whatever libpng and Pillow raise for a damaged one."""
    width, height, depth, colour, _, _, interlace = struct.unpack_from(">IIBBBBB", data, 16)
    if colour not in _SAMPLES or interlace > 1:
        raise ValueError(f"its header says colour type {colour}, interlace {interlace}")
    check_size(width, height, what, most, _SAMPLES[colour] * ((depth + 7) // 8))
    try:
        with opened(data, "PNG") as image:
            info, frames = dict(image.info), getattr(image, "n_frames", 1)
    except Exception:  # a damaged chunk beside the pixels, which libpng passes over
        info, frames = {}, 1
        note(what, "its metadata is damaged and left out")
    if height * (width * depth * _SAMPLES[colour] // 8) > _MOST_DEFLATED * len(data):
        raise ValueError("it ends before its pixels do")
    array = _decoded(_pixels_alone(data, colour), depth)
    about = metadata_of({**info, **_after_pixels(data)})
    if not about.icc_profile:
        about = replace(about, icc_profile=_profile(data, info, array.ndim == 2 or array.shape[2] < 3))
    if frames > 1:
        note(what, f"the first of {frames} frames is used")
    return upright(from_array(array, what), about, "path", what)


def write(array: np.ndarray, about: Metadata, recipe: str = "") -> bytes:
    """A picture of 8 or 16 bits as PNG; floats become 16 bits.

    Args:
        array: H x W x C.
        recipe: JSON for the text chunk `velatura-recipe`.
    """
    if array.dtype.kind == "f":
        array = icc.from_unit(array.astype(np.float32), np.dtype(np.uint16))
    plain = _encoded(array)
    chunks = b""
    if about.icc_profile:
        chunks += _chunk(b"iCCP", b"icc\0\0" + zlib.compress(about.icc_profile))
    if about.dpi:
        chunks += _chunk(b"pHYs", struct.pack(">IIB", *(round(dpi / 0.0254) for dpi in about.dpi), 1))
    if about.exif:
        chunks += _chunk(b"eXIf", about.exif)
    if about.xmp:
        chunks += _text(_XMP_KEY, about.xmp)
    if recipe:
        chunks += _text(RECIPE_KEY, recipe.encode())
    return plain[:_AFTER_HEADER] + chunks + plain[_AFTER_HEADER:]


def recipe_in(data: bytes) -> Any:
    """The recipe in a PNG that Velatura wrote, as plain values.

    Raises:
        KeyError: when there is none. ValueError: when it is damaged.
    """
    key = RECIPE_KEY.encode() + b"\0"
    for kind, body in _chunks(data):
        if kind == b"iTXt" and body.startswith(key):
            compressed = body[len(key)] == 1
            text = body[len(key) + 2 :].split(b"\0", 2)[2]
            return json.loads(_inflated(text) if compressed else text)
    raise KeyError(RECIPE_KEY)


def _inflated(text: bytes) -> bytes:
    inflate = zlib.decompressobj()
    found = inflate.decompress(text, LONGEST_RECIPE)
    if not inflate.eof:
        raise ValueError(f"it is truncated, or has more than {LONGEST_RECIPE} bytes")
    return found


def _after_pixels(data: bytes) -> dict[str, bytes]:
    """EXIF and XMP that may stand behind the pixels, where Pillow has not looked; names of `Image.info`."""
    found: dict[str, bytes] = {}
    for kind, body in _chunks(data):
        if kind == b"eXIf":
            found["exif"] = body
        elif kind == b"iTXt" and body.startswith(_XMP_KEY.encode() + b"\0\0"):
            found["xmp"] = body[len(_XMP_KEY) + 3 :].split(b"\0", 2)[-1]
    return found


def _profile(data: bytes, info: dict[Any, Any], gray: bool) -> bytes:
    """The profile that cICP, or gAMA and cHRM, stand for; nothing where that is sRGB."""
    for kind, body in _chunks(data):
        if kind == b"cICP" and len(body) == 4:
            primaries, transfer, _, full = body
            if transfer in (16, 18):
                words = "is an HDR picture (PQ or HLG); export it for SDR, as sRGB or Display P3"
                raise VelaturaError("bad_image", words)
            if not full:
                raise VelaturaError(
                    "bad_image", "has a video's narrow range of numbers; export it in full range"
                )
            colours = _PRIMARIES.get(primaries, _PRIMARIES[1])
            return icc.of_primaries(colours[:2], () if gray else colours[2:], _curve(transfer))
    if "srgb" in info or "gamma" not in info:
        return b""
    gamma = float(info["gamma"])
    colours = tuple(info.get("chromaticity") or _PRIMARIES[1])
    plain = np.allclose(colours, _PRIMARIES[1], atol=2e-3)
    if not 0.1 < gamma < 10 or len(colours) != 8 or (plain and abs(gamma - _SRGB_GAMMA) < 1e-3):
        return b""  # 1/2.2 with BT.709's primaries is how writers say sRGB
    try:
        return icc.of_primaries(colours[:2], () if gray else colours[2:], 1 / gamma)
    except VelaturaError:
        return b""  # colours that mean nothing: metadata that is damaged


def _curve(transfer: int) -> float | np.ndarray:
    """Linear light of evenly spaced numbers, by cICP's transfer characteristics (ITU-T H.273 table 3)."""
    if transfer in (4, 5, 8):
        return {4: 2.2, 5: 2.8, 8: 1.0}[transfer]
    x = np.linspace(0.0, 1.0, 1024)
    if transfer in (1, 6, 14, 15):
        return np.where(x < 0.081, x / 4.5, ((x + 0.099) / 1.099) ** (1 / 0.45))
    return icc.linear(x)


def _decoded(data: bytes, depth: int) -> np.ndarray:
    """Pixels, palettes and transparent colours resolved; without imagecodecs Pillow has those of 8 bits."""
    try:
        import imagecodecs
    except ImportError:
        if depth == 16:
            raise
        with opened(data, "PNG") as image:
            return plain_array(image)[0]
    return np.asarray(imagecodecs.png_decode(data))


def _encoded(array: np.ndarray) -> bytes:
    try:
        import imagecodecs
    except ImportError:
        if array.dtype != np.uint8:
            raise
        buffer = BytesIO()
        to_pil(array).save(buffer, "PNG")
        return buffer.getvalue()
    return bytes(imagecodecs.png_encode(array[:, :, 0] if array.shape[2] == 1 else array))


def _pixels_alone(data: bytes, colour: int) -> bytes:
    """The file without what stands beside its pixels: libpng would unpack that, however large, and tell
    standard error what is wrong with it. From the first damaged chunk on all is kept, so that it is found."""
    kept, at = [data[:8]], 8
    for kind, body in _chunks(data):
        size = 12 + len(body)
        sound = kind != b"tRNS" or len(body) == _CLEAR.get(colour, len(body))
        if kind in _PIXELS and sound:
            kept.append(data[at : at + size])
        at += size
    return b"".join([*kept, data[at:]])


def _chunks(data: bytes):
    """Kinds and bodies of a PNG's chunks, up to its end or to what is damaged."""
    at = 8
    while at + 12 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8 : at + 8 + size]
        at += 12 + size


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _text(key: str, text: bytes) -> bytes:
    """International text, not compressed (PNG 3rd edition, 11.3.3.4)."""
    return _chunk(b"iTXt", key.encode() + b"\0\0\0\0\0" + text)
