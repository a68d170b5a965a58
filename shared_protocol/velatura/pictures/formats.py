"""The kinds of picture files: how each is recognised, and what of a picture it can hold.

What is not in `READ` is never given to a decoder, whatever a file's name says: decoders of rare formats are
where holes are (PostScript in a file called `.png` is run by Ghostscript). Nothing is imported here, so the
command line decides about names without loading a codec.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    """A kind of file that can be read, and what it can hold when it is written."""

    name: str
    """As Pillow calls it."""
    suffixes: tuple[str, ...]
    """The first one is the usual one."""
    magic: tuple[bytes, ...] = ()
    """How such a file begins; `?` is any byte. TGA has none, so its suffix must do."""
    writes: bool = False
    alpha: bool = False
    longest: int = 65536
    """Longest side, in pixels, that can be written."""
    keeps: tuple[str, ...] = ()
    """What travels beside the pixels: profile, exif, xmp, dpi, recipe."""


_BESIDE = ("profile", "exif", "xmp", "dpi")

READ = (
    Format("PNG", (".png", ".apng"), (b"\x89PNG\r\n\x1a\n",), True, True, keeps=(*_BESIDE, "recipe")),
    Format("TIFF", (".tif", ".tiff"), (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), True, True, keeps=_BESIDE),
    Format(
        "JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), (b"\xff\xd8\xff",), True, longest=65535, keeps=_BESIDE
    ),
    Format("WEBP", (".webp",), (b"RIFF????WEBP",), True, True, 16383, _BESIDE[:3]),
    Format("BMP", (".bmp", ".dib"), (b"BM",), True, keeps=("dpi",)),
    Format("GIF", (".gif",), (b"GIF87a", b"GIF89a")),
    Format("AVIF", (".avif",), (b"????ftypavis",)),
    Format("JPEG2000", (".jp2", ".j2k", ".jpx"), (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")),
    Format("PSD", (".psd",), (b"8BPS",)),
    Format("PPM", (".ppm", ".pgm", ".pbm", ".pnm"), (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6")),
    Format("TGA", (".tga",)),
)
"""All that is read, by what is in the file; only a TGA is known by its name."""

_SAVE = "save it as PNG, TIFF or JPEG"
_PAGE = "a web page"
_RAW = f"camera raw; develop it first and {_SAVE}"
_REFUSED = (
    (b"\x89PNG\r\n\x1a\n????CgBI", "a PNG made for iPhone programs (CgBI)"),
    (b"????ftypheic", "HEIC"),
    (b"????ftypheix", "HEIC"),
    (b"????ftyphevc", "HEIC"),
    (b"????ftypheim", "HEIC"),
    (b"????ftypmif1", "HEIF"),
    (b"????ftypmsf1", "HEIF"),
    (b"????ftypcrx ", _RAW),
    (b"????ftyp", "a video"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"v/1\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"#?RGBE", "Radiance HDR"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "PostScript"),
    (b"%PDF", "PDF"),
    (b"gimp xcf", "GIMP's XCF"),
    (b"\0\0\1\0", "an icon"),
    (b"\xd7\xcd\xc6\x9a", "WMF"),
    (b"<svg", "SVG"),
    (b"<?xml", "SVG or XML"),
    (b"\xef\xbb\xbf<", "SVG or XML"),
    (b"PK\3\4", "a ZIP, Krita or OpenRaster file"),
    (b"8BPB", "PSB, Photoshop's large document"),
    (b"SDPX", "DPX"),
    (b"XPDS", "DPX"),
    (b"SIMPLE", "FITS"),
    (b"DDS ", "DDS"),
    (b"qoif", "QOI"),
    (b"P7", "PAM"),
    (b"Pf", "PFM"),
    (b"PF", "PFM"),
    (b"\x0a\x05\x01", "PCX"),
    (b"\x01\xda", "SGI"),
    (b"\x1f\x8b", "compressed by gzip"),
    (b"<html", _PAGE),
    (b"<HTML", _PAGE),
    (b"<!DOCTYPE", _PAGE),
    (b"<!doctype", _PAGE),
    (b"FUJIFILMCCD-RAW", _RAW),
    (b"IIU\0", _RAW),
    (b"IIRO", _RAW),
    (b"IIRS", _RAW),
    (b"FOVb", _RAW),
)
_RAW_SUFFIXES = (".dng", ".nef", ".arw", ".cr2", ".cr3", ".raf", ".rw2", ".orf", ".pef", ".srw", ".nrw")
_HINTS = {
    "HEIC": f"{_SAVE}; iPhones do with Settings, Camera, Formats, Most Compatible",
    "HEIF": _SAVE,
    _PAGE: "download the picture itself",
    "PostScript": "it holds a program rather than pixels and is not run; draw it with another program and "
    + _SAVE,
}

READABLE = tuple(suffix for kind in READ for suffix in kind.suffixes)
"""Suffixes that are taken from folders; a file that is named may have any."""

WRITABLE = tuple(suffix for kind in READ if kind.writes for suffix in kind.suffixes)
"""Suffixes that results may have."""


def of_suffix(suffix: str) -> Format | None:
    """The format that a file name's ending (with its dot, any case) stands for."""
    return next((kind for kind in READ if suffix.lower() in kind.suffixes), None)


def of_content(head: bytes, suffix: str = "") -> Format | str:
    """The format of a file by how it begins, or why it cannot be read, in words.

    Args:
        head: its first 64 bytes or more.
        suffix: of its name; decides for TGA, which has no mark, and for camera raw, which looks like TIFF.
    """
    if suffix.lower() == ".velatura":
        return "is a style's file, not a picture; add it to the styles (`velatura styles add`)"
    raw = suffix.lower() in _RAW_SUFFIXES
    if raw or (head[:4] == b"II*\0" and head[8:10] == b"CR"):
        return _refusal(_RAW)
    if head[4:8] == b"ftyp" and b"avif" in head[8:64]:
        return next(kind for kind in READ if kind.name == "AVIF")
    for magic, name in _REFUSED:
        if _begins(head, magic):
            return _refusal(name)
    for kind in READ:
        if any(_begins(head, magic) for magic in kind.magic):
            return kind
    by_name = of_suffix(suffix)
    if by_name is not None and not by_name.magic:
        return by_name
    return f"is not a picture, or of a kind that is not known; {_SAVE}"


def raw_refusal() -> str:
    """The words for camera raw that only its tags give away."""
    return _refusal(_RAW)


def _refusal(name: str) -> str:
    if name is _RAW:
        return f"is {_RAW}"
    return f"is {name}, which is not read; {_HINTS.get(name, _SAVE)}"


def _begins(head: bytes, magic: bytes) -> bool:
    part = head[: len(magic)]
    return len(part) == len(magic) and all(m in (ord("?"), h) for m, h in zip(magic, part, strict=True))
