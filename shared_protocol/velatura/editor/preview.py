"""The live preview: follows the sliders at screen size, then commits to the full size on release.

What it shows is drawn over the canvas by a `Surface`; the document never knows. The reduced picture is
read and sent once, so that moving a slider sends a recipe and nothing else. At most one request waits and
one runs: while one is under way, later slider positions only replace what will be asked next.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from velatura.blob import Blob, Picture
from velatura.errors import VelaturaError
from velatura.fields import field_of
from velatura.jobs import Job
from velatura.jobstate import State
from velatura.recipe import Recipe, Stylize

from . import geometry, words
from .i18n import _
from .link import Follower, Link
from .look import Look
from .observable import Observable
from .paper import Gone, Paper, Refused, Source, Surface
from .pump import Pump, Ticket, Work
from .tasks import Ready

R = TypeVar("R", bound=Recipe)

SCREEN_SIDE = 1024
"""Longest side of the picture that previews are made of while a slider moves, in pixels."""

FULL_PIXELS = 24_000_000
"""Above so many pixels the full size is computed by Apply only."""


REST = 20
"""Between two looks at the layer's pixels so many times as long passes as one look took."""


@dataclass(frozen=True)
class Base:
    """The picture that previews are made of.

    Attributes:
        digest: of the layer's pixels when it was read.
        factor: by which `content` is reduced.
    """

    taken: Source
    digest: str
    factor: int
    content: Blob


@dataclass(frozen=True)
class Full:
    """A full-size result, as `recipe` asked for it."""

    recipe: Recipe
    taken: Source
    ready: Ready


class Preview(Observable):
    """The preview of the active layer.

    Args:
        tell: says something to the artist who does not see the docker.
        name: tells this preview's jobs from those of others.
        clock: seconds.

    Attributes:
        on: whether the artist wants it.
        shown: whether a preview is to be seen now.
        on_canvas: whether it is drawn on the canvas; otherwise the docker shows `image`.
        image: what is shown, as the editor draws it.
        words: how it is doing, empty when all is well.
        full_size: whether what is shown was computed in full size.
    """

    def __init__(
        self,
        link: Link,
        look: Look,
        paper: Paper,
        pump: Pump,
        surface: Surface,
        tell: Callable[[str], None],
        name: str,
        clock: Callable[[], float],
    ) -> None:
        super().__init__()
        self.on = False
        self.shown = False
        self.on_canvas = True
        self.image: object = None
        self.words = ""
        self.full_size = False
        self._link, self._look, self._paper, self._pump = link, look, paper, pump
        self._surface, self._tell, self._name, self._clock = surface, tell, name, clock
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
        self._look_at = 0.0
        link.changed.connect(self._on_link)

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
        if not self.on or not self._look.styles:
            self.clear()
            return
        try:
            taken = self._paper.source()
        except (Refused, Gone) as refused:
            self.clear()
            self._complain(str(refused))
            return
        if self._base is None or self._base.taken != taken:
            self._read(taken)
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
            self._link.cancel(self._job)
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
        if not self.on or not (self.shown or self._failed) or self._pump.busy:
            return
        try:
            taken = self._paper.source()
        except (Refused, Gone) as refused:
            if self.shown or str(refused) != self.words:
                self.request(released=True)
            return
        if self._base is None or self._base.taken != taken:
            self.request(released=True)
        elif self._clock() >= self._look_at:
            self._look_at_pixels(self._base)

    def _look_at_pixels(self, base: Base) -> None:
        began = self._clock()

        def done(digest: str) -> None:
            now = self._clock()
            self._look_at = now + REST * (now - began)
            if base is self._base and digest != base.digest:
                self._base = None
                self.request(released=True)

        self._pump.start(self._paper.digest(base.taken), done, self._fail)

    def ready_for(self, recipe: Recipe, taken: Source) -> Ready | None:
        """A full-size result for exactly this recipe and this source, else None; whether the pixels are still
        the same is for whoever reads them to see."""
        full = self._full
        return full.ready if full is not None and (full.recipe, full.taken) == (recipe, taken) else None

    # --- the picture that previews are made of --------------------------------------------------------

    def _read(self, taken: Source) -> None:
        for ticket in (self._reading, self._drawing):
            if ticket:
                ticket.cancel()
        self._base = self._full = self._full_content = None
        self.words = _("Reading the layer…")

        def done(base: Base) -> None:
            self._base = base
            self._submit()

        self._reading = self._pump.start(self._base_of(taken), done, self._fail)

    def _base_of(self, taken: Source) -> Work[Base]:
        """The digest comes first: a stroke that falls between the two is then noticed, not overlooked."""
        factor = geometry.reduction(taken.crop, SCREEN_SIDE)
        digest = yield from self._paper.digest(taken)
        content = yield from self._paper.read_reduced(taken, factor)
        return Base(taken, digest, factor, content)

    # --- at screen size ----------------------------------------------------------------------------------

    def _submit(self, quality: str = "fast") -> None:
        """Asks for a preview: in one pass while the hand moves, then at the quality that Apply will give."""
        self._again = False
        if self._base is None or not self.on:
            return
        try:
            recipe = replace(self._look.stylize(), quality=quality)
        except VelaturaError as error:
            self._fail(error)
            return
        base = self._base
        self.words = _("Painting a preview…")
        shrunk = at_reduced_size(recipe, base.factor, painted_styles(self._link.models))

        def submit() -> None:
            follower = Follower(_ignore, _ignore, lambda job: self._ended(job, base, quality), self._lost)
            self._job = self._link.submit(follower, shrunk, base.content, supersede=f"preview-{self._name}")

        self._link.when_connected(self._guarded(submit), self._fail)

    def _ended(self, job: Job, base: Base, quality: str) -> None:
        if job is not self._job:
            return
        if self._again:
            self._submit()
        elif self._released and job.state is State.DONE:
            if self._look.quality == "fast":
                self._commit(base)
            elif quality == "fast":
                self._submit(self._look.quality)
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
        work = self._paper.display(base.taken, picture, factor, full)
        self._drawing = self._pump.start(work, lambda image: self._show(image, base, full), self._fail)

    def _show(self, image: object, base: Base, full: bool) -> None:
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
            self._submit_full(base, self._full_content)
            return

        def done(content: Blob) -> None:
            self._full_content = content
            if self._released and base is self._base:
                self._submit_full(base, content)

        self._reading = self._pump.start(self._paper.read(base.taken), done, self._fail)

    def _submit_full(self, base: Base, content: Blob) -> None:
        recipe = self._look.stylize()
        follower = Follower(
            _ignore, _ignore, lambda job: self._full_ended(job, base, content, recipe), self._lost
        )

        def submit() -> None:
            self._full_job = self._link.submit(follower, recipe, content, supersede=f"full-{self._name}")
            self.words = _("Painting in full size…")

        self._link.when_connected(self._guarded(submit), self._fail)

    def _full_ended(self, job: Job, base: Base, content: Blob, recipe: Stylize) -> None:
        if job is not self._full_job or base is not self._base:
            return
        if job.state is State.DONE and job.picture is not None and job.result is not None:
            ran, record = job.result.recipe or recipe, job.result.record
            self._full = Full(recipe, base.taken, Ready(content.digest, job.picture, ran, record))
            factor = min(base.factor, geometry.zoom_factor(self._surface.zoom()))
            self._draw(base, job.picture, factor, full=True)
        elif job.state is State.FAILED and job.error is not None:
            self._fail(job.error)

    def _stop_full(self) -> None:
        if self._full_job is not None:
            if not self._full_job.over:
                self._link.cancel(self._full_job)
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
        if isinstance(error, Gone):
            self.clear()
        else:
            self._complain(_("No preview: {why}", why=words.trouble(error)))

    def _complain(self, text: str) -> None:
        """Says what is wrong in the docker, and over the canvas where the docker is hidden."""
        self._failed = True
        if self.words != text:
            self.words = text
            self._tell(text)

    def _on_link(self, name: str) -> None:
        """A daemon that has come back is asked again."""
        if name == "state" and self._link.state == "ready" and self.on and self._failed:
            self.request(self._released)


def painted_styles(models: Sequence[Mapping[str, Any]]) -> set[str]:
    """The styles that a network of many styles knows, out of the daemon's list of models."""
    known = [model.get("styles", ()) for model in models if model.get("kind") == "transform"]
    return {name for names in known if len(names) > 1 for name in names}


def at_reduced_size(recipe: R, factor: float, painted: Collection[str] = ()) -> R:
    """The recipe for a picture reduced by `factor`: strokes shrink with the picture, as far as they can.

    Args:
        painted: styles for which `auto` takes a network whose strokes have one size.
    """
    if (
        isinstance(recipe, Stylize)
        and (recipe.quality, recipe.method, recipe.scale) == ("fast", "auto", 1)
        and all(style.name in painted for style in recipe.styles)
    ):
        return recipe
    scale = getattr(recipe, "scale", None)
    if scale is None:
        return recipe  # without strokes
    low = field_of(type(recipe), "scale").low
    return replace(recipe, scale=max(low, round(scale / factor, 4)))


def _ignore(*unused: object) -> None:
    """A preview needs only the end of its jobs."""
