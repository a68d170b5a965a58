"""What happens between the arguments of a call and the layer that holds its result.

`plan` reads the image and the arguments and touches nothing; `carry_out` has the daemon do the work,
looks whether the image is still what was planned for, and puts the result in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from velatura.blob import Blob
from velatura.editor.alpha import whole
from velatura.editor.geometry import Rect, context_area
from velatura.editor.i18n import _
from velatura.editor.paper import Refused
from velatura.pixels import Layout
from velatura.recipe import Recipe, recipe_to_map

from . import buffers, forms, notes, output, recipes, target, work
from .buffers import Content
from .output import Cover
from .recipes import Order
from .target import Target


@dataclass(frozen=True)
class Original:
    """What is worked on, where, and the layer that was chosen: the same one, or a result made from it."""

    aim: Target
    layer: Any

    @property
    def direct(self) -> bool:
        """Whether the chosen layer is itself worked on."""
        return self.layer.get_id() == self.aim.drawable.get_id()

    def cover(self, rect: Rect | None = None, side: int = 0) -> Cover | None:
        """Where a result is to cover what is below, as it is now; None for everywhere.

        Args:
            rect: over which part of the layer worked on; by default what the result covers.
            side: for a small copy of 8 bits, its longest side.
        """
        rect = rect or self.aim.area
        if self.aim.selected:
            return output.cover_of_selection(self.aim, rect, side)
        if self.direct:
            return None
        __, dx, dy = self.layer.get_offsets()
        depth = "u8" if side else forms.depth_of_masks(self.aim.image)
        own = self.aim.on_canvas(rect).moved(-dx, -dy)
        return Cover(buffers.read_alpha(self.layer, own, depth, side), whole=True)


@dataclass(frozen=True)
class Plan:
    """Everything that a run needs to know; the image as it was when it was made."""

    found: Original
    order: Order
    output: str
    cover: Cover | None
    replaces: Any = None
    """A layer that the new one takes the place of, or None."""

    @property
    def aim(self) -> Target:
        return self.found.aim


def plain(image: Any, drawables: Sequence[Any], where: str) -> Original:
    """The chosen layer itself; raises as `target.read`."""
    aim = target.read(image, drawables, where)
    return Original(aim, aim.drawable)


def made_from(image: Any, drawables: Sequence[Any], where: str) -> Original:
    """What the chosen layer, a result, was made from: the part of the source layer that it covers.

    Where the source layer is gone, or the result was painted in place or made from nothing, the result is its
    own source.

    Raises:
        Refused: as `target.read`, or when the two layers no longer touch.
    """
    layer = target.read(image, drawables, "new-layer").drawable
    source = notes.source_of(layer)
    if source is None or source.get_id() == layer.get_id():
        return plain(image, drawables, where)
    aim = target.read(image, [source], "new-layer")
    if aim.selected:
        return Original(aim, layer)
    __, dx, dy = layer.get_offsets()
    mine = Rect(dx, dy, layer.get_width(), layer.get_height()).moved(-aim.offset[0], -aim.offset[1])
    area = mine.intersected(aim.area)
    if area.empty:
        name = layer.get_name()
        raise Refused(_("“{name}” no longer lies over the layer it was made from.", name=name))
    return Original(replace(aim, crop=context_area(aim.area, area), area=area), layer)


def plan(image: Any, drawables: Sequence[Any], values: Mapping[str, Any], kind: str) -> Plan:
    """A plan for a procedure other than Re-style.

    Args:
        image, drawables: as given to the procedure.
        values: its arguments by name.
        kind: of recipe.

    Raises:
        Refused: in words, whatever cannot be done.
        FieldError: an argument out of range.
    """
    where = values.get("output", "new-layer")
    found = plain(image, drawables, where)
    return _plan(found, _order(found, values, kind), where)


def plan_anew(image: Any, drawables: Sequence[Any], values: Mapping[str, Any], kind: str) -> Plan:
    """A plan for Re-style with arguments that the person has changed; raises as `plan`."""
    where = values.get("output", "new-layer")
    found = made_from(image, drawables, where)
    return _plan(found, _order(found, values, kind), where)


def plan_again(image: Any, drawables: Sequence[Any], text: str, where: str) -> Plan:
    """A plan for Re-style without a dialog: the layer's recipe, exactly, on the layer it was made from.

    Args:
        text: a recipe as JSON instead of the layer's own; empty takes that.
        where: the output; in place replaces the old result by the new one.
    """
    found = made_from(image, drawables, where)
    note = notes.parse(text) if text else notes.demand(found.layer)
    return _plan(found, recipes.order_again(note, image), where)


def _order(found: Original, values: Mapping[str, Any], kind: str) -> Order:
    return recipes.order(kind, values, (found.aim.area.width, found.aim.area.height))


def _plan(found: Original, order: Order, where: str) -> Plan:
    if where == "in-place" and not found.direct:
        return Plan(found, order, "new-layer", found.cover(), replaces=found.layer)
    return Plan(found, order, where, found.cover())


def carry_out(plan: Plan, display: Any = None) -> tuple[Any, str]:
    """Does what is planned; the layer that holds the result, and the recipe as it ran, as JSON.

    Args:
        display: the view of the image that the person started it from; None for a script. GIMP keeps an image
            as long as a procedure works on it, so that only a closed view tells that nobody waits any more.

    Raises:
        Refused, VelaturaError: in words; the image is as it was.
    """
    recipe, facts = plan.order.recipe, plan.order.recipe.FACTS
    aim = plan.aim
    if facts.placed == "picture":
        aim = replace(aim, crop=aim.area)
    content = content_of(aim, plan.output == "in-place") if facts.content else None
    job = work.run(
        recipe, content and content.blob, mask_for(recipe, aim, plan.cover), plan.order.pictures,
        lambda: _still_there(plan, display),
    )  # fmt: skip
    assert job.picture is not None and job.result is not None
    _still_there(plan, display, closely=True)
    ran = job.result.recipe or recipe
    note = plan.order.note(ran, notes.name_of(aim.drawable))
    name = f"{aim.drawable.get_name()} · {plan.order.title}"
    result = output.Result(job.picture, content)
    if facts.placed == "picture":
        layer = output.picture(aim, result, name, note)
    else:
        like = plan.found.layer if content is not None or plan.replaces is not None else None
        layer = output.place(
            aim, plan.output, result, plan.cover, plan.found.layer, like, name, note, plan.replaces
        )
    return layer, json.dumps(recipe_to_map(ran))


def content_of(aim: Target, in_place: bool) -> Content:
    """The pixels to work on. In place the layer's filters stay above the result, so they are left out."""
    if in_place:
        return buffers.read_content(aim.drawable, aim.crop, aim.form)
    with buffers.seen(aim.drawable) as drawable:
        return buffers.read_content(drawable, aim.crop, aim.form)


def mask_for(recipe: Recipe, aim: Target, cover: Cover | None) -> Blob | None:
    """Where a long job works, over the target's crop, without a soft edge; None for everywhere.

    One pass paints all of the crop, at no cost to what matters; an optimisation is to spend its steps, and to
    look for the style, where the result is seen.
    """
    if cover is None or not (recipe.FACTS.long and recipe.FACTS.mask):
        return None
    layout, inner, crop = cover.blob.layout, aim.inner, aim.crop
    data = cover.blob.read(0, layout.nbytes)
    touched = whole(bytes(data) if layout.depth == "u8" else bytes(map(max, data[0::2], data[1::2])))
    mask = bytearray(crop.width * crop.height)
    for y in range(inner.height):
        start = (inner.y + y) * crop.width + inner.x
        mask[start : start + inner.width] = touched[y * inner.width : (y + 1) * inner.width]
    return Blob(Layout(crop.width, crop.height, "GRAY", "u8"), mask)


def _still_there(plan: Plan, display: Any, closely: bool = False) -> None:
    """Raises `Refused` when the image is no longer there, or, closely, no longer what was planned for."""
    aim = plan.aim
    if not aim.image.is_valid() or (display is not None and not display.is_valid()):
        raise Refused(_("The image was closed while the job ran; its result is dropped."))
    if not aim.drawable.is_valid() or not plan.found.layer.is_valid():
        raise Refused(_("The layer was deleted while the job ran; its result is dropped."))
    if not closely or plan.order.recipe.FACTS.placed == "picture":
        return
    if plan.output == "in-place":
        target.refuse_in_place(aim.drawable)
    __, dx, dy = aim.drawable.get_offsets()
    size = Rect(0, 0, aim.drawable.get_width(), aim.drawable.get_height())
    if (dx, dy) != aim.offset or forms.of(aim.image) != aim.form or not size.contains(aim.crop):
        raise Refused(_("The layer was moved or changed while the job ran; its result is dropped."))
