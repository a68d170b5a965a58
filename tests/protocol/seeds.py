"""Small pictures of every kind of file, made here: what readers and writers are tried with.

Each holds the same 24 x 16 gradient, as near as its format can, so that what is read can be compared.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

import imagecodecs
import numpy as np
import profiles
import tifffile
from PIL import Image, ImageCms

ADOBE = profiles.profile(profiles.ADOBE, profiles.gamma_curve(2.19921875))
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"'
    b' tiff:Orientation="6"><dc:rights>Mine</dc:rights></rdf:Description></rdf:RDF></x:xmpmeta>'
)
WIDTH, HEIGHT = 24, 16


def rgb() -> np.ndarray:
    """The picture, H x W x 3 uint8; smooth, so that lossy formats stay near it."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.stack([60 + x * 6, 70 + y * 8, 200 - x * 3 - y * 2], 2).astype(np.uint8)


def gray() -> np.ndarray:
    return rgb()[:, :, 1]


def alpha() -> np.ndarray:
    """H x W uint8: opaque, clear, and half covered."""
    steps = np.full((HEIGHT, WIDTH), 255, np.uint8)
    steps[:, 4:8], steps[:4] = 128, 0
    return steps


def rgba() -> np.ndarray:
    return np.dstack([rgb(), alpha()])


def exif(turn: int = 1) -> bytes:
    """A camera's: maker, orientation, exposure, its own note, size and place."""
    made = Image.Exif()
    made[0x010F], made[0x0112], made[0x8298] = "Velatura", turn, "Mine"
    inner = made.get_ifd(0x8769)
    inner |= {
        0x829A: 0.01,
        0x927C: b"maker's note",
        0xA002: WIDTH,
        0xA003: HEIGHT,
        0x9003: "2026:01:02 03:04:05",
    }
    made.get_ifd(0x8825)[1] = "N"
    return made.tobytes()


def _pillow(array: np.ndarray, kind: str, mode: str = "", **options: Any) -> bytes:
    image = Image.fromarray(array)
    out = BytesIO()
    (image.convert(mode) if mode else image).save(out, kind, **options)
    return out.getvalue()


def _tiff(array: np.ndarray, **options: Any) -> bytes:
    out = BytesIO()
    tifffile.imwrite(out, array, **{"metadata": None, **options})
    return out.getvalue()


def _png16(array: np.ndarray) -> bytes:
    return bytes(imagecodecs.png_encode(array.astype(np.uint16) * 257))


def with_chunk(png: bytes, kind: bytes, body: bytes) -> bytes:
    """A PNG with one more chunk after its header."""
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return png[:33] + chunk + png[33:]


def _psd() -> bytes:
    """Adobe's file format specification, 2019: header, three empty sections, planes."""
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, HEIGHT, WIDTH, 8, 3)
    return head + bytes(12) + b"\0\0" + np.ascontiguousarray(rgb().transpose(2, 0, 1)).tobytes()


def _frames(kind: str) -> bytes:
    first, second = Image.fromarray(rgb()), Image.fromarray(rgb()[::-1])
    out = BytesIO()
    first.save(out, kind, save_all=True, append_images=[second], duration=100, **LOSSLESS.get(kind, {}))
    return out.getvalue()


def _lab() -> np.ndarray:
    """CIE L*a*b* with a and b signed, as TIFF stores it."""
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    made = ImageCms.profileToProfile(Image.fromarray(rgb()), srgb, lab, outputMode="LAB")
    assert made is not None
    return np.asarray(made)


def _associated(dtype: type) -> np.ndarray:
    whole = np.iinfo(dtype).max
    unit = rgba() / 255
    unit[:, :, :3] *= unit[:, :, 3:]
    return np.rint(unit * whole).astype(dtype)


LOSSLESS: dict[str, dict[str, Any]] = {
    "WEBP": {"lossless": True, "exact": True},
    "JPEG2000": {"irreversible": False},
}
_ALL = {"exif": exif(), "icc_profile": ADOBE, "xmp": XMP, "dpi": (300, 300)}

SEEDS: dict[str, Callable[[], bytes]] = {
    "png": lambda: _pillow(rgb(), "PNG"),
    "png gray": lambda: _pillow(gray(), "PNG"),
    "png alpha": lambda: _pillow(rgba(), "PNG"),
    "png palette": lambda: _pillow(gray(), "PNG", "P"),
    "png 16": lambda: _png16(rgb()),
    "png 16 gray": lambda: _png16(gray()),
    "png 16 alpha": lambda: _png16(rgba()),
    "png profile": lambda: _pillow(rgb(), "PNG", icc_profile=ADOBE, dpi=(300, 300)),
    "png gamma": lambda: with_chunk(_pillow(rgb(), "PNG"), b"gAMA", struct.pack(">I", 100_000)),
    "png cicp": lambda: with_chunk(_pillow(rgb(), "PNG"), b"cICP", bytes([12, 13, 0, 1])),
    "jpeg": lambda: _pillow(rgb(), "JPEG", quality=100, subsampling=0, **_ALL),
    "jpeg gray": lambda: _pillow(gray(), "JPEG", quality=100),
    "jpeg cmyk": lambda: _pillow(rgb(), "JPEG", "CMYK", quality=100, subsampling=0),
    "webp": lambda: _pillow(rgb(), "WEBP", lossless=True, exif=exif(), icc_profile=ADOBE),
    "webp alpha": lambda: _pillow(rgba(), "WEBP", **LOSSLESS["WEBP"]),
    "webp frames": lambda: _frames("WEBP"),
    "bmp": lambda: _pillow(rgb(), "BMP"),
    "gif": lambda: _pillow(gray(), "GIF"),
    "gif frames": lambda: _frames("GIF"),
    "avif": lambda: _pillow(rgb(), "AVIF", quality=100, subsampling="4:4:4"),
    "jpeg 2000": lambda: _pillow(rgb(), "JPEG2000", **LOSSLESS["JPEG2000"]),
    "psd": _psd,
    "ppm": lambda: _pillow(rgb(), "PPM"),
    "tga": lambda: _pillow(rgba(), "TGA", compression="tga_rle"),
    "tiff": lambda: _pillow(rgb(), "TIFF", compression="tiff_lzw", exif=b"", dpi=(300, 300)),
    "tiff alpha": lambda: _pillow(rgba(), "TIFF", compression="tiff_adobe_deflate"),
    "tiff fax": lambda: _pillow(gray(), "TIFF", "1", compression="group4"),
    "tiff palette": lambda: _pillow(gray(), "TIFF", "P"),
    "tiff jpeg": lambda: _tiff(rgb(), photometric="rgb", compression="jpeg", compressionargs={"level": 100}),
    "tiff ycbcr": lambda: _pillow(rgb(), "TIFF", "YCbCr"),
    "tiff cmyk": lambda: _pillow(rgb(), "TIFF", "CMYK"),
    "tiff cmyk 16": lambda: _tiff(
        np.asarray(Image.fromarray(rgb()).convert("CMYK")).astype(np.uint16) * 257, photometric="separated"
    ),
    "tiff lab": lambda: _tiff(_lab(), photometric="cielab"),
    "tiff 16": lambda: _tiff(
        rgb().astype(np.uint16) * 257, photometric="rgb", iccprofile=ADOBE, resolution=(300, 300)
    ),
    "tiff 16 planes": lambda: _tiff(
        np.ascontiguousarray((rgb().astype(np.uint16) * 257).transpose(2, 0, 1)),
        photometric="rgb",
        planarconfig="separate",
    ),
    "tiff 16 associated": lambda: _tiff(
        _associated(np.uint16), photometric="rgb", extrasamples=["assocalpha"]
    ),
    "tiff associated": lambda: _tiff(_associated(np.uint8), photometric="rgb", extrasamples=["assocalpha"]),
    "tiff big": lambda: _tiff(rgb(), photometric="rgb", bigtiff=True),
    "tiff tiles": lambda: _tiff(rgb(), photometric="rgb", tile=(16, 16), compression="zlib", predictor=True),
    "tiff float": lambda: _tiff((rgb() / np.float32(255)), photometric="rgb", compression="zlib"),
    "tiff half": lambda: _tiff((rgb() / 255).astype(np.float16), photometric="rgb"),
    "tiff double": lambda: _tiff(rgb() / 255, photometric="rgb"),
    "tiff 32 gray": lambda: _tiff(gray().astype(np.uint32) * 0x01010101, photometric="minisblack"),
    "tiff white is 0": lambda: _tiff(255 - gray(), photometric="miniswhite"),
    "tiff extra": lambda: _tiff(
        np.dstack([rgba(), gray()]), photometric="rgb", extrasamples=["unassalpha", "unspecified"]
    ),
    "tiff pages": lambda: _tiff(np.stack([rgb(), rgb()[::-1]]), photometric="rgb"),
}
"""By kind: how to make one."""

SUFFIX = {"tga": ".tga"}
"""Of names that matter to the reader."""
