"""What the artist asked for, from the click to the layer: one task each.

A task belongs to the picture and layer it was asked on, not to what is active when it ends. It keeps its
inputs until it has succeeded, so that a failure offers "Retry". A kind of job that takes many steps is a
`Growing` one: its layer is there from the first frame and improves before the artist's eyes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from velatura.blob import Blob, Picture
from velatura.errors import VelaturaError
from velatura.jobs import Job
from velatura.jobstate import State
from velatura.recipe import Recipe

from . import geometry, regions, words
from .annotation import Made
from .calls import Follower
from .i18n import _
from .link import Link
from .observable import Observable
from .paper import Gone, Layer, Paper, Source
from .pump import Pump, Pumped, Work

OPEN = ("reading", "running", "writing")

IMAGE_SIDE = 96
"""Longest side of a task's image, in pixels."""


@dataclass(frozen=True)
class Bench:
    """What every task works with.

    Attributes:
        withdraw: takes a layer of ours back out of its picture.
        preview_every: seconds between the frames of a growing result.
    """

    paper: Paper
    pump: Pump
    link: Link
    withdraw: Callable[[Layer], None]
    preview_every: float


@dataclass(frozen=True)
class Ready:
    """A full-size result that a preview has computed already.

    Attributes:
        made_of: digests of the pixels, the mask and the regions that it was made of; see `made_of`.
    """

    made_of: tuple[str, ...]
    picture: Picture
    ran: Recipe
    record: Mapping[str, Any]


def made_of(content: Blob, mask: Blob | None, areas: regions.Regions) -> tuple[str, ...]:
    """What tells inputs from others: digests of their pixels. All must have been hashed."""
    return content.digest, mask.digest if mask is not None else "", *(blob.digest for blob in areas.values())


class Task(Observable):
    """One thing under way, as the list of tasks shows it.

    Args:
        taken: what it is made of.
        recipe: how.
        style: what the recipe makes of it, for titles and names of layers.
        as_mask: whether the selection becomes a mask of the layer rather than part of its alpha.
        ready: what may be written at once if the pixels are still those that it was made of.

    Attributes:
        title: what it makes of what.
        state: `reading`, `running`, `writing`, then `done`, `failed` or `cancelled`.
        words: how it is doing; changes before `state` does.
        fraction: 0..1.
        can_stop: whether "stop and keep" is offered.
        frames: how many intermediate pictures have been shown in the layer.
        image: what came of it, small, as the editor draws it; None before it is there.
        notes: what is said of what came of it; empty where there is nothing to say.
    """

    def __init__(
        self,
        bench: Bench,
        taken: Source,
        recipe: Recipe,
        style: str,
        as_mask: bool = False,
        ready: Ready | None = None,
    ) -> None:
        super().__init__()
        self.title = _("{style} on {layer}", style=style, layer=taken.name)
        self.state = "reading"
        self.words = _("Reading the layer…")
        self.fraction = 0.0
        self.can_stop = False
        self.frames = 0
        self.image: object = None
        self.notes = ""
        self.error: Exception | None = None
        self.recipe = recipe
        self._bench, self._taken, self._as_mask, self._ready = bench, taken, as_mask, ready
        self._name = layer_name(recipe, style, taken)
        self._content: Blob | None = None
        self._mask: Blob | None = None
        self._regions: regions.Regions = {}
        self._pictures: tuple[Blob, ...] = ()
        self._job: Job | None = None
        self._layer: Layer | None = None
        self._undone: Layer | None = None
        self._ticket: Pumped | None = None

    @property
    def over(self) -> bool:
        return self.state not in OPEN

    @property
    def taken(self) -> Source:
        """What it is made of."""
        return self._taken

    @property
    def has_layer(self) -> bool:
        """Whether its layer is in the picture."""
        return self._layer is not None and self._bench.paper.alive(self._layer)

    def go_to(self) -> None:
        """Makes its layer the active one; raises `Gone`."""
        if self._layer is None:
            raise Gone
        self._bench.paper.select(self._taken, self._layer.id)

    @property
    def can_retry(self) -> bool:
        return self.state == "failed"

    # --- what the artist may do ---------------------------------------------------------------------

    def begin(self) -> None:
        """Starts, or starts again with the inputs it has."""
        self.error = None
        self.fraction = 0.0
        if self._content is None and self.recipe.facts.content:
            self.words, self.state = _("Reading the layer…"), "reading"
            self._run(self._read(), lambda nothing: self._have_read())
        else:
            self._submit()

    def retry(self) -> None:
        """Begins again after a failure, with the same inputs."""
        if self.can_retry:
            self.begin()

    def cancel(self) -> None:
        """Gives up; the picture is as it was before."""
        self._give_up(_("Cancelled"))

    def stop(self) -> None:
        """Ends a growing result now and keeps what it has."""
        if self._job is not None and self.can_stop:
            self.can_stop = False
            self._bench.link.stop(self._job)

    def check(self) -> None:
        """Called now and then: a layer that was undone or deleted, or a closed picture, ends the job; a layer
        that redo brings back is the artist's, as far as it had come."""
        paper = self._bench.paper
        if not self.over and self._layer is not None and not paper.alive(self._layer):
            self._gone()
        elif self._undone is not None and paper.alive(self._undone):
            layer, self._undone = self._undone, None
            paper.finish_layer(layer, self._name)
            paper.remember(layer, Made(self.recipe, self._taken.layer, self._name))
            self.words = _("Cancelled; the layer is back, as far as it had come.")

    def _gone(self) -> None:
        if self._layer is not None and not self._bench.paper.alive(self._layer):
            self._layer, self._undone = None, self._layer
        self._give_up(_("Cancelled: the picture or its layer is gone."))

    def _give_up(self, why: str) -> None:
        if self.over:
            return
        if self._ticket:
            self._ticket.cancel()
        if self._job is not None and not self._job.over:
            self._bench.link.cancel(self._job)
        layer, self._layer = self._layer, None
        self._close("cancelled", why)
        if layer is not None:
            self._bench.withdraw(layer)

    def abandon(self, error: Exception) -> None:
        """Ends it as failed for a reason from outside: the daemon keeps silent, what it was for is gone."""
        if self._job is not None and not self._job.over:
            self._bench.link.cancel(self._job)
        self._fail(error)

    # --- the way ---------------------------------------------------------------------------------------

    def _run(self, work: Work[None], done: Callable[[None], None]) -> None:
        self._ticket = self._bench.pump.start(work, done, self._fail)

    def _read(self) -> Work[None]:
        paper, facts = self._bench.paper, self.recipe.facts
        content = yield from paper.read(self._taken)
        selected = facts.long and not self._as_mask
        if facts.mask and (selected or self._taken.strength):
            self._mask = yield from paper.read_mask(self._taken, selected)
        self._regions = yield from regions.read(paper, self._taken, self.recipe)
        for blob in (content, self._mask):
            while self._ready is not None and blob is not None and not blob.hash_piece():
                yield
        self._content = content

    def _have_read(self) -> None:
        ready, content = self._ready, self._content
        same = ready and content and ready.made_of == made_of(content, self._mask, self._regions)
        if ready is not None and same:
            self._finish(ready.picture, ready.ran, ready.record)
        else:
            self._submit()

    def _submit(self) -> None:
        self.words, self.state = _("Connecting…"), "running"
        self._bench.link.when_connected(self._submit_now, self._fail)

    def _submit_now(self) -> None:
        if self.over:
            return
        follower = Follower(self._on_changed, self._on_preview, self._on_ended, self._fail)
        recipe, pictures = self._asked()
        try:
            self._job = self._bench.link.submit(
                follower, recipe, self._content, self._mask, pictures=pictures, **self._options()
            )
        except VelaturaError as error:
            self._fail(error)

    def _asked(self) -> tuple[Recipe, tuple[Blob, ...]]:
        """The recipe that is sent, and the pictures that it names."""
        return regions.marked(self.recipe, self._regions), (*self._pictures, *self._regions.values())

    def _options(self) -> dict[str, Any]:
        return {}

    def _on_changed(self, job: Job) -> None:
        if self.over or job is not self._job:
            return
        progress = job.progress
        self.fraction = job.fraction
        self.words = words.job(
            job.state, job.ahead, job.reason,
            progress.seconds_left if progress else 0.0,
            progress.step if progress else 0, progress.of if progress else 0,
        )  # fmt: skip

    def _on_preview(self, job: Job, step: int, picture: Picture) -> None:
        """Only a growing result shows what it has so far."""

    def _on_ended(self, job: Job) -> None:
        if self.over or job is not self._job:
            return
        if job.state is State.DONE and job.picture is not None and job.result is not None:
            self._finish(job.picture, job.result.recipe or self.recipe, job.result.record)
        elif job.state is State.FAILED:
            self._fail(job.error or words.Told("internal", _("The job failed without a word.")))
        else:
            self._give_up(_("Cancelled: {reason}", reason=job.reason))

    def _finish(self, picture: Picture, recipe: Recipe, record: Mapping[str, Any]) -> None:
        self.words, self.fraction, self.can_stop = _("Writing the layer…"), 1.0, False
        self.state = "writing"
        self.notes = words.notes(record)
        made = Made(regions.bare(recipe), self._taken.layer, self._name, dict(record))
        self._run(self._write(picture, made), lambda nothing: self._written())
        self._draw_image(self._taken, picture)

    def _write(self, picture: Picture, made: Made) -> Work[None]:
        paper, taken = self._bench.paper, self._taken
        if self.recipe.facts.placed == "picture":
            yield from paper.open_picture(taken, picture, self._name)
            return
        self._layer = yield from paper.add_layer(taken, picture, self._name, bake=not self._as_mask)
        self._layer = yield from paper.settle(self._layer)
        if self._as_mask:
            paper.add_mask(self._layer, taken, self._name)
        paper.remember(self._layer, made)

    @property
    def layer(self) -> Layer | None:
        """What it has made."""
        return self._layer

    def _draw_image(self, taken: Source, picture: Picture) -> None:
        """A small image of a result for the list; one that cannot be made is not worth a word."""
        if not self.recipe.facts.content or self.recipe.facts.placed == "picture":
            return
        factor = geometry.reduction(taken.crop, IMAGE_SIDE)
        work = self._bench.paper.display(taken, picture, factor, True)
        self._bench.pump.start(work, lambda image: setattr(self, "image", image), lambda error: None)

    def _written(self) -> None:
        self._content = self._mask = self._ready = None
        self._regions = {}
        self._close("done", _("Done"))

    def _fail(self, error: Exception) -> None:
        if self.over:
            return
        if isinstance(error, Gone):
            self._gone()
            return
        self.error = error
        self._close("failed", words.trouble(error))

    def _close(self, state: str, text: str) -> None:
        self.can_stop = False
        self.words = text
        self.state = state


def layer_name(recipe: Recipe, style: str, taken: Source) -> str:
    """What the result is called in the document, or as a picture of its own."""
    if recipe.facts.placed == "picture":
        return _("{picture}, enlarged", picture=taken.picture)
    made = recipe.facts.made
    return _("Velatura: {style}", style=f"{style}, {_(made)}" if made else style)
