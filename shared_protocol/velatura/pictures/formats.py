"""The kinds of picture files: how each is recognised, and what of a picture it can hold.

What is not in `READ` is never given to a decoder, whatever a file's name says: decoders of rare formats are
where holes are (PostScript in a file called `.png` is run by Ghostscript). Nothing is imported here, so the
command line decides about names without loading a codec.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    """A kind of file: how it begins, and what it can hold when it is written."""

    name: str
    """As Pillow calls it, where it is read."""
    suffixes: tuple[str, ...] = ()
    """The first one is the usual one."""
    magic: tuple[bytes, ...] = ()
    """How such a file begins; `?` is any byte. TGA has none, so its suffix must do."""
    writes: bool = False
    alpha: bool = False
    longest: int = 65536
    """Longest side, in pixels, that can be written."""
    keeps: tuple[str, ...] = ()
    """What travels beside the pixels: profile, exif, xmp, dpi, recipe."""
    instead: str = ""
    """What to do with one that is not read."""


_BESIDE = ("profile", "exif", "xmp", "dpi")
_SAVE = "save it as PNG, TIFF or JPEG"


def _no(name: str, *magic: bytes, instead: str = _SAVE) -> Format:
    return Format(name, magic=magic, instead=instead)


_RAW = Format(
    "camera raw",
    (".dng", ".nef", ".arw", ".cr2", ".cr3", ".raf", ".rw2", ".orf", ".pef", ".srw", ".nrw"),
    (b"????ftypcrx ", b"FUJIFILMCCD-RAW", b"IIU\0", b"IIRO", b"IIRS", b"FOVb"),
    instead=f"develop it first and {_SAVE}",
)
_AVIF = Format("AVIF", (".avif",), (b"????ftypavis",))
_PROGRAM = "it holds a program rather than pixels and is not run; draw it with another program and "
_FORMATS = (
    _no("a PNG made for iPhone programs (CgBI)", b"\x89PNG\r\n\x1a\n????CgBI"),
    _no(
        "HEIC", b"????ftypheic", b"????ftypheix", b"????ftyphevc", b"????ftypheim",
        instead=f"{_SAVE}; iPhones do with Settings, Camera, Formats, Most Compatible",
    ),
    _no("HEIF", b"????ftypmif1", b"????ftypmsf1"),
    _RAW,
    _no("a video", b"????ftyp", b"\x1aE\xdf\xa3"),
    _no("OpenEXR", b"v/1\x01"),
    _no("Radiance HDR", b"#?RADIANCE", b"#?RGBE"),
    _no("JPEG XL", b"\xff\x0a", b"\0\0\0\x0cJXL "),
    _no("PostScript", b"%!PS", b"\xc5\xd0\xd3\xc6", instead=_PROGRAM + _SAVE),
    _no("PDF", b"%PDF"),
    _no("GIMP's XCF", b"gimp xcf"),
    _no("an icon", b"\0\0\1\0"),
    _no("WMF", b"\xd7\xcd\xc6\x9a"),
    _no("SVG", b"<svg"),
    _no("SVG or XML", b"<?xml", b"\xef\xbb\xbf<"),
    _no("a ZIP, Krita or OpenRaster file", b"PK\3\4"),
    _no("PSB, Photoshop's large document", b"8BPB"),
    _no("DPX", b"SDPX", b"XPDS"),
    _no("FITS", b"SIMPLE"),
    _no("DDS", b"DDS "),
    _no("QOI", b"qoif"),
    _no("PAM", b"P7"),
    _no("PFM", b"Pf", b"PF"),
    _no("PCX", b"\x0a\x05\x01"),
    _no("SGI", b"\x01\xda"),
    _no("compressed by gzip", b"\x1f\x8b"),
    _no(
        "a web page", b"<html", b"<HTML", b"<!DOCTYPE", b"<!doctype", instead="download the picture itself"
    ),
    Format("PNG", (".png", ".apng"), (b"\x89PNG\r\n\x1a\n",), True, True, keeps=(*_BESIDE, "recipe")),
    Format("TIFF", (".tif", ".tiff"), (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), True, True, keeps=_BESIDE),
    Format(
        "JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), (b"\xff\xd8\xff",), True, longest=65535, keeps=_BESIDE
    ),
    Format("WEBP", (".webp",), (b"RIFF????WEBP",), True, True, 16383, _BESIDE[:3]),
    Format("BMP", (".bmp", ".dib"), (b"BM",), True, keeps=("dpi",)),
    Format("GIF", (".gif",), (b"GIF87a", b"GIF89a")),
    _AVIF,
    Format("JPEG2000", (".jp2", ".j2k", ".jpx"), (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")),
    Format("PSD", (".psd",), (b"8BPS",)),
    Format("PPM", (".ppm", ".pgm", ".pbm", ".pnm"), (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6")),
    Format("TGA", (".tga",)),
)  # fmt: skip
"""All that is known; the first one that a file begins like is what it is. Only a TGA is known by its name."""

READ = tuple(kind for kind in _FORMATS if not kind.instead)
RAW_REFUSED = f"is camera raw; {_RAW.instead}"

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
    raw = suffix.lower() in _RAW.suffixes or (head[:4] == b"II*\0" and head[8:10] == b"CR")
    avif = head[4:8] == b"ftyp" and b"avif" in head[8:64]
    marked = (kind for kind in _FORMATS if any(_begins(head, magic) for magic in kind.magic))
    kind = _RAW if raw else _AVIF if avif else next(marked, None)
    if kind is None:
        named = of_suffix(suffix)
        unknown = f"is not a picture, or of a kind that is not known; {_SAVE}"
        return unknown if named is None or named.magic else named
    if kind is _RAW:
        return RAW_REFUSED
    return f"is {kind.name}, which is not read; {kind.instead}" if kind.instead else kind


def _begins(head: bytes, magic: bytes) -> bool:
    part = head[: len(magic)]
    return len(part) == len(magic) and all(m in (ord("?"), h) for m, h in zip(magic, part, strict=True))
