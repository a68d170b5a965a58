"""What was asked over a connection, and who waits to hear of it: exactly once each, whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from velatura.blob import Picture
from velatura.errors import VelaturaError
from velatura.jobs import Answered, Fetched, HappenedEvent, Job, JobChanged, JobEnded, JobPreview, Uploaded

Answer = Callable[[Any, VelaturaError | None], None]
"""Hears what was asked for, or why it did not come."""


@dataclass(eq=False)
class Follower:
    """Who wants to hear of a job."""

    changed: Callable[[Job], None]
    preview: Callable[[Job, int, Picture], None]
    ended: Callable[[Job], None]
    lost: Callable[[VelaturaError], None]
    """The connection was given up with the job still under way; instead of `ended`."""


@dataclass
class Calls:
    """Everything that is under way.

    Attributes:
        followers: of jobs, by the job's id.
        answers: who hears what was asked or fetched, by the request's id or the picture's digest.
        uploads: who hears that a picture has been sent, by the identity of its blob.
    """

    followers: dict[str, Follower] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    uploads: dict[int, Callable[[VelaturaError | None], None]] = field(default_factory=dict)

    def take(self, event: HappenedEvent) -> None:
        """Tells whoever waits for it."""
        if isinstance(event, JobChanged | JobPreview | JobEnded):
            self._tell(event)
        elif isinstance(event, Answered):
            self._answer(event.request, event.items, event.error)
        elif isinstance(event, Fetched):
            self._answer(event.name, event.picture, event.error)
        elif isinstance(event, Uploaded):
            tell = self.uploads.pop(id(event.blob), None)
            if tell:
                tell(event.error)

    def give_up(self, error: VelaturaError) -> None:
        """The connection is: all are told."""
        followers, self.followers = self.followers, {}
        answers, self.answers = self.answers, {}
        uploads, self.uploads = self.uploads, {}
        for follower in followers.values():
            follower.lost(error)
        for answer in answers.values():
            answer(None, error)
        for sent in uploads.values():
            sent(error)

    def _tell(self, event: JobChanged | JobPreview | JobEnded) -> None:
        job = event.job
        follower = self.followers.get(job.id)
        if follower is None:
            return
        if isinstance(event, JobChanged):
            follower.changed(job)
        elif isinstance(event, JobPreview):
            follower.preview(job, event.step, event.picture)
        else:
            del self.followers[job.id]
            follower.ended(job)

    def _answer(self, name: str, value: Any, error: VelaturaError | None) -> None:
        tell = self.answers.pop(name, None)
        if tell:
            tell(value, error)
