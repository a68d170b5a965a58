"""The live preview: follows the sliders at screen size, then commits to the full size on release.

What it shows is drawn over the canvas by a `Surface`; the document never knows. The reduced picture is
read and sent once, so that moving a slider sends a recipe and nothing else. At most one request waits and
one runs: while one is under way, later slider positions only replace what will be asked next. No Qt and
no Krita here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from velatura.blob import Blob, Picture
from velatura.errors import VelaturaError
from velatura.jobs import Job
from velatura.jobstate import State
from velatura.recipe import Recipe, Stylize

from . import geometry, words
from .i18n import _
from .link import Follower
from .observable import Observable
from .pump import Ticket

if TYPE_CHECKING:
    from .studio import Studio

SCREEN_SIDE = 1024
"""Longest side of the picture that previews are made of while a slider moves, in pixels."""

FULL_PIXELS = 24_000_000
"""Above so many pixels the full size is computed by Apply only."""


class Surface(Protocol):
    """What shows the preview."""

    def show(self, image: Any, taken: Any) -> bool:
        """Shows an image of the source's crop; False where there is no canvas to show it on."""
        ...

    def hide(self) -> None: ...

    def zoom(self) -> float:
        """Screen pixels for an image pixel."""
        ...


@dataclass(frozen=True)
class Base:
    """The picture that previews are made of."""

    taken: Any
    print: tuple[Any, ...]
    factor: int
    content: Blob


@dataclass(frozen=True)
class Full:
    """A full-size result that Apply can use as it is."""

    recipe: Recipe
    ran: Recipe
    record: dict[str, Any]
    taken: Any
    print: tuple[Any, ...]
    picture: Picture


class Preview(Observable):
    """The preview of the active layer.

    Attributes:
        on: whether the artist wants it.
        shown: whether a preview is to be seen now.
        on_canvas: whether it is drawn on the canvas; otherwise the docker shows `image`.
        image: what is shown.
        words: how it is doing, empty when all is well.
        full_size: whether what is shown was computed in full size.
    """

    def __init__(self, studio: Studio, surface: Surface) -> None:
        super().__init__()
        self.on = False
        self.shown = False
        self.on_canvas = True
        self.image: Any = None
        self.words = ""
        self.full_size = False
        self._studio, self._surface = studio, surface
        self._base: Base | None = None
        self._full_content: Blob | None = None
        self._full: Full | None = None
        self._reading: Ticket | None = None
        self._drawing: Ticket | None = None
        self._job: Job | None = None
        self._full_job: Job | None = None
        self._again = False
        self._released = True
        self._failed = False
        studio.link.changed.connect(self._on_link)

    # --- what the artist does -------------------------------------------------------------------------

    def turn(self, on: bool) -> None:
        """Switches the preview on or off; off leaves nothing behind."""
        if on == self.on:
            return
        self.on = on
        if on:
            self.request(released=True)
        else:
            self.clear()

    def request(self, released: bool) -> None:
        """The look changed; `released` says that the hand is off the slider, so the full size may follow."""
        self._released = released
        self._failed = False
        self._stop_full()
        if not self.on or not self._studio.look.styles:
            self.clear()
            return
        try:
            taken = self._studio.paper.source()
            mark = self._studio.paper.fingerprint(taken)
        except (self._studio.paper.Refused, self._studio.paper.Gone) as refused:
            self.clear()
            self._complain(str(refused))
            return
        if self._base is None or self._base.taken != taken or self._base.print != mark:
            self._read(taken, mark)
        elif self._job is not None and not self._job.over:
            self._again = True
        else:
            self._submit()

    def clear(self) -> None:
        """Takes the preview off the canvas and forgets what it was made of."""
        self._stop_full()
        for ticket in (self._reading, self._drawing):
            if ticket:
                ticket.cancel()
        if self._job is not None:
            self._studio.link.cancel(self._job)
        self._base = self._job = self._full = self._full_content = None
        self._again = self._failed = False
        self.hide()
        self.words = ""

    def hide(self) -> None:
        """Takes the preview off the canvas until the look changes (after Apply, the layer itself is seen)."""
        self._surface.hide()
        self.image = None
        self.shown = self.full_size = False

    def look_again(self) -> None:
        """Called now and then: a layer or selection that changed meanwhile gets a new preview, also where
        there was none because nothing could be painted on."""
        if not self.on or not (self.shown or self._failed) or self._studio.pump.busy:
            return
        try:
            taken = self._studio.paper.source()
            changed = (
                self._base is None
                or taken != self._base.taken
                or self._studio.paper.fingerprint(taken) != self._base.print
            )
        except (self._studio.paper.Refused, self._studio.paper.Gone) as refused:
            changed = self.shown or str(refused) != self.words
        if changed:
            self.request(released=True)

    def ready_for(self, recipe: Recipe, taken: Any) -> Full | None:
        """A full-size result for exactly this recipe and this source as it is now, else None."""
        full = self._full
        if full is None or full.recipe != recipe or full.taken != taken:
            return None
        try:
            return full if self._studio.paper.fingerprint(taken) == full.print else None
        except self._studio.paper.Gone:
            return None

    # --- the picture that previews are made of --------------------------------------------------------

    def _read(self, taken: Any, mark: tuple[Any, ...]) -> None:
        for ticket in (self._reading, self._drawing):
            if ticket:
                ticket.cancel()
        self._base = self._full = self._full_content = None
        self.words = _("Reading the layer…")
        factor = geometry.reduction(taken.crop, SCREEN_SIDE)

        def done(content: Blob) -> None:
            self._base = Base(taken, mark, factor, content)
            self._submit()

        self._reading = self._studio.pump.start(
            self._studio.paper.read_reduced(taken, factor), done, self._fail
        )

    # --- at screen size ----------------------------------------------------------------------------------

    def _submit(self) -> None:
        self._again = False
        if self._base is None or not self.on:
            return
        try:
            recipe = self._studio.look.stylize()
        except VelaturaError as error:
            self._fail(error)
            return
        base = self._base
        self.words = _("Painting a preview…")
        shrunk = at_reduced_size(recipe, base.factor)

        def submit() -> None:
            follower = Follower(_ignore, _ignore, lambda job: self._ended(job, base), self._lost)
            self._job = self._studio.link.submit(
                follower, shrunk, base.content, supersede=f"preview-{self._studio.name}"
            )

        self._studio.link.when_connected(self._guarded(submit), self._fail)

    def _ended(self, job: Job, base: Base) -> None:
        if job is not self._job:
            return
        if self._again:
            self._submit()
        elif self._released and job.state is State.DONE:
            self._commit(base)
        if job.state is State.DONE and base is self._base and job.picture is not None:
            self._draw(base, job.picture, base.factor, full=False)
        elif job.state is State.FAILED and job.error is not None:
            if self._drawing is not None:
                self._drawing.cancel()
            self.hide()  # what was shown is of another look, such as a style that the method does know
            self._fail(job.error)

    def _draw(self, base: Base, picture: Picture, factor: int, full: bool) -> None:
        if self._drawing is not None and not self._drawing.over:
            if not full:
                return  # the one being drawn is shown first, so that a long drag never starves
            self._drawing.cancel()
        space = self._studio.paper.DISPLAY if not full else self._studio.paper.wire_space(base.taken.space)
        work = self._studio.paper.display(base.taken, picture, space, factor)
        self._drawing = self._studio.pump.start(work, lambda image: self._show(image, base, full), self._fail)

    def _show(self, image: Any, base: Base, full: bool) -> None:
        if not self.on or base is not self._base:
            return
        self.on_canvas = self._surface.show(image, base.taken)
        self.image = image
        self.full_size = full
        self.shown = True
        busy = not full and self._full_job is not None and not self._full_job.over
        self.words = _("Painting in full size…") if busy else ""

    # --- in full size --------------------------------------------------------------------------------------

    def _commit(self, base: Base) -> None:
        """The hand is off: the same in full size, which Apply then only has to write."""
        if base.taken.crop.pixels > FULL_PIXELS:
            return
        if self._full_content is not None:
            self._submit_full(base)
            return

        def done(content: Blob) -> None:
            self._full_content = content
            if self._released and base is self._base:
                self._submit_full(base)

        self._reading = self._studio.pump.start(self._studio.paper.read(base.taken), done, self._fail)

    def _submit_full(self, base: Base) -> None:
        recipe = self._studio.look.stylize()
        follower = Follower(_ignore, _ignore, lambda job: self._full_ended(job, base, recipe), self._lost)

        def submit() -> None:
            self._full_job = self._studio.link.submit(
                follower, recipe, self._full_content, supersede=f"full-{self._studio.name}"
            )
            self.words = _("Painting in full size…")

        self._studio.link.when_connected(self._guarded(submit), self._fail)

    def _full_ended(self, job: Job, base: Base, recipe: Stylize) -> None:
        if job is not self._full_job or base is not self._base:
            return
        if job.state is State.DONE and job.picture is not None and job.result is not None:
            self._full = Full(
                recipe,
                job.result.recipe or recipe,
                dict(job.result.record),
                base.taken,
                base.print,
                job.picture,
            )
            factor = min(base.factor, geometry.zoom_factor(self._surface.zoom()))
            self._draw(base, job.picture, factor, full=True)
        elif job.state is State.FAILED and job.error is not None:
            self._fail(job.error)

    def _stop_full(self) -> None:
        if self._full_job is not None:
            if not self._full_job.over:
                self._studio.link.cancel(self._full_job)
            self._full_job = None

    # --- trouble -------------------------------------------------------------------------------------------

    def _guarded(self, call: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                call()
            except VelaturaError as error:
                self._fail(error)

        return run

    def _lost(self, error: VelaturaError) -> None:
        """The connection was given up, and its jobs with it."""
        self._job = self._full_job = None
        self._fail(error)

    def _fail(self, error: Exception) -> None:
        if isinstance(error, self._studio.paper.Gone):
            self.clear()
        else:
            self._complain(_("No preview: {why}", why=words.trouble(error)))

    def _complain(self, text: str) -> None:
        """Says what is wrong in the docker, and over the canvas where the docker is hidden."""
        self._failed = True
        if self.words != text:
            self.words = text
            self._studio.tell(text)

    def _on_link(self, name: str) -> None:
        """A daemon that has come back is asked again."""
        if name == "state" and self._studio.link.state == "ready" and self.on and self._failed:
            self.request(self._released)


def at_reduced_size(recipe: Stylize, factor: int) -> Stylize:
    """The recipe for a picture reduced by `factor`: strokes shrink with the picture, as far as they can."""
    low = Stylize.__dataclass_fields__["scale"].metadata["low"]
    return replace(recipe, scale=max(low, round(recipe.scale / factor, 4)))


def _ignore(*unused: Any) -> None:
    """A preview needs only the end of its jobs."""
