"""What is worked on, and the layer that was chosen: the same one, or a result that was made from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from velatura.editor.geometry import Rect, context_area
from velatura.editor.i18n import _
from velatura.editor.paper import Refused

from . import buffers, forms, notes, target
from .output import Cover, cover_of_selection
from .target import Target


@dataclass(frozen=True)
class Original:
    """What is worked on, where, and the layer that was chosen."""

    aim: Target
    layer: Any

    @property
    def direct(self) -> bool:
        """Whether the chosen layer is itself worked on."""
        return self.layer.get_id() == self.aim.drawable.get_id()

    def cover(self, rect: Rect, factor: int = 0) -> Cover | None:
        """Where a result is to cover what is below, as it is now; None for everywhere.

        Args:
            rect: over which part of the layer worked on.
            factor: for a copy of 8 bits reduced by it; 0 is in the depth that holds it all.
        """
        if self.aim.selected:
            return cover_of_selection(self.aim, rect, factor)
        if self.direct:
            return None
        __, dx, dy = self.layer.get_offsets()
        depth = "u8" if factor else forms.depth_of_masks(self.aim.image)
        own = self.aim.on_canvas(rect).moved(-dx, -dy)
        return Cover(buffers.read_alpha(self.layer, own, depth, factor or 1), whole=True)


def plain(image: Any, drawable: Any, where: str) -> Original:
    """A layer itself; raises as `target.read`."""
    aim = target.read(image, drawable, where)
    return Original(aim, aim.drawable)


def chosen(
    read: Callable[[Any, Any, str], Original], image: Any, drawables: Sequence[Any], where: str
) -> tuple[Original, ...]:
    """What is to be worked on for each layer that is chosen; raises as `read`.

    Args:
        read: `plain` or `made_from`.
    """
    return tuple(read(image, drawable, where) for drawable in drawables)


def made_from(image: Any, drawable: Any, where: str) -> Original:
    """What a chosen layer, a result, was made from: the part of the source layer that it covers.

    Where the source layer is gone, or the result was painted in place or made from nothing, the result is its
    own source; so is a layer that is none.

    Raises:
        Refused: as `target.read`, or when the two layers no longer touch.
    """
    layer = target.read(image, drawable, "new-layer").drawable
    source = notes.source_of(layer)
    if source is None or source.get_id() == layer.get_id():
        return plain(image, drawable, where)
    aim = target.read(image, source, "new-layer")
    if aim.selected:
        return Original(aim, layer)
    __, dx, dy = layer.get_offsets()
    mine = aim.on_layer(Rect(dx, dy, layer.get_width(), layer.get_height()))
    area = mine.intersected(aim.area)
    if area.empty:
        name = layer.get_name()
        raise Refused(_("“{name}” no longer lies over the layer it was made from.", name=name))
    return Original(replace(aim, crop=context_area(aim.area, area), area=area), layer)
