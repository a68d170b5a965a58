"""Every message of the wire, one frozen dataclass each.

A message travels as frame 1: a msgpack map with its name under `t` and its fields. Only `Chunk` has a
second frame, the bytes. PROTOCOL.md is normative; the golden vectors in the tests hold both to it.
Names are direction-free where both sides may send a message (`Offer`, `Credit`, `Chunk`, `Error`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, get_args

import msgpack

from .errors import FieldError, VelaturaError
from .pixels import Layout
from .recipe import Recipe
from .schema import choice, from_map, listed, ranged, text, to_map

PROTOCOL = (1, 0)
"""Major and minor version of the wire. Another major is refused; minors only add."""

MAX_HEADER = 64 * 1024
"""Largest frame 1, in bytes."""

CHUNK_BYTES = 4 * 1024 * 1024
"""Largest frame 2, in bytes."""

WINDOW = 4
"""Chunks in flight, at most, per transfer."""

NAME = 64
"""Longest job, transfer and session name."""


class OnWire:
    """A message; its type on the wire is its class's name in small letters."""

    TYPE: ClassVar[str]

    def __init_subclass__(cls) -> None:
        cls.TYPE = cls.__name__.lower()


@dataclass(frozen=True)
class OfJob(OnWire):
    """One about a job."""

    job: str = text("", "the job", NAME)


@dataclass(frozen=True)
class OfTransfer(OnWire):
    """One about a transfer."""

    transfer: str = text("", "the transfer", NAME)


@dataclass(frozen=True)
class Hello(OnWire):
    """Client: opens or renews a session."""

    major: int = ranged(PROTOCOL[0], 0, 1000, "protocol major version")
    minor: int = ranged(PROTOCOL[1], 0, 1000, "protocol minor version")
    client: str = text("", "name and version of the program, for `ps` and logs")
    session: str = text("", "token chosen by the client, random, 32 hex digits", NAME)
    features: tuple[str, ...] = listed("feature names that the client understands", 64)


@dataclass(frozen=True)
class Welcome(OnWire):
    """Daemon: the session is open."""

    major: int = ranged(PROTOCOL[0], 0, 1000, "protocol major version")
    minor: int = ranged(PROTOCOL[1], 0, 1000, "protocol minor version")
    daemon: str = text("", "version of the daemon")
    features: tuple[str, ...] = listed("feature names that the daemon offers", 64)
    lease: float = ranged(30.0, 1.0, 3600.0, "silence after which the session ends", unit="seconds")
    max_blob: int = ranged(0, 0, 2**40, "largest blob taken", unit="bytes")


@dataclass(frozen=True)
class Heartbeat(OnWire):
    """Client: renews the lease. Daemon: answers `Alive`, so that the client too can tell a stopped peer."""


@dataclass(frozen=True)
class Alive(OnWire):
    """Daemon: answer to `Heartbeat`, and its own ping twice a second."""


@dataclass(frozen=True)
class Bye(OnWire):
    """Client: ends the session and cancels its jobs, except detached ones."""


@dataclass(frozen=True)
class Error(OnWire):
    """Either side: a message could not be served. `job` or `transfer` say what it was about."""

    code: str = text("internal", "one of velatura.errors.CODES", 40)
    message: str = text("", "what was wrong and what to do", 2000)
    where: str = text("", "path of the offending field", 400)
    job: str = text("", "the job concerned", NAME)
    transfer: str = text("", "the transfer concerned", NAME)
    request: str = text("", "the request concerned", NAME)


@dataclass(frozen=True)
class Offer(OnWire):
    """Sender of a blob: announces it. The receiver answers `Credit`, `Have` or `Error`."""

    transfer: str = text("", "chosen by whoever offers, unique in the session", NAME)
    digest: str = text("", "digest over layout and bytes", NAME)
    layout: Layout = field(default_factory=Layout)


@dataclass(frozen=True)
class Credit(OfTransfer):
    """Receiver of a blob: allows so many more chunks."""

    chunks: int = ranged(1, 1, WINDOW, "further chunks allowed")


@dataclass(frozen=True)
class Chunk(OfTransfer):
    """Sender of a blob: a piece, in order; frame 2 holds its bytes."""

    offset: int = ranged(0, 0, 2**40, "of the first byte in the blob", unit="bytes")
    length: int = ranged(0, 1, CHUNK_BYTES, "of frame 2", unit="bytes")


@dataclass(frozen=True)
class Lent(OfTransfer):
    """Sender of a blob, in place of all chunks: its memory was handed over, see Transfers."""


@dataclass(frozen=True)
class Have(OfTransfer):
    """Receiver of a blob: complete and verified, or held already."""

    digest: str = text("", "the blob", NAME)


@dataclass(frozen=True)
class Fetch(OnWire):
    """Client: asks for a blob (a result, a preview, a thumbnail); the daemon answers `Offer` or `Error`."""

    transfer: str = text("", "chosen by the client; the daemon's offer carries the same", NAME)
    digest: str = text("", "the blob", NAME)


@dataclass(frozen=True)
class Drop(OfTransfer):
    """Either side: gives a transfer up; what was received of it is discarded."""


@dataclass(frozen=True)
class Submit(OnWire):
    """Client: a job. The daemon answers `Need`, `Queued` or `Failed`."""

    job: str = text("", "chosen by the client, unique in the daemon (a random name)", NAME)
    recipe: Recipe | None = None
    content: str = text("", "digest of the picture to work on; empty for a texture", NAME)
    mask: str = text("", "digest of a GRAY mask of the content's size; empty means everywhere", NAME)
    priority: str = choice("interactive", ("interactive", "batch"), "interactive runs first")
    supersede: str = text("", "of the waiting jobs with the same key only the newest stays", NAME)
    detached: bool = False
    preview_side: int = ranged(
        0,
        0,
        16384,
        "longest side of the result, or with `preview_every` of the previews; 0 is full size",
        unit="pixels",
    )
    preview_every: float = ranged(
        0.0, 0.0, 60.0, "time between previews of a long job; 0 is none", unit="seconds"
    )
    slider: str = choice(
        "exact",
        ("exact", "ahead", "mixed"),
        "of a `stylize` whose strength is on a slider: `ahead` if it may move soon, `mixed` while it moves",
    )
    device: str = text("", "`cpu`, `cuda:1`, …: where this job runs; empty is the daemon's own choice", 40)


@dataclass(frozen=True)
class Need(OfJob):
    """Daemon: the job waits for blobs that the daemon lacks; offer them."""

    digests: tuple[str, ...] = listed("lacking blobs", 64)


@dataclass(frozen=True)
class Queued(OfJob):
    """Daemon: all inputs are there; the job waits for its turn."""

    ahead: int = ranged(0, 0, 100000, "jobs that will run before it")


@dataclass(frozen=True)
class Started(OfJob):
    """Daemon: the job runs, or runs again after a pause."""


@dataclass(frozen=True)
class Paused(OfJob):
    """Daemon: the job yielded to a more urgent one, or lost its worker and will resume."""

    reason: str = text("", "in words")


@dataclass(frozen=True)
class Progress(OfJob):
    """Daemon: how far a job is; only the newest is kept for a slow reader."""

    step: int = ranged(0, 0, 10**9, "steps done")
    of: int = ranged(1, 1, 10**9, "steps in all")
    losses: dict[str, float] = field(default_factory=dict)
    """Loss by term, where the method has one."""
    seconds_left: float = ranged(0.0, 0.0, 1e9, "estimate; 0 where there is none yet", unit="seconds")


@dataclass(frozen=True)
class Preview(OfJob):
    """Daemon: an intermediate picture can be fetched; only the newest is kept."""

    step: int = ranged(0, 0, 10**9, "step it was taken at")
    digest: str = text("", "of the picture", NAME)
    layout: Layout = field(default_factory=Layout)


@dataclass(frozen=True)
class Result(OfJob):
    """Daemon, terminal: the job is done; fetch the picture, then release the job."""

    digest: str = text("", "of the picture", NAME)
    layout: Layout = field(default_factory=Layout)
    recipe: Recipe | None = None
    """As it ran: `auto` resolved, style names kept."""
    record: dict[str, Any] = field(default_factory=dict)
    """What bit-for-bit repetition needs and what it cost: build, device, dtype, threads, tile, seconds; and
    `notes`, sentences for whoever asked, beside them in `said` the English text and the values of each."""


@dataclass(frozen=True)
class Failed(OfJob):
    """Daemon, terminal: the job ended with an error."""

    code: str = text("internal", "one of velatura.errors.CODES", 40)
    message: str = text("", "what was wrong and what to do", 2000)
    where: str = text("", "path of the offending field", 400)


@dataclass(frozen=True)
class Cancelled(OfJob):
    """Daemon, terminal: the job was cancelled."""

    reason: str = text("", "asked, superseded, or session ended")


@dataclass(frozen=True)
class Cancel(OnWire):
    """Client: discard the job, whatever its state."""

    job: str = text("", "the job; `velatura cancel` may name another session's", NAME)


@dataclass(frozen=True)
class Stop(OfJob):
    """Client: end a refinement now and keep its best picture so far as the result."""


@dataclass(frozen=True)
class Attach(OfJob):
    """Client: take over a detached job; the daemon repeats its latest state."""


@dataclass(frozen=True)
class Release(OfJob):
    """Client: the result is no longer needed."""


@dataclass(frozen=True)
class Request(OnWire):
    """Client: a question or command that is not a job; answered by `Reply` pages or `Error`."""

    request: str = text("", "chosen by the client", NAME)
    what: str = choice(
        "status",
        (
            "status",
            "styles",
            "style_add",
            "style_remove",
            "style_unlearn",
            "style_import",
            "style_export",
            "style_picture",
            "jobs",
            "models",
            "pull",
            "pulls",
            "pull_cancel",
            "shutdown",
        ),
        "the question",
    )
    after: str = text("", "for lists: the last item's name of the page before; empty for the first")
    args: dict[str, Any] = field(default_factory=dict)
    """style_add: name, title, artist, year, digest (of an offered picture, or where `file` is true of a
    picture's file); style_remove, style_unlearn, style_export, style_picture:
    name; style_import: digest (of an offered file, see `stylefile`), name; pull, pull_cancel: kind, name."""


@dataclass(frozen=True)
class Reply(OnWire):
    """Daemon: the answer to a `Request`, one page of it."""

    request: str = text("", "the request", NAME)
    items: list[dict[str, Any]] = field(default_factory=list)
    more: bool = False


Message = (
    Hello | Welcome | Heartbeat | Alive | Bye | Error | Offer | Credit | Chunk | Lent | Have | Fetch
    | Drop | Submit | Need | Queued | Started | Paused | Progress | Preview | Result | Failed | Cancelled
    | Cancel | Stop | Attach | Release | Request | Reply
)  # fmt: skip

TYPES: dict[str, type] = {cls.TYPE: cls for cls in get_args(Message)}


def encode(message: Message) -> bytes:
    """Frame 1 of a message. What is no text in UTF-8 (half a surrogate pair from a file) becomes `?`.

    Raises:
        VelaturaError: `too_large` when it would not fit in `MAX_HEADER`.
    """
    plain = {"t": message.TYPE, **to_map(message)}
    packed = bytes(msgpack.packb(plain, use_bin_type=True, unicode_errors="replace") or b"")
    if len(packed) > MAX_HEADER:
        raise VelaturaError("too_large", f"header of {len(packed)} bytes; at most {MAX_HEADER}")
    return packed


def decode(frame: bytes | memoryview) -> Message:
    """The message in a frame 1, checked.

    Raises:
        VelaturaError: `bad_frame`, `unknown_type`, or a `FieldError` with the path of the wrong field.
    """
    if len(frame) > MAX_HEADER:
        raise VelaturaError("bad_frame", f"header of {len(frame)} bytes; at most {MAX_HEADER}")
    try:
        data = msgpack.unpackb(frame, raw=False, strict_map_key=True)
    except (ValueError, msgpack.UnpackException) as error:
        raise VelaturaError("bad_frame", f"not msgpack: {error}") from error
    if not isinstance(data, dict) or not isinstance(data.get("t"), str):
        raise VelaturaError("bad_frame", "not a map with a message type under 't'")
    cls = TYPES.get(data["t"])
    if cls is None:
        raise VelaturaError("unknown_type", f"message type {data['t'][:40]!r} is not known")
    try:
        return from_map(cls, data)
    except FieldError as error:
        raise FieldError(f"{data['t']}.{error.field}", error.message) from None
