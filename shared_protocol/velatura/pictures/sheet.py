"""One picture in many styles, drawn as one: cells side by side, with their names and titles below."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from . import files, images

GAP = 12
"""Pixels around a cell."""
FONTS = ("DejaVuSans.ttf", "LiberationSans-Regular.ttf", "NotoSans-Regular.ttf", "Arial.ttf", "Helvetica.ttc")
"""Looked for among the system's, the first that is there; pillow's own knows no accents."""
PAPER, INK, PENCIL = "white", "#202020", "#707070"
Cell = tuple[str, str, Image.Image]
"""The name that a style is asked for by, its title, and a picture."""


class Paints(Protocol):
    """What paints the cells: a `velatura.client.Client`."""

    def styles(self) -> list[dict[str, Any]]: ...

    def stylize(self, image: Any, style: Any, *, wait: bool, **more: Any) -> Any: ...


def painted(
    client: Paints,
    image: Any,
    styles: Sequence[str],
    side: int,
    columns: int,
    out: Path | None,
    told: Callable[[int, int], None],
    how: Mapping[str, Any],
) -> Any:
    """See `Client.sheet`, which has these arguments.

    Args:
        how: fields of `Stylize`.
    """
    known = {style["name"]: style for style in client.styles() if not style["error"]}
    small = _small(images.read(image).array, side)
    jobs: list[tuple[str, str, Any]] = []
    cells: list[Cell] = []
    try:
        for name in styles or known:
            style, fields = known.get(name), dict(how)
            if style is not None and not (style["has_picture"] or style.get("has_rendering")):
                fields["quality"] = "fast"
            title = style["title"] if style is not None and style["title"] != name else ""
            jobs.append((name, title, client.stylize(small, name, wait=False, priority="batch", **fields)))
        for name, title, job in jobs:
            cells.append((name, title, job.result()))
            told(len(cells), len(jobs))
    except BaseException:  # a keyboard interrupt too must not leave them running
        for *_, job in jobs:
            job.cancel()
        raise
    sheet = draw(cells, columns)
    if out is None:
        return sheet
    files.save(out, images.read(sheet).array)
    return out


def _small(array: np.ndarray, side: int) -> Image.Image:
    """A picture as RGB or RGBA of 8 bits, its longest side at most `side`."""
    if array.shape[2] < 3:
        array = array[:, :, [0, 0, 0, 1][: array.shape[2] + 2]]
    small = images.to_pil(array)
    small.thumbnail((side, side))
    return small


def draw(cells: Sequence[Cell], columns: int = 0) -> Image.Image:
    """The sheet.

    Args:
        cells: all pictures of one size.
        columns: in a row; 0 makes the sheet about half as wide again as high.
    """
    width, height = cells[0][2].size
    size = max(11, width // 20)
    font, plain = _font(size)
    line = size + size // 3
    across, down = width + GAP, height + GAP + 2 * line
    columns = min(columns or max(1, round(math.sqrt(1.5 * len(cells) * down / across))), len(cells))
    rows = -(-len(cells) // columns)
    sheet = Image.new("RGB", (columns * across + GAP, rows * down + GAP), PAPER)
    pen = ImageDraw.Draw(sheet)
    for place, (name, title, picture) in enumerate(cells):
        left, top = GAP + place % columns * across, GAP + place // columns * down
        sheet.paste(picture, (left, top), picture if picture.mode == "RGBA" else None)
        for row, (text, ink) in enumerate(((name, INK), (title, PENCIL))):
            text = _fitting(_plain(text) if plain else text, font, width)
            pen.text((left, top + height + size // 3 + row * line), text, ink, font)
    return sheet


def _font(size: int) -> tuple[ImageFont.FreeTypeFont | ImageFont.ImageFont, bool]:
    """A font, and whether it has plain letters only."""
    for name in FONTS:
        try:
            return ImageFont.truetype(name, size), False
        except OSError:
            continue
    return ImageFont.load_default(size), True


def _fitting(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """A text, shortened with dots where it would be wider than its cell."""
    whole = text
    while text and font.getlength(text if text is whole else text + " ...") > width:
        text = text[:-1].rstrip()
    return text if text is whole else text + " ..."


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
