"""What is open and active in Krita, and the layer that is to be painted on, as a frozen `Source`."""

from __future__ import annotations

import base64
import contextlib
import json
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import krita
from velatura.blob import Blob
from velatura.editor import annotation, geometry
from velatura.editor.annotation import Made
from velatura.editor.geometry import Rect
from velatura.editor.i18n import _
from velatura.editor.paper import Gone, Layer, Refused, Source

from ..colors import Space
from ..qt import QtCore, QtWidgets
from .scratch import find_out

LAYERS = {
    "paintlayer", "grouplayer", "vectorlayer", "filelayer", "clonelayer", "filllayer", "filterlayer",
}  # fmt: skip


STRENGTH = "velatura-strength"
"""The annotation that names the mask or layer that says how strongly a layer is painted, by its uniqueId."""

IMAGES = "velatura-results"
"""The annotation of small pictures of results, by layer."""

REGIONS = "velatura-regions"
"""The annotation that names those that say where styles of a mix are painted, by layer, then by style."""


@dataclass(frozen=True)
class Own:
    """What a `Source` of Krita's knows besides.

    Attributes:
        document: the libkis document (a weak handle: it may be closed meanwhile).
        selection: a copy of the selection, or None.
        space: of the layer's projection.
        target: of the layers that the document makes.
        opacity: of the layer, 0..255.
        size: of the document, in pixels.
        time: of the keyframe that is meant; None for what is shown.
        sent: what `read` has read of a layer that travels in another space; gone with its task.
    """

    document: Any = field(compare=False)
    selection: Any = field(compare=False)
    space: Space
    target: Space
    opacity: int
    size: tuple[int, int]
    time: int | None = None
    sent: list[weakref.ref[Blob]] = field(default_factory=list, compare=False)


def own(taken: Source) -> Own:
    """Krita's part of a source."""
    assert isinstance(taken.own, Own)
    return taken.own


@dataclass(frozen=True)
class Place:
    """What a `Layer` of Krita's knows besides.

    Attributes:
        document: as of `Own`.
        step: the history right after the layer was added (see `history_step`).
    """

    document: Any = field(compare=False)
    step: tuple[int, int] | None = None


def place(layer: Layer) -> Place:
    """Krita's part of a layer of ours."""
    assert isinstance(layer.own, Place)
    return layer.own


def application() -> Any:
    return krita.Krita.instance()


def active_window() -> Any:
    return application().activeWindow()


def active_view() -> Any:
    window = active_window()
    return window.activeView() if window else None


def active_document() -> Any:
    return application().activeDocument()


def document_id(document: Any) -> str:
    """A name for an open document: the id of its root layer."""
    root = document.rootNode()
    if root is None:
        raise Gone
    return root.uniqueId().toString()


def is_open(document: Any) -> bool:
    return any(other == document for other in application().documents())


def node_of(document: Any, layer: str) -> Any:
    """The node with a uniqueId.

    Raises:
        Gone: the document is closed, or the node not in it (deleted, or its insertion undone).
    """
    if not is_open(document):
        raise Gone
    node = document.nodeByUniqueID(QtCore.QUuid(layer))
    if node is None or (node.parentNode() is None and node.uniqueId() != document.rootNode().uniqueId()):
        raise Gone
    return node


def alive(layer: Layer) -> bool:
    """Whether a layer is still in its open document."""
    try:
        node_of(place(layer).document, layer.id)
    except Gone:
        return False
    return True


def source() -> Source:
    """The active layer with the selection as it is now.

    Raises:
        Refused: no picture, an empty layer, a selection elsewhere, a colour model that cannot be read.
    """
    document = active_document()
    if document is None:
        raise Refused(_("Open a picture first."))
    node = document.activeNode()
    while node is not None and node.type() not in LAYERS and node.parentNode() is not None:
        node = node.parentNode()
    if node is None:
        raise Refused(_("Choose a layer first."))
    return source_of(document, _painted_on(document, node))


def entries(document: Any, kind: str) -> dict[str, Any]:
    """What an annotation of ours holds by layer; nothing where it is damaged."""
    if kind not in document.annotationTypes():
        return {}
    try:
        found = json.loads(document.annotation(kind).data().decode("utf-8"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _known(document: Any, name: object) -> str:
    """The id of a mask or layer while it is in its document, else empty."""
    try:
        return node_of(document, name).uniqueId().toString() if isinstance(name, str) and name else ""
    except Gone:
        return ""


def _regions(document: Any, layer: str) -> tuple[tuple[str, str], ...]:
    found = entries(document, REGIONS).get(layer)
    named = sorted(found.items()) if isinstance(found, dict) else []
    return tuple((style, node) for style, node in named if _known(document, node))


def _painted_on(document: Any, node: Any) -> Any:
    """What a layer says the strength or a region for is painted on, rather than that layer itself."""
    name = node.uniqueId().toString()
    named = list(entries(document, STRENGTH).items())
    for layer, of in entries(document, REGIONS).items():
        named += ((layer, by) for by in of.values())
    for layer, said in named:
        if said == name:
            with contextlib.suppress(Gone):
                return node_of(document, layer)
    return node


def source_of(document: Any, node: Any) -> Source:
    """A given layer as a source; raises as `source` does."""
    space = Space(node.colorModel(), node.colorDepth(), node.colorProfile())
    if not space.known:
        raise Refused(_("Velatura cannot read the colour model {model}.", model=space.model))
    find_out(space)
    bounds = _rect(node.bounds())
    if bounds.empty:
        raise Refused(_("The layer “{name}” is empty.", name=node.name()))
    selection = document.selection()
    selected = None
    if selection is not None:
        selected = Rect(selection.x(), selection.y(), selection.width(), selection.height())
        selection = selection.duplicate()
    area = geometry.work_area(bounds, selected)
    if area.empty:
        raise Refused(_("The selection does not touch the layer “{name}”.", name=node.name()))
    target, layer = space_of(document), node.uniqueId().toString()
    return Source(
        document=document_id(document),
        layer=layer,
        name=node.name(),
        picture=document.name() or document.fileName().rpartition("/")[2] or _("Unnamed"),
        area=area,
        crop=geometry.context_area(bounds, area),
        selected=selected,
        selection_mark=_mark(selection, area),
        strength=_known(document, entries(document, STRENGTH).get(layer)),
        regions=_regions(document, layer),
        notes=_notes(node),
        own=Own(document, selection, space, target, node.opacity(), (document.width(), document.height())),
    )


def space_of(document: Any) -> Space:
    """The colour space of the layers that a document makes."""
    return Space(document.colorModel(), document.colorDepth(), document.colorProfile())


def _mark(selection: Any, area: Rect) -> int:
    """A cheap value of some 60 rows of a selection."""
    if selection is None:
        return 0
    rows = range(area.y, area.bottom, max(1, area.height // 60))
    return hash(b"".join(selection.pixelData(area.x, y, area.width, 1).data() for y in rows))


def _notes(node: Any) -> tuple[str, ...]:
    notes = []
    if node.animated():
        notes.append(_("This layer is animated: Apply paints the frame shown now, the menu all of them."))
    if not node.visible():
        notes.append(_("This layer is hidden."))
    return tuple(notes)


def only(taken: Source, selected: bool) -> Source:
    """The source cropped to its area, without its selection: what a style is taken from."""
    area = taken.area if selected else _rect(node_of(own(taken).document, taken.layer).bounds())
    without = replace(own(taken), selection=None)
    return replace(taken, area=area, crop=area, selected=None, selection_mark=0, own=without)


def _rect(rect: QtCore.QRect) -> Rect:
    return Rect(rect.x(), rect.y(), rect.width(), rect.height())


def recipes(taken: Source) -> dict[str, Made]:
    """How the layers of a source's document were made, by uniqueId; Gone where it is closed."""
    if not is_open(own(taken).document):
        raise Gone
    return recipes_in(own(taken).document)


def recipes_in(document: Any) -> dict[str, Made]:
    """How a document's Velatura layers were made, by uniqueId."""
    if annotation.KIND not in document.annotationTypes():
        return {}
    return annotation.read(document.annotation(annotation.KIND).data())


def remember(layer: Layer, made: Made) -> None:
    """Stores how a layer was made; no undo step. Entries of layers that are gone for good stay, since
    undo may bring those layers back."""
    document = place(layer).document
    entries = {**recipes_in(document), layer.id: made}
    document.setAnnotation(
        annotation.KIND, annotation.DESCRIPTION, QtCore.QByteArray(annotation.write(entries))
    )


def keep_images(taken: Source, images: Mapping[str, bytes], saved: bool) -> None:
    """Small pictures of results in the document; see `Paper.keep_images`. What is not saved Krita cannot keep
    there; the docker lists it as tasks."""
    if not saved:
        return
    if not is_open(own(taken).document):
        raise Gone
    data = json.dumps({layer: base64.b64encode(png).decode("ascii") for layer, png in images.items()})
    what = _("Velatura: what its layers look like")
    own(taken).document.setAnnotation(IMAGES, what, QtCore.QByteArray(data.encode("ascii")))


def images(taken: Source) -> dict[str, bytes]:
    """Those that the document keeps."""
    if not is_open(own(taken).document):
        raise Gone
    found = entries(own(taken).document, IMAGES)
    return {layer: base64.b64decode(text) for layer, text in found.items() if isinstance(text, str)}


def history_step() -> tuple[int, int] | None:
    """Length of the active picture's history and where in it we are; None where no History docker tells."""
    window = active_window()
    for docker in window.dockers() if window and hasattr(window, "dockers") else ():
        if docker.objectName() == "History":
            view = docker.findChild(QtWidgets.QAbstractItemView)
            if view is not None and view.model() is not None:
                return view.model().rowCount(), view.currentIndex().row()
    return None


def select(taken: Source, layer: str) -> None:
    """Makes a layer of a source's document the active one, where that document is."""
    make_active(own(taken).document, layer)


def make_active(document: Any, layer: str) -> None:
    """Makes a layer the active one, where its picture is the active one."""
    if active_document() == document:
        document.setActiveNode(node_of(document, layer))
