"""Pixels in memory: arrays and PIL images as `Pixels`, and results as what their content was.

Every picture becomes a `Pixels`: an array with its layout, and what is needed to give the result back as it
came: the kind, what the file says beside the pixels, the original numbers where its profile is not sRGB's.

Arrays are H x W (gray), H x W x 2 (gray, alpha), x 3 (RGB) or x 4 (RGBA); uint8, uint16, float16 or float32,
integers over their full range and floats nominally 0..1, sRGB-encoded, alpha straight. float64 travels as
float32 and comes back as float64.
"""

from __future__ import annotations

import threading
import warnings
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from ..blob import STRIP_BYTES, Blob, Picture
from ..errors import PictureWarning, VelaturaError
from ..pixels import DEPTHS, MAX_PIXELS, MAX_SIDE, Layout
from . import icc
from .metadata import Metadata, describing, metadata_of, orientation_of, read_exif, write_exif

CHANNELS = {1: "GRAY", 2: "GRAYA", 3: "RGB", 4: "RGBA"}
DTYPES = {"u8": np.uint8, "u16": np.uint16, "f16": np.float16, "f32": np.float32}
_KNOWN = [np.dtype(kind) for kind in (np.uint8, np.uint16, np.float16, np.float32)]
_lock = threading.Lock()
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True)
class Most:
    """What a picture file may hold; one with more is refused before it is decoded."""

    pixels: int = MAX_PIXELS
    nbytes: int = 0
    """Of the pixels as they are sent, as the daemon takes them; 0 is any."""


ANY = Most()
"""What the protocol bounds."""


@dataclass
class Pixels:
    """A picture ready to be sent, and how to give a result back."""

    array: np.ndarray
    """H x W x C in sRGB numbers: what is sent."""
    kind: str
    """`pil`, `array` or `path`: what it came as."""
    source: Path | None = None
    squeeze: bool = False
    """Whether it came as H x W."""
    dtype: np.dtype | None = None
    """The array's own dtype where it differs from what is sent."""
    about: Metadata = field(default_factory=Metadata)
    """What its file says beside the pixels."""
    original: np.ndarray | None = None
    """The numbers in the picture's own profile, where that is not sRGB."""
    profile: icc.Profile | None = field(default=None, repr=False)
    gray: Pixels | None = field(default=None, repr=False)
    """The gray picture that this is, with room for colours: see `in_colour`."""

    @property
    def layout(self) -> Layout:
        height, width, channels = self.array.shape
        depth = next(d for d, t in DTYPES.items() if self.array.dtype == t)
        return Layout(width, height, CHANNELS[channels], depth)

    def blob(self) -> Blob:
        """The picture as the connection takes it; it shares the array's memory."""
        return Blob(self.layout, self.array.data.cast("B"))

    def same(self, data: memoryview) -> bool:
        """Whether these are the bytes of the array; a megabyte at a time, as most differ early."""
        mine, other = self.array.reshape(-1).view(np.uint8), np.frombuffer(data, np.uint8)
        parts = (slice(at, at + STRIP_BYTES) for at in range(0, mine.size, STRIP_BYTES))
        return mine.size == other.size and all(_equal(mine[part], other[part]) for part in parts)


def _equal(a: np.ndarray, b: np.ndarray) -> bool:
    whole = a.size // 8 * 8
    words = (a[:whole].view(np.uint64) == b[:whole].view(np.uint64)).all()
    return bool(words and (a[whole:] == b[whole:]).all())


def opened(data: bytes, *names: str) -> Image.Image:
    """A file opened by Pillow's decoders of those names, no other; its pixels are not read yet.

    Pillow's limit on size gives way to the protocol's, which `check_size` states.
    """
    with _lock:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(BytesIO(data), formats=names)
        finally:
            Image.MAX_IMAGE_PIXELS = before


def from_array(array: np.ndarray, what: str = "image") -> Pixels:
    """A numpy array as `Pixels`; raises as `read` does."""
    if array.ndim == 2:
        shaped = array[:, :, None]
    elif array.ndim == 3 and array.shape[2] in CHANNELS:
        shaped = array
    else:
        words = f"has shape {array.shape}; allowed is H x W, or H x W x 1, 2, 3 or 4"
        raise VelaturaError("bad_image", words, what)
    check_size(array.shape[1], array.shape[0], what)
    if array.dtype == np.bool_:
        shaped = shaped.astype(np.uint8) * 255
    elif array.dtype == np.float64:
        shaped = shaped.astype(np.float32)
    elif array.dtype.newbyteorder("=") not in _KNOWN:
        words = f"has dtype {array.dtype}; allowed are uint8, uint16, float16, float32 (and float64, bool)"
        raise VelaturaError("bad_image", words, what)
    shaped = np.ascontiguousarray(shaped, shaped.dtype.newbyteorder("<"))
    check_finite(shaped, what)
    if shaped.dtype.kind == "f" and (shaped[..., : 3 if shaped.shape[2] > 2 else 1] > 1).mean() > 0.5:
        words = f"most of it is above 1, which is white (the largest number is {shaped.max():g})"
        note(what, f"{words}; floats go from 0 to 1")
    dtype = array.dtype if array.dtype == np.float64 else None
    return Pixels(shaped, "array", squeeze=array.ndim == 2, dtype=dtype)


def from_pil(image: Image.Image, what: str = "image") -> Pixels:
    """A PIL image as `Pixels`; raises as `read` does.

    Its orientation is applied, palette and 1-bit pictures are widened, CMYK and Lab converted to sRGB.
    """
    check_size(image.width, image.height, what)
    try:
        image.load()
        array, profile = plain_array(image)
        exif = image.info.get("exif") or _made_exif(image)
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise VelaturaError("bad_image", f"cannot be read: {error}", what) from error
    about = metadata_of({**image.info, "exif": exif, "icc_profile": profile})
    return upright(from_array(array, what), about, "pil", what)


def note(what: str, words: str) -> None:
    """Tells the owner of a picture what he may not know of it."""
    warnings.warn(f"{what}: {words}", PictureWarning, stacklevel=3)


def upright(pixels: Pixels, about: Metadata, kind: str, what: str, turn: int = 0) -> Pixels:
    """Pixels as a file stores them, turned as its orientation says and in sRGB.

    Args:
        about: what the file says; its profile is the numbers' own.
        kind: as in `Pixels`.
        what: its name in warnings.
        turn: orientation, 1..8; 0 is as EXIF says.
    """
    array, turn = pixels.array, turn or orientation_of(read_exif(about.exif))
    if turn in (5, 6, 7, 8):
        array = array.transpose(1, 0, 2)
        about = replace(about, dpi=about.dpi and about.dpi[::-1])
    if turn in (2, 3, 6, 7):
        array = array[:, ::-1]
    if turn in (3, 4, 7, 8):
        array = array[::-1]
    height, width = array.shape[:2]
    made = Pixels(np.ascontiguousarray(array), kind, about=about.fitted(width, height))
    colours = "gray" if array.shape[2] < 3 else "rgb"
    space = icc.space_of(about.icc_profile)
    if about.icc_profile and space != colours:
        note(what, f"its colour profile is {f'for {space}' if space else 'damaged'} and left out")
        made.about = replace(made.about, icc_profile=b"")
    elif about.icc_profile and not icc.usable(about.icc_profile):
        note(
            what,
            "its colour profile cannot be used: its numbers are taken as sRGB's, and it stays in the file",
        )
    profile = icc.parse(made.about.icc_profile) if made.about.icc_profile else None
    if profile is not None:
        made.original, made.profile = made.array, profile
        made.array = icc.to_srgb(made.array, profile)
    return made


def in_colour(pixels: Pixels) -> Pixels:
    """A gray picture as RGB, for a style's colours; as it is where it has colours, or is an array, whose
    shape the caller chose."""
    if pixels.kind == "array" or pixels.array.shape[2] > 2:
        return pixels
    array = np.concatenate([pixels.array[:, :, :1]] * 3 + [pixels.array[:, :, 1:]], 2)
    about = replace(pixels.about, icc_profile=b"")  # a profile for gray does not fit
    return Pixels(array, pixels.kind, pixels.source, about=about, gray=pixels)


def without_colour(picture: Picture) -> Picture | None:
    """A result of `in_colour` as gray again, where nothing in it is coloured; else None."""
    layout, array = picture.layout, result_array(picture)
    if (array[:, :, 1] != array[:, :, 0]).any() or (array[:, :, 2] != array[:, :, 0]).any():
        return None
    gray = np.ascontiguousarray(array[:, :, [0, *range(3, array.shape[2])]])
    channels = CHANNELS[gray.shape[2]]
    return replace(picture, layout=replace(layout, channels=channels), data=gray.data.cast("B"))


def result_array(picture: Picture, like: Pixels | None = None) -> np.ndarray:
    """A result as H x W x C in the depth and profile of the picture it was made from.

    Args:
        picture: what came from the daemon.
        like: the content; None for a texture.
    """
    layout = picture.layout
    if layout.channels not in CHANNELS.values():
        raise VelaturaError("internal", f"a result in {layout.channels} was not asked for")
    flat = np.frombuffer(picture.data, DTYPES[layout.depth])
    array = flat.reshape(layout.height, layout.width, -1)
    if like is not None and like.profile is not None and like.original is not None:
        if array.shape == like.array.shape:
            return icc.from_srgb(array, like.array, like.original, like.profile)
        return icc.all_from_srgb(array, like.original.dtype, like.profile)  # a preview of another size
    return array


def to_pil(array: np.ndarray) -> Image.Image:
    """H x W x C as a PIL image: 8-bit L, LA, RGB, RGBA; one channel keeps 16 bits (I;16) and floats (F).

    PIL has no deeper colour modes, so colour of more than 8 bits is rounded to 8.
    """
    channels = array.shape[2]
    if channels == 1 and array.dtype == np.uint16:
        return Image.fromarray(array[:, :, 0])
    if channels == 1 and array.dtype.kind == "f":
        return Image.fromarray(array[:, :, 0].astype(np.float32))
    if array.dtype == np.uint16:
        array = ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)
    elif array.dtype.kind == "f":
        array = np.rint(np.clip(array.astype(np.float32), 0, 1) * 255).astype(np.uint8)
    return Image.fromarray(array[:, :, 0] if channels == 1 else array, _MODES[channels])


def check_size(width: int, height: int, what: str, most: Most = ANY, pixel_bytes: int = 0) -> None:
    """Raises `bad_image` for a side of 0 and `too_large` over the limits.

    Args:
        pixel_bytes: of a pixel as it is sent, at least.
    """
    if width < 1 or height < 1:
        raise VelaturaError("bad_image", f"is {width} x {height} pixels; both sides must be at least 1", what)
    if max(width, height) > MAX_SIDE or width * height > most.pixels:
        words = f"is {width} x {height}; at most {MAX_SIDE} a side and {most.pixels} pixels in all"
        raise VelaturaError("too_large", words, what)
    nbytes = width * height * pixel_bytes
    if most.nbytes and nbytes > most.nbytes:
        words = (
            f"is {width} x {height} of {pixel_bytes} bytes, {nbytes} in all; the daemon takes {most.nbytes}"
        )
        raise VelaturaError("too_large", f"{words}, see its settings max_blob_mb and blobs_mb", what)


def check_finite(array: np.ndarray, what: str) -> None:
    """Raises `bad_image` for NaN or infinity, saying where the first one is."""
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return
    wrong = ~np.isfinite(array).reshape(array.shape[0], array.shape[1], -1).all(2)
    y, x = np.argwhere(wrong)[0]
    words = f"has {int(wrong.sum())} pixels that are not finite numbers, the first at x {x}, y {y}"
    raise VelaturaError("bad_image", words, what)


def plain_array(image: Image.Image) -> tuple[np.ndarray, bytes]:
    """An array of 1 to 4 channels, and the profile its numbers are in."""
    profile = image.info.get("icc_profile") or b""
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16), profile
    if image.mode == "I":
        deep = np.asarray(image)
        if deep.min() < 0 or deep.max() > 65535:
            raise ValueError(f"32-bit integers from {deep.min()} to {deep.max()}; allowed is 0 to 65535")
        return deep.astype(np.uint16), profile
    if image.mode == "F":
        return np.array(image, np.float32), profile
    if image.mode == "CMYK" and icc.space_of(profile) == "cmyk":
        return icc.flat_srgb(np.asarray(image, np.float32) / 2.55, "cmyk", profile, np.dtype(np.uint8)), b""
    if image.mode == "LAB":
        numbers = np.asarray(image)
        signed = numbers[:, :, 1:].astype(np.int8)  # a and b, as Pillow gives them
        lab = np.concatenate([numbers[:, :, :1] * np.float32(100 / 255), signed], 2)
        return icc.flat_srgb(lab, "lab", icc.lab(), np.dtype(np.uint8)), b""
    if image.mode not in ("L", "LA", "RGB", "RGBA") or "transparency" in image.info:
        gray = image.mode in ("1", "L", "LA", "La")
        alpha = image.mode in ("LA", "La", "RGBA", "RGBa", "PA") or "transparency" in image.info
        if image.mode not in ("P", "PA", "1", "La", "RGBa", "L", "RGB", "RGBX"):
            profile = b""  # CMYK, YCbCr, HSV: it does not fit what the plain formula makes of them
        image = image.convert(("L" if gray else "RGB") + ("A" if alpha else ""))
    return np.array(image), profile  # a copy: PIL's own memory may change


def _made_exif(image: Image.Image) -> bytes:
    """EXIF of an image in memory, or of a TIFF, where it stands among the file's own entries."""
    exif = image.getexif()
    return write_exif(describing(read_exif(exif.tobytes()[6:]))) if len(exif) else b""


assert set(DTYPES) == set(DEPTHS)
