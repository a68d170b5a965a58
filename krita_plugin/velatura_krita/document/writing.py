"""From results to layers: added in one undo step, written into frame by frame, taken back."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

from velatura.blob import Picture
from velatura.editor import alpha
from velatura.editor.geometry import Rect
from velatura.editor.i18n import _

from ..colors import wire_space
from ..qt import QtCore, QtWidgets
from .active import (
    LAYERS,
    Gone,
    Layer,
    Refused,
    Source,
    active_document,
    alive,
    application,
    history_step,
    is_open,
    node_of,
    recipes,
    select,
)  # fmt: skip
from .closing import tell_layer_dockers
from .reading import rows_of, selected
from .scratch import Converter

SETTLING = 1.0
"""Seconds that Krita is given to make a new layer the active one."""


def add_layer(
    taken: Source, picture: Picture, name: str, bake: bool = True, locked: bool = False
) -> Generator[float | None, None, Layer]:
    """Work: a new layer above the source that holds the picture; exactly one undo step.

    The layer is filled before it is added, so redo brings its pixels back.

    Args:
        picture: of the source's crop, in the layout that the source was read in.
        bake: whether the selection goes into the layer's alpha.
        locked: whether the layer is locked (while frames will stream into it).

    Returns:
        (as work) the `Layer`.

    Raises:
        Gone: the document was closed.
    """

    def still() -> Any:
        if not is_open(taken.document):
            raise Gone
        return node

    if not is_open(taken.document):
        raise Gone
    node = taken.document.createNode(name, "paintlayer")
    node.setOpacity(taken.opacity)
    node.setLocked(locked)
    yield from _fill(taken, picture, still, bake)
    yield  # adding it is one call that waits for the canvas, in Krita: nothing of ours beside it
    still()
    parent, below = _place(taken)
    if not parent.addChildNode(node, below):
        raise Refused(_("Krita did not take the new layer; is its group locked?"))
    tell_layer_dockers()
    return Layer(taken.document, taken.document_id, node.uniqueId().toString(), taken.layer)


def settle(layer: Layer) -> Generator[float | None, None, Layer]:
    """Work: waits until Krita has put the new layer into its history and made it the active one.

    Krita does so a moment after a layer is added. Then the source becomes the active layer again: the artist
    goes on with the layer they were on, and the preview with what it was made of.

    Returns:
        (as work) the layer with its `step`; without one where its picture is not the active one.
    """
    until = time.monotonic() + SETTLING
    while active_document() == layer.document and time.monotonic() < until:
        active = layer.document.activeNode()
        if active is not None and active.uniqueId().toString() == layer.id:
            with contextlib.suppress(Gone):  # the source was deleted: the new layer stays active
                select(layer.document, layer.source)
            return replace(layer, step=history_step())
        yield 0.02
    return layer


def withdraw(layer: Layer) -> bool:
    """Takes back a layer that we added, with its history step; False to be asked again later.

    Where nothing was done since, that is one undo. Where the artist went on painting, undoing would take
    that away as well, so the layer is removed, which is a step of its own. Undo reaches only the active
    picture: in any other one the layer is hidden until the artist returns to it.
    """
    try:
        node = node_of(layer.document, layer.id)
    except Gone:
        return True
    if active_document() != layer.document:
        node.setVisible(False)
        tell_layer_dockers()
        return False
    node.setLocked(False)
    tell_layer_dockers()
    if layer.step is not None and history_step() == layer.step:
        application().action("edit_undo").trigger()
        layer.document.waitForDone()
    if alive(layer):
        node.remove()
    return True


def write_frame(layer: Layer, taken: Source, picture: Picture) -> Generator[float | None, None, None]:
    """Work: replaces the pixels of a layer that is in the picture already; no undo step.

    Raises:
        Gone: the document was closed, the layer deleted or its insertion undone.
    """
    yield from _fill(taken, picture, lambda: node_of(layer.document, layer.id), True)
    node = node_of(layer.document, layer.id)
    node.setOpacity(max(0, taken.opacity - 1))  # tells the canvas; writing pixels alone does not
    node.setOpacity(taken.opacity)
    tell_layer_dockers()


def _fill(
    taken: Source, picture: Picture, node: Callable[[], Any], bake: bool
) -> Generator[float | None, None, None]:
    area, crop, target = taken.area, taken.crop, taken.target
    masked = bake and taken.selection is not None
    with Converter(wire_space(taken.space), target) as converter:
        for strip in converter.strips(area):
            while QtWidgets.QApplication.activeModalWidget() is not None:
                yield 0.2  # the artist is asked something, perhaps whether to save before closing
            pixels = _cut(picture, strip, crop)
            pixels = converter.convert(pixels, strip.pixels)
            if masked:
                pixels = alpha.bake(pixels, target.channels, target.depth.lower(), selected(taken, strip))
            node().setPixelData(QtCore.QByteArray(pixels), strip.x, strip.y, strip.width, strip.height)
            yield


def _cut(picture: Picture, strip: Rect, crop: Rect) -> bytes:
    """The bytes of `strip` out of a picture of `crop`."""
    if strip.width == crop.width:
        return bytes(rows_of(picture, strip.y - crop.y, strip.height))
    row, pixel = picture.layout.row_bytes, picture.layout.pixel_bytes
    first = (strip.x - crop.x) * pixel
    starts = ((y - crop.y) * row + first for y in range(strip.y, strip.bottom))
    return b"".join(picture.data[at : at + strip.width * pixel] for at in starts)


def _place(taken: Source) -> tuple[Any, Any]:
    """Parent and lower neighbour of a new result: above the source and above its earlier results."""
    document = taken.document
    root = document.rootNode()
    try:
        below = node_of(document, taken.layer)
    except Gone:  # the source was deleted meanwhile: the result goes on top
        return root, _top(root)
    parent = below.parentNode()
    if parent is None:  # the source is the whole image
        return root, _top(root)
    made = recipes(document)
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
    if taken.selection is None:
        return
    node = node_of(layer.document, layer.id)
    mask = layer.document.createTransparencyMask(name)
    mask.setSelection(taken.selection)
    node.addChildNode(mask, None)


def finish_layer(layer: Layer, name: str) -> None:
    """Unlocks and names a layer that frames streamed into; no undo step."""
    node = node_of(layer.document, layer.id)
    node.setName(name)
    node.setLocked(False)
    tell_layer_dockers()
