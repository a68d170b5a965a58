"""The result goes into the image: as a new layer, a new layer with the selection as mask, or in place.

The selection is applied once, by GIMP, in all three alike: where it is soft, GIMP blends result and original
as it does for its own filters. A new layer is to the layer what a copy of it with the filter applied would
be: it has its mask, opacity and mode, so that cut-outs stay cut out. Always one undo step: a new layer has
its pixels before it is put in, so that a failure leaves the image exactly as it was; in place everything is
checked and written to the shadow buffer before the first change.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from gi.repository import Gimp
from velatura.blob import Blob, Picture
from velatura.editor.alpha import bake
from velatura.editor.annotation import Made
from velatura.editor.geometry import Rect
from velatura.editor.i18n import _
from velatura.editor.paper import Refused

from . import buffers, forms, notes
from .buffers import LayerContent
from .target import Target

BASES = {
    Gimp.ImageBaseType.RGB: (Gimp.ImageType.RGB_IMAGE, Gimp.ImageType.RGBA_IMAGE),
    Gimp.ImageBaseType.GRAY: (Gimp.ImageType.GRAY_IMAGE, Gimp.ImageType.GRAYA_IMAGE),
    Gimp.ImageBaseType.INDEXED: (Gimp.ImageType.INDEXED_IMAGE, Gimp.ImageType.INDEXEDA_IMAGE),
}
"""The types of layers without and with alpha."""


@dataclass(frozen=True)
class Cover:
    """Where a result covers what is below it, as it was when the job began.

    Attributes:
        blob: over the target's area, GRAY.
        whole: whether it is all of the new layer's alpha, as for a layer that takes another's place; else it
            limits the alpha that the content has.
    """

    blob: Blob
    whole: bool = False


@dataclass(frozen=True)
class Returned:
    """A picture that came back, and the content it was made of; None for one made from nothing."""

    picture: Picture
    content: LayerContent | None


def place(
    target: Target,
    output: str,
    result: Returned,
    cover: Cover | None,
    above: Any,
    like: Any,
    name: str,
    note: Made,
    replaces: Any = None,
) -> Any:
    """Puts a result into the image; the layer that holds it.

    Args:
        target: what was worked on.
        output: `new-layer`, `new-layer-masked` or `in-place`.
        result: of the size of the target's crop, or made from nothing and of any size.
        cover: None for everywhere.
        above: the layer above which a new one goes.
        like: the layer whose mask, opacity and mode a new one takes over; None for none.
        name: of a new layer.
        note: how it was made.
        replaces: a layer that the new one takes the place of.

    Raises:
        Refused: GIMP did not take it; the image is as it was.
    """
    if output == "in-place":
        return _in_place(target, result, cover, note)
    image = target.image
    layer = _layer(target, result, cover, name)
    notes.attach(layer, note)
    if like is not None:
        _take_looks(layer, like)
    if replaces is not None:
        layer.set_visible(replaces.get_visible())
    limits = None if cover is None else cover.blob
    mask = None if like is None else _mask_of(like, layer, forms.depth_of_masks(image))
    if limits is not None and output == "new-layer-masked":
        limits, mask = None, limits if mask is None else _product(limits, mask)
    first = limits or mask
    if first is not None:
        _add_mask(layer, first)
    parent, position = above.get_parent(), image.get_item_position(above)
    image.undo_group_start()
    try:
        inserted = image.insert_layer(layer, parent, position)
        if inserted and limits is not None:
            layer.remove_mask(Gimp.MaskApplyMode.APPLY)  # GIMP ignores this before the layer is in
            if mask is not None:
                _add_mask(layer, mask)
        if inserted and replaces is not None:
            image.remove_layer(replaces)
    finally:
        image.undo_group_end()
    if not inserted:
        raise Refused(_("GIMP did not take the new layer."))
    return layer


def picture(target: Target, result: Returned, name: str, note: Made) -> Any:
    """A result of another size than the layer in an image of its own, of the same kind; its only layer."""
    layout = result.picture.layout
    image = buffers.image_like(target.image, layout.width, layout.height)
    kind = BASES[image.get_base_type()][target.drawable.has_alpha()]
    layer = Gimp.Layer.new(image, name, layout.width, layout.height, kind, 100, Gimp.LayerMode.NORMAL)
    buffers.write(layer.get_buffer(), (0, 0), target.form, result.picture, _all_of(result.picture))
    notes.attach(layer, note)
    image.insert_layer(layer, None, 0)
    image.clean_all()
    return layer


def _all_of(made: Picture) -> Rect:
    return Rect(0, 0, made.layout.width, made.layout.height)


def _layer(target: Target, result: Returned, cover: Cover | None, name: str) -> Any:
    """A layer of the target's area, or of a result's own size, with all of its pixels in it."""
    part = _all_of(result.picture) if result.content is None else target.inner
    kind = BASES[target.image.get_base_type()][cover is None or not cover.whole]
    layer = Gimp.Layer.new(target.image, name, part.width, part.height, kind, 100, Gimp.LayerMode.NORMAL)
    corner = target.on_canvas(target.area)
    layer.set_offsets(corner.x, corner.y)
    _fill(layer.get_buffer(), (0, 0), target, result, part)
    if not layer.has_alpha():
        layer.add_alpha()
    layer.update(0, 0, part.width, part.height)
    return layer


def _fill(buffer: Any, at: tuple[int, int], target: Target, result: Returned, part: Rect) -> None:
    layout, form = result.picture.layout, target.form
    if result.content is None:
        form = forms.plain(layout.channels, layout.depth)
    buffers.write(buffer, at, form, result.picture, part, result.content)


def _mask_of(layer: Any, over: Any, depth: str) -> Blob | None:
    """A layer's mask where another layer lies; None where it has none that applies."""
    mask = layer.get_mask()
    if mask is None or not layer.get_apply_mask():
        return None
    (__, dx, dy), (__, x, y) = layer.get_offsets(), over.get_offsets()
    return buffers.read_gray(mask, Rect(x - dx, y - dy, over.get_width(), over.get_height()), depth)


def _add_mask(layer: Any, blob: Blob) -> None:
    """Gives a layer a mask; a picture that reaches beyond the layer is cut, and black follows its end."""
    mask = layer.create_mask(Gimp.AddMaskType.BLACK)
    layer.add_mask(mask)
    layout = blob.layout
    part = Rect(0, 0, layout.width, layout.height).intersected(
        Rect(0, 0, layer.get_width(), layer.get_height())
    )
    buffers.write(
        mask.get_buffer(), (0, 0), forms.gray(layout.depth), Picture(layout, buffers.data_of(blob)), part
    )
    mask.update(0, 0, layer.get_width(), layer.get_height())


def _product(a: Blob, b: Blob) -> Blob:
    """Two masks of one size and depth, one limiting the other."""
    other = bytes(buffers.data_of(b))[
        b.layout.pixel_bytes - 1 :: b.layout.pixel_bytes
    ]  # 8 bits: the upper byte
    return Blob(a.layout, bytearray(bake(bytes(buffers.data_of(a)), 1, a.layout.depth, other)))


def _take_looks(layer: Any, like: Any) -> None:
    """The opacity and mode of another layer; a group that lets through what is below has none to give."""
    layer.set_opacity(like.get_opacity())
    if like.get_mode() != Gimp.LayerMode.PASS_THROUGH:
        layer.set_mode(like.get_mode())
        layer.set_blend_space(like.get_blend_space())
        layer.set_composite_space(like.get_composite_space())
        layer.set_composite_mode(like.get_composite_mode())


def _in_place(target: Target, result: Returned, cover: Cover | None, note: Made) -> Any:
    image, drawable, layout, area = target.image, target.drawable, result.picture.layout, target.area
    part = target.inner if result.content is not None else _all_of(result.picture)
    if (part.width, part.height) != (area.width, area.height):
        raise Refused(
            _(
                "The result is {w} × {h} pixels, the place for it {pw} × {ph}; choose a new layer.",
                w=layout.width,
                h=layout.height,
                pw=area.width,
                ph=area.height,
            )
        )
    shadow = drawable.get_shadow_buffer()
    _fill(shadow, (area.x, area.y), target, result, part)
    chosen = image.get_selected_layers()
    image.undo_group_start()
    try:
        with _selection(target, cover):
            merged = drawable.merge_shadow(True)
        drawable.free_shadow()
        if merged:
            notes.attach(drawable, note)
            drawable.update(area.x, area.y, area.width, area.height)
        if [layer.get_id() for layer in image.get_selected_layers()] != [layer.get_id() for layer in chosen]:
            image.set_selected_layers(chosen)
    finally:
        image.undo_group_end()
    if not merged:
        raise Refused(_("GIMP did not let “{name}” be changed.", name=drawable.get_name()))
    return drawable


@contextmanager
def _selection(target: Target, cover: Cover | None) -> Iterator[None]:
    """Within an undo group: the selection as it was when the job began, where it was changed meanwhile."""
    image = target.image
    now = cover_of_selection(target, target.area)
    if (now and bytes(buffers.data_of(now.blob))) == (cover and bytes(buffers.data_of(cover.blob))):
        yield
        return
    kept = Gimp.Selection.save(image)
    carrier = None
    try:
        Gimp.Selection.none(image)
        if cover is not None:  # a layer mask holds just what a selection does; a channel might convert it
            area = target.on_canvas(target.area)
            kind = BASES[image.get_base_type()][1]
            carrier = Gimp.Layer.new(
                image, "velatura", area.width, area.height, kind, 0, Gimp.LayerMode.NORMAL
            )
            carrier.set_offsets(area.x, area.y)
            _add_mask(carrier, cover.blob)
            image.insert_layer(carrier, None, 0)
            Gimp.context_push()
            Gimp.context_set_feather(False)
            image.select_item(Gimp.ChannelOps.REPLACE, carrier.get_mask())
            Gimp.context_pop()
        yield
        image.select_item(Gimp.ChannelOps.REPLACE, kept)
    finally:
        image.remove_channel(kept)
        if carrier is not None:
            image.remove_layer(carrier)


def cover_of_selection(target: Target, rect: Rect, factor: int = 0) -> Cover | None:
    """The selection over a part of the layer as it is now; None without one.

    Args:
        factor: for a copy of 8 bits reduced by it; 0 is in the depth that holds it all.
    """
    if Gimp.Selection.is_empty(target.image) or target.drawable.is_floating_sel():
        return None
    depth = "u8" if factor else forms.depth_of_masks(target.image)
    selection = target.image.get_selection()
    return Cover(buffers.read_gray(selection, target.on_canvas(rect), depth, factor or 1))
