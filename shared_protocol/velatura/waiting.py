"""A job of the blocking client: iterate it for what happens, ask it for the result."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .blob import Picture
from .connection_thread import ConnectionThread
from .errors import JobCancelled, JobFailed, VelaturaError
from .jobs import Job, JobChanged, JobEnded, JobPreview
from .jobstate import State
from .recipe import Recipe

if TYPE_CHECKING:
    from .pictures.images import Pixels


@dataclass(frozen=True)
class JobEvent:
    """Something that happened to a job."""

    state: State
    progress: float
    """0..1."""
    step: int = 0
    of: int = 0
    losses: dict[str, float] | None = None
    """Loss by term, where the method has one."""
    seconds_left: float | None = None
    """Estimate; None where there is none, as at the beginning."""
    ahead: int = 0
    """Jobs that run before it, while queued."""
    reason: str = ""
    """Why it is paused or was cancelled."""
    preview: Any = None
    """An intermediate picture, as an array for an array and as a PIL image otherwise; or None."""


class JobFuture:
    """A submitted job and, in time, its result. Iterating gives its events until it ends; only the newest
    progress is kept for a slow reader. Every event is given once, so iterate in one place."""

    def __init__(self, thread: ConnectionThread, job: Job, content: Pixels | None, out: Path | None) -> None:
        self._thread, self._job, self._content, self._out = thread, job, content, out
        self._events: deque[JobEvent] = deque()
        self._given_up: VelaturaError | None = None
        self._told_end = False
        self._result: Any = None

    @property
    def id(self) -> str:
        """Its name, unique in the daemon."""
        return self._job.id

    @property
    def state(self) -> State:
        """Where it is now."""
        return State.FAILED if self._given_up else self._job.state

    @property
    def done(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self._given_up is not None or self._job.over

    @property
    def progress(self) -> float:
        """How far it is, 0..1."""
        return self._job.fraction

    @property
    def recipe(self) -> Recipe | None:
        """As it ran, once done; before that as submitted."""
        return (self._job.result and self._job.result.recipe) or self._job.recipe

    @property
    def record(self) -> dict[str, Any]:
        """What bit-for-bit repetition needs and what it cost; empty before it is done."""
        return self._job.result.record if self._job.result else {}

    def __iter__(self) -> Iterator[JobEvent]:
        while True:
            with self._thread.changed:
                while not self._events and not self._told_end and self._given_up is None:
                    self._thread.changed.wait(1.0)
                if not self._events:
                    return
                event = self._events.popleft()
            if event.preview is not None:
                event = replace(event, preview=self._shown(event.preview))
            yield event

    def result(self, timeout: float | None = None) -> Any:
        """Waits for the result and gives it as the kind its content came as.

        Args:
            timeout: seconds; None waits as long as the daemon answers.

        Raises:
            JobFailed, JobCancelled: how it ended. VelaturaError: `timeout`; `bad_image` when a result file
                cannot be written.
        """
        until = None if timeout is None else time.monotonic() + timeout
        with self._thread.changed:
            while not self.done:
                left = 1.0 if until is None else until - time.monotonic()
                if left <= 0:
                    raise VelaturaError("timeout", f"the job did not end within {timeout:g} seconds")
                self._thread.changed.wait(min(left, 1.0))
        error = self._given_up or self._job.error
        if error is not None:
            raise JobFailed(error.code, error.message, error.field) from error
        if self._job.state is State.CANCELLED:
            raise JobCancelled(f"the job was cancelled: {self._job.reason or 'asked'}")
        if self._result is None:
            self._result = self._convert()
        return self._result

    def cancel(self) -> None:
        """Discards it; does nothing once it has ended."""
        if not self.done and self._thread.alive:
            self._thread.call(lambda connection: connection.cancel(self._job))

    def stop(self) -> None:
        """Ends a refinement now; its best picture so far becomes the result."""
        if not self.done:
            self._thread.call(lambda connection: connection.stop(self._job))

    def take(self, event: JobChanged | JobPreview | JobEnded) -> None:
        """On the connection's thread: notes what happened."""
        job = self._job
        self._told_end = isinstance(event, JobEnded)
        p = job.progress
        preview = event.picture if isinstance(event, JobPreview) else None
        made = JobEvent(
            state=job.state,
            progress=job.fraction,
            step=p.step if p else 0,
            of=p.of if p else 0,
            losses=dict(p.losses) if p else None,
            seconds_left=(p.seconds_left or None) if p else None,
            ahead=job.ahead,
            reason=job.reason,
            preview=preview,
        )
        last = self._events[-1] if self._events else None
        if last is not None and last.state is made.state and (last.preview is None) == (preview is None):
            self._events.pop()  # a slow reader gets the newest only
        self._events.append(made)

    def give_up(self, error: VelaturaError) -> None:
        """On the connection's thread: the session is gone before the job's end came."""
        if not self._job.over:
            self._given_up = error

    def _shown(self, picture: Picture) -> Any:
        from .pictures import images

        array = images.result_array(picture, self._content)
        return array if self._content is not None and self._content.kind == "array" else images.to_pil(array)

    def _convert(self) -> Any:
        from .pictures import images

        picture = self._job.picture
        assert picture is not None
        if self._out is not None:
            self._out.parent.mkdir(parents=True, exist_ok=True)
        if self._content is not None:
            return images.to_kind(picture, self._content, self.recipe, self._out)
        array = images.result_array(picture)
        if self._out is None:
            return images.to_pil(array)
        from .pictures import files

        files.save(self._out, array, recipe=self.recipe)
        return self._out
