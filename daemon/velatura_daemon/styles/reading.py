"""Reading style pictures: any file an artist may have, as upright 8-bit sRGB.

The style library calls this when a picture is added, when a thumbnail is made, and when a card has
to be computed from pixels. No torch here: the supervisor imports it too.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps
from velatura.errors import VelaturaError

MIN_SIDE = 32
"""Shortest side of a style picture, in pixels: below, the deep layers see nothing."""

MAX_PIXELS = 80_000_000
MAX_BYTES = 128 * 1024 * 1024
"""Largest picture file, in bytes."""

FORMATS = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "TIFF": ".tif", "BMP": ".bmp", "GIF": ".gif"}
"""What may be added, by pillow's name, and the file ending it is kept under."""


def read_rgb(source: Path | bytes, longest: int = 0) -> Image.Image:
    """A picture as an upright 8-bit sRGB image.

    EXIF orientation is applied, an embedded ICC profile converted to sRGB, 16 bits reduced to 8, and
    transparent parts laid over white.

    Args:
        source: a file, or a file's bytes.
        longest: longest side of the result in pixels; larger pictures are reduced. 0 keeps the size.

    Raises:
        VelaturaError: `too_large` over `MAX_PIXELS` or `MAX_BYTES`; `bad_image` for everything else that
            keeps the picture from being read (missing, truncated, no picture, smaller than `MIN_SIDE`).
    """
    where = str(source) if isinstance(source, Path) else "the picture"
    try:
        size = source.stat().st_size if isinstance(source, Path) else len(source)
        if size > MAX_BYTES:
            raise VelaturaError(
                "too_large", f"{where} has {size} bytes; a style picture has at most {MAX_BYTES}"
            )
        with Image.open(source if isinstance(source, Path) else io.BytesIO(source)) as image:
            check_size(image.width, image.height, where)
            if image.format not in FORMATS:
                raise VelaturaError(
                    "bad_image", f"{where} is {image.format}; a style picture is one of {', '.join(FORMATS)}"
                )
            if longest and image.format == "JPEG":
                image.draft("RGB", (longest, longest))
            return _upright_srgb(image, longest, where)
    except VelaturaError:
        raise
    except Image.DecompressionBombError as error:
        raise VelaturaError("too_large", f"{where}: {error}; at most {MAX_PIXELS} pixels") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise VelaturaError("bad_image", f"{where} cannot be read as a picture: {error}") from error


def check_size(width: int, height: int, where: str) -> None:
    """Raises `bad_image` or `too_large` for a size that no style picture may have."""
    if width * height > MAX_PIXELS:
        raise VelaturaError(
            "too_large", f"{where} is {width} x {height}; a style picture has at most {MAX_PIXELS} pixels"
        )
    if min(width, height) < MIN_SIDE:
        raise VelaturaError(
            "bad_image", f"{where} is {width} x {height}; a style picture needs {MIN_SIDE} pixels a side"
        )


def picture_format(source: Path | bytes) -> str:
    """Pillow's name for a picture file's format; call after `read_rgb` has accepted it."""
    with Image.open(source if isinstance(source, Path) else io.BytesIO(source)) as image:
        return image.format or ""


def flat_rgb(image: Image.Image) -> Image.Image:
    """Any mode as RGB: 16 bits reduced to 8, transparent parts over white.

    Raises:
        VelaturaError: `bad_image` for floating point pictures, whose range pillow does not tell.
    """
    if image.mode == "F":
        raise VelaturaError("bad_image", "floating point pictures have no known range; save as 8 or 16 bits")
    if image.mode.startswith("I"):
        wide = np.asarray(image).astype(np.int64)
        return Image.fromarray((np.clip(wide, 0, 65535) // 257).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layered = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layered.size, "white"), layered).convert("RGB")
    return image.convert("RGB")


def thumbnail_of(image: Image.Image, side: int = 256) -> Image.Image:
    """The middle of a picture, square, `side` pixels: what a list shows of it."""
    return ImageOps.fit(flat_rgb(image), (side, side), Image.Resampling.LANCZOS)


def _upright_srgb(image: Image.Image, longest: int, where: str) -> Image.Image:
    profile = image.info.get("icc_profile")
    upright = ImageOps.exif_transpose(image)
    if longest and max(upright.size) > longest:
        scale = longest / max(upright.size)
        size = (max(1, round(upright.width * scale)), max(1, round(upright.height * scale)))
        if upright.mode in ("P", "1"):
            upright = upright.convert("RGBA")
        upright = upright.resize(size, Image.Resampling.LANCZOS)
    if not profile or upright.mode not in ("RGB", "CMYK", "L"):
        return flat_rgb(upright)
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        made = ImageCms.profileToProfile(upright, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError) as error:
        raise VelaturaError(
            "bad_image", f"{where} has a damaged colour profile ({error}); save it again as sRGB"
        ) from error
    return made if made is not None else flat_rgb(upright)
