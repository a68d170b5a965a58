"""A picture in whatever layout an editor uses as an image of 8 bits, where there is no torch: for the style
library. What networks see of a layout is the engine's to say, in `compose`."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ..pixels import Layout
from .arrays import DTYPES
from .icc import encoded, from_unit, to_unit

STRIP = 1 << 20
"""Pixels converted at a time, so that floats of a large picture never exist all at once."""


def image_of(layout: Layout, data: memoryview | bytes) -> Image.Image:
    """A picture as 8-bit sRGB, straight alpha where it has any; numbers that are not finite count as 0.

    Args:
        layout: how the bytes are to be read.
        data: exactly `layout.nbytes` bytes.
    """
    array = np.frombuffer(data, DTYPES[layout.depth]).reshape(layout.height, layout.width, -1)
    out = np.empty((layout.height, layout.width, 4 if layout.has_alpha else 3), np.uint8)
    rows = max(1, STRIP // layout.width)
    for top in range(0, layout.height, rows):
        values = np.nan_to_num(to_unit(array[top : top + rows]), posinf=1.0)
        colour, alpha = (values[..., :-1], values[..., -1:]) if layout.has_alpha else (values, None)
        if layout.channels.startswith("BGR"):
            colour = colour[..., ::-1]
        if layout.premultiplied and alpha is not None:
            colour = colour / np.maximum(alpha, 1e-6)
        if layout.transfer == "linear":
            colour = encoded(colour)
        out[top : top + rows, :, :3] = from_unit(colour, out.dtype)
        if alpha is not None:
            out[top : top + rows, :, 3:] = from_unit(alpha, out.dtype)
    return Image.fromarray(out)
