"""Tasks of many steps: their layer is there from the first frame, and improves before the artist's eyes."""

from __future__ import annotations

from typing import Any

from velatura.blob import Picture
from velatura.jobs import Job
from velatura.jobstate import State
from velatura.recipe import Recipe

from .annotation import Made
from .paper import Layer
from .pump import Pumped, Work
from .tasks import Task


class Growing(Task):
    """What takes many steps: a locked layer that improves step by step, and is one undo step in the end.

    A selection that is to become a mask of the layer does so at the end: until then it cuts the frames out.
    """

    _frame: Pumped | None = None
    _next: Picture | None = None

    def begin(self) -> None:
        """Starts in a new layer: one that a failure has left is the artist's, who may have painted on it."""
        self.frames = 0
        self._layer = None
        super().begin()

    def _options(self) -> dict[str, Any]:
        return {"preview_every": self._bench.preview_every}

    def _on_changed(self, job: Job) -> None:
        super()._on_changed(job)
        if not self.over:
            running = job.state in (State.RUNNING, State.PAUSED)
            self.can_stop = self.recipe.facts.stops and running and not job.stopping

    def _on_preview(self, job: Job, step: int, picture: Picture) -> None:
        if self.over or job is not self._job:
            return
        self._next = picture
        self._show_next()

    def _show_next(self) -> None:
        """Shows the newest frame once the one being written is done."""
        if self._next is None or (self._frame is not None and not self._frame.over):
            return
        picture, self._next = self._next, None
        work = self._show(picture, bake=True, locked=True)
        self._frame = self._bench.pump.start(work, self._shown, self._fail)

    def _show(self, picture: Picture, bake: bool, locked: bool) -> Work[Layer]:
        paper = self._bench.paper
        if self._layer is None:
            self._layer = yield from paper.add_layer(self._taken, picture, self._name, bake, locked)
            self._layer = yield from paper.settle(self._layer)
        else:
            yield from paper.write_frame(self._layer, self._taken, picture, bake)
        return self._layer

    def _shown(self, layer: Layer) -> None:
        self.frames += 1
        self._show_next()

    def _write(self, picture: Picture, made: Made) -> Work[None]:
        self._drop_frames()
        paper = self._bench.paper
        layer = yield from self._show(picture, bake=not self._as_mask, locked=False)
        paper.finish_layer(layer, self._name)
        if self._as_mask:
            paper.add_mask(layer, self._taken, self._name)
        paper.remember(layer, made)

    def _give_up(self, why: str) -> None:
        self._drop_frames()
        super()._give_up(why)

    def _fail(self, error: Exception) -> None:
        """What was reached so far stays as a layer of the artist's."""
        self._drop_frames()
        super()._fail(error)
        if self.state == "failed" and self._layer is not None and self._bench.paper.alive(self._layer):
            self._bench.paper.finish_layer(self._layer, self._name)

    def _drop_frames(self) -> None:
        self._next = None
        if self._frame is not None:
            self._frame.cancel()


def task_class(recipe: Recipe) -> type[Task]:
    """How a kind of job is shown while it runs."""
    facts = recipe.facts
    return Growing if facts.long and facts.placed == "layer" else Task
