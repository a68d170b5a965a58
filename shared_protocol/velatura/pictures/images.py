"""Pictures as Python programs have them (PIL images, numpy arrays, files) to blobs and back.

The same kind comes out that went in. Every picture becomes a `Pixels`: an array in memory with its
layout, and what is needed to give the result back as it came: the kind, the colour profile, the original
numbers. Files are read and written in `files`, profiles converted in `icc`. Needs numpy and pillow, so it
is imported when a picture is handed over and not with the package.

Arrays are H x W (gray), H x W x 2 (gray, alpha), x 3 (RGB) or x 4 (RGBA); uint8, uint16, float16 or float32,
integers over their full range and floats nominally 0..1, sRGB-encoded, alpha straight. float64 travels as
float32 and comes back as float64.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms, ImageOps

from ..blob import Blob, Picture
from ..errors import VelaturaError
from ..pixels import (
    DEPTHS,
    MAX_PIXELS,
    MAX_SIDE,
    Layout,
)
from . import icc

CHANNELS = {1: "GRAY", 2: "GRAYA", 3: "RGB", 4: "RGBA"}
_DTYPES = {"u8": np.uint8, "u16": np.uint16, "f16": np.float16, "f32": np.float32}
_KNOWN = [np.dtype(kind) for kind in (np.uint8, np.uint16, np.float16, np.float32)]
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Share of red, green and blue in lightness (ITU-R BT.709)."""

Anything = Any
"""A PIL image, a numpy array, or a path (str or os.PathLike)."""


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
    icc_profile: bytes = b""
    exif: bytes = b""
    original: np.ndarray | None = None
    """The numbers in the picture's own profile, where that is not sRGB."""
    profile: icc.Profile | None = field(default=None, repr=False)

    @property
    def layout(self) -> Layout:
        height, width, channels = self.array.shape
        depth = next(d for d, t in _DTYPES.items() if self.array.dtype == t)
        return Layout(width, height, CHANNELS[channels], depth)

    def blob(self) -> Blob:
        """The picture as the connection takes it; it shares the array's memory."""
        return Blob(self.layout, self.array.data.cast("B"))


def read(image: Anything, what: str = "image") -> Pixels:
    """Any picture as `Pixels`.

    Args:
        image: PIL image, numpy array or path.
        what: its name in error messages.

    Raises:
        VelaturaError: `bad_image` (unreadable, truncated, zero-sized, not finite, of a kind that is not
            known) or `too_large`.
    """
    if isinstance(image, Pixels):
        return image
    if isinstance(image, (str, os.PathLike)):
        from . import files

        path = Path(image).expanduser()
        pixels = files.load(path)
        pixels.kind, pixels.source = "path", path
        return pixels
    if isinstance(image, Image.Image):
        return from_pil(image, what)
    if isinstance(image, np.ndarray):
        return from_array(image, what)
    raise VelaturaError(
        "bad_image", f"is a {type(image).__name__}; give a PIL image, a numpy array or a path", what
    )


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
    dtype = array.dtype if array.dtype == np.float64 else None
    return Pixels(shaped, "array", squeeze=array.ndim == 2, dtype=dtype)


def from_pil(image: Image.Image, what: str = "image") -> Pixels:
    """A PIL image as `Pixels`; raises as `read` does.

    Its orientation is applied, palette and 1-bit pictures are widened, CMYK and Lab converted to sRGB.
    """
    check_size(image.width, image.height, what)
    try:
        image.load()
        exif = image.getexif()
        if exif.get(0x0112, 1) != 1:
            image = ImageOps.exif_transpose(image)
            exif = image.getexif()
        array, profile = _plain(image)
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise VelaturaError("bad_image", f"cannot be read: {error}", what) from error
    check_finite(array, what)
    pixels = Pixels(array, "pil", exif=exif.tobytes() if len(exif) else b"", icc_profile=profile)
    return in_srgb(pixels)


def in_srgb(pixels: Pixels) -> Pixels:
    """Converts to sRGB where the profile is another; the original is kept for the way back."""
    profile = icc.parse(pixels.icc_profile) if pixels.icc_profile else None
    if profile is not None and pixels.array.shape[2] >= 3:
        pixels.original, pixels.profile = pixels.array, profile
        pixels.array = icc.to_srgb(pixels.array, profile)
    return pixels


def result_array(picture: Picture, like: Pixels | None = None) -> np.ndarray:
    """A result as H x W x C in the depth and profile of the picture it was made from.

    Args:
        picture: what came from the daemon.
        like: the content; None for a texture.
    """
    layout = picture.layout
    if layout.channels not in CHANNELS.values():
        raise VelaturaError("internal", f"a result in {layout.channels} was not asked for")
    flat = np.frombuffer(picture.data, _DTYPES[layout.depth])
    array = flat.reshape(layout.height, layout.width, -1)
    if like is not None and like.profile is not None and like.original is not None:
        if array.shape == like.array.shape:
            return icc.from_srgb(array, like.array, like.original, like.profile)
        return icc.all_from_srgb(array, like.original.dtype, like.profile)  # a preview of another size
    return array


def to_kind(picture: Picture, like: Pixels, recipe: Any = None, out: Path | None = None) -> Any:
    """A result as the kind its content came as.

    Args:
        picture: what came from the daemon.
        like: the content.
        recipe: as it ran, for the text chunk of a PNG file; files only.
        out: where a file goes; files only. By default beside the source, under a new name.

    Returns:
        A PIL image (with the profile in `info`), an array, or the path written.
    """
    array = result_array(picture, like)
    if out is not None or like.kind == "path":
        from . import files

        target = out or files.new_name(like.source or Path("result.png"))
        files.save(target, array, like.icc_profile, like.exif, recipe)
        return target
    if like.kind == "array":
        if like.dtype is not None:
            array = array.astype(like.dtype)
        return array[:, :, 0] if like.squeeze else array
    image = to_pil(array)
    if like.icc_profile:
        image.info["icc_profile"] = like.icc_profile
    if like.exif:
        image.info["exif"] = like.exif
    return image


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


def read_mask(mask: Anything, width: int, height: int, what: str = "mask") -> Blob:
    """A mask as a GRAY blob of the content's size; white or 1 is where it applies.

    Args:
        mask: PIL image, array (bool, integers over their full range, floats 0..1) or path. Of a picture with
            colour the lightness is used, times its alpha.
        width, height: of the content, in pixels.

    Raises:
        VelaturaError: `bad_image` when it has another size, or as `read` does.
    """
    array = read(mask, what).array
    if array.shape[:2] != (height, width):
        words = f"is {array.shape[1]} x {array.shape[0]} pixels; the picture is {width} x {height}"
        raise VelaturaError("bad_image", words, what)
    if array.shape[2] > 1:
        unit = icc.to_unit(array)
        light = unit[:, :, :3] @ LUMA if array.shape[2] >= 3 else unit[:, :, 0]
        if array.shape[2] in (2, 4):
            light = light * unit[:, :, -1]
        array = icc.from_unit(light[:, :, None], array.dtype)
    return Pixels(np.ascontiguousarray(array), "array").blob()


def check_size(width: int, height: int, what: str) -> None:
    """Raises `bad_image` for a side of 0 and `too_large` over the protocol's limits."""
    if width < 1 or height < 1:
        raise VelaturaError("bad_image", f"is {width} x {height} pixels; both sides must be at least 1", what)
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        words = f"is {width} x {height}; at most {MAX_SIDE} a side and {MAX_PIXELS} pixels in all"
        raise VelaturaError("too_large", words, what)


def check_finite(array: np.ndarray, what: str) -> None:
    """Raises `bad_image` for NaN or infinity, saying where the first one is."""
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return
    wrong = ~np.isfinite(array).reshape(array.shape[0], array.shape[1], -1).all(2)
    y, x = np.argwhere(wrong)[0]
    words = f"has {int(wrong.sum())} pixels that are not finite numbers, the first at x {x}, y {y}"
    raise VelaturaError("bad_image", words, what)


def _plain(image: Image.Image) -> tuple[np.ndarray, bytes]:
    """An array of 1 to 4 channels, and the profile its numbers are in."""
    profile = image.info.get("icc_profile") or b""
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)[:, :, None], profile
    if image.mode == "I":
        deep = np.asarray(image)
        if deep.min() < 0 or deep.max() > 65535:
            raise ValueError(f"32-bit integers from {deep.min()} to {deep.max()}; allowed is 0 to 65535")
        return deep.astype(np.uint16)[:, :, None], profile
    if image.mode == "F":
        return np.array(image, np.float32)[:, :, None], profile
    if image.mode in ("P", "PA"):
        alpha = image.mode == "PA" or "transparency" in image.info
        image = image.convert("RGBA" if alpha else "RGB")
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode in ("La", "RGBa"):
        image = image.convert("LA" if image.mode == "La" else "RGBA")
    elif image.mode in ("L", "RGB") and "transparency" in image.info:
        image = image.convert("LA" if image.mode == "L" else "RGBA")
    elif image.mode not in ("L", "LA", "RGB", "RGBA"):  # CMYK, YCbCr, LAB, HSV
        image, profile = _to_srgb_8bit(image, profile)
    array = np.array(image)  # a copy: PIL's own memory may change
    return (array[:, :, None] if array.ndim == 2 else array), profile


def _to_srgb_8bit(image: Image.Image, profile: bytes) -> tuple[Image.Image, bytes]:
    """CMYK and the like as sRGB, through their profile where they have one; it no longer fits then."""
    if profile:
        import io

        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            converted = None  # a profile for other channels than the image has: the plain formula serves
        if converted is not None:
            return converted, b""
    return image.convert("RGB"), b""


assert set(_DTYPES) == set(DEPTHS)
