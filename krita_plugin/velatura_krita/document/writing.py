"""From results to layers: added in one undo step, written into frame by frame, taken back."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from velatura.blob import Picture
from velatura.editor import alpha, keeping
from velatura.editor.geometry import Rect
from velatura.editor.i18n import _
from velatura.editor.paper import Gone, Layer, Refused, Source
from velatura.editor.pump import Work

from .. import raster
from ..colors import DISPLAY, Space, wire_space
from ..qt import QtCore, QtWidgets
from .active import (
    LAYERS,
    Place,
    active_document,
    active_window,
    alive,
    application,
    history_step,
    is_open,
    make_active,
    node_of,
    own,
    place,
    recipes_in,
    space_of,
)
from .closing import tell_layer_dockers
from .reading import own_pixels, selected
from .scratch import Converter

SETTLING = 1.0
"""Seconds that Krita is given to make a new layer the active one."""

RESTS = 4
"""How many times as long as Krita is held by redrawing a frame it is left alone before the next."""

UNDOS = 3
"""How often an undo is asked for: Krita drops one that meets a picture at work."""


def add_layer(
    taken: Source, picture: Picture, name: str, bake: bool = True, locked: bool = False
) -> Work[Layer]:
    """Work: a new layer above the source that holds the picture; exactly one undo step.

    The layer is filled before it is added, so redo brings its pixels back. See `Paper.add_layer`.

    Raises:
        Gone: the document was closed.
    """
    document = own(taken).document

    def still() -> Any:
        if not is_open(document):
            raise Gone
        return node

    if not is_open(document):
        raise Gone
    node = document.createNode(name, "paintlayer")
    node.setOpacity(own(taken).opacity)
    node.setLocked(locked)
    yield from _fill(taken, picture, still, bake)
    yield  # adding it is one call that waits for the canvas, in Krita: nothing of ours beside it
    still()
    parent, below = neighbours(taken)
    if not parent.addChildNode(node, below):
        raise Refused(_("Krita did not take the new layer; is its group locked?"))
    tell_layer_dockers()
    return Layer(taken.document, node.uniqueId().toString(), taken.layer, own=Place(document))


def settle(layer: Layer) -> Work[Layer]:
    """Work: waits until Krita has put the new layer into its history and made it the active one.

    Krita does so a moment after a layer is added. Then the source becomes the active layer again: the artist
    goes on with the layer they were on, and the preview with what it was made of.

    Returns:
        (as work) the layer with its `step`; without one where its picture is not the active one.
    """
    until = time.monotonic() + SETTLING
    document = place(layer).document
    while active_document() == document and time.monotonic() < until:
        active = document.activeNode()
        if active is not None and active.uniqueId().toString() == layer.id:
            with contextlib.suppress(Gone):  # the source was deleted: the new layer stays active
                make_active(document, layer.source)
            return replace(layer, settled=True, own=Place(document, history_step()))
        yield 0.02
    return layer


def withdraw(layer: Layer) -> bool:
    """Takes back a layer that we added, with its history step; False to be asked again later.

    Where nothing was done since, that is one undo. Where the artist went on painting, undoing would take
    that away as well, so the layer is removed, which is a step of its own. Undo reaches only the active
    picture: in any other one the layer is hidden until the artist returns to it.
    """
    document, step = place(layer).document, place(layer).step
    try:
        node = node_of(document, layer.id)
    except Gone:
        return True
    if active_document() != document:
        node.setVisible(False)
        document.refreshProjection()
        tell_layer_dockers()
        return False
    node.setLocked(False)
    tell_layer_dockers()
    for _try in range(UNDOS):
        document.waitForDone()
        if step is not None and history_step() == step:
            application().action("edit_undo").trigger()
    document.waitForDone()
    if alive(layer):
        node.remove()
    return True


def write_frame(layer: Layer, taken: Source, picture: Picture, bake: bool = True) -> Work[None]:
    """Work: replaces the pixels of a layer that is in the picture already; no undo step.

    Raises:
        Gone: the document was closed, the layer deleted or its insertion undone.
    """
    document = place(layer).document
    yield from _fill(taken, picture, lambda: node_of(document, layer.id), bake)
    yield
    node_of(document, layer.id)
    began = time.monotonic()
    document.refreshProjection()  # writing pixels does not change what is seen and saved flat
    tell_layer_dockers()
    yield RESTS * (time.monotonic() - began)


def open_picture(taken: Source, picture: Picture, name: str) -> Work[None]:
    """Work: a new document in the colours of the source's, with a view of its own.

    Raises:
        Refused: Krita does not make it.
    """
    size, target = Rect(0, 0, picture.layout.width, picture.layout.height), own(taken).target
    resolution = own(taken).document.resolution() if is_open(own(taken).document) else 72.0
    document = application().createDocument(
        size.width, size.height, name, target.model, target.depth, target.profile, float(resolution)
    )
    if document is None:
        raise Refused(_("Krita cannot make a document in {space}.", space=target))
    node = document.topLevelNodes()[0]
    yield from _pour(picture, _given(taken, picture), target, size, size, lambda: node)
    document.refreshProjection()
    active_window().addView(document)


def _fill(taken: Source, picture: Picture, node: Callable[[], Any], bake: bool) -> Work[None]:
    mine, document = own(taken), own(taken).document
    if is_open(document) and ((document.width(), document.height()), space_of(document)) != (
        mine.size,
        mine.target,
    ):
        raise Refused(
            _("“{picture}” was scaled or converted meanwhile; its layer does not fit.", picture=taken.picture)
        )
    cover = (lambda strip: selected(taken, strip)) if bake and mine.selection is not None else None
    given = _given(taken, picture)

    def put_back(converter: Converter, pixels: bytes, strip: Rect) -> bytes:
        if given != wire_space(mine.space) or mine.space != mine.target:
            return _converted(converter, pixels, strip)
        return kept(taken, converter, pixels, strip)

    yield from _pour(picture, given, mine.target, taken.area, taken.crop, node, cover, put_back)


def _given(taken: Source, picture: Picture) -> Space:
    """The space of a result: the source's on the wire, or 8-bit sRGB where it was made without the source."""
    wire = wire_space(own(taken).space)
    return wire if wire.layout(picture.layout.width, picture.layout.height) == picture.layout else DISPLAY


def kept(taken: Source, converter: Converter, pixels: bytes, strip: Rect) -> bytes:
    """A strip of a result in the layer's own space, with the layer's own colours put back as far as it is
    what was sent: there and back through another colour space they would not be what they were. Of RGB and
    gray only pixels that are just what was sent keep them, as of picture files."""
    mine = own(taken)
    blob = mine.sent[0]() if mine.sent else None
    if blob is None:
        return _converted(converter, pixels, strip)
    before = cut(memoryview(own_pixels[blob]), strip, taken.crop, mine.space.pixel_bytes)
    sent = cut(blob.read(0, blob.layout.nbytes), strip, taken.crop, blob.layout.pixel_bytes)
    if sent == pixels:
        return before
    if mine.space.model in ("RGBA", "GRAYA"):
        which = alpha.changed(sent, pixels, blob.layout.pixel_bytes)
        return alpha.chosen(which, _converted(converter, pixels, strip), before, mine.space.pixel_bytes)
    both = converter.convert(sent + pixels, 2 * strip.pixels)
    back = both[: len(both) // 2], both[len(both) // 2 :]
    return keeping.kept(before, sent, pixels, back, mine.space.depth.lower(), blob.layout.depth)


def _converted(converter: Converter, pixels: bytes, strip: Rect) -> bytes:
    return converter.convert(pixels, strip.pixels)


def _pour(
    picture: Picture,
    given: Space,
    target: Space,
    area: Rect,
    crop: Rect,
    node: Callable[[], Any],
    cover: Callable[[Rect], bytes] | None = None,
    converted: Callable[[Converter, bytes, Rect], bytes] = _converted,
) -> Work[None]:
    """Work: the part `area` of a picture of `crop` as pixels of a node.

    Args:
        given, target: the picture's space, and the node's.
        node: asked at every strip; may raise `Gone`.
        cover: what a strip's alpha is multiplied by.
        converted: a strip of the picture in the target's space.
    """
    with Converter(given, target) as converter:
        for strip in converter.strips(area):
            while QtWidgets.QApplication.activeModalWidget() is not None:
                yield 0.2  # the artist is asked something, perhaps whether to save before closing
            pixels = cut(picture.data, strip, crop, picture.layout.pixel_bytes)
            if picture.layout.channels == "RGB":
                pixels = raster.rgb_to_bgra(pixels)
            pixels = converted(converter, pixels, strip)
            if cover is not None:
                pixels = alpha.bake(pixels, target.channels, target.depth.lower(), cover(strip))
            node().setPixelData(QtCore.QByteArray(pixels), strip.x, strip.y, strip.width, strip.height)
            yield


def cut(data: memoryview, strip: Rect, crop: Rect, pixel_bytes: int) -> bytes:
    """The bytes of `strip` out of pixels of `crop`."""
    row, width = crop.width * pixel_bytes, strip.width * pixel_bytes
    first = (strip.y - crop.y) * row + (strip.x - crop.x) * pixel_bytes
    if width == row:
        return bytes(data[first : first + strip.height * row])
    return b"".join(data[at : at + width] for at in range(first, first + strip.height * row, row))


def neighbours(taken: Source) -> tuple[Any, Any]:
    """Parent and lower neighbour of a new result: above the source and above its earlier results."""
    document = own(taken).document
    root = document.rootNode()
    try:
        below = node_of(document, taken.layer)
    except Gone:  # the source was deleted meanwhile: the result goes on top
        return root, _top(root)
    parent = below.parentNode()
    if parent is None:  # the source is the whole image
        return root, _top(root)
    made = recipes_in(document)
    siblings = parent.childNodes()
    at = next(i for i, other in enumerate(siblings) if other.uniqueId() == below.uniqueId())
    for other in siblings[at + 1 :]:
        entry = made.get(other.uniqueId().toString())
        if entry is None or entry.source != taken.layer:
            break
        below = other
    return parent, below


def _top(group: Any) -> Any:
    """The topmost layer of a group; the global selection shows up as a mask among the layers."""
    layers = [node for node in group.childNodes() if node.type() in LAYERS]
    return layers[-1] if layers else None


def add_mask(layer: Layer, taken: Source, name: str) -> None:
    """The captured selection as a transparency mask of a result; one more undo step."""
    selection = own(taken).selection
    if selection is None:
        return
    document = place(layer).document
    node = node_of(document, layer.id)
    mask = document.createTransparencyMask(name)
    mask.setSelection(selection)
    node.addChildNode(mask, None)


def finish_layer(layer: Layer, name: str) -> None:
    """Unlocks and names a layer that frames streamed into; no undo step."""
    node = node_of(place(layer).document, layer.id)
    node.setName(name)
    node.setLocked(False)
    tell_layer_dockers()
