"""The result goes into the image: as a new layer, a new layer with the selection as mask, or in place.

Always one undo step. A new layer is finished before it is put in, so that a failure leaves the image
exactly as it was; in place everything is checked and written to the shadow buffer before the first change.
The recipe travels along as the parasite `velatura-recipe`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from gi.repository import Gegl, Gimp
from velatura.blob import Blob
from velatura.pixels import DEPTHS, Layout

from . import buffers
from .geometry import (
    Rect,
    cropped,
    cut,
    hard,
)
from .target import Target
from .words import Refused, _

PARASITE = "velatura-recipe"


@dataclass(frozen=True)
class Result:
    """A picture that came back."""

    layout: Layout
    pixels: Any
    free: bool
    """Whether it was made from nothing (a texture), so that no mask has been applied to it yet."""


def place(
    target: Target,
    output: str,
    result: Result,
    mask: Blob | None,
    above: Any,
    name: str,
    note: Mapping[str, Any],
    replaces: Any = None,
) -> Any:
    """Puts a result into the image; the layer that holds it.

    Args:
        target: what was worked on.
        output: `new-layer`, `new-layer-masked` or `in-place`.
        result: of the size of the target's rectangle, or a texture of any size.
        mask: GRAY over the target's rectangle, as it was when the job began; None for everywhere.
        above: the layer above which a new one goes.
        name: of a new layer.
        note: what the parasite is to hold.
        replaces: a layer that the new one takes the place of.

    Raises:
        Refused: GIMP did not take it; the image is as it was.
    """
    if output == "in-place":
        return _in_place(target, result, mask, note)
    image = target.image
    layer = _layer(target, output, result, mask, name, note)
    parent, position = above.get_parent(), image.get_item_position(above)
    if replaces is None:
        inserted = image.insert_layer(layer, parent, position)
    else:
        layer.set_opacity(replaces.get_opacity())
        layer.set_mode(replaces.get_mode())
        layer.set_visible(replaces.get_visible())
        image.undo_group_start()
        try:
            inserted = image.insert_layer(layer, parent, position)
            if inserted:
                image.remove_layer(replaces)
        finally:
            image.undo_group_end()
    if not inserted:
        raise Refused(_("GIMP did not take the new layer."))
    return layer


def _layer(
    target: Target, output: str, result: Result, mask: Blob | None, name: str, note: Mapping[str, Any]
) -> Any:
    kinds = {
        Gimp.ImageBaseType.RGB: Gimp.ImageType.RGBA_IMAGE,
        Gimp.ImageBaseType.GRAY: Gimp.ImageType.GRAYA_IMAGE,
        Gimp.ImageBaseType.INDEXED: Gimp.ImageType.INDEXEDA_IMAGE,
    }
    layout, pixels, corner = result.layout, result.pixels, target.on_canvas
    if result.free:
        corner = target.bounds.moved(*target.offset)
    elif output == "new-layer" and mask is not None:
        pixels = bytearray(pixels)
        cut(pixels, layout.pixel_bytes, DEPTHS[layout.depth], hard(mask.read(0, mask.layout.nbytes)))
    kind = kinds[target.image.get_base_type()]
    layer = Gimp.Layer.new(target.image, name, layout.width, layout.height, kind, 100, Gimp.LayerMode.NORMAL)
    layer.set_offsets(corner.x, corner.y)
    buffers.write(layer.get_buffer(), (0, 0), layout, pixels)
    layer.update(0, 0, layout.width, layout.height)
    if output == "new-layer-masked" or (result.free and target.selected):
        layer.add_mask(layer.create_mask(Gimp.AddMaskType.SELECTION))
    layer.attach_parasite(_parasite(note))
    return layer


def _in_place(target: Target, result: Result, mask: Blob | None, note: Mapping[str, Any]) -> Any:
    image, drawable, layout = target.image, target.drawable, result.layout
    at = target.bounds if result.free else target.rect
    if (layout.width, layout.height) != (at.width, at.height):
        raise Refused(
            _(
                "The result is {w} × {h} pixels, the place for it {pw} × {ph}; choose a new layer.",
                w=layout.width,
                h=layout.height,
                pw=at.width,
                ph=at.height,
            )
        )
    shadow = drawable.get_shadow_buffer()
    buffers.write(shadow, (at.x, at.y), layout, result.pixels)
    chosen = image.get_selected_layers()
    image.undo_group_start()
    try:
        if mask is None or result.free:  # GIMP applies the selection, softness and all
            merged = drawable.merge_shadow(True)
        else:
            with _hard_selection(target, mask):
                merged = drawable.merge_shadow(True)
        drawable.free_shadow()
        if merged:
            drawable.attach_parasite(_parasite(note))
            drawable.update(at.x, at.y, at.width, at.height)
        if [layer.get_id() for layer in image.get_selected_layers()] != [layer.get_id() for layer in chosen]:
            image.set_selected_layers(chosen)
    finally:
        image.undo_group_end()
    if not merged:
        raise Refused(_("GIMP did not let “{name}” be changed.", name=drawable.get_name()))
    return drawable


@contextmanager
def _hard_selection(target: Target, mask: Blob) -> Iterator[None]:
    """Makes the selection hard for a moment, within an undo group.

    The daemon has applied the mask's softness already; GIMP is only to keep what lies outside untouched, to
    the last bit, whatever the conversions there and back would do to it.
    """
    image = target.image
    width, height = image.get_width(), image.get_height()
    soft = Gimp.Selection.save(image)
    touched = Gimp.Channel.new(image, "velatura", width, height, 100, Gegl.Color.new("black"))
    buffer = touched.get_buffer()
    buffer.set(Gegl.Rectangle.new(0, 0, width, height), "Y u8", bytes(width * height))
    box = target.on_canvas
    inner = box.intersection(Rect(0, 0, width, height))  # writing beyond a drawable kills the plug-in
    area = Gegl.Rectangle.new(inner.x, inner.y, inner.width, inner.height)
    buffer.set(area, "Y u8", cropped(hard(mask.read(0, mask.layout.nbytes)), box, inner))
    buffer.flush()
    touched.update(0, 0, width, height)
    image.insert_channel(touched, None, 0)
    Gimp.context_push()
    Gimp.context_set_feather(False)
    try:
        image.select_item(Gimp.ChannelOps.REPLACE, touched)
        yield
        image.select_item(Gimp.ChannelOps.REPLACE, soft)
    finally:
        Gimp.context_pop()
        image.remove_channel(soft)
        image.remove_channel(touched)


def _parasite(note: Mapping[str, Any]) -> Gimp.Parasite:
    data = json.dumps(note, separators=(",", ":")).encode()
    return Gimp.Parasite.new(PARASITE, Gimp.PARASITE_PERSISTENT | Gimp.PARASITE_UNDOABLE, data)


def note_of(item: Any) -> dict[str, Any] | None:
    """What the parasite of a layer holds, or None where it has none or it cannot be read."""
    parasite = item.get_parasite(PARASITE)
    if parasite is None:
        return None
    try:
        note = json.loads(bytes(parasite.get_data()).decode().rstrip("\0"))
    except ValueError:
        return None
    return note if isinstance(note, dict) else None
