"""A job as its client sees it, and the events that a connection gives.

`Job` follows `jobstate.TABLE` with one addition: the client counts a job as done when its picture has
arrived and is verified, not when the daemon says so. An event loop reads `Job`'s attributes; the
blocking client builds its own job on top.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .blob import Blob, Picture
from .errors import VelaturaError
from .jobstate import TERMINAL, Event, State, step
from .messages import Progress, Result, Submit, Welcome
from .recipe import Recipe, check_recipe
from .schema import renamed


@dataclass(frozen=True)
class Options:
    """How a job is to be run; see the fields of `messages.Submit`."""

    priority: str = "interactive"
    supersede: str = ""
    detached: bool = False
    preview_side: int = 0
    preview_every: float = 0.0
    slider: str = "exact"
    device: str = ""


@dataclass(eq=False)
class Job:
    """One job. Read its attributes; only the connection changes them."""

    recipe: Recipe | None
    content: Blob | None = None
    mask: Blob | None = None
    pictures: Sequence[Blob] = ()
    options: Options = field(default_factory=Options)
    id: str = field(default_factory=lambda: secrets.token_hex(8))

    state: State = State.SUBMITTED
    progress: Progress | None = None
    """The newest, or None before the first."""
    ahead: int = 0
    """Jobs that run before it, while queued."""
    reason: str = ""
    """Why it is paused or was cancelled, in words."""
    error: VelaturaError | None = None
    """What went wrong, once failed."""
    picture: Picture | None = None
    """The result, once done."""
    result: Result | None = None
    """The daemon's last word on success: the recipe as it ran and the record."""

    sent: bool = False
    """Whether the daemon was told of it."""
    stopping: bool = False
    resync: bool = False
    """Whether the next message may jump to any state: the session was renewed."""

    @property
    def over(self) -> bool:
        """Whether its one terminal event has come."""
        return self.state in TERMINAL

    @property
    def fraction(self) -> float:
        """How far it is, 0..1."""
        if self.state is State.DONE:
            return 1.0
        return self.progress.step / self.progress.of if self.progress else 0.0

    def blobs(self) -> list[Blob]:
        """All pictures that the daemon may ask for."""
        return [b for b in (self.content, self.mask, *self.pictures) if b is not None]

    @property
    def unhashed(self) -> int:
        """Bytes that are still to be hashed before it can be submitted."""
        return sum(blob.unhashed for blob in self.blobs())

    def message(self) -> Submit:
        """What submits it, once every blob is hashed.

        Raises:
            FieldError: for a recipe or option out of range, with its path.
        """
        assert self.recipe is not None
        names = {alias: b.digest for b in self.pictures for alias in b.aliases if alias}
        recipe = renamed(self.recipe, names)
        check_recipe(recipe)
        return Submit(
            job=self.id,
            recipe=recipe,
            content=self.content.digest if self.content else "",
            mask=self.mask.digest if self.mask else "",
            **vars(self.options),
        )

    def advance(self, event: Event, to: State) -> None:
        """Moves along the table; after a renewed session, straight to `to`.

        Raises:
            BadTransition: when the table has no such step.
        """
        if self.resync and not self.over:
            self.state, self.resync = to, False
        else:
            self.state = step(self.state, event)


@dataclass(frozen=True)
class Up:
    """The daemon answers: for the first time, or again."""

    welcome: Welcome


@dataclass(frozen=True)
class Down:
    """The daemon does not answer, or the connection is lost. `final`: it will not serve this client at all
    (another protocol version, a key it does not admit); otherwise `Up` may follow by itself."""

    error: VelaturaError
    final: bool = False


@dataclass(frozen=True)
class JobChanged:
    """A job's state or progress changed; only the newest progress is kept."""

    job: Job


@dataclass(frozen=True)
class JobPreview:
    """An intermediate picture of a job."""

    job: Job
    step: int
    picture: Picture


@dataclass(frozen=True)
class JobEnded:
    """Exactly one per job: `job.state` is done (see `job.picture`), failed (`job.error`), or cancelled
    (`job.reason`)."""

    job: Job


@dataclass(frozen=True)
class Answered:
    """The answer to `Connection.ask`, all pages of it, or the error."""

    request: str
    what: str
    items: list[dict[str, Any]]
    error: VelaturaError | None = None


@dataclass(frozen=True)
class Fetched:
    """The picture asked for with `Connection.fetch`, or the error."""

    name: str
    digest: str
    picture: Picture | None
    error: VelaturaError | None = None


@dataclass(frozen=True)
class Uploaded:
    """The daemon has the picture given to `Connection.upload`, or the error."""

    blob: Blob
    error: VelaturaError | None = None


HappenedEvent = Up | Down | JobChanged | JobPreview | JobEnded | Answered | Fetched | Uploaded
