"""What passes between the worker loop and the engine: tasks in, events out.

A task is run as a generator. Every `yield` is a point where the worker may run something more urgent,
cancel (the generator is closed) or ask to stop (`task.stopping()` turns true). An engine yields at
least twice a second; `None` says only "here you may interrupt me".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from velatura.pixels import Layout
from velatura.recipe import Recipe

R = TypeVar("R", bound=Recipe)


@dataclass(frozen=True)
class Slot:
    """Pixels in shared memory: `data` holds exactly `layout.nbytes` bytes."""

    layout: Layout
    data: memoryview
    digest: str = ""


def memory(layout: Layout) -> memoryview:
    """Memory for a picture that stays in this process; see `EngineTask.output`."""
    return memoryview(bytearray(layout.nbytes))


@dataclass(frozen=True)
class EngineTask(Generic[R]):
    """A job with all its inputs at hand."""

    job: str
    recipe: R
    content: Slot | None
    mask: Slot | None
    pictures: Mapping[str, Slot]
    """Style pictures and region masks, by digest."""
    output: Callable[[Layout], memoryview]
    """Allocates the shared memory for a finished or preview picture, to be written in full."""
    stopping: Callable[[], bool] = lambda: False
    preview_side: int = 0
    preview_every: float = 0.0
    slider: str = "exact"
    """See `messages.Submit`."""
    device: str = ""
    """Where it is to run; empty is the engine's own device."""
    checkpoint: bytes | None = None
    """What `Checkpointed` last held, when a job resumes in a new worker."""


@dataclass(frozen=True)
class Progressed:
    step: int
    of: int
    losses: Mapping[str, float] = field(default_factory=dict)
    seconds_left: float = 0.0


@dataclass(frozen=True)
class Previewed:
    """An intermediate picture, written into memory from `task.output`."""

    step: int
    layout: Layout
    data: memoryview


@dataclass(frozen=True)
class Checkpointed:
    """State from which the job could resume after the loss of its worker."""

    step: int
    state: bytes


@dataclass(frozen=True)
class Finished:
    """The last event of a task that succeeds."""

    layout: Layout
    data: memoryview
    recipe: Recipe
    """As it ran: `auto` resolved."""
    record: Mapping[str, Any]
    """Build, device, dtype, threads, tile, seconds by stage, notes."""


Event = Progressed | Previewed | Checkpointed | Finished | None


class Engine(Protocol):
    """What a worker process hosts."""

    def warm(self) -> None:
        """Loads the networks and chooses the dtype; may take seconds."""
        ...

    def run(self, task: EngineTask) -> Iterator[Event]:
        """Runs a task; raises `VelaturaError` where it cannot, with nothing changed."""
        ...

    def idle(self) -> bool:
        """Does one short piece of speculative work; False when there is none left."""
        ...

    def trim(self) -> None:
        """Gives caches back after an out-of-memory error."""
        ...

    def rest(self) -> None:
        """Gives back what is seldom needed, as nothing was asked for a while."""
        ...

    def status(self) -> dict[str, Any]:
        """Device and why, dtype and why, resident networks, cache bytes; plain values."""
        ...
