"""A style picture that a client sent, in whatever layout its editor uses, as an image for the library.

Without torch, since the supervisor's librarian does this; the engine's own way of the pixels is `compose`.
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from velatura.pixels import Layout

from .reading import check_size

STRIP = 1 << 20
"""Pixels converted at a time, so that floats of a large picture never exist all at once."""

KINDS = {"u8": "<u1", "u16": "<u2", "f16": "<f2", "f32": "<f4"}


def image_of(layout: Layout, data: memoryview | bytes) -> Image.Image:
    """The picture as 8-bit sRGB, straight alpha where it has any.

    Args:
        layout: how the bytes are to be read.
        data: exactly `layout.nbytes` bytes.

    Raises:
        VelaturaError: `too_large` or `bad_image` for a size that no style picture may have.
    """
    check_size(layout.width, layout.height, "the picture")
    array = np.frombuffer(data, KINDS[layout.depth]).reshape(layout.height, layout.width, -1)
    out = np.empty((layout.height, layout.width, 4 if layout.has_alpha else 3), np.uint8)
    rows = max(1, STRIP // layout.width)
    for top in range(0, layout.height, rows):
        out[top : top + rows] = _rgb_of(layout, array[top : top + rows])
    return Image.fromarray(out)


def _rgb_of(layout: Layout, array: np.ndarray) -> np.ndarray:
    """A strip `(rows, width, channels)` as `(rows, width, 3 or 4)` uint8; not finite numbers count as 0."""
    whole = 1.0 if array.dtype.kind == "f" else float(np.iinfo(array.dtype).max)
    values = np.nan_to_num(array.astype(np.float32), posinf=1.0) / whole
    colour, alpha = (values[..., :-1], values[..., -1:]) if layout.has_alpha else (values, None)
    if layout.channels.startswith("BGR"):
        colour = colour[..., ::-1]
    if layout.premultiplied and alpha is not None:
        colour = colour / np.maximum(alpha, 1e-6)
    if layout.transfer == "linear":
        steep = 1.055 * np.clip(colour, 0.0031308, None) ** (1 / 2.4) - 0.055
        colour = np.where(colour <= 0.0031308, colour * 12.92, steep)
    parts = [np.broadcast_to(colour, (*colour.shape[:2], 3))]
    if alpha is not None:
        parts.append(alpha)
    return np.rint(np.clip(np.concatenate(parts, axis=2), 0, 1) * 255).astype(np.uint8)
