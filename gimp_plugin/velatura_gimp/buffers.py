"""Pixels out of GIMP and into it again, in strips, in a form that the daemon knows."""

from __future__ import annotations

import gc
import operator
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from gi.repository import Gegl, Gimp, Gio
from velatura.blob import Blob, Picture
from velatura.editor.alpha import alpha_of, chosen
from velatura.editor.geometry import Rect, fitted, strips
from velatura.editor.i18n import _
from velatura.editor.paper import Refused
from velatura.pixels import Layout

from . import forms
from .forms import Form

_CODES: dict[int, Literal["I", "Q"]] = {4: "I", 8: "Q"}
"""How `memoryview.cast` calls pixels of so many bytes."""


@dataclass(frozen=True)
class Content:
    """What is worked on: the pixels as they travel, and in the image's own numbers where those differ."""

    blob: Blob
    own: bytes | bytearray = b""


def read_content(drawable: Any, rect: Rect, form: Form) -> Content:
    """A part of a layer to work on."""
    own = _bytes(drawable, rect, 1.0, form.own, Gegl.AbyssPolicy.CLAMP) if form.own else b""
    return Content(read(drawable, rect, form), own)


def read(drawable: Any, rect: Rect, form: Form = forms.COLOUR, side: int = 0) -> Blob:
    """A part of a drawable.

    Args:
        drawable: a `Gimp.Drawable`.
        rect: in its own coordinates.
        form: how it is to travel.
        side: scales the picture down to this longest side; 0 leaves its size.
    """
    rect, scale = fitted(rect, side)
    pixels = _bytes(drawable, rect, scale, form, Gegl.AbyssPolicy.CLAMP)
    return Blob(form.layout(rect.width, rect.height), pixels)


def read_gray(drawable: Any, rect: Rect, depth: str = "u8", side: int = 0) -> Blob:
    """A part of a selection or mask; beyond its edge it is 0."""
    (rect, scale), form = fitted(rect, side), forms.gray(depth)
    pixels = _bytes(drawable, rect, scale, form, Gegl.AbyssPolicy.NONE)
    return Blob(form.layout(rect.width, rect.height), pixels)


def read_alpha(layer: Any, rect: Rect, depth: str = "u8", side: int = 0) -> Blob:
    """A part of a layer's alpha as gray; beyond its edge it is 0."""
    rect, scale = fitted(rect, side)
    both = _bytes(layer, rect, scale, forms.plain("GRAYA", depth), Gegl.AbyssPolicy.NONE)
    return Blob(Layout(rect.width, rect.height, "GRAY", depth), alpha_of(both, 2, depth))


def _bytes(drawable: Any, rect: Rect, scale: float, form: Form, beyond: Any) -> bytearray:
    buffer = drawable.get_buffer()
    pixels = bytearray()
    between = form.between if drawable.get_image().get_color_profile() is not None else form.name
    for strip in strips(rect, rect.width * form.pixel_bytes):
        part = buffer.get(_box(strip), scale, between, beyond)
        pixels += _converted(part, strip, between, form.name)
    return pixels


def _converted(pixels: bytes, size: Rect, given: str, wanted: str) -> bytes:
    """Pixels in another of babl's formats."""
    if given == wanted:
        return pixels
    box = Gegl.Rectangle.new(0, 0, size.width, size.height)
    buffer = Gegl.Buffer.new(given, 0, 0, size.width, size.height)
    buffer.set(box, given, pixels)
    return buffer.get(box, 1.0, wanted, Gegl.AbyssPolicy.NONE)


def _box(rect: Rect) -> Gegl.Rectangle:
    return Gegl.Rectangle.new(rect.x, rect.y, rect.width, rect.height)


def write(buffer: Any, at: tuple[int, int], form: Form, picture: Picture, part: Rect) -> None:
    """Writes a part of a picture into a `Gegl.Buffer`, its top left pixel at `at`; it must lie within."""
    between = form.between if form.own else form.name
    for strip in strips(part, picture.layout.row_bytes):
        box = _box(strip.moved(at[0] - part.x, at[1] - part.y))
        pixels = _cut(picture.data, picture.layout.width, form.pixel_bytes, strip)
        buffer.set(box, between, _converted(pixels, strip, form.name, between))
    buffer.flush()


def write_result(
    buffer: Any, at: tuple[int, int], form: Form, picture: Picture, part: Rect, before: Content
) -> None:
    """Writes a part of what was made of a content; what came back as it went keeps the image's numbers."""
    write(buffer, at, form, picture, part)
    layout, blob = picture.layout, before.blob
    if form.own is None or blob.layout != layout:
        return
    code = _CODES[layout.pixel_bytes]
    for strip in strips(part, layout.row_bytes):
        old, new = (
            memoryview(_cut(pixels, layout.width, layout.pixel_bytes, strip)).cast(code)
            for pixels in (blob.read(0, layout.nbytes), picture.data)
        )
        changed = bytes(map(operator.ne, old, new))
        if all(changed):
            continue
        box = _box(strip.moved(at[0] - part.x, at[1] - part.y))
        own = form.own
        made = buffer.get(box, 1.0, own.name, Gegl.AbyssPolicy.NONE)
        kept = _cut(before.own, layout.width, own.pixel_bytes, strip)
        buffer.set(box, own.name, chosen(changed, made, kept, own.pixel_bytes))
    buffer.flush()


def _cut(pixels: Any, width: int, pixel_bytes: int, part: Rect) -> bytes:
    """A part of a picture of `width` columns, tightly packed."""
    view = memoryview(pixels).cast("B")
    starts = ((y * width + part.x) * pixel_bytes for y in range(part.y, part.bottom))
    return b"".join(view[start : start + part.width * pixel_bytes] for start in starts)


@contextmanager
def seen(drawable: Any) -> Iterator[Any]:
    """The drawable as it is seen: with its non-destructive filters, which its own buffer leaves out.

    Done on a copy in an image of its own, so that the user's is not touched.
    """
    if not drawable.get_filters():
        yield drawable
        return
    image = drawable.get_image()
    scratch = image_like(image, drawable.get_width(), drawable.get_height())
    try:
        copy = Gimp.Layer.new_from_drawable(drawable, scratch)
        scratch.insert_layer(copy, None, 0)
        copy.merge_filters()
        yield copy
    finally:
        gc.collect()  # a buffer that outlives its image gets the plug-in killed
        scratch.delete()


def image_like(image: Any, width: int, height: int) -> Any:
    """An empty image of the same mode, precision, palette and profile as another."""
    made = Gimp.Image.new_with_precision(width, height, image.get_base_type(), image.get_precision())
    if image.get_base_type() == Gimp.ImageBaseType.INDEXED:
        made.set_palette(image.get_palette())
    profile = image.get_color_profile()
    if profile is not None:
        made.set_color_profile(profile)
    return made


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
