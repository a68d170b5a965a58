"""What the scripts that draw the pages' pictures share: photographs, and pictures laid out in rows."""

from __future__ import annotations

from collections.abc import Sequence

import skimage.data
from PIL import Image, ImageDraw, ImageFont, ImageOps
from velatura_models.training.style_n_plus_one import PHOTOS


def photo(name: str, size: tuple[int, int]) -> Image.Image:
    """One of scikit-image's photographs, or of those that ship, the middle of it in the wanted shape."""
    sample = getattr(skimage.data, name, None)
    return fitted(Image.fromarray(sample()) if sample else Image.open(PHOTOS / f"{name}.jpg"), size)


def fitted(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The middle of a picture in the wanted shape."""
    return ImageOps.fit(image.convert("RGB"), size, Image.Resampling.LANCZOS)


def captioned(picture: Image.Image, words: str, line: int = 20) -> Image.Image:
    """A picture with words below it, in a line of so many pixels."""
    out = ImageOps.expand(picture, (0, 0, 0, line), "white")
    ImageDraw.Draw(out).text((2, picture.height + 1), words, "black", ImageFont.load_default(line - 7))
    return out


def worded(words: str, size: tuple[int, int]) -> Image.Image:
    """Words where a picture could be."""
    out = Image.new("RGB", size, "white")
    ImageDraw.Draw(out).text((8, size[1] // 2), words, "black", ImageFont.load_default(16))
    return out


def sheet(
    rows: Sequence[Sequence[Image.Image]], titles: Sequence[str] = (), gap: int = 6, head: int = 16
) -> Image.Image:
    """Pictures of one size in rows, under titles where there are any."""
    width, height = rows[0][0].size
    head = head if titles else 0
    across, down = (
        count * (side + gap) - gap for count, side in ((len(rows[0]), width), (len(rows), height))
    )
    out = Image.new("RGB", (across, head + down), "white")
    pen = ImageDraw.Draw(out)
    for column, title in enumerate(titles):
        pen.text((column * (width + gap) + 3, 2), title, "black", ImageFont.load_default(head - 5))
    for line, row in enumerate(rows):
        for column, picture in enumerate(row):
            out.paste(picture, (column * (width + gap), head + line * (height + gap)))
    return out
