"""Pixels out of GIMP and into it again, in strips, in a form that the daemon knows."""

from __future__ import annotations

import gc
import operator
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal

from gi.repository import Gegl, Gimp, Gio
from velatura.blob import Blob, Picture
from velatura.editor.alpha import alpha_of, bake, chosen
from velatura.editor.geometry import Rect, cut, reduced_size, strips
from velatura.editor.i18n import _
from velatura.editor.paper import Refused
from velatura.pixels import Layout

from . import forms
from .forms import Form

_CODES: dict[int, Literal["I", "Q"]] = {4: "I", 8: "Q"}
"""How `memoryview.cast` calls pixels of so many bytes."""


class LayerContent(Blob):
    """What is worked on: the pixels as they travel, and in the image's own numbers where those differ."""

    def __init__(self, layout: Layout, pixels: bytearray, own: bytearray) -> None:
        super().__init__(layout, pixels)
        self.own = own


def read_content(drawable: Any, rect: Rect, form: Form) -> LayerContent:
    """A part of a layer to work on."""
    own = pixels(drawable, rect, form.own) if form.own else bytearray()
    return LayerContent(form.layout(rect.width, rect.height), pixels(drawable, rect, form), own)


def read(drawable: Any, rect: Rect, form: Form, factor: int = 1) -> Blob:
    """A part of a drawable.

    Args:
        drawable: a `Gimp.Drawable`.
        rect: in its own coordinates.
        form: how it is to travel.
        factor: reduces the picture by it.
    """
    return Blob(form.layout(*reduced_size(rect, factor)), pixels(drawable, rect, form, factor))


def read_gray(drawable: Any, rect: Rect, depth: str = "u8", factor: int = 1) -> Blob:
    """A part of a selection or mask; beyond its edge it is 0."""
    form = forms.gray(depth)
    size = reduced_size(rect, factor)
    return Blob(form.layout(*size), pixels(drawable, rect, form, factor, Gegl.AbyssPolicy.NONE))


def read_white(drawable: Any, rect: Rect) -> Blob:
    """How white a part of a layer, channel or mask is, as it is seen over black."""
    if not drawable.is_layer():
        return read_gray(drawable, rect)
    both = bytes(pixels(drawable, rect, forms.plain("GRAYA", "u8"), beyond=Gegl.AbyssPolicy.NONE))
    return Blob(Layout(rect.width, rect.height, "GRAY"), bytearray(bake(both[::2], 1, "u8", both[1::2])))


def read_alpha(layer: Any, rect: Rect, depth: str = "u8", factor: int = 1) -> Blob:
    """A part of a layer's alpha as gray; beyond its edge it is 0."""
    wide, wanted = forms.plain("GRAYA", "f32"), forms.plain("GRAYA", depth)  # of integers babl loses alpha
    floats = pixels(layer, rect, wide, factor, Gegl.AbyssPolicy.NONE)
    size = reduced_size(rect, factor)
    both = _converted(bytes(floats), Rect(0, 0, *size), wide.name, wanted.name)
    return Blob(Layout(*size, "GRAY", depth), alpha_of(both, 2, depth))


def data_of(blob: Blob) -> memoryview:
    """All bytes of a blob."""
    return memoryview(blob.read(0, blob.layout.nbytes))


def pixels(
    drawable: Any, rect: Rect, form: Form, factor: int = 1, beyond: Any = Gegl.AbyssPolicy.CLAMP
) -> bytearray:
    """The pixels of a part of a drawable, tightly packed; `beyond` its edge as GEGL calls it."""
    buffer, profile = drawable.get_buffer(), form.profile
    found = bytearray()
    rect = Rect(rect.x // factor, rect.y // factor, *reduced_size(rect, factor))
    for strip in strips(rect, rect.width * form.pixel_bytes):
        if profile is None:
            found += buffer.get(_box(strip), 1 / factor, form.name, beyond)
        else:
            numbers = buffer.get(_box(strip), 1 / factor, profile.floats, beyond)
            found += _converted(profile.to_srgb(numbers), strip, form.floats, form.name)
    return found


def reduced(picture: Picture, form: Form, factor: int) -> Picture:
    """A result in 8 bits and reduced, to be looked at."""
    Gegl.init(None)  # without a dialog nobody has, and a buffer of one's own would stay empty
    layout, small = picture.layout, form.small
    whole = Rect(0, 0, layout.width, layout.height)
    buffer = Gegl.Buffer.new(form.name, 0, 0, layout.width, layout.height)
    write(buffer, (0, 0), replace(form, profile=None), picture, whole)
    size = reduced_size(whole, factor)
    data = buffer.get(_box(Rect(0, 0, *size)), 1 / factor, small.name, Gegl.AbyssPolicy.CLAMP)
    return Picture(small.layout(*size), memoryview(data))


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
    for strip in strips(part, picture.layout.row_bytes):
        box = _box(strip.moved(at[0] - part.x, at[1] - part.y))
        piece, name = bytes(cut(picture, strip).data), form.name
        if form.profile is not None:
            floats = _converted(piece, strip, form.name, form.floats)
            piece, name = form.profile.from_srgb(floats), form.profile.floats
        buffer.set(box, name, piece)
    buffer.flush()


def write_result(
    buffer: Any, at: tuple[int, int], form: Form, picture: Picture, part: Rect, before: LayerContent
) -> None:
    """Writes a part of what was made of a content; what came back as it went keeps the image's numbers."""
    write(buffer, at, form, picture, part)
    layout, own = picture.layout, form.own
    if own is None or before.layout != layout:
        return
    code = _CODES[layout.pixel_bytes]
    sent, kept = (
        Picture(known.layout(layout.width, layout.height), memoryview(data))
        for known, data in ((form, data_of(before)), (own, before.own))
    )
    for strip in strips(part, layout.row_bytes):
        old, new = (cut(which, strip).data.cast(code) for which in (sent, picture))
        changed = bytes(map(operator.ne, old, new))
        if all(changed):
            continue
        box = _box(strip.moved(at[0] - part.x, at[1] - part.y))
        made = buffer.get(box, 1.0, own.name, Gegl.AbyssPolicy.NONE)
        buffer.set(box, own.name, chosen(changed, made, bytes(cut(kept, strip).data), own.pixel_bytes))
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
        return _style(shown)


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
        return _style(layer)
    finally:
        gc.collect()
        image.delete()


def _style(drawable: Any) -> Blob:
    whole = Rect(0, 0, drawable.get_width(), drawable.get_height())
    return read(drawable, whole, forms.of_style(drawable.get_image()))
