"""GIMP's image as `velatura.editor` reads it: what the gallery tries styles on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from velatura.blob import Blob
from velatura.editor.geometry import Rect, reduced_size
from velatura.editor.paper import Source
from velatura.editor.pump import Work

from . import buffers
from .runs import Original


class Paper:
    """What is worked on at present.

    Args:
        look: tells it, for an output; raises `Refused`.
    """

    def __init__(self, look: Callable[[str], Original]) -> None:
        self._look = look

    def source(self) -> Source:
        found = self._look("new-layer")
        aim = found.aim
        document, layer = (str(thing.get_id()) for thing in (aim.image, aim.drawable))
        return Source(
            document, layer, aim.drawable.get_name(), aim.image.get_name(),
            aim.on_canvas(aim.area), aim.on_canvas(aim.crop),
            aim.on_canvas(aim.area) if aim.selected else None, own=found,
        )  # fmt: skip

    def only(self, taken: Source, selected: bool) -> Source:
        aim = _found(taken).aim
        whole = Rect(0, 0, aim.drawable.get_width(), aim.drawable.get_height())
        part = taken.area if selected else aim.on_canvas(whole)
        return replace(taken, area=part, crop=part, selected=None)

    def read_reduced(self, taken: Source, factor: int) -> Work[Blob]:
        aim = _found(taken).aim
        yield None
        with buffers.seen(aim.drawable) as drawable:
            crop = taken.crop.moved(-aim.offset[0], -aim.offset[1])
            return buffers.read(drawable, crop, aim.form.small, max(reduced_size(crop, factor)))


def _found(taken: Source) -> Original:
    assert isinstance(taken.own, Original)
    return taken.own
