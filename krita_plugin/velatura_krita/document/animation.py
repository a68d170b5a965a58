"""Frames of an animated layer, read at the times of its keyframes and put back as a new animated layer.

Krita makes keyframes from Python only by importing pictures, which is one undo step: painted frames are PNG
files meanwhile, of the document's size, with 16 bits where it has more than 8.
"""

from __future__ import annotations

import math
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from velatura.blob import Picture
from velatura.editor import alpha, geometry
from velatura.editor.geometry import Rect
from velatura.editor.i18n import _
from velatura.editor.paper import Gone, Layer, Refused, Source
from velatura.editor.pump import Work

from .. import raster
from ..colors import SRGB, Space, wire_space
from ..qt import QtGui
from .active import LAYERS, Place, active_view, is_open, node_of, own, source, source_of
from .closing import tell_layer_dockers
from .reading import selected
from .scratch import Converter
from .writing import cut


class Kept:
    """A painted frame as a file that goes with this object."""

    def __init__(self, image: QtGui.QImage) -> None:
        file = tempfile.NamedTemporaryFile(prefix="velatura-", suffix=".png", delete=False)  # noqa: SIM115  # Krita reads it
        file.close()
        self.path = Path(file.name)
        weakref.finalize(self, self.path.unlink, missing_ok=True)
        if not image.save(str(self.path), "PNG"):
            raise Refused(_("A painted frame could not be written to {file}.", file=self.path))


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
        replace(taken, area=area, crop=geometry.context_area(whole, area), own=replace(mine, time=time))
        for time in times
        if node.hasKeyframeAtTime(time)
    )


def keep_frame(frame: Source, picture: Picture) -> Work[Kept]:
    """Work: a painted frame as a file; see `Paper.keep_frame`."""
    mine, area = own(frame), frame.area
    deep = mine.target.depth != "U8"
    space = Space("RGBA", "U16" if deep else "U8", SRGB)
    form = QtGui.QImage.Format.Format_RGBA64 if deep else QtGui.QImage.Format.Format_ARGB32
    image = QtGui.QImage(*mine.size, form)
    image.fill(0)
    with Converter(wire_space(mine.space), space) as converter:
        for strip in converter.strips(area):
            pixels = cut(picture.data, strip, frame.crop, picture.layout.pixel_bytes)
            pixels = converter.convert(pixels, strip.pixels)
            if mine.selection is not None:
                pixels = alpha.bake(pixels, 4, space.depth.lower(), selected(frame, strip))
            if deep:
                pixels = raster.swapped(pixels)
            row = strip.width * space.pixel_bytes
            raster.place(image, QtGui.QImage(pixels, strip.width, strip.height, row, form), strip.y, strip.x)
            yield
    return Kept(image)


def add_animation(taken: Source, frames: Sequence[tuple[Source, object]], name: str) -> Work[Layer]:
    """Work: painted frames as a new animated layer on top; see `Paper.add_animation`.

    Raises:
        Gone: the document was closed.
        Refused: Krita does not import them.
    """
    document = own(taken).document
    if not is_open(document):
        raise Gone
    yield
    times = [own(frame).time or 0 for frame, _kept in frames]
    step = math.gcd(*(time - times[0] for time in times)) or 1
    files: list[str] = []
    for frame_time in range(times[0], times[-1] + 1, step):
        held = max(at for at, time in enumerate(times) if time <= frame_time)
        kept = frames[held][1]
        assert isinstance(kept, Kept)  # what `keep_frame` made
        files.append(str(kept.path))
    before = {node.uniqueId().toString() for node in document.topLevelNodes()}
    document.waitForDone()  # Krita 5.2 was seen to end when frames come in beside a stroke that is at work
    if not document.importAnimation(files, times[0], step):
        raise Refused(_("Krita did not take the frames in."))
    made = [node for node in document.topLevelNodes() if node.uniqueId().toString() not in before]
    if not made:
        raise Refused(_("Krita did not take the frames in."))
    made[0].setName(name)
    made[0].setOpacity(own(taken).opacity)
    tell_layer_dockers()
    return Layer(taken.document, made[0].uniqueId().toString(), taken.layer, own=Place(document))
