"""From layers to the wire and to the screen, in strips: work for the pump."""

from __future__ import annotations

import hashlib
import weakref

from velatura.blob import Blob, Picture, Room
from velatura.editor import alpha, geometry
from velatura.editor.geometry import Rect
from velatura.editor.paper import Source
from velatura.editor.pump import Work
from velatura.pixels import Layout

from .. import raster
from ..colors import DISPLAY, Space, wire_space
from ..qt import QtCore, QtGui
from .active import node_of, own
from .scratch import Converter
from .strength import said

own_pixels: weakref.WeakKeyDictionary[Blob, bytearray] = weakref.WeakKeyDictionary()
"""A layer's own pixels over the crop, by what travels in another space; kept as long as that is."""


def wire_layout(space: Space, width: int, height: int) -> Layout:
    """The layout in which pixels of `space` travel."""
    layout = wire_space(space).layout(width, height)
    assert layout is not None  # wire_space gives only spaces that the daemon reads
    return layout


def digest(taken: Source) -> Work[str]:
    """Work: a digest of the crop's pixels as they are now, of its strengths and its regions."""
    made = hashlib.blake2b(digest_size=16)
    for strip in geometry.strips(taken.crop, taken.crop.width * own(taken).space.pixel_bytes):
        made.update(_projection(taken, strip))
        for node in filter(None, (taken.strength, *dict(taken.regions).values())):
            made.update(said(taken, node, strip))
        yield
    return made.hexdigest()


def read(taken: Source) -> Work[Blob]:
    """Work: the crop of a source in full size and depth, as the daemon reads it."""
    space = own(taken).space
    layout = wire_layout(space, taken.crop.width, taken.crop.height)
    room, before = Room(layout), bytearray()
    converted = wire_space(space) != space
    with Converter(space, wire_space(space)) as converter:
        for strip in converter.strips(taken.crop):
            pixels = _projection(taken, strip)
            room.add(converter.convert(pixels, strip.pixels))
            if converted:
                before += pixels
            yield
    blob = room.blob()
    if converted:
        own_pixels[blob] = before
        own(taken).sent[:] = [weakref.ref(blob)]
    return blob


def read_reduced(taken: Source, factor: int) -> Work[Blob]:
    """Work: the crop reduced by a whole factor to 8-bit sRGB, for previews at screen size."""
    size = geometry.reduced_size(taken.crop, factor)
    data = bytearray()
    with Converter(*_shown_from(own(taken).space)) as converter:
        skip = _skip(converter, factor)
        for strip in converter.strips(taken.crop, factor, skip):
            rows = geometry.reduced_size(strip, factor)[1]
            data += _shown(converter, _projection(taken, strip), strip, (size[0], rows), skip)
            yield
    return Blob(Layout(*size, "BGRA", "u8"), data)


def _shown_from(space: Space) -> tuple[Space, Space]:
    """From which space to which pixels are converted to be shown. Those of sRGB are not, whatever Krita calls
    its profile: of 16 bits the upper eight are shown."""
    layout = space.layout(1, 1)
    same = layout is not None and (layout.channels, layout.transfer) == ("BGRA", "srgb")
    return (DISPLAY if same else space), DISPLAY


def _skip(converter: Converter, factor: int) -> int:
    """How far apart pixels are taken before conversion: a costly conversion sees four per reduced pixel."""
    return max(1, factor // 2) if converter.given != converter.wanted else 1


def _shown(converter: Converter, pixels: bytes, strip: Rect, size: tuple[int, int], skip: int) -> bytes:
    if len(pixels) == 2 * strip.pixels * converter.given.pixel_bytes:
        pixels = pixels[1::2]
    thinned, width, height = raster.thin(pixels, strip.width, strip.height, converter.given.pixel_bytes, skip)
    return raster.reduce_color(converter.convert(thinned, width * height), width, height, size)


def _projection(taken: Source, strip: Rect) -> bytes:
    node, time = node_of(own(taken).document, taken.layer), own(taken).time
    where = (strip.x, strip.y, strip.width, strip.height)
    return (node.projectionPixelData(*where) if time is None else node.pixelDataAtTime(*where, time)).data()


def read_mask(taken: Source, selection: bool = True) -> Work[Blob | None]:
    """Work: where, and how strongly, is painted over the crop; see `Paper.read_mask`."""
    bounded = selection and own(taken).selection is not None
    if not bounded and not taken.strength:
        return None
    data = bytearray()
    for strip in geometry.strips(taken.crop, taken.crop.width * 4):
        strong = said(taken, taken.strength, strip) if taken.strength else b"\xff" * strip.pixels
        if bounded:
            strong = alpha.chosen(selected(taken, strip), strong, bytes(strip.pixels), 1)
        data += strong
        yield
    return Blob(Layout(taken.crop.width, taken.crop.height, "GRAY", "u8"), data)


def read_region(taken: Source, node: str) -> Work[Blob]:
    """Work: where a style is painted over the crop; see `Paper.read_region`."""
    data = bytearray()
    for strip in geometry.strips(taken.crop, taken.crop.width * 4):
        data += said(taken, node, strip)
        yield
    return Blob(Layout(taken.crop.width, taken.crop.height, "GRAY", "u8"), data)


def selected(taken: Source, strip: Rect) -> bytes:
    return own(taken).selection.pixelData(strip.x, strip.y, strip.width, strip.height).data()


def display(taken: Source, picture: Picture, factor: int, full: bool) -> Work[QtGui.QImage]:
    """Work: a picture of the crop as an image for the screen, cut out by the source's selection.

    Args:
        picture: of the crop's size, or already reduced.
        factor: by which the crop's size is reduced to give the image's size.
        full: whether the picture is in the space in which the source travels in full size.
    """
    space = wire_space(own(taken).space) if full else DISPLAY
    size = geometry.reduced_size(taken.crop, factor)
    given = Rect(0, 0, picture.layout.width, picture.layout.height)
    step = 1 if (given.width, given.height) == size else factor
    mask = None
    if own(taken).selection is not None:
        mask = yield from _reduced_selection(taken, factor)
    image = QtGui.QImage(*size, QtGui.QImage.Format.Format_ARGB32_Premultiplied)
    with Converter(*_shown_from(space)) as converter:
        skip = _skip(converter, step)
        for strip in converter.strips(given, step, skip):
            top, rows = strip.y // step, geometry.reduced_size(strip, step)[1]
            pixels = bytes(rows_of(picture, strip.y, strip.height))
            shown = _shown(converter, pixels, strip, (size[0], rows), skip)
            if mask is not None:
                shown = alpha.bake(shown, 4, "u8", mask[top * size[0] : (top + rows) * size[0]])
            raster.place(image, raster.to_image(shown, size[0], rows), top)
            yield
    return image


def encoded(image: object) -> bytes:
    """What `display` has made, as PNG."""
    data = QtCore.QByteArray()
    buffer = QtCore.QBuffer(data)
    buffer.open(QtCore.QIODevice.OpenModeFlag.WriteOnly)
    QtGui.QImage(image).save(buffer, "PNG")
    return data.data()


def _reduced_selection(taken: Source, factor: int) -> Work[bytes]:
    width = geometry.reduced_size(taken.crop, factor)[0]
    mask = bytearray()
    for strip in geometry.strips(taken.crop, taken.crop.width, factor):
        rows = geometry.reduced_size(strip, factor)[1]
        mask += raster.reduce_mask(selected(taken, strip), strip.width, strip.height, (width, rows))
        yield
    return bytes(mask)


def rows_of(picture: Picture, first: int, count: int) -> memoryview:
    row = picture.layout.row_bytes
    return picture.data[first * row : (first + count) * row]
