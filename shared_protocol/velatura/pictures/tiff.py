"""TIFF through tifffile: every depth, and the tags beside the pixels.

Palettes, inks, planes, premultiplied alpha and integers of odd sizes become plain gray or RGB. Only tags that
describe the picture travel; those that say how pixels are stored are the writer's own. What tifffile does not
take apart (fax, subsampled YCbCr, old JPEG) Pillow reads, through libtiff.
"""

from __future__ import annotations

import logging
import struct
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from ..errors import VelaturaError
from . import formats, icc
from .arrays import ANY, Most, Pixels, check_size, from_array, from_pil, note, opened, upright
from .metadata import (
    ORIENTATION,
    Directory,
    Metadata,
    describing,
    orientation_of,
    pages,
    read_exif,
    sound_dpi,
    write_directory,
    write_exif,
)

_XMP, _PROFILE, _DNG, _UNIT = 700, 34675, 50706, 296
_ACROSS, _DOWN = 282, 283
_MOST_SAMPLES, _MOST_SMALL = 32, 16
_SENSOR = (32803, 34892)
"""Photometric interpretations of what a camera's sensor saw: behind a filter of colours, or linear."""
_COLOURS = {"gray": 1, "rgb": 3, "palette": 1, "cmyk": 4, "lab": 3}
_KINDS = {0: "gray", 1: "gray", 2: "rgb", 3: "palette", 5: "cmyk", 8: "lab", 9: "lab"}
"""What a photometric interpretation (tag 262) is read as; with 6, YCbCr, Pillow is asked."""

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # what it says of odd tags is not for artists


def read(data: bytes, what: str, most: Most = ANY) -> Pixels:
    """A TIFF's bytes as `Pixels`; raises whatever tifffile, its codecs and Pillow raise for a damaged one."""
    import tifffile

    with tifffile.TiffFile(BytesIO(data)) as tiff:
        if not len(tiff.pages):
            raise ValueError("it holds no page")
        first: Any = tiff.pages[0]
        page: Any = first
        if first.is_reduced:  # a thumbnail that comes before its picture
            page = next((found for found in tiff.pages[:_MOST_SMALL] if not found.is_reduced), first)
        if _DNG in first.tags or int(page.photometric) in _SENSOR or _holds_raw(data, first):
            raise VelaturaError("bad_image", formats.RAW_REFUSED)
        check_size(page.imagewidth, page.imagelength, what, most, _pixel_bytes(page))
        if page.samplesperpixel > _MOST_SAMPLES or page.imagedepth > 1:
            words = f"has {page.samplesperpixel} channels and {page.imagedepth} layers; it is no photo"
            raise VelaturaError("bad_image", words)
        about, turn = _about(data, page.offset)
        frames = pages(data)
        if frames > 1:
            note(what, f"the first of {frames} pages is used")
        kind = _KINDS.get(int(page.photometric))
        if kind is None or page.bitspersample < 8 or int(page.compression) in (2, 3, 4, 6):
            with opened(data, "TIFF") as image:
                image.seek(page.index)
                return upright(from_pil(_bare(image), what), about, "path", what, turn)
        array = page.asarray()
        if array.ndim == 2:
            array = array[:, :, None]
        elif int(page.planarconfig) == 2:
            array = np.moveaxis(array, 0, -1)
        colours = _COLOURS[kind]
        values, alpha = _unsigned(array[:, :, :colours], page.bitspersample, what), None
        for index, meaning in enumerate(page.extrasamples[: array.shape[2] - colours]):
            if meaning in (1, 2) and alpha is None:
                alpha = _unsigned(array[:, :, colours + index, None], page.bitspersample, what)
                if meaning == 1:  # colour that was multiplied by it
                    unit = icc.to_unit(values) / np.maximum(icc.to_unit(alpha), 1e-6)
                    values = icc.from_unit(unit, values.dtype)
        left = array.shape[2] - colours - (alpha is not None)
        if left:
            note(what, f"its channels beside colour and alpha ({left}) are left out")
        if kind == "palette":
            values = _looked_up(array[:, :, 0], page.colormap)
        elif int(page.photometric) == 0:  # white is zero
            values = 1 - values if values.dtype.kind == "f" else np.iinfo(values.dtype).max - values
        elif kind in ("cmyk", "lab"):
            values = _inks(values, about.icc_profile) if kind == "cmyk" else _lab(array, values, page)
            about = Metadata(b"", about.exif, about.xmp, about.dpi)
            note(what, f"is {'CMYK' if kind == 'cmyk' else 'Lab'} and becomes RGB")
        whole = values if alpha is None else np.concatenate([values, _as_deep(alpha, values.dtype)], 2)
        return upright(from_array(whole, what), about, "path", what, turn)


def write(array: np.ndarray, about: Metadata) -> bytes:
    """A picture as a TIFF of its own depth.

    Args:
        array: H x W x C, alpha straight.
    """
    import tifffile

    channels = array.shape[2]
    found = describing(read_exif(about.exif))
    found.entries.pop(ORIENTATION, None)
    tags = [(tag, kind, count, value, True) for tag, (kind, count, value) in found.entries.items()]
    if about.xmp:
        tags.append((_XMP, 1, len(about.xmp), about.xmp, True))
    buffer = BytesIO()
    tifffile.imwrite(
        buffer,
        array[:, :, 0] if channels == 1 else array,
        photometric="rgb" if channels >= 3 else "minisblack",
        planarconfig=None if channels == 1 else "contig",
        extrasamples=["unassalpha"] if channels in (2, 4) else None,
        compression="zlib",
        iccprofile=about.icc_profile or None,
        metadata=None,
        software=False,
        byteorder="<" if found.order == "<" else ">",
        resolution=about.dpi,
        resolutionunit="INCH" if about.dpi else None,
        extratags=tags,
    )
    return _with_directories(bytearray(buffer.getbuffer()), found)


def _with_directories(data: bytearray, found: Directory) -> bytes:
    """Adds the directories within EXIF, which tifffile does not write: the page's own moves to the end."""
    order = found.order
    if not found.subs or struct.unpack_from(order + "H", data, 2)[0] != 42:
        return bytes(data)
    at = struct.unpack_from(order + "I", data, 4)[0]
    count = struct.unpack_from(order + "H", data, at)[0]
    entries = [bytes(data[place : place + 12]) for place in range(at + 2, at + 2 + 12 * count, 12)]
    for tag, inner in found.subs.items():
        data += bytes(len(data) % 2)
        entries.append(struct.pack(order + "HHII", tag, 4, 1, len(data)))
        data += write_directory(inner, len(data))
    data += bytes(len(data) % 2)
    struct.pack_into(order + "I", data, 4, len(data))
    entries.sort(key=lambda entry: struct.unpack(order + "H", entry[:2]))
    return bytes(data) + struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4)


def _pixel_bytes(page: Any) -> int:
    """Of a pixel as it is sent, at least: colours alone, integers in 16 bits, floats in 32."""
    colours = min(page.samplesperpixel, 1 if _KINDS.get(int(page.photometric)) == "gray" else 3)
    return colours * max(1, min(page.bitspersample // 8, 4 if int(page.sampleformat) == 3 else 2))


def _about(data: bytes, at: int) -> tuple[Metadata, int]:
    """What the page there says beside its pixels, and its orientation."""
    found = read_exif(data, at)
    tags = {tag: value for tag, (_, _, value) in found.entries.items()}
    dpi = None
    if {_ACROSS, _DOWN} <= tags.keys() and len(tags[_ACROSS]) == len(tags[_DOWN]) == 8:
        across, down = (struct.unpack(found.order + "II", tags[tag]) for tag in (_ACROSS, _DOWN))
        unit = struct.unpack(found.order + "H", tags[_UNIT])[0] if len(tags.get(_UNIT, b"")) == 2 else 2
        scale = {2: 1.0, 3: 2.54}.get(unit, 0.0)
        dpi = sound_dpi(tuple(scale * a / b if b else 0 for a, b in (across, down)))
    turn = orientation_of(found)
    named = describing(found)
    exif = write_exif(named) if named.entries or named.subs else b""
    return Metadata(tags.get(_PROFILE, b""), exif, tags.get(_XMP, b""), dpi), turn


def _holds_raw(data: bytes, page: Any) -> bool:
    """Whether the page is the thumbnail of a sensor's numbers, as in most cameras' raw files."""
    inner = (read_exif(data, place, set()) for place in (page.subifds or ())[:8])
    found = ((part.order, part.entries.get(262, (0, 0, b""))[2]) for part in inner)
    return any(len(v) == 2 and struct.unpack(order + "H", v)[0] in _SENSOR for order, v in found)


def _bare(image: Image.Image) -> Image.Image:
    """The pixels alone: what the file says beside them is read from its tags."""
    image.load()
    bare = image.copy()
    bare.info = {k: v for k, v in image.info.items() if k == "transparency"}
    return Image.frombytes(bare.mode, bare.size, bare.tobytes()) if bare.mode != "P" else bare


def _unsigned(values: np.ndarray, bits: int, what: str) -> np.ndarray:
    """Numbers of any kind as u8, u16, f16 or f32 over their full range.

    Raises:
        VelaturaError: `bad_image` for signed and complex ones, whose range nobody knows.
    """
    kind = values.dtype.kind
    if kind == "u" and values.dtype.itemsize > 2:
        if values.max() < np.iinfo(values.dtype).max // 64:
            note(what, f"is nearly black: its numbers of {values.dtype} end at {values.max()}")
        return (values >> (8 * values.dtype.itemsize - 16)).astype(np.uint16)
    if kind == "u" and bits not in (8, 16):
        return icc.from_unit(values / np.float32(2**bits - 1), values.dtype)
    if kind not in "uf":
        words = f"has numbers of the kind {values.dtype}; save it with 8 or 16 bits without sign"
        raise VelaturaError("bad_image", words)
    return values.astype(np.float32) if values.dtype.itemsize == 8 else values


def _looked_up(indices: np.ndarray, colormap: np.ndarray) -> np.ndarray:
    colours = np.asarray(colormap, np.uint16).T
    low, high = colours & 255, colours >> 8
    if ((low == high) | (low == 0)).all():  # 8 bits, written twice or shifted
        colours = high.astype(np.uint8)
    elif colours.max() < 256:  # a writer that took 8 bits for 16
        colours = colours.astype(np.uint8)
    return colours[np.minimum(indices, len(colours) - 1)]


def _inks(values: np.ndarray, profile: bytes) -> np.ndarray:
    """CMYK (0 is no ink) as RGB of the same depth, by its profile or the plain formula."""
    ink = icc.to_unit(values)
    if icc.space_of(profile) == "cmyk":
        return icc.flat_srgb(ink * 100, "cmyk", profile, values.dtype)
    return icc.from_unit((1 - ink[:, :, :3]) * (1 - ink[:, :, 3:]), values.dtype)


def _lab(array: np.ndarray, values: np.ndarray, page: Any) -> np.ndarray:
    """CIE L*a*b* (a and b signed) or ICC's (unsigned, 128 is neutral) as RGB of the same depth."""
    whole = np.iinfo(values.dtype).max
    step = (whole + 1) / 256
    colour = array[:, :, 1:3]
    if int(page.photometric) == 8:
        colour = colour.astype(f"i{colour.dtype.itemsize}").astype(np.float32) / step
    else:
        colour = colour.astype(np.float32) / step - 128
    lightness = values[:, :, :1].astype(np.float32) * (100 / whole)
    return icc.flat_srgb(np.concatenate([lightness, colour], 2), "lab", icc.lab(), values.dtype)


def _as_deep(alpha: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return alpha if alpha.dtype == dtype else icc.from_unit(icc.to_unit(alpha), dtype)
