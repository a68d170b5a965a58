"""A preview at screen size: one job at a time, of the reduced picture that is with the daemon already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from velatura.blob import Blob, Picture
from velatura.errors import VelaturaError
from velatura.jobs import Job
from velatura.jobstate import State
from velatura.recipe import Recipe

from .calls import Follower
from .link import Link
from .seen import Base

FRAMES_EVERY = 0.4
"""Seconds between the frames of what takes many steps."""

SHARP = 0.6
"""How far a fine picture is, 0..1, when its frames begin to be better than the quick one that is shown."""


@dataclass(frozen=True)
class Small:
    """One of them.

    Attributes:
        base: what it is made of.
        wanted: what Apply would paint.
        truth: what a picture of this size cannot show rightly, in words.
        at_rest: whether it is painted at the chosen quality, once the hand rests; else in one pass.
        moving: whether the hand is on a slider, so that a picture mixed of strengths nearby will do.
    """

    base: Base
    wanted: Recipe
    truth: str
    at_rest: bool
    moving: bool


class ScreenSize:
    """The newest of them.

    Args:
        name: tells the jobs of this preview from those of others.
        progressed: called with the job while it runs.
        frame: called with intermediate pictures that are worth being shown.
        ended: called with what ended.
        failed: called with what went wrong.

    Attributes:
        pace: seconds that one pass takes for a pixel, as measured; 0 before the first.
    """

    def __init__(
        self,
        link: Link,
        name: str,
        clock: Callable[[], float],
        progressed: Callable[[Job], None],
        frame: Callable[[Small, Picture], None],
        ended: Callable[[Small, Job], None],
        failed: Callable[[VelaturaError], None],
    ) -> None:
        self.pace = 0.0
        self._link, self._name, self._clock = link, name, clock
        self._progressed, self._frame, self._ended, self._failed = progressed, frame, ended, failed
        self._job: Job | None = None
        self._long = False

    @property
    def under_way(self) -> bool:
        return self._job is not None and not self._job.over

    @property
    def quick(self) -> bool:
        """Whether one is under way that takes a blink."""
        return self.under_way and not self._long

    def paint(self, small: Small, recipe: Recipe, pictures: Sequence[Blob]) -> None:
        """Computes one; what was under way ends.

        Args:
            recipe: for the size of the base.
            pictures: that it names.
        """
        base, facts, since = small.base, recipe.facts, self._clock()
        options: dict[str, Any] = {"pictures": pictures, "supersede": f"preview-{self._name}"}
        options["slider"] = "mixed" if small.moving else "ahead"
        if facts.long:
            options["preview_every"] = FRAMES_EVERY

        def progressed(job: Job) -> None:
            if job is self._job:
                self._progressed(job)

        def frame(job: Job, step: int, picture: Picture) -> None:
            if job is self._job and (not small.at_rest or job.fraction >= SHARP):
                self._frame(small, picture)

        def ended(job: Job) -> None:
            if job is not self._job:
                return
            mixed = job.result is not None and job.result.record.get("mixed")
            if job.state is State.DONE and not small.at_rest and not mixed:
                size = base.content.layout
                self.pace = (self._clock() - since) / (size.width * size.height)
            self._ended(small, job)

        def lost(error: VelaturaError) -> None:
            self._job = None
            self._failed(error)

        def submit() -> None:
            self.stop()
            try:
                self._job = self._link.submit(
                    Follower(progressed, frame, ended, lost), recipe,
                    base.content if facts.content else None,
                    base.mask if facts.mask and (facts.long or base.taken.strength) else None, **options,
                )  # fmt: skip
            except VelaturaError as error:
                self._failed(error)
            else:
                self._long = facts.long

        self._link.when_connected(submit, self._failed)

    def stop(self) -> bool:
        """Ends what is under way, and hears no more of it; whether anything was."""
        job, self._job = self._job, None
        if job is None or job.over:
            return False
        self._link.cancel(job)
        return True
