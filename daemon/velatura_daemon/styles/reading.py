"""Reading style pictures: any file an artist may have, as upright 8-bit sRGB.

The style library calls this when a picture is added, when a thumbnail is made, and when a card has
to be computed from pixels. Files go through the reader that contents go through. No torch here: the
supervisor imports it too.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from velatura import stylefile
from velatura.errors import VelaturaError
from velatura.pictures import files, formats
from velatura.pictures.arrays import Most, Pixels, from_pil, to_pil
from velatura.pictures.layouts import image_of
from velatura.pixels import MAX_STYLE_PIXELS, Layout

MIN_SIDE = 32
"""Shortest side of a style picture, in pixels: below, the deep layers see nothing."""

MAX_PIXELS = MAX_STYLE_PIXELS
MAX_BYTES = 128 * 1024 * 1024
"""Largest picture file, in bytes."""


def read_style(source: Path | bytes, longest: int = 0) -> Image.Image:
    """A picture as an upright 8-bit sRGB image: RGB, or RGBA where a part is transparent.

    Args:
        source: a file, or a file's bytes.
        longest: longest side of the result in pixels; larger pictures are reduced. 0 keeps the size.

    Raises:
        VelaturaError: `too_large` over `MAX_PIXELS` or `MAX_BYTES`; `bad_image` for everything else that
            keeps the picture from being read (missing, truncated, no picture, transparent everywhere,
            smaller than `MIN_SIDE`).
    """
    where = str(source) if isinstance(source, Path) else "the picture"
    data = file_bytes(source) if isinstance(source, Path) else source
    if len(data) > MAX_BYTES:
        raise VelaturaError(
            "too_large", f"{where} has {len(data)} bytes; a style picture has at most {MAX_BYTES}"
        )
    suffix = source.suffix if isinstance(source, Path) else ""
    image = _plain(files.decode(data, where, suffix, longest, Most(MAX_PIXELS)), where)
    scale = longest / max(image.size) if longest else 1.0
    if scale >= 1:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS)


def style_of(image: Image.Image) -> Image.Image:
    """An image in memory as `read_style` gives one; raises as it does.

    Floating point images are refused: pillow does not tell their range.
    """
    check_size(image.width, image.height, "the picture")
    if image.mode == "F":
        raise VelaturaError("bad_image", "floating point pictures have no known range; save as 8 or 16 bits")
    return _plain(from_pil(image, "the picture"), "the picture")


def stored(picture: Path | bytes | Image.Image | np.ndarray) -> tuple[bytes, str, Image.Image]:
    """A picture as the file to store, that file's ending, and the decoded image; raises as `read_style`."""
    if isinstance(picture, np.ndarray):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise VelaturaError(
                "bad_image", f"an array must be (H, W, 3) uint8, not {picture.shape} {picture.dtype}"
            )
        picture = Image.fromarray(picture)
    if isinstance(picture, Image.Image):
        image = style_of(picture)
        return encoded(image, "PNG"), ".png", image
    data = picture if isinstance(picture, bytes) else file_bytes(Path(picture))
    image = read_style(data)
    return data, ending_of(data), image


def encoded(image: Image.Image, kind: str) -> bytes:
    """An image as a file, `PNG` or `JPEG`."""
    out = io.BytesIO()
    image.save(out, kind, quality=90)
    return out.getvalue()


def sent_style(layout: Layout, data: memoryview | bytes) -> Image.Image:
    """A picture that a client sent, in its editor's layout, as an image; raises as `check_size`."""
    check_size(layout.width, layout.height, "the picture")
    return image_of(layout, data)


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


def file_bytes(path: Path) -> bytes:
    """A picture file's bytes; raises as `stylefile.read`, over `MAX_BYTES`."""
    return stylefile.read(path, MAX_BYTES, "a style picture")


def ending_of(data: bytes) -> str:
    """The ending that a picture file is kept under; for one that `read_style` has accepted."""
    kind = formats.of_content(data[:64])
    assert isinstance(kind, formats.Format)
    return kind.suffixes[0]


def over_white(image: Image.Image) -> Image.Image:
    """As RGB, transparent parts over white: what a list shows of a style."""
    if image.mode == "RGB":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def thumbnail_of(image: Image.Image, side: int = 256) -> Image.Image:
    """The middle of a style, square, `side` pixels, RGB."""
    return ImageOps.fit(over_white(image), (side, side), Image.Resampling.LANCZOS)


def _plain(pixels: Pixels, where: str) -> Image.Image:
    """RGB, or RGBA where not all of it is opaque."""
    array = pixels.array
    check_size(array.shape[1], array.shape[0], where)
    if array.shape[2] < 3:
        array = array[:, :, [0, 0, 0, 1][: array.shape[2] + 2]]
    image = to_pil(array)
    lowest, highest = image.getchannel("A").getextrema() if image.mode == "RGBA" else (255, 255)
    if not highest:
        raise VelaturaError("bad_image", f"{where} is transparent everywhere: there is no picture in it")
    return image if lowest != 255 else image.convert("RGB")
