"""What travels beside the pixels of a file: profile, EXIF, XMP and resolution.

EXIF is a small TIFF file (EXIF 2.32, TIFF 6.0 section 2). It is taken apart into its entries and put
together anew, so that what arrives is whole: a damaged entry is left out and the rest stays; the thumbnail,
which would show the picture as it was, goes; orientation is upright, for it has been applied; sizes are those
of the picture that is written; entries that describe how a TIFF stores its pixels never travel.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Set
from dataclasses import dataclass, field, replace
from typing import Any

ORIENTATION = 0x0112
EXIF, GPS, _INTEROP = 0x8769, 0x8825, 0xA005
_SUB = {EXIF, GPS, _INTEROP}
_WIDTHS, _HEIGHTS = (0x0100, 0xA002), (0x0101, 0xA003)
"""ImageWidth and PixelXDimension, ImageLength and PixelYDimension."""
_PIXELS = {0x0111, 0x0117, 0x0142, 0x0143, 0x0144, 0x0145, 0x014A, 0x0201, 0x0202}
"""Where pixels lie in the file that it came from: strips, tiles, other pictures."""
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
"""Bytes a value of each TIFF type."""
_DESCRIBES = {
    *(0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x013C, 0x4746, 0x4749, 0x8298),
    *(0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F, 0xC4A5, ORIENTATION),
}
"""What of a TIFF's entries describes the picture: what it shows, camera, software, date, artist, host
computer, rating, copyright, Windows' five, print matching, which way is up."""
_DESCRIPTION, _NEW_SUBFILE = 0x010E, 0x00FE
_SHAPES = (b'{"shape"', b"ImageJ=", b"<?xml", b"<OME")
"""How descriptions begin that tell programs how the numbers lie: those of the file that it came from."""
_MOST = 4096
_XMP_NUMBERS = (
    (rb"tiff:Orientation", lambda width, height: 1),
    (rb"tiff:ImageWidth", lambda width, height: width),
    (rb"tiff:ImageLength", lambda width, height: height),
    (rb"exif:PixelXDimension", lambda width, height: width),
    (rb"exif:PixelYDimension", lambda width, height: height),
)


@dataclass
class Directory:
    """A directory of EXIF."""

    order: str = "<"
    """Of bytes, as `struct` says it."""
    entries: dict[int, tuple[int, int, bytes]] = field(default_factory=dict)
    """By tag: type, count, and the values' bytes."""
    subs: dict[int, Directory] = field(default_factory=dict)
    """Directories within, by the tag that points to each."""
    listed: int = 0
    """How many entries the file says there are, the damaged ones too."""


@dataclass(frozen=True)
class Metadata:
    """What a picture file says beside its pixels."""

    icc_profile: bytes = b""
    exif: bytes = b""
    """A TIFF block, without the `Exif` that goes before it in a JPEG."""
    xmp: bytes = b""
    dpi: tuple[float, float] | None = None
    """Pixels an inch, across and down."""

    def fitted(self, width: int, height: int) -> Metadata:
        """As it is to be written with a picture of that size, upright."""
        exif = b""
        if self.exif:
            found = read_exif(self.exif)
            _resize(found, width, height)
            exif = write_exif(found) if found.entries or found.subs else b""
        return replace(self, exif=exif, xmp=_fitted_xmp(self.xmp, width, height))

    def as_info(self) -> dict[str, Any]:
        """As Pillow knows it: for `Image.info`, and as options of `Image.save`."""
        exif = b"Exif\0\0" + self.exif if self.exif else b""
        found = {"icc_profile": self.icc_profile, "exif": exif, "xmp": self.xmp, "dpi": self.dpi}
        return {name: value for name, value in found.items() if value}


def metadata_of(info: dict[Any, Any]) -> Metadata:
    """From what Pillow knows of a file (`Image.info`); values of a wrong kind are left out."""
    xmp = info.get("xmp") or info.get("XML:com.adobe.xmp") or b""
    exif = info.get("exif") or b""
    profile = info.get("icc_profile") or b""
    return Metadata(
        profile if isinstance(profile, bytes) else b"",
        exif.removeprefix(b"Exif\0\0") if isinstance(exif, bytes) else b"",
        xmp.encode() if isinstance(xmp, str) else xmp if isinstance(xmp, bytes) else b"",
        sound_dpi(info.get("dpi")),
    )


def orientation_of(directory: Directory) -> int:
    """1..8; 1 where it says nothing that makes sense."""
    kind, count, data = directory.entries.get(ORIENTATION, (0, 0, b""))
    turn = struct.unpack(directory.order + "H", data)[0] if (kind, count) == (3, 1) else 1
    return turn if 1 <= turn <= 8 else 1


def read_exif(block: bytes, at: int = 0, subs: Set[int] = _SUB) -> Directory:
    """The entries of an EXIF block, or of a TIFF file's page or other directory at an offset (0: the first
    page); what is damaged is left out.

    Args:
        subs: tags that point to directories within.
    """
    order, start, big = _head(block)
    return _read(block, order, at or start, big, subs) if order else Directory()


def pages(block: bytes, most: int = 1000) -> int:
    """How many pages a TIFF has, reduced copies of others apart; a chain that bites its tail ends there."""
    order, start, big = _head(block)
    seen: set[int] = set()
    count = 0
    while order and start and start not in seen and len(seen) < most:
        seen.add(start)
        found = _read(block, order, start, big, set())
        kind = found.entries.get(_NEW_SUBFILE, (0, 0, b"\0"))[2]
        count += not kind[0 if order == "<" else -1] & 1
        try:
            if big:
                start = struct.unpack_from(order + "Q", block, start + 8 + 20 * found.listed)[0]
            else:
                start = struct.unpack_from(order + "I", block, start + 2 + 12 * found.listed)[0]
        except struct.error:
            break
    return count


def describing(directory: Directory) -> Directory:
    """Without the entries that say how a TIFF stores its pixels."""
    kept = {tag: entry for tag, entry in directory.entries.items() if tag in _DESCRIBES}
    if kept.get(_DESCRIPTION, (0, 0, b""))[2].lstrip().startswith(_SHAPES):
        del kept[_DESCRIPTION]
    return Directory(directory.order, kept, directory.subs)


def write_exif(directory: Directory) -> bytes:
    """The entries as an EXIF block."""
    head = (b"II" if directory.order == "<" else b"MM") + struct.pack(directory.order + "HI", 42, 8)
    return head + write_directory(directory, 8)


def write_directory(directory: Directory, at: int) -> bytes:
    """A directory, the values and directories that it points to, for a place in a file."""
    order = directory.order
    tags = sorted({*directory.entries, *directory.subs})
    body_at = at + 2 + 12 * len(tags) + 4
    table, body = struct.pack(order + "H", len(tags)), b""
    for tag in tags:
        if tag in directory.subs:
            kind, count = 4, 1
            value = struct.pack(order + "I", body_at + len(body))
            body += write_directory(directory.subs[tag], body_at + len(body))
        else:
            kind, count, value = directory.entries[tag]
            if len(value) > 4:
                place = body_at + len(body)
                body += value + bytes(len(value) % 2)
                value = struct.pack(order + "I", place)
        table += struct.pack(order + "HHI", tag, kind, count) + value.ljust(4, b"\0")
    return table + bytes(4) + body


def _head(block: bytes) -> tuple[str, int, bool]:
    """Order of bytes (empty where it is no TIFF), first directory, whether offsets have 8 bytes."""
    order = {b"II": "<", b"MM": ">"}.get(block[:2], "")
    try:
        version = struct.unpack_from(order + "H", block, 2)[0]
        start = struct.unpack_from(order + ("Q" if version == 43 else "I"), block, 8 if version == 43 else 4)[
            0
        ]
    except struct.error:
        return "", 0, False
    return order if version in (42, 43) else "", start, version == 43


def _read(block: bytes, order: str, at: int, big: bool, subs: Set[int]) -> Directory:
    found = Directory(order)
    wide, inline = ("Q", 8) if big else ("I", 4)
    count_form, entry_form = order + ("Q" if big else "H"), order + "HH" + wide
    try:
        count = struct.unpack_from(count_form, block, at)[0]
    except struct.error:
        return found
    at += struct.calcsize(count_form)
    found.listed = count
    for _ in range(min(count, _MOST)):
        try:
            tag, kind, values = struct.unpack_from(entry_form, block, at)
            size = values * _BYTES.get(kind, 0)
            value_at = at + struct.calcsize(entry_form)
            if size > inline or tag in subs:
                value_at = struct.unpack_from(order + wide, block, value_at)[0]
        except struct.error:
            break
        at += struct.calcsize(entry_form) + inline
        if tag in subs:
            inner = _read(block, order, value_at, big, {_INTEROP} if tag == EXIF else set())
            if inner.entries or inner.subs:
                found.subs[tag] = inner
        elif size and value_at + size <= len(block):
            found.entries[tag] = (kind, values, block[value_at : value_at + size])
    return found


def _resize(found: Directory, width: int, height: int) -> None:
    """Says the size and orientation of the picture that is written, where EXIF says any."""
    for tag in _PIXELS:
        found.entries.pop(tag, None)
    if ORIENTATION in found.entries:
        found.entries[ORIENTATION] = (3, 1, struct.pack(found.order + "H", 1))
    for entries in (found.entries, *(sub.entries for sub in found.subs.values())):
        for tag in (*_WIDTHS, *_HEIGHTS):
            if tag in entries:
                side = width if tag in _WIDTHS else height
                entries[tag] = (4, 1, struct.pack(found.order + "I", side))


def _fitted_xmp(xmp: bytes, width: int, height: int) -> bytes:
    for name, value in _XMP_NUMBERS:
        number = str(value(width, height)).encode()
        xmp = re.sub(rb"(" + name + rb"\s*=\s*[\"'])\d+", rb"\g<1>" + number, xmp)
        xmp = re.sub(rb"(<" + name + rb">\s*)\d+", rb"\g<1>" + number, xmp)
    return xmp


def sound_dpi(dpi: Any) -> tuple[float, float] | None:
    """A resolution where it is one: two numbers that a printer or a screen could have."""
    try:
        across, down = (float(v) for v in dpi)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return (across, down) if 1 <= across <= 100_000 and 1 <= down <= 100_000 else None
