"""Pixels out of GIMP and into it again, in strips, in a form that the daemon knows."""

from __future__ import annotations

import gc
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

from gi.repository import Gegl, Gimp, Gio
from velatura.blob import Blob, Picture
from velatura.editor.alpha import alpha_of, bake, changed, chosen
from velatura.editor.geometry import Rect, cut, reduced_size, strips
from velatura.editor.i18n import _
from velatura.editor.paper import Refused
from velatura.pixels import Layout

from . import forms
from .forms import Form


class LayerContent(Blob):
    """What is worked on: the pixels as they travel, and in the image's own numbers where those differ."""

    def __init__(self, layout: Layout, pixels: bytearray, own: Picture | None) -> None:
        super().__init__(layout, pixels)
        self.own = own


def read_content(drawable: Any, rect: Rect, form: Form) -> LayerContent:
    """A part of a layer to work on."""
    own = form.own and Picture(
        form.own.layout(rect.width, rect.height), memoryview(pixels(drawable, rect, form.own))
    )
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
        elif form.own is None or factor > 1:
            numbers = buffer.get(_box(strip), 1 / factor, profile.floats, beyond)
            found += profile.to_srgb(numbers, form.babl_depth)
        else:
            numbers = buffer.get(_box(strip), 1.0, form.own.name, beyond)
            found += profile.to_srgb(_floats(numbers, form.own.depth), form.babl_depth)
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


def _floats(integers: bytes, depth: str) -> bytes:
    """Integers as floats 0..1, exactly: babl goes one of several ways, whichever it finds fast, and some are
    off in the last bit."""
    code, top = ("B", 255) if depth == "u8" else ("H", 65535)
    return array("f", map(_units(top).__getitem__, array(code, bytes(integers)))).tobytes()


@cache
def _units(top: int) -> list[float]:
    return [value / top for value in range(top + 1)]


def _box(rect: Rect) -> Gegl.Rectangle:
    return Gegl.Rectangle.new(rect.x, rect.y, rect.width, rect.height)


def write(
    buffer: Any,
    at: tuple[int, int],
    form: Form,
    picture: Picture,
    part: Rect,
    before: LayerContent | None = None,
) -> None:
    """Writes a part of a picture into a `Gegl.Buffer`.

    Args:
        at: where its top left pixel is to be; it must lie within.
        form: of the picture.
        before: what it was made of: what came back as it went keeps the image's own numbers.
    """
    layout, own, profile = picture.layout, form.own, form.profile
    kept = before.own if before is not None and before.layout == layout else None
    for strip in strips(part, layout.row_bytes):
        piece, name = bytes(cut(picture, strip).data), form.name
        if profile is not None:
            floats = piece if own is None else _floats(piece, form.depth)
            made = profile.from_srgb(floats, "float" if own is None else own.babl_depth)
            if before is not None and kept is not None:
                old = bytes(cut(Picture(layout, data_of(before)), strip).data)
                which = changed(old, piece, layout.pixel_bytes)
                made = chosen(which, made, bytes(cut(kept, strip).data), kept.layout.pixel_bytes)
            piece, name = made, profile.floats if own is None else own.name
        buffer.set(_box(strip.moved(at[0] - part.x, at[1] - part.y)), name, piece)
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
