"""Picture files: the one reader and the one writer; read with depth, orientation and profile, written whole
or not at all.

A format's own matters are in `png`, `tiff` and `plain`; which there are is in `formats`. The recipe travels
in the text chunk `velatura-recipe` of a PNG. Of animations and multi-page files the first picture is used.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
import zlib
from pathlib import Path

import numpy as np
from PIL import UnidentifiedImageError

from ..errors import VelaturaError
from ..recipe import Recipe, recipe_from_map, recipe_to_map
from . import formats, plain, png, tiff
from .arrays import ANY, Most, Pixels
from .metadata import Metadata

MAX_BYTES = 2 << 30
"""Largest file that is read."""


def load(path: Path, longest: int = 0, most: Most = ANY) -> Pixels:
    """A picture file in sRGB numbers, orientation applied.

    Args:
        longest, most: as for `decode`.

    Raises:
        VelaturaError: `bad_image` when it is missing, and as `decode` does.
    """
    try:
        about = path.stat()
        if not (stat.S_ISREG(about.st_mode) or stat.S_ISDIR(about.st_mode)):  # it may never end
            raise VelaturaError("bad_image", "is a pipe or a device, not a file", str(path))
        if about.st_size > MAX_BYTES:
            words = f"has {about.st_size} bytes; at most {MAX_BYTES} are read"
            raise VelaturaError("too_large", words, str(path))
        data = path.read_bytes()
    except OSError as error:
        words = f"cannot be read: {error.strerror or error}"
        raise VelaturaError("bad_image", words, str(path)) from error
    pixels = decode(data, str(path), path.suffix, longest, most)
    pixels.source = path
    return pixels


def decode(data: bytes, what: str = "image", suffix: str = "", longest: int = 0, most: Most = ANY) -> Pixels:
    """A picture file's bytes in sRGB numbers, orientation applied; of several frames the first.

    Args:
        what: its name in error messages.
        suffix: of its name, for the formats that have no mark of their own.
        longest: side in pixels that is enough: a JPEG may then come smaller, but not below it.
        most: larger ones are refused before they are decoded.

    Raises:
        VelaturaError: `bad_image` when it is no picture, truncated, damaged, empty, not finite or of a kind
            that is not read, saying what to do; `too_large` over the protocol's limits.
    """
    if not data:
        raise VelaturaError("bad_image", "is an empty file", what)
    kind = formats.of_content(data[:64], suffix)
    if isinstance(kind, str):
        raise VelaturaError("bad_image", kind, what)
    try:
        if kind.name == "PNG":
            return png.read(data, what, most)
        if kind.name == "TIFF":
            return tiff.read(data, what, most)
        return plain.read(data, kind, what, longest, most)
    except VelaturaError as error:
        raise error if error.field else VelaturaError(error.code, error.message, what) from error
    except ImportError as error:
        words = f"needs {error.name}, which is not installed: pip install 'velatura[daemon]'"
        raise VelaturaError("bad_image", words, what) from error
    except MemoryError as error:
        raise VelaturaError("too_large", "needs more memory than there is", what) from error
    except Exception as error:  # decoders raise every kind of exception for damaged files
        why = "" if isinstance(error, UnidentifiedImageError) else f" ({str(error) or type(error).__name__})"
        words = f"cannot be read: a truncated, damaged or unusual {kind.name} file{why}"
        raise VelaturaError("bad_image", f"{words}; save it anew as PNG, TIFF or JPEG", what) from error


def save(path: Path, array: np.ndarray, about: Metadata | None = None, recipe: Recipe | None = None) -> None:
    """Writes a picture; the file appears complete or not at all.

    Args:
        path: its ending chooses the format, one of `formats.WRITABLE`. PNG and TIFF keep 16 bits, TIFF floats
            too; all others get 8 bits, and no alpha where the format has none.
        array: H x W x C, numbers in the profile's own space.
        about: what the file is to say beside its pixels.
        recipe: for the text chunk of a PNG.

    Raises:
        VelaturaError: `bad_image` for another ending, or when the file cannot be written.
    """
    about, array = about or Metadata(), np.ascontiguousarray(array)
    kind = writable(path)
    check_fits(path, array.shape[1], array.shape[0])
    if kind.name == "PNG":
        data = png.write(array, about, json.dumps(recipe_to_map(recipe)) if recipe is not None else "")
    elif kind.name == "TIFF":
        data = tiff.write(array, about)
    else:
        data = plain.write(array, kind, about)
    write_whole(path, data)


def writable(path: Path) -> formats.Format:
    """The format that a file of this name gets.

    Raises:
        VelaturaError: `bad_image` for an ending that cannot be written.
    """
    kind = formats.of_suffix(path.suffix)
    if kind is None or not kind.writes:
        words = f"cannot write {path.suffix or 'no ending'!r}; use {', '.join(formats.WRITABLE)}"
        raise VelaturaError("bad_image", words, str(path))
    return kind


def check_fits(path: Path, width: int, height: int) -> None:
    """Refuses a size that the format does not have.

    Raises:
        VelaturaError: `too_large`, naming formats that have it.
    """
    kind = writable(path)
    if max(width, height) > kind.longest:
        words = f"{width} x {height} cannot be written as {kind.name}, which has sides up to {kind.longest}"
        raise VelaturaError("too_large", f"{words}; use .png or .tif", str(path))


def check_target(path: Path, width: int, height: int, source: Path | None = None) -> None:
    """Refuses, before the work, a file that the result could not become.

    Args:
        width, height: of the result, in pixels.
        source: the picture that it is made from, which it must not replace.

    Raises:
        VelaturaError: `bad_image` or `too_large`, saying why.
    """
    check_fits(path, width, height)
    try:
        if path.is_dir():
            raise VelaturaError("bad_image", "is a folder; name a file", str(path))
        nearest = next(parent for parent in path.absolute().parents if parent.exists())
    except OSError as error:  # a name that is too long, a folder that may not be looked into
        words = f"cannot be written: {error.strerror or error}"
        raise VelaturaError("bad_image", words, str(path)) from error
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise VelaturaError(
            "bad_image", f"cannot be written: {nearest} is no folder to write into", str(path)
        )
    if source is not None and path.resolve() == source.resolve():
        raise VelaturaError("bad_image", "is the picture itself; choose another name", str(path))


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file that appears complete or not at all, with the usual permissions.

    Raises:
        VelaturaError: `bad_image` when it cannot be written.
    """
    part = path.with_name(f".{secrets.token_hex(4)}.part")  # short, so that a name as long as may be works
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
    suffix = source.suffix if source.suffix.lower() in formats.WRITABLE else ".png"
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
        return recipe_from_map(png.recipe_in(path.read_bytes()), str(path))
    except OSError as error:
        raise VelaturaError("bad_image", f"cannot be read: {error.strerror or error}", str(path)) from error
    except KeyError:
        words = "holds no recipe; only PNG files written by Velatura do"
        raise VelaturaError("bad_image", words, str(path)) from None
    except (ValueError, IndexError, RecursionError, zlib.error) as error:
        raise VelaturaError("bad_image", f"holds a damaged recipe: {error}", str(path)) from error
