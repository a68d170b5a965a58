"""What the two processes say to each other, one frozen dataclass each: the supervisor's orders to the worker,
and the worker's reports.

Pictures and checkpoints ride beside a message as descriptors of slots (`channel`); the message says how each
is to be read. The ranges of recipes and layouts are checked again on arrival, as on the wire.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, get_args

from velatura.pixels import Layout
from velatura.recipe import Recipe
from velatura.schema import from_map, to_map


@dataclass(frozen=True)
class WithJob:
    """An order or a report about one job."""

    job: str


# -- orders: supervisor to worker ----------------------------------------------------------------------


@dataclass(frozen=True)
class Init:
    """Make the engine; answered by `EngineReady`."""

    settings: dict[str, Any]
    """`velatura_daemon.settings.Settings` as a plain map."""


@dataclass(frozen=True)
class Warm:
    """Load the networks; answered by `Warming`, then `Warmed`."""


@dataclass(frozen=True)
class Named:
    """A picture by digest; its descriptor rides along."""

    digest: str
    layout: Layout


@dataclass(frozen=True)
class Begin(WithJob):
    """Begin a job. Descriptors: those of `pictures` in order, then the checkpoint's where there is one."""

    recipe: Recipe
    pictures: tuple[Named, ...] = ()
    content: str = ""
    mask: str = ""
    """Digests among `pictures`, or empty."""
    preview_side: int = 0
    preview_every: float = 0.0
    slider: str = "exact"
    device: str = ""
    """Where it runs; empty is the worker's own device."""
    checkpoint: int = 0
    """Bytes of the checkpoint to go on from, 0 without one."""
    lent: bool = False
    """Whether its owner gets large pictures as memory, so that they are sealed, and named at random."""
    halted: bool = False
    """Whether it was asked to halt already."""


@dataclass(frozen=True)
class Resume(WithJob):
    """Go on with a job that yielded."""


@dataclass(frozen=True)
class Close(WithJob):
    """Give a job up at once; answered by `Closed`."""


@dataclass(frozen=True)
class Halt(WithJob):
    """End a job with its best picture so far; answered by `Delivered`."""


@dataclass(frozen=True)
class Quit:
    """End the process."""


# -- reports: worker to supervisor ---------------------------------------------------------------------


@dataclass(frozen=True)
class EngineReady:
    """The engine is made and takes jobs."""

    status: dict[str, Any]


@dataclass(frozen=True)
class Warming:
    """The networks are being loaded: silence is no sign of a hang now."""


@dataclass(frozen=True)
class Warmed:
    """The networks are loaded, or could not be and the first job will say why."""

    status: dict[str, Any]


@dataclass(frozen=True)
class Resting:
    """All idle work is done."""

    status: dict[str, Any]


@dataclass(frozen=True)
class Beat:
    """A sign of life between steps."""


@dataclass(frozen=True)
class Began(WithJob):
    """A job runs, for the first time or again."""


@dataclass(frozen=True)
class Yielded(WithJob):
    """A job was put aside for a more urgent one."""


@dataclass(frozen=True)
class Closed(WithJob):
    """A job was given up as ordered."""


@dataclass(frozen=True)
class Advanced(WithJob):
    """How far a job is."""

    step: int
    of: int
    losses: dict[str, float] = field(default_factory=dict)
    seconds_left: float = 0.0


@dataclass(frozen=True)
class Intermediate(WithJob):
    """An intermediate picture; its descriptor rides along."""

    step: int
    digest: str
    layout: Layout


@dataclass(frozen=True)
class Saved(WithJob):
    """A checkpoint of `size` bytes; its descriptor rides along."""

    step: int
    size: int


@dataclass(frozen=True)
class Delivered(WithJob):
    """A job is done; its picture's descriptor rides along."""

    digest: str
    layout: Layout
    recipe: Recipe
    """As it ran: `auto` resolved."""
    record: dict[str, Any]


@dataclass(frozen=True)
class Broke(WithJob):
    """A job ended with an error."""

    code: str
    message: str
    where: str = ""


ToWorker = Init | Warm | Begin | Resume | Close | Halt | Quit
FromWorker = (
    EngineReady | Warming | Warmed | Resting | Beat
    | Began | Yielded | Closed | Advanced | Intermediate | Saved | Delivered | Broke
)  # fmt: skip
AboutJob = Began | Yielded | Closed | Advanced | Intermediate | Saved | Delivered | Broke

KINDS: dict[str, type] = {cls.__name__: cls for cls in get_args(ToWorker | FromWorker)}


def to_plain(message: ToWorker | FromWorker) -> dict[str, Any]:
    """A message as msgpack takes it, its name under `k`."""
    return {"k": type(message).__name__, **to_map(message)}


def from_plain(plain: dict[str, Any]) -> ToWorker | FromWorker:
    """The message of `to_plain`.

    Raises:
        FieldError: for a value of the wrong type or out of range. KeyError: for an unknown name.
    """
    return from_map(KINDS[plain["k"]], plain)
