"""Pixels out of GIMP and into it again, in strips, in a layout that the daemon knows.

babl converts whatever the image holds (gray, indexed, 8 to 64 bits, linear, profiled) to sRGB numbers with
straight alpha, and back.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gi.repository import Gegl, Gimp, Gio
from velatura.blob import Blob
from velatura.pixels import Layout

from .geometry import Rect
from .target import Target
from .words import Refused, _

_COLOURS = {"RGBA": "R'G'B'A", "RGB": "R'G'B'", "GRAYA": "Y'A", "GRAY": "Y'"}
_DEPTHS = {"u8": "u8", "u16": "u16", "f16": "half", "f32": "float"}


def babl_format(layout: Layout) -> str:
    """The name babl has for a layout; from tables, since one that babl does not know kills the plug-in."""
    return f"{_COLOURS[layout.channels]} {_DEPTHS[layout.depth]}"


def read(drawable: Any, rect: Rect, depth: str = "u8", side: int = 0) -> Blob:
    """A part of a drawable as RGBA.

    Args:
        drawable: a `Gimp.Drawable`.
        rect: in its own coordinates.
        depth: `u8`, `u16` or `f32`.
        side: scales the picture down to this longest side; 0 leaves its size.
    """
    rect, scale = _smaller(rect, side)
    layout = Layout(rect.width, rect.height, "RGBA", depth)
    return Blob(layout, _bytes(drawable, rect, scale, babl_format(layout), layout.row_bytes))


def read_mask(target: Target, side: int = 0) -> Blob | None:
    """The selection over the target's rectangle as GRAY bytes; None without a selection."""
    if not target.selected:
        return None
    rect, scale = _smaller(target.on_canvas, side)
    layout = Layout(rect.width, rect.height, "GRAY", "u8")
    selection = target.image.get_selection()
    return Blob(layout, _bytes(selection, rect, scale, "Y u8", layout.row_bytes, Gegl.AbyssPolicy.NONE))


def read_cover(layer: Any, box: Rect, side: int = 0) -> Blob:
    """Where a layer covers what is below: its layer mask, or its alpha, as GRAY bytes.

    Args:
        box: in the image's coordinates; outside the layer there is no cover.
    """
    __, dx, dy = layer.get_offsets()
    own, scale = _smaller(box.moved(-dx, -dy), side)
    layout = Layout(own.width, own.height, "GRAY", "u8")
    mask = layer.get_mask()
    if mask is not None:
        return Blob(layout, _bytes(mask, own, scale, "Y u8", layout.row_bytes, Gegl.AbyssPolicy.NONE))
    pixels = _bytes(layer, own, scale, "R'G'B'A u8", 4 * layout.row_bytes, Gegl.AbyssPolicy.NONE)
    return Blob(layout, pixels[3::4])


def _smaller(rect: Rect, side: int) -> tuple[Rect, float]:
    """The rectangle as GEGL counts at a scale at which its longer side has `side` pixels, and that scale."""
    scale = rect.fitted(side) if side else 1.0
    return rect.scaled(scale), scale


def _bytes(
    drawable: Any, rect: Rect, scale: float, form: str, row_bytes: int, beyond: Any = None
) -> bytearray:
    buffer = drawable.get_buffer()
    pixels = bytearray()
    for strip in rect.strips(row_bytes):
        box = Gegl.Rectangle.new(strip.x, strip.y, strip.width, strip.height)
        pixels += buffer.get(box, scale, form, beyond or Gegl.AbyssPolicy.CLAMP)
    return pixels


def write(buffer: Any, at: tuple[int, int], layout: Layout, pixels: Any) -> None:
    """Writes a picture into a `Gegl.Buffer`, its top left pixel at `at`."""
    view, form = memoryview(pixels), babl_format(layout)
    for strip in Rect(0, 0, layout.width, layout.height).strips(layout.row_bytes):
        box = Gegl.Rectangle.new(at[0], at[1] + strip.y, strip.width, strip.height)
        start = strip.y * layout.row_bytes
        buffer.set(box, form, bytes(view[start : start + strip.height * layout.row_bytes]))
    buffer.flush()


@contextmanager
def seen(drawable: Any) -> Iterator[Any]:
    """The drawable as it is seen: with its non-destructive filters, which its own buffer leaves out.

    Done on a copy in an image of its own, so that the user's is not touched.
    """
    if not drawable.get_filters():
        yield drawable
        return
    image = drawable.get_image()
    width, height = drawable.get_width(), drawable.get_height()
    scratch = Gimp.Image.new_with_precision(width, height, image.get_base_type(), image.get_precision())
    try:
        if image.get_base_type() == Gimp.ImageBaseType.INDEXED:
            scratch.set_palette(image.get_palette())
        profile = image.get_color_profile()
        if profile is not None:
            scratch.set_color_profile(profile)
        copy = Gimp.Layer.new_from_drawable(drawable, scratch)
        scratch.insert_layer(copy, None, 0)
        copy.merge_filters()
        yield copy
    finally:
        gc.collect()  # a buffer that outlives its image gets the plug-in killed
        scratch.delete()


def content(target: Target, in_place: bool, side: int = 0) -> Blob:
    """The pixels to work on. In place the layer's filters stay above the result, so they are left out."""
    depth = "u8" if side else target.depth
    if in_place:
        return read(target.drawable, target.rect, depth, side)
    with seen(target.drawable) as drawable:
        return read(drawable, target.rect, depth, side)


def style_of_drawable(drawable: Any) -> Blob:
    """A whole drawable as a style picture.

    Raises:
        Refused: it is gone.
    """
    if drawable is None or not drawable.is_valid():
        raise Refused(_("The layer that the style was taken from is gone; choose the style again."))
    with seen(drawable) as shown:
        return read(shown, Rect(0, 0, shown.get_width(), shown.get_height()))


def style_of_file(file: Gio.File) -> Blob:
    """A picture file, in any format that GIMP opens, as a style picture.

    Raises:
        Refused: it is not there, or GIMP cannot open it.
    """
    name = file.get_parse_name()
    if not file.query_exists(None):
        raise Refused(_("The style picture {name} does not exist.", name=name))
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file)
    if image is None:
        raise Refused(_("GIMP cannot open the style picture {name}.", name=name))
    try:
        layer = Gimp.Layer.new_from_visible(image, image, "style")
        return read(layer, Rect(0, 0, layer.get_width(), layer.get_height()))
    finally:
        gc.collect()
        image.delete()
