"""Apply and Refine: what the artist asked for, from the click to the layer.

A task belongs to the picture and layer it was asked on, not to what is active when it ends. It keeps its
inputs until it has succeeded, so that a failure offers "Retry". No Qt and no Krita here: pixels come and
go through `paper` (the module `document`, or a stand-in in tests).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from velatura.blob import Blob, Picture
from velatura.errors import VelaturaError
from velatura.jobs import Job
from velatura.jobstate import State
from velatura.recipe import Recipe, Refine

from . import words
from .annotation import Made
from .i18n import _
from .link import Follower
from .observable import Observable
from .pump import Ticket, Work

if TYPE_CHECKING:
    from .studio import Studio

OPEN = ("reading", "running", "writing")


class Task(Observable):
    """One thing under way, as the docker's list shows it.

    Attributes:
        title: what it makes of what.
        state: `reading`, `running`, `writing`, then `done`, `failed` or `cancelled`.
        words: how it is doing.
        fraction: 0..1.
        can_stop: whether "stop and keep" is offered.
    """

    def __init__(self, studio: Studio, taken: Any, recipe: Recipe, as_mask: bool = False) -> None:
        super().__init__()
        self.title = _("{style} on {layer}", style=studio.title(recipe), layer=taken.name)
        self.state = "reading"
        self.words = _("Reading the layer…")
        self.fraction = 0.0
        self.can_stop = False
        self.error: Exception | None = None
        self._studio, self._taken, self._recipe, self._as_mask = studio, taken, recipe, as_mask
        self._content: Blob | None = None
        self._mask: Blob | None = None
        self._job: Job | None = None
        self._layer: Any = None
        self._ticket: Ticket | None = None

    @property
    def over(self) -> bool:
        return self.state not in OPEN

    @property
    def can_retry(self) -> bool:
        return self.state == "failed"

    @property
    def taken(self) -> Any:
        """The source it was asked on."""
        return self._taken

    # --- what the artist may do ---------------------------------------------------------------------

    def begin(self) -> None:
        """Starts, or starts again with the inputs it has."""
        self.error = None
        self.fraction = 0.0
        if self._content is None:
            self.state, self.words = "reading", _("Reading the layer…")
            self._run(self._read(), lambda nothing: self._submit())
        else:
            self._submit()

    def retry(self) -> None:
        """Begins again after a failure, with the same inputs."""
        if self.can_retry:
            self.begin()

    def cancel(self) -> None:
        """Gives up; the picture is as it was before."""
        if self.over:
            return
        if self._ticket:
            self._ticket.cancel()
        if self._job is not None and not self._job.over:
            self._studio.link.cancel(self._job)
        layer, self._layer = self._layer, None
        self._close("cancelled", _("Cancelled"))
        if layer is not None:
            self._studio.withdraw(layer)

    def stop(self) -> None:
        """Ends a refinement now and keeps what it has."""
        if self._job is not None and self.can_stop:
            self.can_stop = False
            self._studio.link.stop(self._job)

    # --- the way ---------------------------------------------------------------------------------------

    def _run(self, work: Work, done: Any) -> None:
        self._ticket = self._studio.pump.start(work, done, self._fail)

    def _read(self) -> Work:
        self._content = yield from self._studio.paper.read(self._taken)

    def _submit(self) -> None:
        self.state, self.words = "running", _("Connecting…")
        self._studio.link.when_connected(self._submit_now, self._fail)

    def _submit_now(self) -> None:
        if self.over:
            return
        follower = Follower(self._on_changed, self._on_preview, self._on_ended, self._fail)
        try:
            self._job = self._studio.link.submit(
                follower, self._recipe, self._content, self._mask, **self._options()
            )
        except VelaturaError as error:
            self._fail(error)

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
        self._studio.progressed(self)

    def _on_preview(self, job: Job, step: int, picture: Picture) -> None:
        """Only a refinement shows what it has so far."""

    def _on_ended(self, job: Job) -> None:
        if self.over or job is not self._job:
            return
        if job.state is State.DONE and job.picture is not None:
            assert job.result is not None
            self.finish(job.picture, job.result.recipe or self._recipe, job.result.record)
        elif job.state is State.FAILED:
            self._fail(job.error or VelaturaError("internal", _("The job failed without a word.")))
        else:
            self._close("cancelled", _("Cancelled: {reason}", reason=job.reason))

    def finish(self, picture: Picture, recipe: Recipe, record: Any) -> None:
        """Writes a result into the picture; also called directly when a preview has computed it already."""
        self.state, self.words, self.fraction, self.can_stop = "writing", _("Writing the layer…"), 1.0, False
        self._run(self._write(picture, recipe, dict(record)), lambda nothing: self._written(recipe))

    def _write(self, picture: Picture, recipe: Recipe, record: dict[str, Any]) -> Work:
        paper, taken = self._studio.paper, self._taken
        name = self._layer_name(recipe)
        self._layer = yield from paper.add_layer(taken, picture, name, bake=not self._as_mask)
        self._layer = yield from paper.settle(self._layer)
        if self._as_mask:
            paper.add_mask(self._layer, taken, name)
        self._remember(name, recipe, record)

    def _layer_name(self, recipe: Recipe) -> str:
        return _("Velatura: {style}", style=self._studio.title(recipe))

    def _remember(self, name: str, recipe: Recipe, record: dict[str, Any]) -> None:
        paper, taken = self._studio.paper, self._taken
        paper.remember(self._layer, Made(recipe, taken.layer, name, record))

    def _written(self, recipe: Recipe) -> None:
        self._studio.memory.use(self._recipe)
        self._content = self._mask = None
        self._close("done", _("Done"))

    def _fail(self, error: Exception) -> None:
        if self.over:
            return
        if isinstance(error, self._studio.paper.Gone):
            self.cancel_gone()
            return
        self.error = error
        self._close("failed", words.trouble(error))

    def cancel_gone(self) -> None:
        """The picture or layer went away: nobody waits for the job any more."""
        self.cancel()
        self.words = _("Cancelled: the picture or its layer is gone.")

    def _close(self, state: str, text: str) -> None:
        self.can_stop = False
        self.words = text
        self.state = state
        self._studio.ended(self)


class Refinement(Task):
    """Refine: a locked layer that improves before the artist's eyes, and is one undo step in the end."""

    def __init__(self, studio: Studio, taken: Any, recipe: Refine) -> None:
        super().__init__(studio, taken, recipe)
        self.frames = 0
        self._frame: Ticket | None = None
        self._next: Picture | None = None

    def _read(self) -> Work:
        yield from super()._read()
        self._mask = yield from self._studio.paper.read_mask(self._taken)

    def _options(self) -> dict[str, Any]:
        return {"preview_every": self._studio.preview_every}

    def begin(self) -> None:
        self.frames = 0
        super().begin()

    def cancel(self) -> None:
        if self.over:
            return
        self._drop_frames()
        super().cancel()

    def check(self) -> None:
        """Called now and then: a layer that was undone or deleted, or a closed picture, ends the job."""
        if not self.over and self._layer is not None and not self._studio.paper.alive(self._layer):
            self._layer = None
            self.cancel_gone()

    def _on_changed(self, job: Job) -> None:
        super()._on_changed(job)
        if not self.over:
            self.can_stop = job.state in (State.RUNNING, State.PAUSED) and not job.stopping

    def _on_preview(self, job: Job, step: int, picture: Picture) -> None:
        if self.over:
            return
        self._next = picture
        self._show_next()

    def _show_next(self) -> None:
        """Shows the newest frame once the one being written is done."""
        if self._next is None or (self._frame is not None and not self._frame.over):
            return
        picture, self._next = self._next, None
        self._frame = self._studio.pump.start(self._show(picture), self._shown, self._fail)

    def _show(self, picture: Picture) -> Work:
        paper = self._studio.paper
        if self._layer is None:
            name = self._layer_name(self._recipe)
            self._layer = yield from paper.add_layer(self._taken, picture, name, locked=True)
            self._layer = yield from paper.settle(self._layer)
        else:
            yield from paper.write_frame(self._layer, self._taken, picture)

    def _shown(self, nothing: Any) -> None:
        self.frames += 1
        self._show_next()

    def _write(self, picture: Picture, recipe: Recipe, record: dict[str, Any]) -> Work:
        self._drop_frames()
        paper = self._studio.paper
        name = self._layer_name(recipe)
        if self._layer is None:
            self._layer = yield from paper.add_layer(self._taken, picture, name)
            self._layer = yield from paper.settle(self._layer)
        else:
            yield from paper.write_frame(self._layer, self._taken, picture)
            paper.finish_layer(self._layer, name)
        paper.remember(self._layer, Made(recipe, self._taken.layer, name, record))

    def _drop_frames(self) -> None:
        self._next = None
        if self._frame is not None:
            self._frame.cancel()

    def _fail(self, error: Exception) -> None:
        """What was reached so far stays as a layer; a retry goes on in the same layer."""
        self._drop_frames()
        super()._fail(error)
        if self.state == "failed" and self._layer is not None and self._studio.paper.alive(self._layer):
            self._studio.paper.finish_layer(self._layer, self._layer_name(self._recipe))

    def _layer_name(self, recipe: Recipe) -> str:
        return _("Velatura: {style}, refined", style=self._studio.title(recipe))
