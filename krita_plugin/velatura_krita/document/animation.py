"""Frames of an animated layer, read at the times of its keyframes and put back as a new animated layer.

From Python Krita makes keyframes only by importing pictures, in which Krita 5.2 ends now and then: its own
threads go on with a frame's temporary document that is gone. So the new layer is a copy of the layer, whose
frames are painted before it is added.
"""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from velatura.blob import Picture
from velatura.editor import alpha, geometry
from velatura.editor.geometry import Rect
from velatura.editor.i18n import _
from velatura.editor.paper import Gone, Layer, Refused, Source
from velatura.editor.pump import Work

from ..colors import wire_space
from ..qt import QtCore
from .active import (
    LAYERS,
    Place,
    active_document,
    active_view,
    application,
    history_step,
    is_open,
    node_of,
    own,
    source,
    source_of,
)
from .closing import tell_layer_dockers
from .reading import selected
from .scratch import Converter
from .writing import cut, neighbours
from .writing import kept as put_back


class KeptFrame:
    """A painted frame's pixels over its area, in the layer's space, in a file that goes with this object."""

    def __init__(self) -> None:
        handle, name = tempfile.mkstemp(prefix="velatura-")
        os.close(handle)
        self.path = Path(name)
        weakref.finalize(self, self.path.unlink, missing_ok=True)


def sources() -> tuple[Source, ...]:
    """The chosen layers as sources; see `Paper.sources`."""
    active, view = source(), active_view()
    document = own(active).document
    found: dict[str, Source] = {}
    for node in view.selectedNodes() if view is not None else ():
        if node.type() in LAYERS:
            try:
                taken = source_of(document, node)
            except Refused:
                continue
            found[taken.layer] = taken
    return tuple(found.values()) if len(found) > 1 else (active,)


def frames(taken: Source) -> tuple[Source, ...]:
    """A source at the time of each keyframe; see `Paper.frames`. Each may reach over all of the document."""
    mine = own(taken)
    document, node = mine.document, node_of(mine.document, taken.layer)
    if not node.animated():
        return ()
    whole = Rect(0, 0, document.width(), document.height())
    area = geometry.work_area(whole, taken.selected)
    times = range(document.fullClipRangeStartTime(), document.fullClipRangeEndTime() + 1)
    return tuple(
        replace(
            taken, area=area, crop=geometry.context_area(whole, area), own=replace(mine, time=time, sent=[])
        )
        for time in times
        if node.hasKeyframeAtTime(time)
    )


def keep_frame(frame: Source, picture: Picture) -> Work[KeptFrame]:
    """Work: a painted frame as a file, its own colours put back as a still layer's are; see
    `Paper.keep_frame`.

    Raises:
        Refused: there is no room for it.
    """
    mine, kept = own(frame), KeptFrame()
    with Converter(wire_space(mine.space), mine.space) as converter, kept.path.open("wb") as file:
        for strip in converter.strips(frame.area):
            pixels = cut(picture.data, strip, frame.crop, picture.layout.pixel_bytes)
            pixels = put_back(frame, converter, pixels, strip)
            if mine.selection is not None:
                pixels = alpha.bake(
                    pixels, mine.space.channels, mine.space.depth.lower(), selected(frame, strip)
                )
            try:
                file.write(pixels)
            except OSError as error:
                raise Refused(_("A painted frame could not be written to {file}.", file=kept.path)) from error
            yield
    return kept


def add_animation(taken: Source, frames: Sequence[tuple[Source, object]], name: str) -> Work[Layer]:
    """Work: painted frames as a new animated layer above the source; exactly one undo step. See
    `Paper.add_animation`.

    Raises:
        Gone: the document was closed, or the layer deleted.
        Refused: Krita does not take it.
    """
    document = own(taken).document
    node = node_of(document, taken.layer).duplicate()
    yield
    if not is_open(document):
        raise Gone
    document.waitForDone()
    before, now = history_step(), document.currentTime()
    for frame, kept in frames:
        assert isinstance(kept, KeptFrame)  # what `keep_frame` made
        document.setCurrentTime(own(frame).time or 0)  # pixels go into the frame that is shown
        document.waitForDone()
        _paint(node, frame.area, kept.path.read_bytes(), own(frame).space.pixel_bytes)
    document.setCurrentTime(now)
    document.waitForDone()
    if active_document() == document and history_step() != before:  # going there and back is no step
        application().action("edit_undo").trigger()
        document.waitForDone()
    node.setName(name)
    node.setLocked(False)
    node.setVisible(True)
    parent, below = neighbours(taken)
    if not parent.addChildNode(node, below):
        raise Refused(_("Krita did not take the new layer; is its group locked?"))
    tell_layer_dockers()
    return Layer(taken.document, node.uniqueId().toString(), taken.layer, own=Place(document))


def _paint(node: Any, area: Rect, pixels: bytes, pixel_bytes: int) -> None:
    """Pixels over an area as all that a frame shows."""
    old = node.bounds()
    if not area.contains(Rect(old.x(), old.y(), old.width(), old.height())):
        nothing = bytes(old.width() * old.height() * pixel_bytes)
        node.setPixelData(QtCore.QByteArray(nothing), old.x(), old.y(), old.width(), old.height())
    node.setPixelData(QtCore.QByteArray(pixels), area.x, area.y, area.width, area.height)
