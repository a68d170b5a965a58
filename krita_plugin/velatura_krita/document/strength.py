"""How strongly a layer is painted, and where: any mask or layer of its picture may say so, or a new one.

Which it is stands in an annotation of the document, by the layer that is painted on. A mask says it by its
values; a layer by how light it is, and where it is empty not at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import krita
from velatura.editor.geometry import Rect
from velatura.editor.i18n import _
from velatura.editor.paper import Source
from velatura.editor.pump import Work

from .. import raster
from ..colors import DISPLAY, Space
from ..qt import QtCore
from .active import STRENGTH, make_active, node_of, own, strength_entries
from .closing import tell_layer_dockers
from .scratch import Converter

SETTLES = 0.4
"""Seconds that Krita is given to take a new mask in."""


def use_map(taken: Source, node: str) -> None:
    """Lets a mask or layer say how strongly the source is painted; see `Paper.use_map`."""
    document = own(taken).document
    data = json.dumps({**strength_entries(document), taken.layer: node}).encode("utf-8")
    document.setAnnotation(
        STRENGTH, _("Velatura: how strongly its layers are painted"), QtCore.QByteArray(data)
    )


def maps(taken: Source) -> tuple[tuple[str, str], ...]:
    """Id and name of every mask and layer of the source's picture but the source itself."""
    found = _below(own(taken).document.rootNode())
    named = ((node.uniqueId().toString(), node.name()) for node in found)
    return tuple((name, title) for name, title in named if name != taken.layer)


def _below(node: Any) -> Iterator[Any]:
    for child in node.childNodes():
        yield child
        yield from _below(child)


def make_map(taken: Source) -> Work[None]:
    """Work: a mask on the source that lets all be painted, and that the artist now paints on: black is not at
    all. One undo step; the picture looks as before."""
    document = own(taken).document
    node = node_of(document, taken.layer)
    mask = document.createSelectionMask(_("Strength"))
    everywhere = krita.Selection()
    bounds = node.bounds()
    everywhere.select(bounds.x(), bounds.y(), bounds.width(), bounds.height(), 255)
    mask.setSelection(everywhere)
    node.addChildNode(mask, None)
    tell_layer_dockers()
    name = mask.uniqueId().toString()
    use_map(taken, name)
    yield SETTLES  # before that, Krita's layer docker does not know it
    make_active(document, name)


def strengths(taken: Source, strip: Rect) -> bytes:
    """A byte a pixel: 0 not at all to 255 in full."""
    node = node_of(own(taken).document, taken.strength)
    where = (strip.x, strip.y, strip.width, strip.height)
    if hasattr(node, "selection"):
        return node.selection().pixelData(*where).data()
    space = Space(node.colorModel(), node.colorDepth(), node.colorProfile())
    if not space.known:  # a mask without a selection of its own
        return node.pixelData(*where).data()
    with Converter(space, DISPLAY) as converter:
        pixels = converter.convert(node.projectionPixelData(*where).data(), strip.pixels)
    return raster.lightness(pixels, strip.width, strip.height)
