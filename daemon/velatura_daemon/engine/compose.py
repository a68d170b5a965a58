"""A job's picture on its way there and back: from an editor's bytes to what networks see, changed inside the
mask, written in the layout that it came in. The one place that converts pixels.

Networks see straight, sRGB-encoded RGB in 0..1 with the colour of transparent pixels filled in from
their neighbours. Writing back applies the *change* to the original, in the original's own depth,
transfer curve and alpha, so that 16-bit and float pictures keep their depth, alpha is kept, and pixels
outside the mask keep their bytes. It goes straight into memory of the result's layout, part by part, so that
even a large picture can be interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from velatura.errors import VelaturaError
from velatura.pixels import CHANNELS, Layout
from velatura_models.maths.color import decode_srgb, encode_srgb, luma
from velatura_models.maths.sizes import fill_transparent, preview_size, shrink_map
from velatura_models.maths.stitched import ROOM
from velatura_models.maths.tiling import Box
from velatura_models.methods.loading import NETWORK
from velatura_models.methods.method import Steps
from velatura_models.networks.playback import run_through
from velatura_models.note import Note

from .device import CPU
from .resources import PICTURE, Key, Store
from .tasks import EngineTask, Slot

DTYPES = {"u8": np.dtype("u1"), "u16": np.dtype("<u2"), "f16": np.dtype("<f2"), "f32": np.dtype("<f4")}
TOP = {"u8": 255.0, "u16": 65535.0, "f16": 1.0, "f32": 1.0}
BAND = 256
"""Rows read or written between two yields."""
RGB, BGR, GRAY = slice(0, 3), slice(2, None, -1), slice(0, 1)
ORDER = {"RGBA": RGB, "BGRA": BGR, "RGB": RGB, "BGR": BGR, "GRAY": GRAY, "GRAYA": GRAY}
"""Where red, green and blue lie in memory, or gray."""

Output = Callable[[Layout], memoryview]
Written = Generator[None, None, tuple[Layout, memoryview]]


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


def read_picture(slot: Slot, name: str = "content", device: torch.device = CPU) -> Raster:
    """A picture as networks see it.

    Args:
        slot: the pixels.
        name: of the input, for errors.
        device: where it is to be.

    Raises:
        VelaturaError: `bad_image` where a float picture holds NaN or infinity.
    """
    return run_through(reading(slot, name, device))


def reading(slot: Slot, name: str = "content", device: torch.device = CPU) -> Steps[Raster]:
    """As `read_picture`, a band of rows at a time: a large picture is not held several times, and whoever
    waits for something else gets a turn."""
    layout = slot.layout
    array = as_array(layout, slot.data)
    size = (layout.height, layout.width)
    rgb = torch.empty(1, 3, *size, device=device)
    alpha: Tensor | None = None
    for top in range(0, layout.height, BAND):
        color, some = _split(layout, _floats(layout, array[top : top + BAND], name, device))
        rgb[:, :, top : top + BAND] = encode_srgb(color) if layout.transfer == "linear" else color
        if some is not None:
            alpha = torch.ones(1, 1, *size, device=device) if alpha is None else alpha
            alpha[:, :, top : top + BAND] = some
        yield
    rgb.clamp_(0, 1)
    if alpha is None:
        return Raster(rgb, None)
    return Raster(fill_transparent(rgb, alpha), alpha)


def read_mask(slot: Slot, layout: Layout, name: str = "mask", device: torch.device = CPU) -> Tensor:
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
    return _floats(slot.layout, as_array(slot.layout, slot.data), name, device).clamp_(0, 1)


class Canvas:
    """The content of a job at one size.

    Args:
        slot: the content's bytes.
        picture: the content as networks see it, at the canvas' size.
        mask: `(1, 1, H, W)` in 0..1 at the content's own size, or None for everywhere; both on one device.
    """

    def __init__(self, slot: Slot, picture: Raster, mask: Tensor | None) -> None:
        self.slot, self.picture = slot, picture
        height, width = picture.rgb.shape[-2:]
        self.layout = replace(slot.layout, width=width, height=height)
        mask = None if mask is None else shrink_map(mask, (width, height))
        self.mask = None if mask is None or bool((mask >= 1).all()) else mask
        same = self.layout == slot.layout
        self.original = slot.data if same else memoryview(encode_picture(picture, self.layout))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.layout.height, self.layout.width

    def leaves(self, job: int, store: Store) -> tuple[int, int]:
        """Bytes that it leaves of a job's for the activations of a pass over it, which is cut where it needs
        more, and for what is kept of one that is cut. A picture that has no place beside the networks takes
        that of all else that is kept, and of the job's."""
        held = self.picture.nbytes + (0 if self.mask is None else 2 * self.mask.nbytes)  # and the strength
        held += _networks(store)
        if held > store.maxsize:
            store.drop(lambda key: key[0] != NETWORK)
        left, least = job - max(held - int(store.maxsize), 0), job // 10
        kept = max(min(ROOM, left // 3, left - least), 0)
        return max(left - kept, least), kept

    @property
    def counts(self) -> Tensor | None:
        """How much each pixel counts: mask times alpha, `(1, 1, H, W)`, or None for all alike."""
        if self.mask is None or self.picture.alpha is None:
            return self.picture.alpha if self.mask is None else self.mask
        return self.mask * self.picture.alpha

    def unpaintable(self, regions: Sequence[Tensor | None] = ()) -> tuple[str, ...] | None:
        """What is to be said where no pixel can change; None where one can. That a mask is 0 everywhere has
        been said by whoever read it (`velatura.pictures.images`).

        Args:
            regions: where each style applies, `(1, 1, H, W)` in 0..1, or None for everywhere.
        """
        counts = torch.ones(1, device=self.picture.rgb.device) if self.counts is None else self.counts
        if bool((counts > 0).any()):
            if not regions or any(where is None or bool((where * counts > 0).any()) for where in regions):
                return None
            return (Note("no style has a region where there is something to paint, so nothing is painted"),)
        if self.mask is None:
            return (Note("the picture is transparent everywhere, so nothing is painted"),)
        masked = bool((self.mask > 0).any())
        return (Note("the mask covers transparent pixels only, so nothing is painted"),) if masked else ()

    def smaller(self, side: int) -> Canvas:
        """The same at a longest side of at most `side` pixels; itself where it is no larger."""
        if not side or side >= max(self.size):
            return self
        slot = Slot(self.layout, self.original)
        return Canvas(slot, shrink(read_picture(slot, device=self.picture.rgb.device), side), self.mask)

    def unchanged(self, output: Output) -> memoryview:
        """The result's memory, which holds the content as it came.

        Args:
            output: gives the memory.
        """
        out = output(self.layout)
        out[:] = self.original
        return out

    def put(self, out: memoryview, box: Box, made: Tensor) -> None:
        """Writes a part of the picture.

        Args:
            out: the whole result's bytes; only those in `box` are written.
            made: `(1, 3, h, w)`, what shall be in the box, as networks see it; clamped to 0..1 here. Where
                the mask is 0 the content's bytes stay.
        """
        layout = self.layout
        rows, columns = box.slices()
        values = as_array(layout, self.original)[rows, columns]
        before = self.picture.rgb[:, :, rows, columns]
        made = made.to(before.device).clamp(0, 1)
        if layout.channels.startswith("GRAY"):
            before, made = luma(before), luma(made)
        if layout.transfer == "linear":
            change = decode_srgb(made) - decode_srgb(before)
        else:
            change = made - before
        if layout.premultiplied and self.picture.alpha is not None:
            change = change * self.picture.alpha[:, :, rows, columns]
        target = as_array(layout, out)[rows, columns]
        target[:] = values
        inside = None if self.mask is None else self.mask[0, 0, rows, columns, None].cpu().numpy() > 0
        for where, plane in _planes(layout, change):
            new = uploaded(values[:, :, where], before.device)
            new = downloaded(new.add_(plane, alpha=TOP[layout.depth]), layout)
            target[:, :, where] = new if inside is None else np.where(inside, new, values[:, :, where])

    def write(self, made: Tensor, output: Output) -> Written:
        """Writes a picture in place of the content; a mask between 0 and 1 blends the two.

        Args:
            made: `(1, 3, H, W)` of this size.
            output: gives the memory.

        Returns:
            (as the generator's value) the layout and the memory, written in full.
        """
        out = self.unchanged(output)
        height, width = self.size
        for top in range(0, height, BAND):
            box = Box(top, 0, min(top + BAND, height), width)
            rows, columns = box.slices()
            new = made[:, :, rows, columns]
            if self.mask is not None:
                before = self.picture.rgb[:, :, rows, columns]
                new = before + self.mask[:, :, rows, columns] * (new - before)
            self.put(out, box, new)
            yield
        return self.layout, out


def read_canvas(task: EngineTask, store: Store, side: int = 0, device: torch.device = CPU) -> Steps[Canvas]:
    """The content and mask of a job, the content as it is kept where it was seen before.

    Args:
        side: longest side, in pixels; 0 is full size.
        device: where they are to be.

    Raises:
        VelaturaError: `bad_image`, and `bad_field` for a mask that does not fit.
    """
    slot = task.content
    assert slot is not None  # the engine has asked the recipe's facts
    size = preview_size(slot.layout.width, slot.layout.height, side)
    key = (PICTURE, slot.digest, size, device)
    picture: Raster | None = store.get(key)
    if picture is None:
        picture = shrink((yield from reading(slot, device=device)), side)
        keep(picture, key, store)
    mask = None if task.mask is None else read_mask(task.mask, slot.layout, device=device)
    return Canvas(slot, picture, mask)


def keep(picture: Raster, key: Key, store: Store) -> None:
    """Keeps a picture, where it has a place beside the networks: none of those goes for it."""
    if picture.nbytes + _networks(store) <= store.maxsize:
        store[key] = picture


def write_texture(made: Tensor, output: Output) -> Written:
    """Writes a picture that has no original, `(1, 3, H, W)`, as 8-bit RGB; returns as `Canvas.write`."""
    layout = Layout(made.shape[3], made.shape[2], "RGB")
    out = output(layout)
    for top in range(0, layout.height, BAND):
        rows = made[:, :, top : top + BAND].clamp(0, 1)
        band = replace(layout, height=rows.shape[2])
        start = top * layout.row_bytes
        out[start : start + band.nbytes] = encode_picture(Raster(rows, None), band)
        yield
    return layout, out


def encode_picture(picture: Raster, layout: Layout) -> bytearray:
    """A picture in a layout of its size: for previews, and for results that have no original."""
    color = picture.rgb
    if layout.transfer == "linear":
        color = decode_srgb(color)
    if layout.channels.startswith("GRAY"):
        color = luma(color)
    parts = list(color.split(1, 1))[ORDER[layout.channels]]
    if layout.has_alpha:
        alpha = torch.ones_like(parts[0]) if picture.alpha is None else picture.alpha
        if layout.premultiplied:
            parts = [part * alpha for part in parts]
        parts.append(alpha)
    values = torch.cat(parts, 1)[0].permute(1, 2, 0) * TOP[layout.depth]
    return bytearray(np.ascontiguousarray(downloaded(values, layout)).data.cast("B"))


def shrink(picture: Raster, side: int) -> Raster:
    """The picture with its longest side at most `side` pixels, antialiased, colour weighted by alpha."""
    height, width = picture.rgb.shape[-2:]
    size = preview_size(width, height, side)
    if size == (width, height):
        return picture
    alpha = None if picture.alpha is None else shrink_map(picture.alpha, size)
    return Raster(shrink_map(picture.rgb, size), alpha)


def uploaded(array: np.ndarray, device: torch.device) -> Tensor:
    """Numbers of any depth as float32 on a device; a card is sent them as they are, from memory that it reads
    by itself."""
    if device.type != "cuda":
        return torch.from_numpy(array.astype(np.float32)).to(device)
    signed = array.view(np.int16) if array.dtype == DTYPES["u16"] else array  # few operations know uint16
    staged = torch.empty(array.shape, dtype=torch.from_numpy(signed[:0].copy()).dtype, pin_memory=True)
    staged.numpy()[...] = signed
    values = staged.to(device, non_blocking=True)
    return (values.int() & 0xFFFF).float() if signed is not array else values.float()


def downloaded(values: Tensor, layout: Layout) -> np.ndarray:
    """Numbers in a layout's depth, integers clamped and rounded, in place."""
    dtype = DTYPES[layout.depth]
    if layout.depth in ("u8", "u16"):
        values = values.clamp_(0, TOP[layout.depth]).round_()
    if values.device.type != "cuda":
        return values.cpu().numpy().astype(dtype)
    if layout.depth != "f32":
        values = values.to({"u8": torch.uint8, "u16": torch.int32, "f16": torch.float16}[layout.depth])
    values = values.to(torch.int16) if layout.depth == "u16" else values
    staged = torch.empty(values.shape, dtype=values.dtype, pin_memory=True).copy_(values, non_blocking=True)
    torch.cuda.current_stream(values.device).synchronize()
    return staged.numpy().view(dtype)


def _networks(store: Store) -> int:
    return sum(size for key, size in store.sizes.items() if key[0] == NETWORK)


def _planes(layout: Layout, change: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Where channels lie in memory and `(h, w, channels)` of `change` `(1, channels, h, w)` for them: on a
    processor one at a time, which keeps to its cache and goes over memory in order; on a card all."""
    lines, where = change[0].permute(1, 2, 0), ORDER[layout.channels]
    if change.device.type != "cpu":
        yield where, lines
        return
    for k, channel in enumerate(range(lines.shape[2])[where]):
        yield slice(channel, channel + 1), lines[:, :, k : k + 1]


def _floats(layout: Layout, array: np.ndarray, name: str, device: torch.device) -> Tensor:
    """`(1, channels, H, W)` float32, integers scaled to 0..1."""
    values = uploaded(array, device).permute(2, 0, 1)[None]
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
        color = torch.stack(values.unbind(1)[ORDER[layout.channels]], 1)
    if alpha is not None:
        if layout.premultiplied:
            color = color / alpha.clamp_min(1e-6)
        if bool((alpha >= 1).all()):
            alpha = None
    return color, alpha
