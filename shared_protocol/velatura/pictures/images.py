"""The door for pictures: anything a Python program has (PIL image, numpy array, path) in, the same kind out.

Needs numpy and pillow, so it is imported when a picture is handed over and not with the package. Pixels in
memory are `arrays`, files are `files`, profiles `icc`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..blob import Blob, Picture
from ..errors import VelaturaError
from ..pixels import LUMA, MAX_STYLE_PIXELS
from ..recipe import Recipe
from . import files, icc
from .arrays import (
    ANY,
    Most,
    Pixels,
    from_array,
    from_pil,
    in_colour,
    note,
    result_array,
    to_pil,
    without_colour,
)

Anything = Any
"""A PIL image, a numpy array, or a path (str or os.PathLike)."""


def read(image: Anything, what: str = "image", most: Most = ANY) -> Pixels:
    """Any picture as `Pixels`.

    Args:
        image: PIL image, numpy array or path.
        what: its name in error messages.
        most: what a file may hold; one with more is not decoded.

    Raises:
        VelaturaError: `bad_image` (unreadable, truncated, zero-sized, not finite, of a kind that is not
            known) or `too_large`.
    """
    if isinstance(image, Pixels):
        return image
    if isinstance(image, (str, os.PathLike)):
        return files.load(Path(image).expanduser(), most=most)
    if isinstance(image, Image.Image):
        return from_pil(image, what)
    if isinstance(image, np.ndarray):
        return from_array(image, what)
    raise VelaturaError(
        "bad_image", f"is a {type(image).__name__}; give a PIL image, a numpy array or a path", what
    )


def read_for(recipe: Recipe, image: Anything) -> Pixels:
    """A content as `Pixels`; a gray one gets room for the colours that a style brings. Raises as `read`."""
    pixels = read(image)
    return in_colour(pixels) if recipe.colours else pixels


def read_style(style: Anything, what: str = "style") -> Pixels:
    """A style picture as `Pixels`; raises as `read` does, and for one that shows nothing."""
    pixels = read(style, what, Most(MAX_STYLE_PIXELS))
    if pixels.array.shape[2] in (2, 4) and not pixels.array[:, :, -1].any():
        raise VelaturaError("bad_image", "is transparent everywhere: there is no picture in it", what)
    return pixels


def read_mask(mask: Anything, width: int, height: int, what: str = "mask") -> Blob:
    """A mask as a GRAY blob of the content's size; white or 1 is where it applies.

    Args:
        mask: PIL image, array (bool, integers over their full range, floats 0..1) or path. Of a picture with
            colour the lightness is used, times its alpha.
        width, height: of the content, in pixels.

    Raises:
        VelaturaError: `bad_image` when it has another size, or as `read` does.
    """
    found = read(mask, what)
    array = found.array if found.original is None else found.original  # its numbers count, not its colours
    if array.shape[:2] != (height, width):
        words = f"is {array.shape[1]} x {array.shape[0]} pixels; the picture is {width} x {height}"
        raise VelaturaError("bad_image", words, what)
    if array.shape[2] > 1:
        unit = icc.to_unit(array)
        light = unit[:, :, :3] @ np.array(LUMA, np.float32) if array.shape[2] >= 3 else unit[:, :, 0]
        if array.shape[2] in (2, 4):
            light = light * unit[:, :, -1]
        array = icc.from_unit(light[:, :, None], array.dtype)
    if not array.any():
        words = "is 0 (black or transparent) everywhere, so nothing is painted; white is where it applies"
        note(what, words)
    return Pixels(np.ascontiguousarray(array), "array").blob()


def to_kind(picture: Picture, like: Pixels, recipe: Any = None, out: Path | None = None) -> Any:
    """A result as the kind its content came as.

    Args:
        picture: what came from the daemon.
        like: the content.
        recipe: as it ran, for the text chunk of a PNG file; files only.
        out: where a file goes; files only. By default beside the source, under a new name.

    Returns:
        A PIL image (with profile, EXIF and resolution in `info`), an array, or the path written.
    """
    if like.gray is not None and (gray := without_colour(picture)) is not None:
        picture, like = gray, like.gray
    array = result_array(picture, like)
    about = like.about.fitted(array.shape[1], array.shape[0])
    if out is not None or like.kind == "path":
        target = out or files.new_name(like.source or Path("result.png"))
        files.save(target, array, about, recipe)
        return target
    if like.kind == "array":
        if like.dtype is not None:
            array = array.astype(like.dtype)
        return array[:, :, 0] if like.squeeze else array
    image = to_pil(array)
    image.info.update(about.as_info())
    return image
