"""What Apply will give, computed before it is asked for: in full size, once the hand rests on the sliders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from velatura.blob import Blob, Picture
from velatura.errors import VelaturaError
from velatura.jobs import Job
from velatura.jobstate import State
from velatura.recipe import Recipe

from . import regions
from .calls import Follower
from .link import Link
from .paper import Reading, Source
from .pump import Pump, Pumped, Work
from .tasks import Ready, made_of

PIXELS = 24_000_000
"""Above so many pixels the full size is computed by Apply only."""

SECONDS = 15.0
"""Where it would take longer, by what the small picture took, it is left to Apply too."""


@dataclass(frozen=True)
class Asked:
    """What is to be computed.

    Attributes:
        pictures: that the recipe names.
        selected: whether only where something is selected.
        frames_every: seconds between the frames of what takes many steps.
        frame: called with the job and each frame.
        done: called with the result.
        known: a result that is taken where the pixels in full size are those that it was made of.
    """

    taken: Source
    recipe: Recipe
    pictures: Sequence[Blob]
    selected: bool
    frames_every: float
    frame: Callable[[Job, Picture], None]
    done: Callable[[Ready], None]
    known: Ready | None = None


class FullSize:
    """The newest of them, and the pixels it was made of.

    Args:
        name: tells the jobs of this preview from those of others.
        began: called when one is under way.
        failed: called with what went wrong.
    """

    def __init__(
        self,
        link: Link,
        paper: Reading,
        pump: Pump,
        name: str,
        began: Callable[[], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._link, self._paper, self._pump, self._name = link, paper, pump, name
        self._began, self._failed = began, failed
        self._content: Blob | None = None
        self._full: tuple[Recipe, Source, Ready] | None = None
        self._job: Job | None = None
        self._reading: Pumped | None = None

    def find(self, recipe: Recipe, taken: Source) -> Ready | None:
        """The result for exactly this recipe and source, if it has been computed."""
        return self._full[2] if self._full is not None and self._full[:2] == (recipe, taken) else None

    def paint(self, asked: Asked) -> None:
        """Computes it; what was under way ends."""
        self.stop()
        facts = asked.recipe.facts

        def read() -> Work[tuple[Blob, Blob | None, regions.Regions]]:
            content, mask = self._content or (yield from self._paper.read(asked.taken)), None
            if facts.mask and (asked.selected or asked.taken.strength):
                mask = yield from self._paper.read_mask(asked.taken, asked.selected)
            for blob in (content, mask):
                while blob is not None and not blob.hash_piece():
                    yield
            return content, mask, (yield from regions.read(self._paper, asked.taken, asked.recipe))

        def done(inputs: tuple[Blob, Blob | None, regions.Regions]) -> None:
            self._content = inputs[0]
            if asked.known is not None and asked.known.made_of == made_of(*inputs):
                self._have(asked, asked.known)
            else:
                self._link.when_connected(lambda: self._submit(asked, *inputs), self._failed)

        self._reading = self._pump.start(read(), done, self._failed)

    @property
    def under_way(self) -> bool:
        reading = self._reading is not None and not self._reading.over
        return reading or (self._job is not None and not self._job.over)

    def stop(self) -> bool:
        """Ends what is under way; whether anything was."""
        under_way = self.under_way
        if self._reading is not None:
            self._reading.cancel()
        job, self._job = self._job, None
        if job is not None and not job.over:
            self._link.cancel(job)
        return under_way

    def forget(self) -> None:
        """Ends, and forgets the pixels and what was made of them: they are others now."""
        self.stop()
        self._content = self._full = None

    def _have(self, asked: Asked, ready: Ready) -> None:
        self._full = asked.recipe, asked.taken, ready
        asked.done(ready)

    def _submit(self, asked: Asked, content: Blob, mask: Blob | None, areas: regions.Regions) -> None:
        def frame(job: Job, step: int, picture: Picture) -> None:
            if job is self._job:
                asked.frame(job, picture)

        def ended(job: Job) -> None:
            if job is not self._job:
                return
            if job.state is State.DONE and job.picture is not None and job.result is not None:
                ran = regions.bare(job.result.recipe or asked.recipe)
                self._have(asked, Ready(made_of(content, mask, areas), job.picture, ran, job.result.record))
            elif job.state is State.FAILED and job.error is not None:
                self._failed(job.error)

        try:
            self._job = self._link.submit(
                Follower(lambda job: None, frame, ended, self._failed),
                regions.marked(asked.recipe, areas), content, mask,
                pictures=(*asked.pictures, *areas.values()), supersede=f"full-{self._name}",
                preview_every=asked.frames_every if asked.recipe.facts.long else 0.0,
            )  # fmt: skip
        except VelaturaError as error:
            self._failed(error)
            return
        self._began()
