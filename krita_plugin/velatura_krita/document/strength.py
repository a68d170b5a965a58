"""How strongly a layer is painted, and where, or where a style of the mix is: any mask or layer of its
picture may say so, or a new one.

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
from .active import REGIONS, STRENGTH, entries, make_active, node_of, own
from .closing import tell_layer_dockers
from .scratch import Converter

SETTLES = 0.4
"""Seconds that Krita is given to take a new mask in."""


def use_map(taken: Source, node: str, style: str = "") -> None:
    """Lets a mask or layer say how strongly the source, or where a style, is painted; see `Paper.use_map`."""
    document = own(taken).document
    if style:
        kind, what = REGIONS, _("Velatura: where its styles are painted")
        said: object = {**entries(document, REGIONS).get(taken.layer, {}), style: node}
    else:
        kind, what, said = STRENGTH, _("Velatura: how strongly its layers are painted"), node
    data = json.dumps({**entries(document, kind), taken.layer: said}).encode("utf-8")
    document.setAnnotation(kind, what, QtCore.QByteArray(data))


def maps(taken: Source) -> tuple[tuple[str, str], ...]:
    """Id and name of every mask and layer of the source's picture but the source itself."""
    found = _below(own(taken).document.rootNode())
    named = ((node.uniqueId().toString(), node.name()) for node in found)
    return tuple((name, title) for name, title in named if name != taken.layer)


def _below(node: Any) -> Iterator[Any]:
    for child in node.childNodes():
        yield child
        yield from _below(child)


def make_map(taken: Source, name: str, style: str = "") -> Work[None]:
    """Work: a mask on the source that lets all be painted, and that the artist now paints on: black is not at
    all. One undo step; the picture looks as before."""
    document = own(taken).document
    node = node_of(document, taken.layer)
    mask = document.createSelectionMask(name)
    everywhere = krita.Selection()
    bounds = node.bounds()
    everywhere.select(bounds.x(), bounds.y(), bounds.width(), bounds.height(), 255)
    mask.setSelection(everywhere)
    node.addChildNode(mask, None)
    tell_layer_dockers()
    made = mask.uniqueId().toString()
    use_map(taken, made, style)
    yield SETTLES  # before that, Krita's layer docker does not know it
    make_active(document, made)


def said(taken: Source, by: str, strip: Rect) -> bytes:
    """What a mask or layer says, a byte a pixel: 0 not at all to 255 in full."""
    node = node_of(own(taken).document, by)
    where = (strip.x, strip.y, strip.width, strip.height)
    if hasattr(node, "selection"):
        return node.selection().pixelData(*where).data()
    space = Space(node.colorModel(), node.colorDepth(), node.colorProfile())
    if not space.known:  # a mask without a selection of its own
        return node.pixelData(*where).data()
    with Converter(space, DISPLAY) as converter:
        pixels = converter.convert(node.projectionPixelData(*where).data(), strip.pixels)
    return raster.lightness(pixels, strip.width, strip.height)
