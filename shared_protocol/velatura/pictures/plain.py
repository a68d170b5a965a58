"""Formats of 8 bits through Pillow, told which of its decoders to use: JPEG, WebP, GIF, AVIF, PSD, BMP, …"""

from __future__ import annotations

import struct
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from ..errors import VelaturaError
from . import icc
from .arrays import ANY, Most, Pixels, check_size, from_pil, note, opened, to_pil
from .formats import Format
from .metadata import Metadata

_FRAMES = ("GIF", "WEBP", "AVIF", "JPEG")
_MOST_EXIF = 65_000
"""What fits in a JPEG segment; EXIF or XMP longer than that is left out."""


def read(data: bytes, kind: Format, what: str, longest: int = 0, most: Most = ANY) -> Pixels:
    """A file's bytes as `Pixels`; raises whatever the decoder raises for a damaged one.

    Args:
        longest: side in pixels that is enough: a JPEG is then decoded smaller, but not below it.
    """
    try:
        image = opened(data, kind.name)
    except Exception:
        if kind.name != "JPEG":
            raise
        image = opened(_without_metadata(data), kind.name)
        note(what, "its metadata is damaged and left out")
    with image:
        check_size(image.width, image.height, what, most, min(len(image.getbands()), 3))
        frames = getattr(image, "n_frames", 1) if kind.name in _FRAMES else 1
        if longest and kind.name == "JPEG":
            image.draft("RGB", (longest, longest))
        if image.mode in ("CMYK", "LAB"):
            note(what, f"is {image.mode} and becomes RGB")
        image.load()  # here, so that the words about a damaged one name its format
        pixels = from_pil(image, what)
    if frames > 1:
        note(what, f"the first of {frames} frames is used")
    pixels.kind = "path"
    return pixels


def write(array: np.ndarray, kind: Format, about: Metadata) -> bytes:
    """A picture (H x W x C) rounded to 8 bits; transparent parts over white where the format has no alpha."""
    if kind.name == "WEBP" and array.shape[2] < 3 and about.icc_profile:  # has no gray to fit the profile
        profile = icc.parse(about.icc_profile)
        array = icc.to_srgb(array, profile) if profile is not None else array
        about = replace(about, icc_profile=b"")
    if array.shape[2] == 1 and array.dtype != np.uint8:
        image = to_pil(np.repeat(array, 3, 2)).getchannel(0)
    else:
        image = to_pil(array)
    options: dict[str, Any] = {k: v for k, v in about.as_info().items() if _NAMES[k] in kind.keeps}
    for name in ("exif", "xmp"):
        if kind.name == "JPEG" and len(options.get(name, b"")) > _MOST_EXIF:
            del options[name]
            note("the result", f"its {name.upper()} is too long for a JPEG and left out")
    if kind.name == "JPEG":
        options |= {"quality": 95, "subsampling": 0}
    elif kind.name == "WEBP":
        options |= {"lossless": True, "exact": True}
    if image.mode in ("LA", "RGBA") and not kind.alpha:
        if image.getchannel("A").getextrema() != (255, 255):
            note("the result", f"{kind.name} has no transparency: it is laid over white")
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), rgba)
        image = image.convert("RGB" if array.shape[2] == 4 else "L")
    buffer = BytesIO()
    try:
        image.save(buffer, kind.name, **options)
    except (OSError, ValueError) as error:
        words = f"a picture of {image.width} x {image.height} cannot be written as {kind.name}: {error}"
        raise VelaturaError("bad_image", words) from error
    return buffer.getvalue()


_NAMES = {"icc_profile": "profile", "exif": "exif", "xmp": "xmp", "dpi": "dpi"}


def _without_metadata(data: bytes) -> bytes:
    """A JPEG without EXIF and its like; APP0 (JFIF), APP2 (profile), APP14 (how colours are stored) stay."""
    kept, at = [data[:2]], 2
    while data[at : at + 1] == b"\xff" and at + 4 <= len(data) and data[at + 1] != 0xDA:
        end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        if data[at + 1] not in (0xE1, *range(0xE3, 0xEE), 0xEF, 0xFE):
            kept.append(data[at:end])
        at = end
    return b"".join((*kept, data[at:]))
