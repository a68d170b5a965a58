"""Picture files: read with their depth, orientation and profile, written whole or not at all.

Pillow reads and writes everything of 8 bits. It knows no deeper colour, so PNG of 16 bits goes through
imagecodecs (libpng) and TIFF of 16 bits or floats through tifffile; both come with `velatura[daemon]`. The
recipe travels in the text chunk `velatura-recipe` of a PNG. Of animations and multi-page files the first
picture is used.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import struct
import threading
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from ..errors import VelaturaError
from ..recipe import Recipe, recipe_from_map, recipe_to_map
from . import images

RECIPE_KEY = "velatura-recipe"
PNG, TIFF = ".png", (".tif", ".tiff")
SUFFIXES = (PNG, *TIFF, ".jpg", ".jpeg", ".webp", ".bmp")
"""What can be written."""
_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_MOST_EXIF = 65_000
"""What fits in a JPEG segment; EXIF data longer than that is left out."""
_lock = threading.Lock()


def load(path: Path) -> images.Pixels:
    """A picture file in sRGB numbers, orientation applied.

    Raises:
        VelaturaError: `bad_image` when it is missing, no picture, truncated, empty or not finite, or of
            more than 8 bits without the codecs installed; `too_large` over the protocol's limits.
    """
    name = str(path)
    try:
        with path.open("rb") as file:
            head = file.read(32)
        if not head:
            raise VelaturaError("bad_image", "is an empty file", name)
        if head.startswith(_PNG_MAGIC) and len(head) > 24 and head[24] == 16:
            return images.in_srgb(_load_png16(path, name))
        if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            deep = _load_deep_tiff(path, name)
            if deep is not None:
                return images.in_srgb(deep)
        with _big_pictures(), Image.open(path) as image:
            return images.from_pil(image, name)
    except UnidentifiedImageError:
        raise VelaturaError("bad_image", "is not a picture, or of a kind that is not known", name) from None
    except OSError as error:
        words = error.strerror or str(error)
        raise VelaturaError("bad_image", f"cannot be read: {words}", name) from error


def save(
    path: Path, array: np.ndarray, icc_profile: bytes = b"", exif: bytes = b"", recipe: Recipe | None = None
) -> None:
    """Writes a picture; the file appears complete or not at all.

    Args:
        path: its ending chooses the format, one of `SUFFIXES`. PNG and TIFF keep 16 bits, TIFF floats too;
            all others get 8 bits, and no alpha where the format has none.
        array: H x W x C, numbers in the profile's own space.
        recipe: for the text chunk of a PNG.

    Raises:
        VelaturaError: `bad_image` for another ending, or when the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise VelaturaError(
            "bad_image", f"cannot write {suffix or 'no ending'!r}; use {', '.join(SUFFIXES)}", str(path)
        )
    text = json.dumps(recipe_to_map(recipe)) if recipe is not None else ""
    deep = array.dtype != np.uint8
    if suffix in TIFF and deep:
        data = _tiff(array, icc_profile)
    elif suffix == PNG and deep:
        data = _png16(array, icc_profile, exif, text)
    else:
        data = _eight_bits(array, suffix, icc_profile, exif, text)
    write_whole(path, data)


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file that appears complete or not at all, with the usual permissions.

    Raises:
        VelaturaError: `bad_image` when it cannot be written.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        try:
            with part.open("xb") as file:
                file.write(data)
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        words = f"cannot be written: {error.strerror or error}"
        raise VelaturaError("bad_image", words, str(path)) from error


def new_name(source: Path) -> Path:
    """A path beside a source that does not exist yet: `photo-velatura.jpg`, `photo-velatura-2.jpg`, …"""
    suffix = source.suffix if source.suffix.lower() in SUFFIXES else PNG
    for count in range(1, 100000):
        tail = f"-{count}" if count > 1 else ""
        candidate = source.with_name(f"{source.stem}-velatura{tail}{suffix}")
        if not candidate.exists():
            return candidate
    raise VelaturaError("bad_image", "there are too many results beside it; name one", str(source))


def recipe_of(path: Path) -> Recipe:
    """The recipe in a PNG that Velatura wrote.

    Raises:
        VelaturaError: `bad_image` when there is none; `bad_field` when it is out of range.
    """
    try:
        with Image.open(path) as image:
            image.load()
            text = getattr(image, "text", {}).get(RECIPE_KEY)
    except (OSError, SyntaxError) as error:
        raise VelaturaError("bad_image", f"cannot be read: {error}", str(path)) from error
    if text is None:
        raise VelaturaError("bad_image", "holds no recipe; only PNG files written by Velatura do", str(path))
    try:
        return recipe_from_map(json.loads(text), str(path))
    except ValueError as error:
        raise VelaturaError("bad_image", f"holds a damaged recipe: {error}", str(path)) from error


@contextlib.contextmanager
def _big_pictures() -> Iterator[None]:
    """Lets Pillow open what the protocol allows; `images.check_size` refuses what is larger."""
    with _lock:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _codec(name: str, path: str) -> Any:
    try:
        return __import__(name)
    except ImportError:
        words = "has more than 8 bits; install the codecs for that: pip install 'velatura[daemon]'"
        raise VelaturaError("bad_image", words, path) from None


def _load_png16(path: Path, name: str) -> images.Pixels:
    imagecodecs = _codec("imagecodecs", name)
    data = path.read_bytes()
    images.check_size(*struct.unpack_from(">II", data, 16), name)
    with _big_pictures(), Image.open(BytesIO(data)) as image:
        exif = image.getexif()
        profile = image.info.get("icc_profile") or b""
    try:
        array = imagecodecs.png_decode(data)
    except (imagecodecs.PngError, ValueError) as error:
        raise VelaturaError("bad_image", f"is truncated or damaged: {error}", name) from error
    array = np.asarray(array, np.uint16)
    return _upright(array if array.ndim == 3 else array[:, :, None], exif, profile)


def _load_deep_tiff(path: Path, name: str) -> images.Pixels | None:
    """A TIFF of 16 bits or floats; None for one that Pillow reads."""
    try:
        with _big_pictures(), Image.open(path) as image:
            bits, exif = image.tag_v2.get(258, (1,)), image.getexif()  # type: ignore[attr-defined]
            profile = image.info.get("icc_profile") or b""
        if max(bits if isinstance(bits, tuple) else (bits,)) <= 8:
            return None
    except (UnidentifiedImageError, SyntaxError):  # Pillow has no mode for it
        exif, profile = Image.Exif(), b""
    tifffile = _codec("tifffile", name)
    try:
        with tifffile.TiffFile(path) as tiff:
            page = tiff.pages[0]
            images.check_size(page.imagewidth, page.imagelength, name)
            array = page.asarray()
            tag = page.tags.get(34675)
            profile = bytes(tag.value) if tag is not None and not profile else profile
            turned = page.tags.get(274)
            if turned is not None:
                exif[0x0112] = int(turned.value)
            if page.photometric == 0:  # white is zero
                array = np.iinfo(array.dtype).max - array
            elif page.photometric not in (1, 2):
                raise VelaturaError(
                    "bad_image", f"is a TIFF of a kind that is not known ({page.photometric!s})", name
                )
            if page.planarconfig == 2 and array.ndim == 3:
                array = np.moveaxis(array, 0, -1)
    except VelaturaError:
        raise
    except Exception as error:  # tifffile raises many kinds for damaged files
        raise VelaturaError("bad_image", f"is truncated or damaged: {error}", name) from error
    return _upright(images.from_array(array, name).array, exif, profile)


def _upright(array: np.ndarray, exif: Image.Exif, profile: bytes) -> images.Pixels:
    """Applies the EXIF orientation (1..8) to an array."""
    turn = exif.get(0x0112, 1)
    if turn in (5, 6, 7, 8):
        array = array.transpose(1, 0, 2)
    if turn in (2, 3, 6, 7):
        array = array[:, ::-1]
    if turn in (3, 4, 7, 8):
        array = array[::-1]
    if 0x0112 in exif:
        del exif[0x0112]
    kept = exif.tobytes() if len(exif) else b""
    return images.Pixels(np.ascontiguousarray(array), "path", icc_profile=profile, exif=kept)


def _eight_bits(array: np.ndarray, suffix: str, icc_profile: bytes, exif: bytes, text: str) -> bytes:
    image = images.to_pil(array)
    if image.mode in ("I;16", "F"):
        image = images.to_pil(np.repeat(array, 3, 2)).getchannel(0)
    options: dict[str, Any] = {"icc_profile": icc_profile} if icc_profile else {}
    if exif and suffix != ".bmp" and len(exif) < _MOST_EXIF:
        options["exif"] = exif
    if suffix in (".jpg", ".jpeg"):
        options |= {"quality": 95, "subsampling": 0}
    elif suffix == ".webp":
        options["lossless"] = True
    elif suffix == PNG and text:
        info = PngImagePlugin.PngInfo()
        info.add_itxt(RECIPE_KEY, text)
        options["pnginfo"] = info
    elif suffix in TIFF:
        options["compression"] = "tiff_deflate"
    if suffix in (".jpg", ".jpeg", ".bmp") and image.mode in ("LA", "RGBA"):
        paper = Image.new(image.mode, image.size, "white")  # these formats have no alpha
        image = Image.alpha_composite(paper.convert("RGBA"), image.convert("RGBA"))
        image = image.convert("RGB" if suffix == ".bmp" or array.shape[2] == 4 else "L")
    format_name = {".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF"}.get(suffix, suffix[1:].upper())
    buffer = BytesIO()
    try:
        image.save(buffer, format_name, **options)
    except (OSError, ValueError) as error:  # a size that the format does not have
        words = f"a picture of {image.width} x {image.height} cannot be written as {format_name}: {error}"
        raise VelaturaError("bad_image", words) from error
    return buffer.getvalue()


def _png16(array: np.ndarray, icc_profile: bytes, exif: bytes, text: str) -> bytes:
    """A 16-bit PNG: libpng's encoding with our chunks put in after the header."""
    if array.dtype.kind == "f":
        array = np.rint(np.clip(array.astype(np.float32), 0, 1) * 65535).astype(np.uint16)
    imagecodecs = _codec("imagecodecs", "a PNG")
    plain = imagecodecs.png_encode(array[:, :, 0] if array.shape[2] == 1 else array)
    chunks = b""
    if icc_profile:
        chunks += _chunk(b"iCCP", b"icc\0\0" + zlib.compress(icc_profile))
    if exif:
        chunks += _chunk(b"eXIf", exif.removeprefix(b"Exif\0\0"))
    if text:
        chunks += _chunk(b"iTXt", RECIPE_KEY.encode() + b"\0\0\0\0\0" + text.encode())
    end_of_header = 8 + 25
    return plain[:end_of_header] + chunks + plain[end_of_header:]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _tiff(array: np.ndarray, icc_profile: bytes) -> bytes:
    tifffile = _codec("tifffile", "a TIFF")
    channels = array.shape[2]
    buffer = BytesIO()
    tifffile.imwrite(
        buffer,
        array[:, :, 0] if channels == 1 else array,
        photometric="rgb" if channels >= 3 else "minisblack",
        planarconfig=None if channels == 1 else "contig",
        extrasamples=["unassalpha"] if channels in (2, 4) else None,
        compression="zlib",
        iccprofile=icc_profile or None,
        metadata=None,
    )
    return buffer.getvalue()
