"""From an editor's bytes to what networks see, and back: the one place that converts pixels.

Networks see straight, sRGB-encoded RGB in 0..1 with the colour of transparent pixels filled in from
their neighbours. Writing back applies the *change* to the original, in the original's own depth,
transfer curve and alpha, so that 16-bit and float pictures keep their depth, alpha is kept, and pixels
outside the mask keep their bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from velatura.errors import VelaturaError
from velatura.pixels import CHANNELS, Layout
from velatura_models.maths.color import decode_srgb, encode_srgb, luma
from velatura_models.maths.tiling import Box
from velatura_models.methods.method import Steps
from velatura_models.networks.playback import run_through

from .tasks import Slot

DTYPES = {"u8": np.dtype("u1"), "u16": np.dtype("<u2"), "f16": np.dtype("<f2"), "f32": np.dtype("<f4")}
TOP = {"u8": 255.0, "u16": 65535.0, "f16": 1.0, "f32": 1.0}
BAND = 256
"""Rows read between two yields."""
ORDER = {"RGBA": (0, 1, 2), "BGRA": (2, 1, 0), "RGB": (0, 1, 2), "BGR": (2, 1, 0)}
"""Where red, green and blue lie in memory."""


@dataclass(frozen=True)
class Raster:
    """What networks see.

    Args:
        rgb: `(1, 3, H, W)` float32, straight, sRGB-encoded, 0..1.
        alpha: `(1, 1, H, W)` float32 in 0..1, or None where all is opaque.
    """

    rgb: Tensor
    alpha: Tensor | None

    @property
    def box(self) -> Box:
        return Box(0, 0, self.rgb.shape[2], self.rgb.shape[3])

    @property
    def nbytes(self) -> int:
        return self.rgb.nbytes + (0 if self.alpha is None else self.alpha.nbytes)


def as_array(layout: Layout, data: memoryview) -> np.ndarray:
    """The bytes as an array `(H, W, channels)` in the layout's own depth, without a copy."""
    shape = (layout.height, layout.width, CHANNELS[layout.channels])
    return np.frombuffer(data, DTYPES[layout.depth]).reshape(shape)


def read_picture(slot: Slot, name: str = "content") -> Raster:
    """A picture as networks see it.

    Args:
        slot: the pixels.
        name: of the input, for errors.

    Raises:
        VelaturaError: `bad_image` where a float picture holds NaN or infinity.
    """
    return run_through(reading(slot, name))


def reading(slot: Slot, name: str = "content") -> Steps[Raster]:
    """As `read_picture`, a band of rows at a time: a large picture is not held several times, and whoever
    waits for something else gets a turn."""
    layout = slot.layout
    array = as_array(layout, slot.data)
    rgb = torch.empty(1, 3, layout.height, layout.width)
    alpha = torch.ones(1, 1, layout.height, layout.width) if layout.has_alpha else None
    opaque = True
    for top in range(0, layout.height, BAND):
        color, some = _split(layout, _floats(layout, array[top : top + BAND], name))
        rgb[:, :, top : top + BAND] = encode_srgb(color) if layout.transfer == "linear" else color
        if some is not None and alpha is not None:
            alpha[:, :, top : top + BAND], opaque = some, False
        yield
    rgb.clamp_(0, 1)
    if alpha is None or opaque:
        return Raster(rgb, None)
    return Raster(fill_transparent(rgb, alpha), alpha)


def read_mask(slot: Slot, layout: Layout, name: str = "mask") -> Tensor:
    """A mask `(1, 1, H, W)` float32 in 0..1.

    Raises:
        VelaturaError: `bad_field` where it is not gray or not of the content's size, `bad_image` on NaN.
    """
    if slot.layout.channels != "GRAY":
        raise VelaturaError("bad_field", f"has channels {slot.layout.channels}; a mask is GRAY", name)
    if (slot.layout.width, slot.layout.height) != (layout.width, layout.height):
        raise VelaturaError(
            "bad_field",
            f"is {slot.layout.width} x {slot.layout.height} pixels, the content {layout.width} x "
            f"{layout.height}; they must be the same",
            name,
        )
    return _floats(slot.layout, as_array(slot.layout, slot.data), name).clamp_(0, 1)


def write_change(
    layout: Layout,
    out: memoryview,
    original: memoryview,
    box: Box,
    seen: Raster,
    made: Tensor,
    mask: Tensor | None = None,
) -> None:
    """Writes a stylized part of a picture.

    Args:
        layout: of both `out` and `original`, which may be the same memory.
        out: the whole picture's bytes; only those in `box` are written.
        original: the bytes that the content came in.
        box: the part.
        seen: the whole content as networks saw it.
        made: `(1, 3, h, w)`, what shall be there instead, as networks see it; clamped to 0..1 here.
        mask: `(1, 1, h, w)` of the same part; where it is 0 the original's bytes stay.
    """
    rows, columns = box.slices()
    part = as_array(layout, original)[rows, columns]
    before = seen.rgb[:, :, rows, columns]
    made = made.clamp(0, 1)
    if layout.channels.startswith("GRAY"):
        before, made = luma(before), luma(made)
    if layout.transfer == "linear":
        change = decode_srgb(made) - decode_srgb(before)
    else:
        change = made - before
    if layout.premultiplied and seen.alpha is not None:
        change = change * seen.alpha[:, :, rows, columns]
    moved = change[0].permute(1, 2, 0).numpy()
    values = part.copy()
    where = list(range(1)) if layout.channels.startswith("GRAY") else list(ORDER[layout.channels])
    top = TOP[layout.depth]
    new = values[:, :, where].astype(np.float32) + moved * np.float32(top)
    if layout.depth in ("u8", "u16"):
        new = np.rint(new.clip(0, top))
    new = new.astype(values.dtype)
    if mask is not None:
        new = np.where(mask[0].permute(1, 2, 0).numpy() > 0, new, values[:, :, where])
    values[:, :, where] = new
    as_array(layout, out)[rows, columns] = values


def encode_picture(picture: Raster, layout: Layout) -> bytearray:
    """A picture in a layout of its size: for previews, and for results that have no original."""
    color = picture.rgb
    if layout.transfer == "linear":
        color = decode_srgb(color)
    if layout.channels.startswith("GRAY"):
        color = luma(color)
    parts = [color[:, i : i + 1] for i in ORDER.get(layout.channels, (0,))]
    if layout.has_alpha:
        alpha = torch.ones_like(parts[0]) if picture.alpha is None else picture.alpha
        if layout.premultiplied:
            parts = [part * alpha for part in parts]
        parts.append(alpha)
    values = torch.cat(parts, 1)[0].permute(1, 2, 0).numpy() * np.float32(TOP[layout.depth])
    if layout.depth in ("u8", "u16"):
        values = np.rint(values)
    return bytearray(np.ascontiguousarray(values, DTYPES[layout.depth]).data.cast("B"))


def shrink(picture: Raster, side: int) -> Raster:
    """The picture with its longest side at most `side` pixels, antialiased, colour weighted by alpha."""
    height, width = picture.rgb.shape[-2:]
    size = preview_size(width, height, side)
    if size == (width, height):
        return picture
    alpha = None if picture.alpha is None else shrink_map(picture.alpha, size)
    return Raster(shrink_map(picture.rgb, size), alpha)


def shrink_map(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """`(1, C, H, W)` scaled, antialiased, to `(width, height)`; values stay in 0..1."""
    return F.interpolate(maps, (size[1], size[0]), mode="bilinear", antialias=True).clamp_(0, 1)


def preview_size(width: int, height: int, side: int) -> tuple[int, int]:
    """Width and height with the longest side at most `side`; 0 leaves them."""
    factor = min(1.0, side / max(width, height)) if side else 1.0
    return max(1, round(width * factor)), max(1, round(height * factor))


def fill_transparent(rgb: Tensor, alpha: Tensor) -> Tensor:
    """Colour under fully transparent pixels, from their neighbours at ever coarser grids (push-pull).

    Args:
        rgb: `(1, 3, H, W)` straight colour.
        alpha: `(1, 1, H, W)`.

    Returns:
        `rgb` where alpha is above 0; elsewhere a smooth continuation, gray where nothing is visible at all.
    """
    if not (alpha <= 0).any():
        return rgb
    known = (alpha > 0).to(rgb)
    levels = [(rgb * known, known)]
    while max(levels[-1][1].shape[-2:]) > 1:
        color, weight = (F.avg_pool2d(t, 2, ceil_mode=True) for t in levels[-1])
        levels.append((color, weight))
    color, weight = levels.pop()
    filled = torch.where(weight > 0, color / weight.clamp_min(1e-9), torch.full_like(color, 0.5))
    for color, weight in reversed(levels):
        coarse = F.interpolate(filled, color.shape[-2:], mode="bilinear")
        filled = torch.where(weight > 0, color / weight.clamp_min(1e-9), coarse)
    return torch.where(known > 0, rgb, filled)


def _floats(layout: Layout, array: np.ndarray, name: str) -> Tensor:
    """`(1, channels, H, W)` float32, integers scaled to 0..1."""
    values = torch.from_numpy(array.astype(np.float32)).permute(2, 0, 1)[None]
    if layout.depth in ("u8", "u16"):
        return values.mul_(1 / TOP[layout.depth])
    if not bool(torch.isfinite(values).all()):
        count = int((~torch.isfinite(values)).sum())
        raise VelaturaError("bad_image", f"holds {count} values that are NaN or infinite", name)
    return values


def _split(layout: Layout, values: Tensor) -> tuple[Tensor, Tensor | None]:
    """Straight RGB and alpha of `(1, channels, H, W)`; gray is repeated."""
    alpha = values[:, -1:].clamp(0, 1) if layout.has_alpha else None
    if layout.channels.startswith("GRAY"):
        color = values[:, :1].expand(-1, 3, -1, -1).contiguous()
    else:
        color = values[:, list(ORDER[layout.channels])]
    if alpha is not None:
        if layout.premultiplied:
            color = color / alpha.clamp_min(1e-6)
        if bool((alpha >= 1).all()):
            alpha = None
    return color, alpha
