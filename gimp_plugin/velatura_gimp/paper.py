"""GIMP's image as `velatura.editor` reads it: the layer that a procedure was called for, and the results that
the image remembers.

Writing is not here: a result goes into the image in one undo step, see `output`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from gi.repository import GdkPixbuf, Gimp, GLib
from velatura.blob import Blob, Picture
from velatura.editor import annotation
from velatura.editor.alpha import bake, whole
from velatura.editor.annotation import Made
from velatura.editor.geometry import Rect, strips
from velatura.editor.paper import Gone, Source
from velatura.editor.pump import Work
from velatura.editor.tasks import IMAGE_SIDE

from . import buffers, notes
from .original import Original


@dataclass(frozen=True)
class BeforeAfter:
    """What the dialog draws: the pixels as they are, and as they will be."""

    before: GdkPixbuf.Pixbuf
    after: GdkPixbuf.Pixbuf


class Paper:
    """What is worked on at present.

    Args:
        look: tells it; raises `Refused`.
        in_place: whether the layer itself is to be changed. Its filters then stay above the result, so they
            are left out of what is read.
        regions: tells what says where each style is painted, as a `Source` has it.
    """

    def __init__(
        self,
        look: Callable[[], Original],
        in_place: Callable[[], bool],
        regions: Callable[[], tuple[tuple[str, str], ...]] = tuple,
    ) -> None:
        self._look, self._in_place, self._regions = look, in_place, regions

    def source(self) -> Source:
        return source_of(self._look(), self._regions())

    def only(self, taken: Source, selected: bool) -> Source:
        aim = _found(taken).aim
        part = taken.area if selected else aim.on_canvas(aim.whole)
        return replace(taken, area=part, crop=part, selected=None)

    def digest(self, taken: Source) -> Work[str]:
        form, seen = _found(taken).aim.form, hashlib.blake2b(digest_size=16)
        with self._drawable(taken) as (drawable, crop):
            for strip in strips(crop, crop.width * form.pixel_bytes):
                seen.update(buffers.pixels(drawable, strip, form))
                yield
        for _style, node in taken.regions:
            seen.update(buffers.data_of((yield from self.read_region(taken, node))))
        return seen.hexdigest()

    def read(self, taken: Source) -> Work[Blob]:
        yield
        with self._drawable(taken) as (drawable, crop):
            return buffers.read_content(drawable, crop, _found(taken).aim.form)

    def read_reduced(self, taken: Source, factor: int) -> Work[Blob]:
        yield
        with self._drawable(taken) as (drawable, crop):
            return buffers.read(drawable, crop, _found(taken).aim.form.small, factor)

    def read_mask(self, taken: Source, selection: bool = True) -> Work[Blob | None]:
        yield
        if not selection:
            return None
        cover = _found(taken).cover(_found(taken).aim.on_layer(taken.crop))
        if cover is None:
            return None
        layout, data = cover.blob.layout, buffers.data_of(cover.blob)
        selected = data if layout.depth == "u8" else bytes(map(bool, data.cast("H")))
        return Blob(replace(layout, depth="u8"), whole(bytes(selected)))

    def read_region(self, taken: Source, node: str) -> Work[Blob]:
        yield
        drawable = Gimp.Item.get_by_id(int(node))
        if drawable is None or not drawable.is_valid():
            raise Gone
        __, dx, dy = drawable.get_offsets()
        return buffers.read_white(drawable, taken.crop.moved(-dx, -dy))

    def display(self, taken: Source, picture: Picture, factor: int, full: bool) -> Work[BeforeAfter]:
        """Both pictures at the result's size; where that is not the crop's, nothing cuts the result out."""
        before = yield from self.read_reduced(taken, factor)
        found, layout = _found(taken), before.layout
        seen = pixbuf(Picture(layout, buffers.data_of(before)))
        picture = buffers.reduced(picture, found.aim.form, factor) if full else picture
        made = pixbuf(picture)
        size = (picture.layout.width, picture.layout.height)
        cover = (
            found.cover(found.aim.on_layer(taken.crop), factor)
            if taken.selected or not found.direct
            else None
        )
        if cover is None or size != (layout.width, layout.height):
            return BeforeAfter(seen, made)
        rgba = bake(made.add_alpha(False, 0, 0, 0).get_pixels(), 4, "u8", bytes(buffers.data_of(cover.blob)))
        over, after = pixbuf(Picture(replace(layout, channels="RGBA"), memoryview(rgba))), seen.copy()
        over.composite(after, 0, 0, *size, 0, 0, 1, 1, GdkPixbuf.InterpType.NEAREST, 255)
        return BeforeAfter(seen, after)

    # -- what the image remembers ----------------------------------------------------------------------

    def recipes(self, taken: Source) -> dict[str, Made]:
        found = notes.kept(_image(taken))
        return {layer: notes.parse(json.dumps(kept.entry["made"])) for layer, kept in found.items()}

    def images(self, taken: Source) -> dict[str, bytes]:
        found = notes.kept(_image(taken))
        return {layer: base64.b64decode(kept.entry["image"]) for layer, kept in found.items()}

    def keep_images(self, taken: Source, images: Mapping[str, bytes], saved: bool) -> None:
        image = _image(taken)
        known = notes.kept(image)
        notes.keep(image, {n: known.get(n) or _kept(image, n, png, saved) for n, png in images.items()})

    def encoded(self, image: object) -> bytes:
        assert isinstance(image, BeforeAfter)
        done, data = scaled(image.after, IMAGE_SIDE).save_to_bufferv("png", [], [])
        assert done
        return bytes(data)

    @contextmanager
    def _drawable(self, taken: Source) -> Iterator[tuple[Any, Rect]]:
        """What is read, and the crop in its own coordinates; raises `Gone`."""
        aim = _found(taken).aim
        if not aim.image.is_valid() or not aim.drawable.is_valid():
            raise Gone
        if self._in_place():
            yield aim.drawable, aim.on_layer(taken.crop)
            return
        with buffers.seen(aim.drawable) as drawable:
            yield drawable, aim.on_layer(taken.crop)


def source_of(found: Original, regions: tuple[tuple[str, str], ...] = ()) -> Source:
    """What is worked on, in the words of `velatura.editor`."""
    aim = found.aim
    area, crop = aim.on_canvas(aim.area), aim.on_canvas(aim.crop)
    small = found.cover(aim.area, max(1, max(area.width, area.height) // 64))
    mark = hash(bytes(buffers.data_of(small.blob))) if small is not None else 0
    return Source(
        str(aim.image.get_id()), str(aim.drawable.get_id()), aim.drawable.get_name(), aim.image.get_name(),
        area, crop, area if aim.selected else None, mark, regions=regions, own=found,
    )  # fmt: skip


def _image(taken: Source) -> Any:
    """The image of a source; raises `Gone`."""
    image = _found(taken).aim.image
    if not image.is_valid():
        raise Gone
    return image


def _kept(image: Any, name: str, png: bytes, saved: bool) -> notes.Kept:
    """A result that has just been put in, by the name of its layer."""
    layer = notes.layer_named(name.partition("#")[0], image)
    if layer is None:
        raise Gone
    made = annotation.to_map(notes.demand(layer))
    picture = base64.b64encode(png).decode("ascii")
    return notes.Kept({"layer": name, "made": made, "image": picture, "at": time.time()}, saved)


def _found(taken: Source) -> Original:
    assert isinstance(taken.own, Original)
    return taken.own


def pixbuf(picture: Picture, side: int = 0) -> GdkPixbuf.Pixbuf:
    """A picture of 8 bits for GTK, scaled to a longest side where given."""
    layout, data = picture.layout, bytes(picture.data)
    if layout.channels.startswith("GRAY"):
        step = layout.pixel_bytes
        rgba = bytearray(b"\xff" * (4 * layout.width * layout.height))
        for place in range(3):
            rgba[place::4] = data[::step]
        if layout.has_alpha:
            rgba[3::4] = data[1::2]
        data = bytes(rgba)
    alpha = layout.channels != "RGB"
    made = GdkPixbuf.Pixbuf.new_from_bytes(
        GLib.Bytes.new(data), GdkPixbuf.Colorspace.RGB, alpha, 8,
        layout.width, layout.height, layout.width * (4 if alpha else 3),
    )  # fmt: skip
    return scaled(made, side) if side and max(layout.width, layout.height) > side else made


def from_png(data: bytes) -> GdkPixbuf.Pixbuf:
    """A picture that `Paper.encoded` has made."""
    loader = GdkPixbuf.PixbufLoader.new_with_type("png")
    loader.write(data)
    loader.close()
    return loader.get_pixbuf()


def scaled(picture: GdkPixbuf.Pixbuf, side: int) -> GdkPixbuf.Pixbuf:
    """A picture whose longest side has so many pixels, over a chequerboard where it is transparent."""
    scale = side / max(picture.get_width(), picture.get_height())
    size = max(1, round(picture.get_width() * scale)), max(1, round(picture.get_height() * scale))
    return picture.composite_color_simple(*size, GdkPixbuf.InterpType.BILINEAR, 255, 8, 0x999999, 0x666666)
