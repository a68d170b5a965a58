"""What happens between the arguments of a call and the layer that holds its result.

`plan` reads the image and the arguments and touches nothing. A `PlanRun` is a task of `velatura.editor` whose
result goes into the image as the plan says, in one undo step, if the image still is what was planned for.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Any

from gi.repository import Gimp
from velatura.blob import Picture
from velatura.editor.annotation import Made
from velatura.editor.geometry import Rect, reduction
from velatura.editor.i18n import _
from velatura.editor.look import title
from velatura.editor.observable import Signal
from velatura.editor.paper import Layer, Refused, Source
from velatura.editor.pump import Work
from velatura.editor.results import Results
from velatura.editor.tasks import IMAGE_SIDE, Bench, Ready, Task
from velatura.jobs import Job
from velatura.recipe import Recipe

from . import forms, notes, original, output, recipes, target
from .buffers import LayerContent
from .look import AskedLook
from .original import Original
from .output import Cover
from .paper import source_of
from .recipes import Commission
from .target import Target

FRAMES_EVERY = 1.0
"""Seconds between the frames that the dialog shows of a job of many steps."""


@dataclass(frozen=True)
class Plan:
    """Everything that a run needs to know; the image as it was when it was made."""

    found: Original
    order: Commission
    output: str
    cover: Cover | None
    replaces: Any = None
    """A layer that the new one takes the place of, or None."""
    answer: Recipe | None = None
    """What runs instead of what the arguments say, as a question was answered."""

    @property
    def recipe(self) -> Recipe:
        """What runs."""
        return self.answer or self.order.recipe

    @property
    def aim(self) -> Target:
        return self.found.aim

    @property
    def taken(self) -> Source:
        """What is worked on, in the words of `velatura.editor`."""
        return source_of(self.found, self.order.regions)

    def asks_as(self, other: Plan) -> bool:
        """Whether another one is for the same layer, by the same arguments."""
        mine, theirs = ((p.taken, p.output, p.order.recipe) for p in (self, other))
        return mine == theirs


def plan(found: Original, look: AskedLook, where: str) -> Plan:
    """A plan for what the arguments ask for.

    Args:
        found: what is worked on.
        look: what follows the arguments.
        where: the output.

    Raises:
        Refused: in words, whatever cannot be done.
        FieldError: an argument out of range.
    """
    area = found.aim.area
    return _plan(found, look.order((area.width, area.height)), where)


def plan_again(image: Any, drawable: Any, text: str, where: str) -> Plan:
    """A plan for Re-style without a dialog: the layer's recipe, exactly, on the layer it was made from.

    Args:
        text: a recipe as JSON instead of the layer's own; empty takes that.
        where: the output; in place replaces the old result by the new one.
    """
    found = original.made_from(image, drawable, where)
    note = notes.parse(text) if text else notes.demand(found.layer)
    return _plan(found, recipes.order_again(note, image), where)


def _plan(found: Original, order: Commission, where: str) -> Plan:
    cover = found.cover(found.aim.area)
    if where == "in-place" and not found.direct:
        return Plan(found, order, "new-layer", cover, replaces=found.layer)
    return Plan(found, order, where, cover)


class PlanRun(Task):
    """One job for one plan.

    Args:
        results: where it is remembered, for somebody looks; None for a script.
        ready: what a preview has computed already.
        display: the view of the image that the person started it from; None for a script. GIMP keeps an image
            as long as a procedure works on it, so that only a closed view tells that nobody waits any more.

    Attributes:
        frame: emitted with an intermediate picture of what takes many steps.
        result, ran: the layer that holds the result and the recipe as it ran, once done.
    """

    def __init__(
        self, bench: Bench, plan: Plan, display: Any = None, results: Results | None = None,
        ready: Ready | None = None,
    ) -> None:  # fmt: skip
        taken, recipe = plan.taken, plan.recipe
        if recipe.facts.placed == "picture":
            taken = replace(taken, crop=taken.area)
        titles = {str(item["name"]): str(item["title"]) for item in bench.link.styles}
        as_mask = plan.output == "new-layer-masked"
        super().__init__(bench, taken, recipe, title(recipe, titles), as_mask, ready)
        self.plan = plan
        self._pictures = plan.order.pictures
        regions = plan.order.regions
        self._masks = {name: notes.name_of(Gimp.Item.get_by_id(int(node))) for name, node in regions}
        self.frame = Signal()
        self.result: Any = None
        self.ran: Recipe = recipe
        self._display, self._results = display, results

    def check(self) -> None:
        try:
            self._still_there()
        except Refused as refused:
            if not self.over:
                self.abandon(refused)

    def _options(self) -> dict[str, Any]:
        every = self._bench.preview_every if self.recipe.facts.long else 0.0
        return {"preview_every": every}

    def _on_changed(self, job: Job) -> None:
        super()._on_changed(job)
        self.can_stop = self.recipe.facts.stops and job.fraction > 0 and not (job.over or job.stopping)

    def _on_preview(self, job: Job, step: int, picture: Picture) -> None:
        if job is self._job and not self.over:
            self.frame.emit(picture)

    def _write(self, picture: Picture, made: Made) -> Work[None]:
        yield
        self._still_there(closely=True)
        plan, aim = self.plan, self.plan.aim
        content = self._content
        assert content is None or isinstance(content, LayerContent)
        note = replace(
            made, source=notes.name_of(aim.drawable), pictures=plan.order.origins, regions=self._masks
        )
        result = output.Returned(picture, content)
        if self._results is not None and content is not None:
            factor = reduction(self.taken.crop, IMAGE_SIDE)
            self.image = yield from self._bench.paper.display(self.taken, picture, factor, True)
        if self.recipe.facts.placed == "picture":
            self.result = output.picture(aim, result, self._name, note)
        else:
            like = plan.found.layer if content is not None or plan.replaces is not None else None
            self.result = output.place(
                aim, plan.output, result, plan.cover, plan.found.layer, like, self._name, note, plan.replaces
            )
        self.ran = made.recipe

    @property
    def layer(self) -> Layer | None:
        """Under a name of its own where it is not a layer of its own, so that each is remembered."""
        if self.result is None or not self.result.is_valid():
            return None
        name, own = notes.name_of(self.result), self.plan.aim.drawable.get_id() == self.result.get_id()
        return Layer(self.taken.document, f"{name}#{secrets.token_hex(2)}" if own else name, "")

    def _written(self) -> None:
        super()._written()
        if self._results is not None:
            self._results.add(self)

    def _draw_image(self, taken: Source, picture: Picture) -> None:
        """It is made before the result is put in, for the dialog is not there much longer."""

    def _still_there(self, closely: bool = False) -> None:
        """Raises `Refused` when the image is no longer there, or, closely, not what was planned for."""
        plan, aim, display = self.plan, self.plan.aim, self._display
        if not aim.image.is_valid() or (display is not None and not display.is_valid()):
            raise Refused(_("The image was closed while the job ran; its result is dropped."))
        if not aim.drawable.is_valid() or not plan.found.layer.is_valid():
            raise Refused(_("The layer was deleted while the job ran; its result is dropped."))
        if not closely or self.recipe.facts.placed == "picture":
            return
        if plan.output == "in-place":
            target.refuse_in_place(aim.drawable)
        __, dx, dy = aim.drawable.get_offsets()
        size = Rect(0, 0, aim.drawable.get_width(), aim.drawable.get_height())
        if (dx, dy) != aim.offset or forms.of(aim.image) != aim.form or not size.contains(aim.crop):
            raise Refused(_("The layer was moved or changed while the job ran; its result is dropped."))
