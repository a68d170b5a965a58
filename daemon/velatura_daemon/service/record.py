"""One job as the daemon knows it, and the messages in which its owner hears of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from velatura.errors import VelaturaError
from velatura.jobstate import Event, State
from velatura.messages import (
    Cancelled,
    Failed,
    Message,
    Need,
    Paused,
    Preview,
    Progress,
    Queued,
    Result,
    Started,
    Submit,
    encode,
)

from .scheduler import Tell

Ahead = Callable[[str], int]
"""How many jobs run before the one of a name."""


@dataclass
class JobRecord:
    """One job that the daemon knows."""

    name: str
    owner: str
    """Token of the session that hears of it; empty for a detached job whose session has ended."""
    submit: Submit
    created: float
    state: State = State.SUBMITTED
    lacking: set[str] = field(default_factory=set)
    pinned: list[str] = field(default_factory=list)
    reserved: int = 0
    progress: Progress | None = None
    preview: Preview | None = None
    ending: Message | None = None
    idle_since: float = 0.0
    """When it ended, or lost its owner if that was later."""
    reason: str = ""
    checkpoint: tuple[int, int] | None = None
    """Descriptor and length of the newest checkpoint."""


def message_of(job: JobRecord, tell: Tell, ahead: Ahead) -> Message:
    """What the scheduler tells, for the job's owner; how the job ends is kept in it."""
    if tell.event is Event.NEED:
        return Need(job.name, tuple(sorted(job.lacking)))
    if tell.event is Event.QUEUE:
        return Queued(job.name, ahead(job.name))
    if tell.event is Event.START:
        return Started(job.name)
    if tell.event is Event.PAUSE:
        return Paused(job.name, tell.reason[:200])
    if tell.event is Event.CANCEL:
        job.ending = Cancelled(job.name, tell.reason[:200])
    elif job.ending is None:
        job.ending = Failed(job.name, tell.code, tell.reason[:2000])
    return job.ending


def story(job: JobRecord, ahead: Ahead) -> list[Message]:
    """The messages that bring a client that knows nothing to the job's present state."""
    queued, started = Queued(job.name), Started(job.name)
    news = [m for m in (job.progress, job.preview) if m is not None]
    if job.state is State.WAITING:
        return [Need(job.name, tuple(sorted(job.lacking)))]
    if job.state is State.QUEUED:
        return [Queued(job.name, ahead(job.name))]
    if job.state is State.RUNNING:
        return [queued, started, *news]
    if job.state is State.PAUSED:
        return [queued, started, Paused(job.name, job.reason[:200])]
    assert job.ending is not None
    return [queued, started, job.ending] if job.state is State.DONE else [job.ending]


def failed(name: str, error: VelaturaError) -> Failed:
    return Failed(name, error.code, error.message[:2000], error.field[:400])


def fitting(result: Result) -> Result:
    """The result as it is, or with a short record where the engine's would not fit into a header."""
    try:
        encode(result)
    except VelaturaError:
        record = {"note": "the record was too long to be sent"}
        return Result(result.job, result.digest, result.layout, result.recipe, record)
    return result
