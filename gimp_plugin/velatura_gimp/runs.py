"""What happens between the arguments of a call and the layer that holds its result.

`plan` reads the image and the arguments and touches nothing; `carry_out` has the daemon do the work,
looks whether the image is still what was planned for, and puts the result in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gi.repository import Gimp
from velatura.blob import Blob
from velatura.errors import FieldError
from velatura.recipe import recipe_to_map

from . import (
    buffers,
    output,
    recipes,
    target,
    work,
)
from .geometry import Rect
from .recipes import Order
from .target import Target
from .words import Refused, _


@dataclass(frozen=True)
class Plan:
    """Everything that a run needs to know."""

    aim: Target
    order: Order
    output: str
    mask: Blob | None
    """Where the result goes, softly, over the target's rectangle; None for everywhere."""
    above: Any
    """The layer above which a new one goes."""
    replaces: Any = None
    """A layer that the new one takes the place of, or None."""


@dataclass(frozen=True)
class Original:
    """What is worked on, where, and the layer that was chosen: the same one, or a result made from it."""

    aim: Target
    mask: Blob | None
    layer: Any

    @property
    def direct(self) -> bool:
        """Whether the chosen layer is itself worked on."""
        return self.layer.get_id() == self.aim.drawable.get_id()

    def small_mask(self, side: int) -> Blob | None:
        """The mask at the size of a small copy of the target's rectangle."""
        if self.mask is None:
            return None
        if self.direct or not Gimp.Selection.is_empty(self.aim.image):
            return buffers.read_mask(self.aim, side)
        return buffers.read_cover(self.layer, self.aim.on_canvas, side)


def plain(image: Any, drawables: Sequence[Any], where: str) -> Original:
    """The chosen layer itself; raises as `target.read`."""
    aim = target.read(image, drawables, where)
    return Original(aim, buffers.read_mask(aim), aim.drawable)


def made_from(image: Any, drawables: Sequence[Any], where: str) -> Original:
    """What the chosen layer, a result, was made from: the part of the source layer that it covers.

    Where the source layer is gone, or the result was painted in place, the result is its own source.

    Raises:
        Refused: as `target.read`, or when the two layers no longer touch.
    """
    own = target.read(image, drawables, "new-layer")
    layer = own.drawable
    note = output.note_of(layer) or {}
    tattoo = note.get("source", {}).get("layer", 0)
    source = image.get_layer_by_tattoo(tattoo) if tattoo else None
    if source is None or source.get_id() == layer.get_id():
        return plain(image, drawables, where)
    aim = target.read(image, [source], "new-layer")
    if aim.selected:
        return Original(aim, buffers.read_mask(aim), layer)
    __, dx, dy = layer.get_offsets()
    cover = Rect(dx, dy, layer.get_width(), layer.get_height()).moved(-aim.offset[0], -aim.offset[1])
    rect = cover.intersection(aim.rect)
    if rect.empty:
        name = layer.get_name()
        raise Refused(_("“{name}” no longer lies over the layer it was made from.", name=name))
    aim = replace(aim, rect=rect, bounds=rect, selected=True)
    return Original(aim, buffers.read_cover(layer, aim.on_canvas), layer)


def plan(image: Any, drawables: Sequence[Any], values: Mapping[str, Any], kind: str) -> Plan:
    """A plan for Stylize, Refine or Texture.

    Args:
        image, drawables: as given to the procedure.
        values: its arguments by name.
        kind: `stylize`, `refine` or `texture`.

    Raises:
        Refused: in words, whatever cannot be done.
        FieldError: an argument out of range.
    """
    found = plain(image, drawables, values["output"])
    return _plan(found, _order(found, values, kind), values["output"])


def plan_anew(image: Any, drawables: Sequence[Any], values: Mapping[str, Any], kind: str) -> Plan:
    """A plan for Re-style with arguments that the person has changed; raises as `plan`."""
    found = made_from(image, drawables, values["output"])
    return _plan(found, _order(found, values, kind), values["output"])


def plan_again(image: Any, drawables: Sequence[Any], text: str, where: str) -> Plan:
    """A plan for Re-style without a dialog: the layer's recipe, exactly, on the layer it was made from.

    Args:
        text: a recipe as JSON instead of the layer's own; empty takes that.
        where: the output; in place replaces the old result by the new one.
    """
    found = made_from(image, drawables, where)
    note = read_note(text) if text else note_of(found.layer)
    return _plan(found, recipes.order_again(note, image), where)


def _order(found: Original, values: Mapping[str, Any], kind: str) -> Order:
    return recipes.order(kind, values, (found.aim.bounds.width, found.aim.bounds.height))


def _plan(found: Original, order: Order, where: str) -> Plan:
    if where == "in-place" and not found.direct:
        return Plan(found.aim, order, "new-layer", found.mask, found.layer, replaces=found.layer)
    return Plan(found.aim, order, where, found.mask, found.layer)


def note_of(layer: Any) -> Mapping[str, Any]:
    """A layer's note; raises `Refused` where it carries none."""
    note = output.note_of(layer)
    if note is None:
        name = layer.get_name()
        raise Refused(_("“{name}” was not made by Velatura: it carries no recipe.", name=name))
    return note


def read_note(text: str) -> Mapping[str, Any]:
    """A note, or a bare recipe, from JSON.

    Raises:
        FieldError: when it is neither.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise FieldError("recipe", f"is not JSON ({error})") from None
    if not isinstance(data, dict):
        raise FieldError("recipe", f"must be a map, not {type(data).__name__}")
    return data if "recipe" in data else {"recipe": data}


def carry_out(plan: Plan) -> tuple[Any, str]:
    """Does what is planned; the layer that holds the result, and the recipe as it ran, as JSON.

    Raises:
        Refused, VelaturaError: in words; the image is as it was.
    """
    aim, in_place = plan.aim, plan.output == "in-place"
    recipe = plan.order.recipe
    content = None if recipe.KIND == "texture" else buffers.content(aim, in_place)
    mask = plan.mask if content and plan.output != "new-layer-masked" else None
    job = work.run(plan.order, content, mask)
    assert job.picture is not None and job.result is not None
    _still_there(plan)
    ran = job.result.recipe or recipe
    note = plan.order.note(ran, {"layer": aim.drawable.get_tattoo()})
    layer = output.place(
        aim, plan.output, output.Result(job.picture.layout, job.picture.data, content is None),
        plan.mask, plan.above, f"{aim.drawable.get_name()} · {plan.order.title}", note, plan.replaces,
    )  # fmt: skip
    return layer, json.dumps(recipe_to_map(ran))


def _still_there(plan: Plan) -> None:
    """Raises `Refused` when the image is no longer what was planned for."""
    aim = plan.aim
    if not aim.image.is_valid():
        raise Refused(_("The image was closed while the job ran; its result is dropped."))
    if not plan.above.is_valid():
        raise Refused(_("The layer was deleted while the job ran; its result is dropped."))
    now = target.read(aim.image, [aim.drawable], plan.output)
    size = Rect(0, 0, now.drawable.get_width(), now.drawable.get_height())
    if now.offset != aim.offset or now.depth != aim.depth or aim.rect.intersection(size) != aim.rect:
        raise Refused(_("The layer was moved or changed while the job ran; its result is dropped."))
